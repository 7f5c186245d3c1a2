"""What conditions mean at this moment, for these candidates: names, days, and how they write them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple

import msgspec
from sqlalchemy import Connection, func, select

from broadcaster.db import tables
from broadcaster.db.statements import composing, rows, value, values
from broadcaster.domain.conditions import (
    Compared,
    Condition,
    Got,
    Leaf,
    Listed,
    ListKind,
    Messaged,
    Operator,
    Value,
    ValueKind,
    check_conditions,
    fixed,
    leaves,
    replaced,
)
from broadcaster.domain.states import FINAL_CAMPAIGN_STATES
from broadcaster.domain.written_days import DayOrder, exact_day, resembles_day
from broadcaster.errors import ConflictError, InputError, NotFoundError, UsageError, listed, quoted
from broadcaster.services.audiences.candidates import Candidates
from broadcaster.services.audiences.predicate import Predicate, Writing, predicate_of
from broadcaster.time_zones import find_zone, shown_zone

SAMPLED = 1_000
"""So many candidates tell whether a variable is a day, where it is compared with something else."""


class ComparedColumn(NamedTuple):
    """How candidates write a variable: how many have it, how many of these as a day, and an example of each kind."""

    filled: int
    days: int
    day_first: str | None
    month_first: str | None
    ambiguous: str | None
    """A day that is another one with day and month changed over."""
    no_day: str | None
    without_day: Sequence[str]
    """The phones of some who have it as no day, the one of `no_day` first."""
    short_year: str | None
    """A day with a year of two digits that may well be one of the last century."""


class ComparedNumbers(NamedTuple):
    """How candidates write the numbers of a variable: how many have no number in it, and an example of each way."""

    others: int
    no_number: str | None
    without_number: Sequence[str]
    """The phones of some of these, the one of `no_number` first."""
    decimal_point: str | None
    decimal_comma: str | None
    either: str | None
    """It is another number with a comma than with a point before its decimals: `150.000`."""


@dataclass(frozen=True, slots=True)
class Evaluated:
    """Conditions that can be evaluated now."""

    conditions: Sequence[Condition]
    """With the names of campaigns and audiences looked up: what is stored."""
    meant: Sequence[Condition]
    """With the days that `today` stands for: what is shown."""
    writing: Writing
    predicate: Predicate
    notes: Sequence[str]
    """What cannot be known, and which values do not count, for people."""


def evaluate(
    connection: Connection,
    candidates: Candidates,
    conditions: Sequence[Condition],
    *,
    at: datetime | None = None,
    lock: bool = False,
) -> Evaluated:
    """Look up what the conditions name, and how the candidates write what they compare.

    `at` is the moment whose day is `today`; None: now. With `lock` no audience that they name changes until the
    transaction ends.
    Raises UsageError for a condition about no column, NotFoundError for a campaign or audience that there is none of,
    ConflictError for a campaign whose recipients are not known, InputError where days cannot be told.
    """
    check_conditions(conditions, candidates.variables)
    named = [replaced(condition, lambda leaf: _named(connection, leaf, lock)) for condition in conditions]
    moment = at or connection.execute(select(func.now())).scalar_one()
    at_hand = fixed_at(named, moment)
    notes: list[str] = []
    orders = _orders(connection, candidates, at_hand, notes)
    writing = Writing(orders, _decimal_commas(connection, candidates, at_hand, notes))
    notes += _unknown(connection, named)
    return Evaluated(named, at_hand, writing, predicate_of(at_hand, writing), tuple(dict.fromkeys(notes)))


def fixed_at(conditions: Sequence[Condition], moment: datetime) -> list[Condition]:
    """The conditions with the days that `today` stands for at that moment."""
    return fixed(conditions, lambda zone: moment.astimezone(find_zone(zone)).date())


def _named(connection: Connection, leaf: Leaf, lock: bool) -> Condition:
    """The leaf with the id of what it names."""
    match leaf:
        case Got():
            return msgspec.structs.replace(leaf, id=_campaign(connection, leaf.campaign, leaf.id))
        case Listed(kind=ListKind.EITHER):
            is_audience = _audience_id(connection, leaf.name) is not None
            is_campaign = _campaign_row(connection, leaf.name) is not None
            if is_audience and is_campaign:
                raise UsageError(
                    f"--exclude {quoted(leaf.name)} may be the audience or the campaign: "
                    f"write audience:{leaf.name} or campaign:{leaf.name}"
                )
            if not (is_audience or is_campaign):
                raise NotFoundError(f"no audience and no campaign is called {leaf.name!r}")
            kind = ListKind.AUDIENCE if is_audience else ListKind.CAMPAIGN
            return _named(connection, msgspec.structs.replace(leaf, kind=kind), lock)
        case Listed(kind=ListKind.AUDIENCE):
            found = _audience_id(connection, leaf.name, leaf.id)
            if found is None:
                raise NotFoundError(f"no audience is called {leaf.name!r}: see `broadcaster audience list`")
            if lock:
                keep_audience(connection, found)
            return msgspec.structs.replace(leaf, id=found)
        case Listed():
            return msgspec.structs.replace(leaf, id=_campaign(connection, leaf.name, leaf.id))
    return leaf


class _Campaign(NamedTuple):
    id: int
    known: bool
    """Whether it has its recipients; one over an audience gets them when it starts."""
    purged_on: date | None


def _campaign_row(connection: Connection, name: str, number: int | None = None) -> _Campaign | None:
    table = tables.campaigns
    same = table.c.name == name if number is None else table.c.id == number
    columns = table.c.id, table.c.state, table.c.audience_id, table.c.started_at, table.c.purged_at
    row = connection.execute(select(*columns).where(same, table.c.test_of.is_(None))).first()
    if row is None:
        return None
    known = row.audience_id is None or row.started_at is not None or row.state in FINAL_CAMPAIGN_STATES
    return _Campaign(row.id, known, row.purged_at and row.purged_at.astimezone(shown_zone()).date())


def _campaign(connection: Connection, name: str, number: int | None) -> int:
    found = _campaign_row(connection, name, number)
    if found is None:
        raise NotFoundError(f"no campaign is called {name!r}: see `broadcaster campaign list`")
    if found.purged_on is not None:
        raise ConflictError(
            f"campaign {name!r} was purged on {found.purged_on}: nobody knows any more to whom it went, "
            "and no condition can say so"
        )
    if not found.known:
        raise ConflictError(
            f"campaign {name!r} has not started, and gets its recipients then: ask for them after that"
        )
    return found.id


def _audience_id(connection: Connection, name: str, number: int | None = None) -> int | None:
    table = tables.audiences
    same = table.c.name == name if number is None else table.c.id == number
    return connection.scalar(select(table.c.id).where(same))


def keep_audience(connection: Connection, audience_id: int) -> None:
    """Neither removed nor imported into until the transaction ends."""
    table = tables.audiences
    statement = select(table.c.id).where(table.c.id == audience_id)
    connection.execute(statement.with_for_update(read=True, key_share=True))


def _orders(
    connection: Connection, candidates: Candidates, conditions: Sequence[Condition], notes: list[str]
) -> dict[str, DayOrder | None]:
    """How each variable that is compared with a day writes its days."""
    compared = [leaf for each in conditions for leaf in leaves(each) if isinstance(leaf, Compared)]
    orders: dict[str, DayOrder | None] = {}
    sampled: dict[str, ComparedColumn] = {}
    for leaf in compared:
        days = [each for each in leaf.values if each.kind is ValueKind.DATE]
        if days and leaf.variable not in orders:
            written = how_written(connection, candidates, leaf.variable)
            hints = {each.order for each in compared if each.variable == leaf.variable and each.order}
            orders[leaf.variable] = _order(leaf.variable, written, hints)
            if written.filled > written.days:
                without = written.filled - written.days
                notes.append(_not_understood("day", leaf, without, written.no_day, written.without_day))
        for day in days:
            _check_day(leaf.variable, day, orders[leaf.variable])
    for leaf in compared:
        others = [each for each in leaf.values if each.kind is not ValueKind.DATE and each.text]
        if others and leaf.operator is not Operator.CONTAINS:
            if leaf.variable not in sampled:
                sampled[leaf.variable] = how_written(connection, candidates, leaf.variable, SAMPLED)
            written = sampled[leaf.variable]
            if 2 * written.days > written.filled:
                raise InputError(_text_for_day(leaf, others[0], written))
    return orders


def _decimal_commas(
    connection: Connection, candidates: Candidates, conditions: Sequence[Condition], notes: list[str]
) -> dict[str, bool]:
    """Whether each variable that is compared with a number has a comma before decimals, where that matters.

    Raises InputError where a value has two readings, and the column's other values do not tell.
    """
    compared = [leaf for each in conditions for leaf in leaves(each) if isinstance(leaf, Compared)]
    found: dict[str, bool] = {}
    for leaf in compared:
        if leaf.operator is Operator.CONTAINS or leaf.variable in found:
            continue
        if any(each.kind is ValueKind.NUMBER for each in leaf.values):
            statement = composing("written_numbers", candidates=candidates.relation)
            parameters = {**candidates.parameters, "variable": leaf.variable}
            [written] = rows(connection, statement, ComparedNumbers, **parameters)
            if written.either and (written.decimal_point is None) == (written.decimal_comma is None):
                raise InputError(
                    f"whether {quoted(written.either)} in column {quoted(leaf.variable)} has thousands or decimals "
                    "cannot be told: give it numbers like 150000 or 1500.5"
                )
            found[leaf.variable] = written.decimal_comma is not None
            if written.others:
                notes.append(
                    _not_understood("number", leaf, written.others, written.no_number, written.without_number)
                )
    return found


def _not_understood(what: str, leaf: Compared, count: int, example: str | None, phones: Sequence[str]) -> str:
    """For people: that members have something else in a variable than it is compared with, and who the first are."""
    members, they = ("member has", "it") if count == 1 else ("members have", "them")
    return (
        f"{count:,} {members} no {what} in {quoted(leaf.variable)}, such as {quoted(example or '')} "
        f"({', '.join(phones)}): no comparison with a {what} holds for {they}"
    )


def how_written(
    connection: Connection, candidates: Candidates, variable: str, most: int | None = None
) -> ComparedColumn:
    statement = composing("written_values", candidates=candidates.relation)
    [found] = rows(connection, statement, ComparedColumn, **candidates.parameters, variable=variable, most=most)
    return found


def _order(variable: str, written: ComparedColumn, hints: set[DayOrder]) -> DayOrder | None:
    """Whether days come before months; None: no value depends on it.

    Raises InputError where it cannot be told, or the century.
    """
    column = f"column {quoted(variable)}"
    if written.filled and not written.days:
        raise InputError(
            f"{column} has values, and none of them is a day: give it days like 2026-11-23, "
            "and write in quotes what is a text and looks like a day"
        )
    if written.short_year:
        raise InputError(
            f"{column} has years of two digits, such as {quoted(written.short_year)}, "
            "of which the century cannot be told: give it four"
        )
    if len(hints) > 1 or (written.day_first and written.month_first):
        examples = f", such as {quoted(written.day_first or '')} and {quoted(written.month_first or '')}"
        raise InputError(
            f"{column} is said to write days in both orders: choose one"
            if len(hints) > 1
            else f"{column} has days in both orders{examples}: give it days like 2026-11-23"
        )
    evidence = DayOrder.DAY_FIRST if written.day_first else DayOrder.MONTH_FIRST if written.month_first else None
    hint = next(iter(hints), None)
    if hint and evidence and hint is not evidence:
        example = written.day_first or written.month_first or ""
        raise InputError(f"{column} has {quoted(example)}, which is no day as {hint} writes it: leave out ({hint})")
    if written.ambiguous and not (hint or evidence):
        raise InputError(
            f"whether {quoted(written.ambiguous)} in {column} has the day or the month first cannot be told: "
            f"write {variable}(d/m/y) or {variable}(m/d/y) in the condition, or give it days like 2026-11-23"
        )
    return hint or evidence


def _check_day(variable: str, day: Value, order: DayOrder | None) -> None:
    """Raise InputError for a day that is none in the column's order, or one of two where the column has no order."""
    if day.day is not None:
        return
    meant = {exact_day(day.text, each) for each in ([order] if order else DayOrder)}
    if order is None and len(meant - {None}) > 1:
        raise InputError(
            f"whether {quoted(day.text)} has the day or the month first cannot be told, and column {quoted(variable)} "
            "does not say: write it like 2026-11-23"
        )
    if meant == {None}:
        raise InputError(
            f"{quoted(day.text)} is no day as column {quoted(variable)} writes them ({order}): write 2026-11-23"
        )


