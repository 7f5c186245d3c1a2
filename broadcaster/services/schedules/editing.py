"""Schedules: adding, changing, pausing, resuming and removing them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from shlex import quote
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from broadcaster.db import tables
from broadcaster.db.engine import transaction
from broadcaster.domain.conditions import Condition
from broadcaster.domain.contents import Content, stored_content
from broadcaster.domain.names import LONGEST_NAME, check_name
from broadcaster.domain.opening_hours import NOBODY, OpeningHours
from broadcaster.domain.recurrence import RESOLUTION, recurrence
from broadcaster.domain.schedules import PUNCTUAL, Misfire, Overlap
from broadcaster.domain.states import OccurrenceState, ScheduleState
from broadcaster.errors import ConflictError, UsageError
from broadcaster.services.audiences.audience import Audience, find_audience
from broadcaster.services.audiences.selection import Selection
from broadcaster.services.campaigns.checks import lanes_of
from broadcaster.services.campaigns.lifecycle import cancel_campaign
from broadcaster.services.campaigns.new_content import store_content
from broadcaster.services.openings import first_opening, store_hours
from broadcaster.services.schedules.occurrences import OCCURRENCE_VARIABLES
from broadcaster.services.schedules.stored_schedule import (
    Following,
    Schedule,
    audience_name,
    database_now,
    lock_schedule,
    read_schedule,
)

LONGEST_SCHEDULE_NAME = LONGEST_NAME - len(" 2026-11-23T09:00:00+07:00")
DEFAULT_GRACE = timedelta(hours=2)
"""Who switches the computer on at 9:15 means a schedule of 9:00 to be sent; who does at noon may not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSchedule:
    """A schedule as it is asked for. Exactly one of `cron` and `every` is given."""

    name: str
    cron: str | None = None
    every: str | None = None
    timezone: str
    audience: str
    conditions: Sequence[Condition] = ()
    content: Content
    instances: Sequence[str]
    max_attempts: int
    from_at: datetime | None = None
    """Aware; also where intervals count from."""
    until_at: datetime | None = None
    count: int | None = None
    misfire: Misfire = Misfire.CATCH_UP
    grace: timedelta = DEFAULT_GRACE
    overlap: Overlap = Overlap.QUEUE
    priority: int = 0
    hours: OpeningHours | None = None
    """When its campaigns may be sent; None: always."""
    expires_after: timedelta | None = None
    """How long after each occurrence what has not left is expired; None: never."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleChanges:
    """What is to be changed of a schedule; None: left as it is."""

    cron: str | None = None
    every: str | None = None
    timezone: str | None = None
    audience: str | None = None
    conditions: Sequence[Condition] | None = None
    content: Content | None = None
    instances: Sequence[str] | None = None
    max_attempts: int | None = None
    from_at: datetime | None = None
    until_at: datetime | None = None
    count: int | None = None
    forever: bool = False
    """Without the end that `until_at` and `count` make."""
    misfire: Misfire | None = None
    grace: timedelta | None = None
    overlap: Overlap | None = None
    priority: int | None = None

    @property
    def rule(self) -> bool:
        """Whether they say anew which moments are occurrences."""
        return any(value is not None for value in (self.cron, self.every, self.timezone, self.from_at))

    @property
    def timing(self) -> bool:
        """Whether they say anew when the schedule is due next, or until when it is."""
        return self.rule or self.forever or self.until_at is not None or self.count is not None


def add_schedule(engine: Engine, new: NewSchedule) -> None:
    """Add a schedule, active from now on.

    Raises UsageError for a wrong value or a rule that never comes due, TemplateError for a variable that the audience
    lacks, NotFoundError for an unknown audience or instance, ConflictError when the name is taken.
    """
    check_name(new.name, "schedule", LONGEST_SCHEDULE_NAME)
    try:
        with transaction(engine) as connection:
            now = database_now(connection)
            if new.hours is not None:
                first_opening(new.hours, [NOBODY], now)
            audience = find_audience(connection, new.audience)
            conditions = _check(connection, audience, new.conditions, new.content)
            lanes = tuple(lanes_of(connection, new.instances))
            values = {
                "name": new.name,
                **_rule(new.cron, new.every, new.timezone, new.from_at or now),
                "from_at": new.from_at,
                "until_at": new.until_at,
                "occurrence_limit": new.count,
                "misfire": new.misfire,
                "grace": _usable_grace(new.grace),
                "overlap": new.overlap,
                "audience_id": audience.id,
                "audience_filter": msgspec.to_builtins(conditions) or None,
                **store_content(connection, new.content)._asdict(),
                "priority": new.priority,
                "max_attempts": new.max_attempts,
                "hours_id": None if new.hours is None else store_hours(connection, new.hours),
                "expires_after": new.expires_after,
                # Until the first occurrence is known.
                "state": ScheduleState.PAUSED,
            }
            schedule_id = connection.scalar(insert(tables.schedules).values(values).returning(tables.schedules.c.id))
            _set_lanes(connection, int(schedule_id), lanes)
            if _follow(connection, read_schedule(connection, new.name), now) is ScheduleState.ENDED:
                raise UsageError(f"schedule {new.name!r} would never come due: look at its rule, --from and --until")
    except IntegrityError as error:
        if "schedules_name_key" not in str(error.orig):
            raise
        raise ConflictError(
            f"a schedule called {new.name!r} exists already: "
            f"change it with `broadcaster schedule set {quote(new.name)}`"
        ) from None


def set_schedule(engine: Engine, name: str, changes: ScheduleChanges) -> None:
    """Change what is given and leave the rest; occurrences that have their campaign already keep it as it is.

    A change of when it is due counts from now on, and makes a schedule that has ended active again. Raises as
    `add_schedule` does.
    """
    if changes == ScheduleChanges():
        raise UsageError(f"nothing to change on schedule {name!r}: give at least one option")
    if changes.cron is not None and changes.every is not None:
        raise UsageError("give only one of --cron and --every")
    with transaction(engine) as connection:
        schedule = lock_schedule(connection, name)
        now = database_now(connection)
        values = _timing(schedule, changes, now) | _sending(connection, schedule, changes)
        for column in ("misfire", "overlap", "priority", "max_attempts"):
            if (value := getattr(changes, column)) is not None:
                values[column] = value
        if changes.grace is not None:
            values["grace"] = _usable_grace(changes.grace)
        if values:
            _update(connection, schedule, values)
        if changes.instances is not None:
            _set_lanes(connection, schedule.id, tuple(lanes_of(connection, changes.instances)))
        if changes.timing and schedule.state is not ScheduleState.PAUSED:
            # An occurrence that is due and not dealt with yet stays so, unless the rule is another one.
            since = now if changes.rule or schedule.next_at is None else min(now, schedule.next_at - RESOLUTION)
            _follow(connection, read_schedule(connection, name), since)


def pause_schedule(engine: Engine, name: str) -> None:
    """Nothing comes due until it is resumed, and what is queued stays so. Campaigns that were started go on."""
    with transaction(engine) as connection:
        schedule = lock_schedule(connection, name)
        if schedule.state is ScheduleState.ENDED:
            raise ConflictError(f"schedule {name!r} has ended: there is nothing to pause")
        _update(connection, schedule, {"state": ScheduleState.PAUSED, "next_at": None})


def resume_schedule(engine: Engine, name: str) -> ScheduleState:
    """Go on with the next occurrence from now; those in between were not missed. Returns the new state."""
    with transaction(engine) as connection:
        schedule = lock_schedule(connection, name)
        if schedule.state is not ScheduleState.PAUSED:
            return schedule.state
        return _follow(connection, schedule, database_now(connection))


def remove_schedule(engine: Engine, name: str) -> list[str]:
    """Remove a schedule and its list of occurrences; returns the queued campaigns, which are cancelled.

    All of its campaigns and their reports stay.
    """
    table, campaigns = tables.occurrences, tables.campaigns
    with transaction(engine) as connection:
        schedule = lock_schedule(connection, name)
        queued = list(
            connection.scalars(
                select(campaigns.c.name)
                .join(table, table.c.campaign_id == campaigns.c.id)
                .where(table.c.schedule_id == schedule.id, table.c.state == OccurrenceState.QUEUED)
            )
        )
        connection.execute(delete(tables.schedules).where(tables.schedules.c.id == schedule.id))
    for campaign in queued:
        cancel_campaign(engine, campaign)
    return queued


def _rule(cron: str | None, every: str | None, timezone: str, anchor: datetime) -> dict[str, Any]:
    """The columns that say when a schedule is due. Raises UsageError."""
    start = anchor.replace(microsecond=0)
    recurrence(cron, every, timezone, start)
    return {"cron": cron, "every": every, "timezone": timezone, "anchor": start}


def _timing(schedule: Schedule, changes: ScheduleChanges, now: datetime) -> dict[str, Any]:
    if not changes.timing:
        return {}
    if changes.forever and (changes.until_at is not None or changes.count is not None):
        raise UsageError("--forever with --until or --count: they contradict each other")
    cron, every = changes.cron, changes.every
    if cron is None and every is None:
        cron, every = schedule.cron, schedule.every
    anchor = changes.from_at or (schedule.anchor if changes.every is None else now)
    values = _rule(cron, every, changes.timezone or schedule.timezone, anchor)
    if changes.from_at is not None:
        values["from_at"] = changes.from_at
    if changes.until_at is not None or changes.forever:
        values["until_at"] = changes.until_at
    if changes.count is not None or changes.forever:
        values["occurrence_limit"] = changes.count
    return values


def _sending(connection: Connection, schedule: Schedule, changes: ScheduleChanges) -> dict[str, Any]:
    """The columns that say what is sent to whom, checked together."""
    if changes.audience is None and changes.conditions is None and changes.content is None:
        return {}
    audience = find_audience(connection, changes.audience or audience_name(connection, schedule))
    conditions = schedule.conditions if changes.conditions is None else changes.conditions
    content = _stored_content(connection, schedule) if changes.content is None else changes.content
    conditions = _check(connection, audience, conditions, content)
    values = {"audience_id": audience.id, "audience_filter": msgspec.to_builtins(conditions) or None}
    return values if changes.content is None else values | store_content(connection, content)._asdict()


def _check(
    connection: Connection, audience: Audience, conditions: Sequence[Condition], content: Content
) -> Sequence[Condition]:
    """The conditions as they are stored. Raises what `Selection.checked` does where they do not suit the audience."""
    variables = dict.fromkeys(OCCURRENCE_VARIABLES, "1")
    selection = Selection(audience=audience, conditions=conditions, variables=variables, content=content)
    return selection.checked(connection, lock=True).conditions


def _stored_content(connection: Connection, schedule: Schedule) -> Content:
    """What a schedule sends."""
    table = tables.contents
    row = connection.execute(select(table.c.kind, table.c.body).where(table.c.id == schedule.content_id)).one()
    return stored_content(row.kind, row.body, schedule.caption, schedule.filename, schedule.locale)


def _usable_grace(grace: timedelta) -> timedelta:
    if grace < PUNCTUAL:
        raise UsageError(
            f"--grace must be at least {PUNCTUAL.seconds}s: beat looks once a second, and may be restarted"
        )
    return grace


def _set_lanes(connection: Connection, schedule_id: int, lanes: Sequence[int]) -> None:
    table = tables.schedule_lanes
    connection.execute(delete(table).where(table.c.schedule_id == schedule_id))
    connection.execute(insert(table), [{"schedule_id": schedule_id, "lane_id": lane} for lane in lanes])


def _follow(connection: Connection, schedule: Schedule, moment: datetime) -> ScheduleState:
    """Make it due at its first occurrence after `moment`, or end it."""
    following = Following.of(schedule, moment)
    _update(connection, schedule, {"state": following.state, "next_at": following.next_at})
    return following.state


def _update(connection: Connection, schedule: Schedule, values: dict[str, Any]) -> None:
    table = tables.schedules
    connection.execute(update(table).where(table.c.id == schedule.id).values(values))
