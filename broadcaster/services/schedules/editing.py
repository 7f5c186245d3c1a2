"""Schedules: adding and changing them, or showing what that would come to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from shlex import quote
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, delete, insert, select
from sqlalchemy.exc import IntegrityError

from broadcaster.db import tables
from broadcaster.db.engine import transaction
from broadcaster.domain.conditions import Condition, changed_conditions
from broadcaster.domain.content_lint import lint, refuse_warnings
from broadcaster.domain.contents import Content, stored_content
from broadcaster.domain.dealing import LaneRates
from broadcaster.domain.locales import DEFAULT_LOCALE
from broadcaster.domain.names import LONGEST_NAME, check_name
from broadcaster.domain.recurrence import RESOLUTION, recurrence
from broadcaster.domain.schedules import PUNCTUAL
from broadcaster.domain.sharing import Sharing, SharingChange, refuse_strangers
from broadcaster.domain.states import ScheduleState
from broadcaster.errors import ConflictError, UsageError
from broadcaster.services.audiences.audience import Audience, find_audience
from broadcaster.services.audiences.selection import Selection
from broadcaster.services.audit import note_operation
from broadcaster.services.campaigns.checks import hold_in_use, lanes_of, refuse_unread
from broadcaster.services.campaigns.new_content import StoredContent, check_words, store_content
from broadcaster.services.openings import read_hours, store_hours
from broadcaster.services.schedules.asked_schedules import NewSchedule, ScheduleChanges
from broadcaster.services.schedules.occurrences import OCCURRENCE_VARIABLES
from broadcaster.services.schedules.outlook import Outlook, look_ahead
from broadcaster.services.schedules.schedule_reports import ScheduleDetail, schedule_detail
from broadcaster.services.schedules.stored_schedule import (
    Following,
    Schedule,
    audience_name,
    database_now,
    lock_schedule,
    update_schedule,
)
from broadcaster.services.shared_limits import limits_for_campaigns

LONGEST_SCHEDULE_NAME = LONGEST_NAME - len(" 2026-11-23T09:00:00+07:00")


@dataclass(frozen=True, slots=True)
class ChangedSchedule:
    """What became of a change, or would."""

    outlook: Outlook
    was: ScheduleDetail
    now: ScheduleDetail


def add_schedule(engine: Engine, new: NewSchedule, *, strict: bool = False, dry_run: bool = False) -> Outlook:
    """Add a schedule, active from now on, and look ahead and at its content; a dry run keeps nothing.

    `strict`: refuse a content that there is a warning about.

    Raises UsageError for a wrong value or a rule that never comes due, TemplateError for a variable that the audience
    lacks, NotFoundError for an unknown audience or instance, ConflictError when the name is taken, InputError for a
    warning.
    """
    check_name(new.name, "schedule", LONGEST_SCHEDULE_NAME)
    with _name_taken_meanwhile(new.name), transaction(engine) as connection:
        if connection.scalar(select(tables.schedules.c.id).where(tables.schedules.c.name == new.name)) is not None:
            raise _taken(new.name)
        now = database_now(connection)
        audience = find_audience(connection, new.audience)
        conditions = _check(connection, audience, new.conditions, new.content, lock=not dry_run)
        lanes = lanes_of(connection, new.instances, new.weights)
        hold_in_use(connection, lanes)
        refuse_unread(connection, lanes, new.care)
        refuse_strangers(new.sharing, new.care)
        schedule = _new_schedule(new, audience, conditions, lanes, now)
        schedule = msgspec.structs.replace(schedule, limits=limits_for_campaigns(connection, new.limits))
        if schedule.state is ScheduleState.ENDED:
            raise UsageError(f"schedule {new.name!r} would never come due: look at its rule, --from and --until")
        if not dry_run:
            values = _columns(schedule) | store_content(connection, new.content)._asdict()
            values["hours_id"] = None if new.hours is None else store_hours(connection, new.hours)
            added = connection.scalar(insert(tables.schedules).values(values).returning(tables.schedules.c.id))
            _set_lanes(connection, int(added), schedule)
            _set_limits(connection, int(added), schedule)
        outlook = look_ahead(connection, schedule, audience, new.content, new.hours)
        return _linted(outlook, new.content, audience, strict=strict)


def set_schedule(
    engine: Engine, name: str, changes: ScheduleChanges, *, strict: bool = False, dry_run: bool = False
) -> ChangedSchedule:
    """Change what is given, leave the rest, and look ahead; occurrences that have their campaign already keep it.

    A change of when it is due counts from now on, and makes a schedule that has ended active again. A dry run does
    the same and takes it back. Raises as `add_schedule` does.
    """
    if changes == ScheduleChanges():
        raise UsageError(f"nothing to change on schedule {name!r}: give at least one option")
    if changes.cron is not None and changes.every is not None:
        raise UsageError("give only one of --cron and --every")
    with transaction(engine) as connection:
        schedule = lock_schedule(connection, name)
        was = schedule_detail(connection, name)
        now = database_now(connection)
        audience = find_audience(connection, changes.audience or audience_name(connection, schedule))
        content = _changed_content(connection, schedule, changes)
        conditions = changed_conditions(
            schedule.conditions, where=changes.where, exclude=changes.exclude, everybody=changes.everybody
        )
        if changes.sending:
            conditions = _check(connection, audience, conditions, content, lock=True)
        changed = msgspec.structs.replace(
            schedule,
            **_timing(schedule, changes, now),
            **_given(changes, "misfire", "overlap", "priority", "max_attempts"),
            grace=schedule.grace if changes.grace is None else _usable_grace(changes.grace),
            audience_id=audience.id,
            audience_filter=tuple(conditions) or None,
            expires_after=None if changes.never_expires else changes.expires_after or schedule.expires_after,
            **_changed_lanes(connection, changes),
            sharing=schedule.sharing if changes.sharing is None else _stored(changes.sharing, schedule.sharing),
            limits=schedule.limits if changes.limits is None else limits_for_campaigns(connection, changes.limits),
            care=changes.care or (None if changes.without_care else schedule.care),
            require_consent=schedule.require_consent if changes.require_consent is None else changes.require_consent,
            **StoredContent.of(schedule.content_id, content)._asdict(),
        )
        refuse_unread(connection, changed.lanes, changed.care)
        refuse_strangers(changed.sharing, changed.care)
        if changes.timing and schedule.state is not ScheduleState.PAUSED:
            # An occurrence that is due and not dealt with yet stays so, unless the rule is another one.
            since = now if changes.rule or schedule.next_at is None else min(now, schedule.next_at - RESOLUTION)
            following = Following.of(changed, since)
            changed = msgspec.structs.replace(changed, state=following.state, next_at=following.next_at)
        hours = read_hours(connection, schedule.hours_id)
        if changes.hours is not None:
            hours = changes.hours.of(hours, changes.timezone or schedule.timezone)
        stored = {} if changes.content is None else store_content(connection, content)._asdict()
        if changes.hours is not None:
            stored["hours_id"] = None if hours is None else store_hours(connection, hours)
        update_schedule(connection, schedule.id, _differing(schedule, changed) | stored)
        if changes.instances is not None:
            _set_lanes(connection, schedule.id, changed)
        if changed.limits != schedule.limits:
            _set_limits(connection, schedule.id, changed)
            trail = {"limits": sorted(changed.limits), "limits_before": sorted(schedule.limits)}
            note_operation(connection, "schedule", name, **trail)
        outlook = look_ahead(connection, changed, audience, content, hours, is_retimed=changes.retimed)
        outlook = _linted(outlook, content, audience, strict=strict)
        is_now = schedule_detail(connection, name)
        if dry_run:
            connection.rollback()
        return ChangedSchedule(outlook, was, is_now)


def _linted(outlook: Outlook, content: Content, audience: Audience, *, strict: bool) -> Outlook:
    """With what is to be said of the content. Raises InputError for a warning, if that is wanted."""
    shown = [message for _, message in outlook.reach.samples]
    remarks = lint(content, shown, (*audience.variables, *OCCURRENCE_VARIABLES))
    if strict:
        refuse_warnings(remarks)
    return replace(outlook, lint=remarks)


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


def _new_schedule(
    new: NewSchedule, audience: Audience, conditions: Sequence[Condition], lanes: LaneRates, now: datetime
) -> Schedule:
    """The schedule as it is stored, but for its id and those of its content and its hours."""
    schedule = Schedule(
        id=0,
        name=new.name,
        state=ScheduleState.ACTIVE,
        **_rule(new.cron, new.every, new.timezone, new.from_at or now),
        next_at=None,
        from_at=new.from_at,
        until_at=new.until_at,
        occurrence_limit=new.count,
        occurrences_made=0,
        misfire=new.misfire,
        grace=_usable_grace(new.grace),
        overlap=new.overlap,
        audience_id=audience.id,
        audience_filter=tuple(conditions) or None,
        **StoredContent.of(0, new.content)._asdict(),
        priority=new.priority,
        max_attempts=new.max_attempts,
        hours_id=None,
        expires_after=new.expires_after,
        require_consent=new.require_consent,
        care=new.care,
        sharing=new.sharing if new.sharing.is_given else None,
        limits={},
        **_with_weights(lanes, new.weights),
    )
    following = Following.of(schedule, now)
    return msgspec.structs.replace(schedule, state=following.state, next_at=following.next_at)


def _columns(schedule: Schedule) -> dict[str, Any]:
    """The row of a schedule, without its id."""
    values = msgspec.structs.asdict(schedule)
    del values["id"], values["lanes"], values["weights"], values["limits"]
    documents = {"audience_filter": schedule.audience_filter, "care": schedule.care, "sharing": schedule.sharing}
    return values | {column: msgspec.to_builtins(document) for column, document in documents.items()}


def _differing(schedule: Schedule, changed: Schedule) -> dict[str, Any]:
    """The columns of `changed` that differ: others write columns of their own meanwhile."""
    before = _columns(schedule)
    return {column: value for column, value in _columns(changed).items() if value != before[column]}


def _given(changes: ScheduleChanges, *names: str) -> dict[str, Any]:
    return {name: value for name in names if (value := getattr(changes, name)) is not None}


def _changed_content(connection: Connection, schedule: Schedule, changes: ScheduleChanges) -> Content:
    """A new one, or that which it has, in other words where these are given."""
    if changes.content is not None:
        return changes.content
    table = tables.contents
    row = connection.execute(select(table.c.kind, table.c.body).where(table.c.id == schedule.content_id)).one()
    words = {"caption": schedule.caption, "filename": schedule.filename, "locale": schedule.locale}
    words |= _given(changes, "caption", "filename", "locale")
    check_words(row.kind, changes.caption, changes.filename)
    return stored_content(row.kind, row.body, words["caption"], words["filename"], words["locale"] or DEFAULT_LOCALE)


def _check(
    connection: Connection, audience: Audience, conditions: Sequence[Condition], content: Content, *, lock: bool
) -> Sequence[Condition]:
    """The conditions as they are stored. Raises what `Selection.checked` does where they do not suit the audience."""
    variables = dict.fromkeys(OCCURRENCE_VARIABLES, "1")
    selection = Selection(audience=audience, conditions=conditions, variables=variables, content=content)
    return selection.checked(connection, lock=lock).conditions


@contextmanager
def _name_taken_meanwhile(name: str) -> Iterator[None]:
    """Turns the constraint's refusal of a second schedule called `name` into a ConflictError."""
    try:
        yield
    except IntegrityError as error:
        if "schedules_name_key" in str(error.orig):
            raise _taken(name) from None
        raise