def _text_for_day(leaf: Compared, other: Value, written: ComparedColumn) -> str:
    example = written.day_first or written.month_first or written.ambiguous
    how = f"like {example} or 2026-11-23" if example else "like 2026-11-23"
    what = "in quotes is a text" if resembles_day(other.text) else "is not understood as one"
    return f"column {quoted(leaf.variable)} has days, and {quoted(other.text)} {what}: write it {how}, without quotes"


def _unknown(connection: Connection, conditions: Sequence[Condition]) -> list[str]:
    """What conditions ask that nobody knows any more, or yet."""
    notes = []
    for leaf in (leaf for each in conditions for leaf in leaves(each)):
        if isinstance(leaf, Messaged) and (purged := values(connection, "purged_within", hours=leaf.hours)):
            notes.append(
                f"{leaf}: of {'campaign' if len(purged) == 1 else 'campaigns'} {listed(purged, 3)}, purged since, "
                "nobody knows any more to whom it went, and these people count as not messaged"
            )
        if isinstance(leaf, Got) and not leaf.failed:
            undecided = value(connection, "undecided_messages", campaign_id=leaf.id)
            if undecided:
                notes.append(
                    f"{leaf}: of {undecided:,} of its messages nobody knows yet, or at all, whether they arrived, "
                    "and these people count as not having got it"
                )
    return notes
