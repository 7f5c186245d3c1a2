"""Schedules as they are stored: reading, locking, and what follows from their rows alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import Connection, func, select, update

from broadcaster.db import tables
from broadcaster.db.statements import first
from broadcaster.domain.care import Care
from broadcaster.domain.conditions import Condition
from broadcaster.domain.dealing import LaneRates
from broadcaster.domain.recurrence import occurrence_label, recurrence
from broadcaster.domain.schedules import Misfire, Overlap, Plan
from broadcaster.domain.sharing import Sharing
from broadcaster.domain.states import ScheduleState
from broadcaster.errors import NotFoundError
from broadcaster.time_zones import find_zone


class Schedule(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `schedules` with its lanes (ids)."""

    id: int
    name: str
    state: ScheduleState
    cron: str | None
    every: str | None
    timezone: str
    anchor: datetime
    next_at: datetime | None
    from_at: datetime | None
    until_at: datetime | None
    occurrence_limit: int | None
    occurrences_made: int
    misfire: Misfire
    grace: timedelta
    overlap: Overlap
    audience_id: int
    audience_filter: tuple[Condition, ...] | None
    content_id: int
    caption: str | None
    filename: str | None
    locale: str
    priority: int
    max_attempts: int
    hours_id: int | None
    expires_after: timedelta | None
    require_consent: bool
    care: Care | None
    sharing: Sharing | None
    limits: Mapping[str, int]
    """The limits that its campaigns get, by name: their ids."""
    lanes: tuple[int, ...]
    weights: tuple[float | None, ...]
    """By which the lanes share the messages, one for each; None: by their rates."""

    @property
    def conditions(self) -> Sequence[Condition]:
        """Which members of the audience it sends to: those that meet all of these."""
        return self.audience_filter or ()

    @property
    def lane_weights(self) -> Mapping[int, float]:
        """By lane, where there are any."""
        return {lane: each for lane, each in zip(self.lanes, self.weights, strict=True) if each is not None}

    @property
    def lane_rates(self) -> LaneRates:
        """By what its lanes share the messages: each by its weight or, where that is None, by its rate."""
        return dict(zip(self.lanes, self.weights, strict=True))

    @property
    def zone(self) -> ZoneInfo:
        """Whose clocks it goes by."""
        return find_zone(self.timezone)

    @property
    def plan(self) -> Plan:
        """Its occurrences, but for `occurrence_limit`."""
        return Plan(recurrence(self.cron, self.every, self.timezone, self.anchor), self.from_at, self.until_at)

    @property
    def remaining(self) -> int | None:
        """How many campaigns it may still make; None: any number."""
        return None if self.occurrence_limit is None else max(0, self.occurrence_limit - self.occurrences_made)

    def upcoming(self, moment: datetime, most: int | None = None) -> Iterator[datetime]:
        """Its occurrences after `moment`, ascending: as many as it may still make campaigns.

        `most`: up to so many, since some of them may be skipped, which makes no campaign.
        """
        return islice(self.plan.after(moment), self.remaining if most is None else most)

    def campaign_name(self, due: datetime) -> str:
        """What the campaign of an occurrence is called: `news 2026-11-23T09:00`."""
        return f"{self.name} {occurrence_label(due, self.zone)}"


@dataclass(frozen=True, slots=True)
class Following:
    """What a schedule is after something has come due or changed: its state, and its next occurrence if active."""

    state: ScheduleState
    next_at: datetime | None

    @classmethod
    def of(cls, schedule: Schedule, moment: datetime) -> Following:
        """With the first occurrence after `moment`; ended where there is none."""
        next_at = next(schedule.upcoming(moment), None)
        return cls(ScheduleState.ENDED if next_at is None else ScheduleState.ACTIVE, next_at)


def read_schedule(connection: Connection, name: str) -> Schedule:
    """Raises NotFoundError."""
    schedule = first(connection, "read_schedule", Schedule, name=name)
    if schedule is None:
        raise NotFoundError(f"no schedule is called {name!r}: see `broadcaster schedule list`")
    return schedule


def lock_schedule(connection: Connection, name: str) -> Schedule:
    """The schedule, which neither ticks nor commands change until the transaction ends. Raises NotFoundError."""
    table = tables.schedules
    connection.execute(select(table.c.id).where(table.c.name == name).with_for_update())
    return read_schedule(connection, name)


def update_schedule(connection: Connection, schedule_id: int, values: Mapping[str, Any]) -> None:
    """Change columns of a schedule that is locked."""
    if values:
        table = tables.schedules
        connection.execute(update(table).where(table.c.id == schedule_id).values(values))


def lock_schedule_if_free(connection: Connection, schedule_id: int) -> Schedule | None:
    """The schedule, locked; None where somebody else is at it, or has removed it."""
    table = tables.schedules
    name = connection.scalar(select(table.c.name).where(table.c.id == schedule_id).with_for_update(skip_locked=True))
    return None if name is None else read_schedule(connection, name)


def audience_name(connection: Connection, schedule: Schedule) -> str:
    """What the audience that it sends to is called."""
    table = tables.audiences
    return str(connection.execute(select(table.c.name).where(table.c.id == schedule.audience_id)).scalar_one())


def database_now(connection: Connection) -> datetime:
    """The clock that all machines share."""
    return connection.execute(select(func.now())).scalar_one()