def _taken(name: str) -> ConflictError:
    change = f"broadcaster schedule set {quote(name)}"
    return ConflictError(f"a schedule called {name!r} exists already: change it with `{change}`")


def _usable_grace(grace: timedelta) -> timedelta:
    if grace < PUNCTUAL:
        raise UsageError(
            f"--grace must be at least {PUNCTUAL.seconds}s: beat looks once a second, and may be restarted"
        )
    return grace


def _changed_lanes(connection: Connection, changes: ScheduleChanges) -> dict[str, Any]:
    if changes.instances is None:
        return {}
    lanes = lanes_of(connection, changes.instances, changes.weights)
    hold_in_use(connection, lanes)
    return _with_weights(lanes, changes.weights)


def _with_weights(lanes: LaneRates, weights: Mapping[str, float]) -> dict[str, Any]:
    """`lanes` has the weights where there are any."""
    return {"lanes": tuple(lanes), "weights": tuple(lanes.values()) if weights else (None,) * len(lanes)}


def _set_limits(connection: Connection, schedule_id: int, schedule: Schedule) -> None:
    table = tables.schedule_limits
    connection.execute(delete(table).where(table.c.schedule_id == schedule_id))
    if schedule.limits:
        values = [{"schedule_id": schedule_id, "limit_id": limit} for limit in schedule.limits.values()]
        connection.execute(insert(table), values)


def _stored(change: SharingChange, before: Sharing | None) -> Sharing | None:
    after = change.of(before or Sharing())
    return after if after.is_given else None


def _set_lanes(connection: Connection, schedule_id: int, schedule: Schedule) -> None:
    table = tables.schedule_lanes
    connection.execute(delete(table).where(table.c.schedule_id == schedule_id))
    each = zip(schedule.lanes, schedule.weights, strict=True)
    values = [{"schedule_id": schedule_id, "lane_id": lane, "weight": weight} for lane, weight in each]
    connection.execute(insert(table), values)
