"""Whom of an audience a campaign goes to: the members that meet its conditions and can be sent its content."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from psycopg.sql import Composed
from sqlalchemy import Connection, Engine

from broadcaster.db.engine import transaction
from broadcaster.db.statements import composing, each, rows, value
from broadcaster.domain.conditions import Compared, Condition
from broadcaster.domain.contents import Content
from broadcaster.domain.templates import MAX_TEXT_LENGTH, PHONE_VARIABLE, Template, given_host
from broadcaster.domain.written_days import exact_day
from broadcaster.errors import InputError, UsageError, quoted
from broadcaster.services.audiences.audience import Audience, find_audience
from broadcaster.services.audiences.evaluation import Evaluated, evaluate, keep_audience
from broadcaster.services.audiences.nobodys_values import nobodys_values
from broadcaster.services.audiences.predicate import Predicate, predicate_of
from broadcaster.services.recipients.formula_errors import formula_error_fault, is_formula_error
from broadcaster.services.recipients.headers import E164_COLUMN, PHONE_COLUMN

if TYPE_CHECKING:
    from broadcaster.domain.phone_census import CountryCount

_PHONE_COLUMNS = (PHONE_COLUMN, E164_COLUMN)
_IN_EITHER_ORDER = "03/04/2026"
"""A day, whichever of the two comes first."""
_MOST_UNREADABLE = 1_000
"""Values of one variable that are looked out for: they go with the statement."""


class Recipient(msgspec.Struct, frozen=True):
    """One recipient, and what the template's variables are for it. `fault` is why this member can be sent nothing."""

    phone: str
    variables: Mapping[str, str]
    fault: str | None = None


class _Member(NamedTuple):
    phone: str
    variables: Mapping[str, str]


class _Empty(NamedTuple):
    name: str
    messages: int


class _Value(NamedTuple):
    value: str


class _Named(NamedTuple):
    name: str
    value: str


class _Counts(NamedTuple):
    beginning: str
    members: int
    faulty: int


