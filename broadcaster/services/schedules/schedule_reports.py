"""What operators ask about schedules: what there is, what comes next, what became of what was due."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

import msgspec
from sqlalchemy import Connection, Engine, select

from broadcaster.db import tables
from broadcaster.db.engine import transaction
from broadcaster.db.statements import rows
from broadcaster.domain.care import Care
from broadcaster.domain.conditions import Condition
from broadcaster.domain.content_kinds import ContentKind
from broadcaster.domain.opening_hours import OpeningHours
from broadcaster.domain.recurrence import RESOLUTION, Recurrence
from broadcaster.domain.schedules import Misfire, Overlap
from broadcaster.domain.sharing import Sharing
from broadcaster.domain.states import CampaignState, OccurrenceState, ScheduleState
from broadcaster.services.schedules.stored_schedule import Schedule, database_now, read_schedule


@dataclass(frozen=True, slots=True)
class Upcoming:
    """When a schedule is due next, as seen at `now`."""

    schedule: Schedule
    recurrence: Recurrence
    """Its rule."""
    now: datetime
    occurrences: Sequence[datetime]

    @property
    def words(self) -> str:
        """Its rule, for people."""
        return self.recurrence.words


class ScheduleSummary(msgspec.Struct, frozen=True):
    """A schedule, and how many of its occurrences are campaigns, `queued` behind one, and `held` for a decision."""

    name: str
    state: ScheduleState
    cron: str | None
    every: str | None
    timezone: str
    next_at: datetime | None
    from_at: datetime | None
    until_at: datetime | None
    count: int | None
    """How many campaigns it makes at most."""
    campaigns: int
    queued: int
    held: int
    audience: str
    conditions: tuple[Condition, ...] | None
    instances: list[str]
    weights: dict[str, float] | None
    """By which these share the messages; None: by their rates."""
    content: ContentKind
    caption: str | None
    filename: str | None
    locale: str
    priority: int
    max_attempts: int
    misfire: Misfire
    grace_seconds: float
    overlap: Overlap
    require_consent: bool
    care: Care | None
    sharing: Sharing | None
    """What becomes of messages whose instance is in trouble, and whether people keep theirs."""
    limits: list[str]
    """The names of limits that its campaigns get."""
    created_at: datetime
    hours: OpeningHours | None
    """When its campaigns may be sent; None: always."""
    expires_after_seconds: float | None
    """How long after each occurrence what has not left is expired; None: never."""


class ScheduleDetail(ScheduleSummary, frozen=True):
    """The same, with what it sends."""

    body: str | None
    """A text or a URL; None: a file."""


class OccurrenceSummary(msgspec.Struct, frozen=True):
    """What became of an occurrence, and where its campaign stands, if it has one."""

    schedule_id: int
    schedule: str
    due_at: datetime
    number: int | None
    state: OccurrenceState
    reason: str | None
    decided_by: str | None
    decided_at: datetime | None
    noticed_at: datetime
    campaign_id: int | None
    campaign: str | None
    campaign_state: CampaignState | None
    started_at: datetime | None
    finished_at: datetime | None
    total: int | None
    sent: int | None
    failed: int | None
    skipped: int | None
    cancelled: int | None
    expired: int | None
    unknown: int | None
    still_open: int | None
    rejected: int | None
    """Of its recipients, those who could be sent nothing: no messages, so that they are in no other sum."""

    @property
    def said_campaign_state(self) -> str | None:
        """The state of its campaign, as people are told it: nobody has to start what is queued."""
        is_queued = self.state is OccurrenceState.QUEUED and self.campaign_state is CampaignState.DRAFT
        return OccurrenceState.QUEUED if is_queued else self.campaign_state

    @property
    def otherwise(self) -> int | None:
        """How many messages are final, and neither sent, failed nor skipped; None: there is no campaign."""
        if self.total is None:
            return None
        return sum(each or 0 for each in (self.cancelled, self.expired, self.unknown))


def list_schedules(engine: Engine) -> Sequence[ScheduleSummary]:
    """All schedules by name."""
    with transaction(engine) as connection:
        return rows(connection, "list_schedules", ScheduleSummary, name=None)


def show_schedule(engine: Engine, name: str) -> ScheduleDetail:
    """One schedule. Raises NotFoundError."""
    with transaction(engine) as connection:
        return schedule_detail(connection, name)


def schedule_detail(connection: Connection, name: str) -> ScheduleDetail:
    """The same as this transaction sees it, and has changed it. Raises NotFoundError."""
    table = tables.contents
    schedule = read_schedule(connection, name)
    [summary] = rows(connection, "list_schedules", ScheduleSummary, name=name)
    body = connection.scalar(
        select(table.c.body).where(table.c.id == schedule.content_id, table.c.kind != ContentKind.FILE)
    )
    return ScheduleDetail(**msgspec.structs.asdict(summary), body=None if body is None else body.decode())


def upcoming_occurrences(engine: Engine, name: str, most: int) -> Upcoming:
    """The next occurrences of a schedule, at most `most`; of a paused one those that resuming would bring."""
    with transaction(engine) as connection:
        return upcoming_of(read_schedule(connection, name), database_now(connection), most)


def upcoming_of(schedule: Schedule, now: datetime, most: int) -> Upcoming:
    """The same of a schedule that need not be stored."""
    # What is due at this moment has not been dealt with yet.
    since = now if schedule.next_at is None else min(now, schedule.next_at - RESOLUTION)
    occurrences = list(islice(schedule.upcoming(since), most))
    return Upcoming(schedule, schedule.plan.recurrence, now, occurrences)


def schedule_report(engine: Engine, name: str, *, limit: int = 50) -> tuple[Schedule, Sequence[OccurrenceSummary]]:
    """The latest occurrences of a schedule, newest first."""
    with transaction(engine) as connection:
        schedule = read_schedule(connection, name)
        latest = rows(connection, "occurrence_report", OccurrenceSummary, schedule_id=schedule.id, limit=limit)
        return schedule, latest
