"""Whom a campaign leaves out: counted when it is submitted, and skipped when it starts."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple, Protocol

import msgspec
from psycopg.sql import SQL
from sqlalchemy import Connection, func, select

from broadcaster.db import tables
from broadcaster.db.statements import Statement, composing, execute, rows
from broadcaster.domain.care import Care
from broadcaster.domain.frequency import NO_CONTENTION, Contention
from broadcaster.domain.meeting_hours import meeting_of
from broadcaster.domain.opening_hours import OpeningHours
from broadcaster.domain.people_groups import PeopleBeside
from broadcaster.services.campaigns.contention import count_contention, may_contend
from broadcaster.services.campaigns.people_beside import candidates_beside
from broadcaster.services.openings import instance_hours


class Asking(Protocol):
    """A campaign, as far as it says whom it leaves out."""

    @property
    def name(self) -> str: ...
    @property
    def require_consent(self) -> bool: ...
    @property
    def care(self) -> Care | None: ...
    @property
    def starts_at(self) -> datetime | None: ...
    @property
    def hours(self) -> OpeningHours | None: ...


class LeftOutCounts(NamedTuple):
    """How many messages would be skipped now, of those whose people have not opted out: each for the first that holds.

    The person has not agreed to messages, has not answered for long, or is not known. None: the campaign does not
    ask that. `contention` is what the others get besides, as it is told, and `people` those whom a plan reckons with.
    """

    no_consent: int | None
    unanswered: int | None
    not_known: int | None
    contention: Contention
    people: PeopleBeside | None

    @property
    def skips(self) -> Iterator[tuple[str, int]]:
        """How many are skipped, each with the reason."""
        yield from (("no_consent", self.no_consent or 0), ("unanswered", self.unanswered or 0))
        yield "not_known", self.not_known or 0
        if self.contention.is_skipped:
            yield from (("cooldown", self.contention.cooldown), ("cap", self.contention.cap))


class _Marked(NamedTuple):
    reason: str
    messages: int


def count_left_out(
    connection: Connection, asking: Asking, lanes: Collection[int], candidates: Statement, **parameters: Any
) -> LeftOutCounts:
    """Of the recipients that the statement `candidates` finds, with these parameters, for lanes with these ids."""
    care = asking.care or Care()
    if not (asking.require_consent or care.leaves_out or may_contend(connection, care, name=asking.name)):
        return LeftOutCounts(None, None, None, NO_CONTENTION, None)
    leaves_at = _leaves_at(connection, asking, lanes)
    counts = mark_left_out(
        *(connection, care, lanes, candidates), require_consent=asking.require_consent, **parameters
    )
    return LeftOutCounts(
        no_consent=counts.get("no_consent", 0) if asking.require_consent else None,
        unanswered=None if care.max_unanswered is None else counts.get("unanswered", 0),
        not_known=counts.get("not_known", 0) if care.only_known else None,
        contention=count_contention(connection, care, name=asking.name, leaves_at=leaves_at),
        people=candidates_beside(connection, asking.name, care, leaves_at),
    )


def _leaves_at(connection: Connection, asking: Asking, lanes: Collection[int]) -> datetime:
    """When it may leave first; where recipients' own clocks count, those of the hours' zone stand for them."""
    now: datetime = connection.execute(select(func.now())).scalar_one()
    moment = max(now, asking.starts_at or now)
    return meeting_of(asking.hours, instance_hours(connection, lanes), (), moment).opens_at or moment


def skip_left_out(connection: Connection, care: Care | None, campaign_id: int, segment: int) -> int:
    """Skip them, in the transaction that makes the campaign `running`; returns how many."""
    if care is None or not care.leaves_out:
        return 0
    of_campaign = {"segment": segment, "campaign_id": campaign_id}
    # Whoever has not agreed is skipped already.
    mark_left_out(connection, care, (), "candidates_of_messages", require_consent=False, **of_campaign)
    return execute(connection, "skip_marked", **of_campaign)


def skip_left_out_by_now(connection: Connection, campaign_id: int) -> int:
    """The same of a campaign that has started: other instances know other people, and somebody has not answered since.

    The caller has it locked.
    """
    table = tables.campaigns
    asked = select(table.c.care, table.c.segment).where(table.c.id == campaign_id, table.c.started_at.is_not(None))
    row = connection.execute(asked).first()
    if row is None or row.care is None:
        return 0
    return skip_left_out(connection, msgspec.convert(row.care, Care), campaign_id, row.segment)


def mark_left_out(
    connection: Connection, care: Care, lanes: Collection[int], candidates: Statement, **parameters: Any
) -> Mapping[str, int]:
    """Make the table of candidates, mark whom the campaign leaves out, and return how many these are, by reason."""
    execute(connection, candidates, **parameters)
    execute(connection, "analyze_candidates")
    if care.max_unanswered is not None:
        silent = composing("silent_people", theirs=SQL("SELECT phone FROM candidates"))
        marking = composing("mark_unanswered", silent=silent)
        execute(connection, marking, most=care.max_unanswered, after=timedelta(seconds=care.after))
    if care.only_known:
        execute(connection, "mark_not_known", lanes=list(lanes))
    return {marked.reason: marked.messages for marked in rows(connection, "count_marked", _Marked)}


def drop_candidates(connection: Connection) -> None:
    """Make room for those of another campaign, in the same transaction."""
    execute(connection, "drop_candidates")