class Counted(NamedTuple):
    """How many members there are, how many of them can be sent nothing, and of which countries the others are."""

    members: int
    faulty: int
    countries: Sequence[CountryCount]


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """An audience's members as the recipients of one content, evaluated by Postgres (`audience_recipients`).

    `ready` makes one that can be asked who they are.
    """

    audience: Audience
    conditions: Sequence[Condition] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    """Template variables that are the same for everybody, over the members' own."""
    content: Content | None = None
    """Nobody is sent a blank text, or one that is too long. A caption may be blank. None: it is open what they get."""
    starts_at: datetime | None = None
    """When they are sent to: that day is `today`. None: now."""
    evaluated: Evaluated | None = None
    """What the conditions come to in this transaction."""
    unreadable: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """By variable, the values that the content cannot show, each with why, once the selection is `ready`."""
    hints: Sequence[str] = ()
    """Which values of the conditions nobody has, and what there is instead, once the selection is `checked`."""

    def checked(self, connection: Connection, *, lock: bool = False) -> Selection:
        """The same as `ready`, before it is stored.

        Raises TemplateError for a variable that is about no column of the audience, InputError where the text is blank
        for everybody, and what `evaluate` raises for the conditions.
        """
        self._check_text()
        ready = self.ready(connection, lock=lock)
        return replace(ready, hints=tuple(ready._hints(connection)))

    def ready(self, connection: Connection, *, lock: bool = False) -> Selection:
        """To be asked in this transaction; with `lock` nobody imports into its audience until then.

        Raises what `evaluate` does, and UsageError where its conditions and its content read a day as two.
        """
        if lock:
            keep_audience(connection, self.audience.id)
        evaluated = evaluate(connection, self.audience, self.conditions, at=self.starts_at, lock=lock)
        self._check_orders(evaluated)
        unreadable = self._unreadable(connection)
        return replace(self, conditions=evaluated.conditions, evaluated=evaluated, unreadable=unreadable)

    @property
    def meant(self) -> Sequence[Condition]:
        """The conditions with the days that `today` stands for, where they are evaluated."""
        return self.evaluated.meant if self.evaluated else self.conditions

    @property
    def notes(self) -> Sequence[str]:
        """What nobody can know of the conditions, and the `hints`, for people."""
        return (*(self.evaluated.notes if self.evaluated else ()), *self.hints)

    def _check_text(self) -> None:
        for template in self._templates:
            template.check((*self.audience.variables, *self.variables, PHONE_VARIABLE))
        if self.content is not None:
            _refuse_what_rows_must_show(self.content)
        text = self._text
        if text is not None and not (text.names or text.never_blank):
            raise InputError("the text is blank; nothing would be sent")

    def count(self, connection: Connection) -> Counted:
        """Count the members that meet the conditions now."""
        from broadcaster.domain.phone_census import count_countries  # noqa: PLC0415 - start-up time: phonenumbers

        counts = rows(connection, self.statement("count_audience_recipients"), _Counts, **self.parameters())
        countries = count_countries((each.beginning, each.members - each.faulty) for each in counts)
        return Counted(sum(each.members for each in counts), sum(each.faulty for each in counts), countries)

    def count_empty(self, connection: Connection) -> dict[str, int]:
        """Of how many who can be sent to each variable of the content is empty."""
        names = list(self._template.names) if self._template else []
        if not names:
            return {}
        empty = dict(rows(connection, self.statement("count_empty"), _Empty, **self.parameters(), names=names))
        return {name: empty[name] for name in names}

    def count_opted_out(self, connection: Connection, lanes: Sequence[int]) -> int:
        """How many who can be sent to have opted out from the messages of all of these lanes."""
        statement = self.statement("count_opted_out_recipients")
        return int(value(connection, statement, **self.parameters(), lanes=list(lanes)))

    def sample(
        self, connection: Connection, most: int, *, phone: str | None = None, faulty: bool = False
    ) -> list[Recipient]:
        """The first few in the order of phones that can be sent to, or not (`faulty`).

        With `phone` only that one, whether it can or not.
        """
        demands = {**self.parameters(), "phone": phone, "faulty": faulty, "most": most}
        return rows(connection, self.statement("sample_audience_recipients"), Recipient, **demands)

    def _hints(self, connection: Connection) -> Iterator[str]:
        evaluated = self.evaluated
        if evaluated is None:
            return

        def holds_for_somebody(compared: Compared) -> bool:
            predicate = predicate_of([compared], evaluated.writing)
            alone = replace(self, evaluated=replace(evaluated, predicate=predicate))
            return bool(value(connection, alone.statement("somebody_meets"), **alone.parameters()))

        yield from nobodys_values(connection, self.audience, self.meant, evaluated.writing, holds_for_somebody)

    def statement(self, name: str) -> Composed:
        """The statement `name` about those who are meant, which takes the `parameters`."""
        return composing(name, members=self._predicate.sql)

    def parameters(self) -> dict[str, Any]:
        """What `audience_recipients` and the conditions take."""
        return {
            "audience_id": self.audience.id,
            "wanted": _json(self._predicate.wanted) if self._predicate.wanted else None,
            **self._predicate.parameters,
            "campaign_variables": _json(self.variables),
            "template": _json(self._demands() | ({"unreadable": self.unreadable} if self.unreadable else {})),
        }

    def _check_orders(self, evaluated: Evaluated) -> None:
        """Raise UsageError where the content reads a day of a column in another order than the conditions do."""
        for name, order in evaluated.writing.orders.items():
            meant = exact_day(_IN_EITHER_ORDER, order) if order else None
            shown = {day for template in self._templates for day in template.days_read(name, _IN_EITHER_ORDER)}
            if meant is not None and shown - {meant} and self.content is not None:
                raise UsageError(
                    f"the conditions read column {quoted(name)} as {order}, as it is written, and the text reads it "
                    f"as --locale {self.content.locale} does, the other way round: everybody would read a wrong day; "
                    "give the --locale of the list, or give it days like 2026-11-23"
                )

    def _unreadable(self, connection: Connection) -> dict[str, dict[str, str]]:
        """The values, by variable, that the templates cannot show, each with why: at most _MOST_UNREADABLE of a kind.

        A filter cannot read them, or a spreadsheet shows them where a formula failed. Beyond that, and where one comes
        meanwhile, a message fails alone when it is rendered, or shows the error.
        """
        found: dict[str, dict[str, str]] = {}
        read = ((template, name) for template in self._templates for name in template.read_names)
        for template, name in read:
            stored = each(connection, "audience_values", _Value, audience_id=self.audience.id, name=name)
            values = [self.variables[name]] if name in self.variables else (row.value for row in stored)
            faults = ((value, template.unreadable_value(name, value)) for value in values)
            refused = ((value, fault.sentence) for value, fault in faults if fault is not None)
            found.setdefault(name, {}).update(islice(refused, _MOST_UNREADABLE))
        for name, errors in self._formula_errors(connection).items():
            found.setdefault(name, {}).update(errors)
        return {name: faults for name, faults in found.items() if faults}

    def _formula_errors(self, connection: Connection) -> dict[str, dict[str, str]]:
        """The members' values, by variable, that show that a formula failed: at most _MOST_UNREADABLE of each."""
        found: dict[str, dict[str, str]] = {}
        names = {name for template in self._templates for name in template.names} - self.variables.keys()
        if not names:
            return found
        may_be = {"audience_id": self.audience.id, "names": sorted(names)}
        for name, written in each(connection, "audience_formula_errors", _Named, **may_be):
            errors = found.setdefault(name, {})
            if is_formula_error(written) and len(errors) < _MOST_UNREADABLE:
                errors[written] = formula_error_fault(written, quoted(name)).sentence
        return found

    @property
    def _predicate(self) -> Predicate:
        if self.evaluated is None:
            raise ValueError("the selection has to be made ready first")
        return self.evaluated.predicate

    @property
    def _text(self) -> Template | None:
        return None if self.content is None else self.content.text

    @property
    def _template(self) -> Template | None:
        return None if self.content is None else self.content.template

    @property
    def _templates(self) -> tuple[Template, ...]:
        return () if self.content is None else self.content.templates

    def _filled(self) -> Iterator[str]:
        for template in self._templates:
            if template is not self._template:
                yield from template.bare_names

    def _demands(self) -> dict[str, Any]:
        text, template = self._text, self._template
        variables = template.variables if template else ()
        names = [name for used in self._templates for name in used.names]
        bare = [name for used in self._templates for name in used.bare_names]
        return {
            "adds_phone": PHONE_VARIABLE in names,
            # Also those of the template: a later import may have dropped a column that has a default there.
            "blanks": dict.fromkeys((*self.audience.variables, *names), ""),
            "fallbacks": sum(len(variable.default) + variable.extra for variable in variables),
            "growth": max((variable.growth for variable in variables), default=1),
            "literals": template.literal_length if template else 0,
            "longest": MAX_TEXT_LENGTH,
            "never_blank": text is None or text.never_blank,
            "parts": [
                {
                    "name": variable.name,
                    "fallback": len(variable.default),
                    "growth": variable.growth,
                    "extra": variable.extra,
                }
                for variable in variables
            ],
            "required": list(dict.fromkeys(bare)),
            # A file has a name, and a URL leads somewhere.
            "filled": [] if text else list(dict.fromkeys(self._filled())),
        }


def _refuse_what_rows_must_show(content: Content) -> None:
    """Raise UsageError for what can be checked of a list alone: members change until the start."""
    if content.file_column is not None:
        raise UsageError(
            "--file-column goes with --recipients: for an audience, upload the files and give their --file-url"
        )
    if content.url is not None and content.url.names and not given_host(content.url.source):
        raise UsageError(
            "--file-url: for an audience its host must be given, as in https://files.example.com/{{ invoice }}"
        )


class Matching(NamedTuple):
    """How many of an audience meet conditions, and what nobody can know of that."""

    members: int
    conditions: Sequence[Condition]
    notes: Sequence[str]


def count_members(engine: Engine, name: str, conditions: Sequence[Condition] = ()) -> Matching:
    """How many of an audience meet the conditions. Raises NotFoundError, and what `evaluate` raises."""
    with transaction(engine) as connection:
        selection = Selection(audience=find_audience(connection, name), conditions=conditions).checked(connection)
        return Matching(selection.count(connection).members, selection.meant, selection.notes)


def export_members(engine: Engine, name: str, conditions: Sequence[Condition] = ()) -> Iterator[list[str]]:
    """A header and the members that meet the conditions, in the order of phones, with flat memory.

    Raises NotFoundError, and what `evaluate` raises.
    """
    with transaction(engine) as connection:
        selection = Selection(audience=find_audience(connection, name), conditions=conditions).checked(connection)
        columns = selection.audience.variables
        statement = selection.statement("select_audience_recipients")
        yield [E164_COLUMN, *(f"variable_{column}" if column in _PHONE_COLUMNS else column for column in columns)]
        for phone, variables in each(connection, statement, _Member, **selection.parameters()):
            yield [phone, *(variables[column] for column in columns)]


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
