"""The tick of schedules: each occurrence that is due becomes a campaign exactly once, whoever looks and how often."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import islice

import msgspec
import structlog
from sqlalchemy import Connection, DateTime, Engine, bindparam, select, update

from broadcaster.db import tables
from broadcaster.db.engine import transaction
from broadcaster.db.statements import execute
from broadcaster.domain.schedules import Due, Fate, Overlap, judge_due
from broadcaster.domain.states import FINAL_CAMPAIGN_STATES, OccurrenceState, ScheduleState
from broadcaster.errors import BroadcasterError, ConflictError, UnavailableError
from broadcaster.services.schedules.occurrences import (
    Made,
    change_occurrence,
    is_sending,
    make_campaign,
    record_occurrence,
)
from broadcaster.services.schedules.stored_schedule import Following, Schedule, database_now, lock_schedule_if_free

MOST_RECORDED = 20
"""Of the occurrences of a schedule that are due at once: more than can come due within PUNCTUAL."""

_QUEUED = select(tables.occurrences.c.schedule_id).where(tables.occurrences.c.state == OccurrenceState.QUEUED)
_DUE = (tables.schedules.c.state == ScheduleState.ACTIVE) & (
    tables.schedules.c.next_at <= bindparam("moment", type_=DateTime(timezone=True))
)
# Built once: a statement refers to itself, so that one for each tick would be garbage for the collector to find.
_TO_LOOK_AT = (
    select(tables.schedules.c.id)
    .where(_DUE | tables.schedules.c.id.in_(_QUEUED))
    .order_by(tables.schedules.c.next_at, tables.schedules.c.id)
)

log = structlog.get_logger(__name__)


def make_due_occurrences(engine: Engine, *, now: datetime | None = None) -> Iterator[Made]:
    """Deal with the occurrences that are due, and with those that are queued; yields each that was started.

    A transaction for each schedule, and none waits for another: any number of these may run at once, and one that
    dies has done a schedule's work wholly or not at all. `now` is given by tests; None: the database's clock.
    """
    for schedule_id in _to_look_at(engine, now):
        try:
            with transaction(engine) as connection:
                made = _make_due(connection, schedule_id, now)
        except UnavailableError:
            raise
        except BroadcasterError as error:
            log.error("schedule failed", schedule_id=schedule_id, error=str(error))
        except Exception:
            # One schedule that cannot be dealt with must not stop the others.
            log.exception("schedule failed", schedule_id=schedule_id)
        else:
            yield from made


def _to_look_at(engine: Engine, now: datetime | None) -> Sequence[int]:
    with transaction(engine) as connection:
        return connection.scalars(_TO_LOOK_AT, {"moment": now or database_now(connection)}).all()


def _make_due(connection: Connection, schedule_id: int, now: datetime | None) -> list[Made]:
    schedule = lock_schedule_if_free(connection, schedule_id)
    if schedule is None or schedule.state is ScheduleState.PAUSED:
        return []
    made = [*_start_queued(connection, schedule)]
    moment = now or database_now(connection)
    if schedule.next_at is not None and schedule.next_at <= moment:
        made += _advance(connection, schedule, schedule.next_at, moment)
    return [each for each in made if each.state is OccurrenceState.STARTED]


def _advance(connection: Connection, schedule: Schedule, since: datetime, now: datetime) -> list[Made]:
    """Deal with all occurrences from `since` to `now`, and set when the schedule is due next."""
    made: list[Made] = []
    due = _due(schedule, since, now)
    for each in due:
        if schedule.remaining is not None and len(made) >= schedule.remaining:
            break
        made += _deal_with(connection, schedule, each)
    schedule = msgspec.structs.replace(schedule, occurrences_made=schedule.occurrences_made + len(made))
    following = Following.of(schedule, max(now, due[-1].at))
    table = tables.schedules
    connection.execute(
        update(table).where(table.c.id == schedule.id).values(state=following.state, next_at=following.next_at)
    )
    return made


def _due(schedule: Schedule, since: datetime, now: datetime) -> list[Due]:
    """The latest occurrences from `since` to `now`, ascending."""
    latest = list(islice(schedule.plan.latest(since, now), MOST_RECORDED + 1))
    # Where a time zone's rules have changed, `since` itself may no longer be one; it was promised.
    moments = latest[:MOST_RECORDED][::-1] or [since]
    judged = list(judge_due(moments, now, schedule.misfire, schedule.grace))
    if len(latest) > MOST_RECORDED:
        judged[0] = replace(judged[0], reason=f"{judged[0].reason}; so were earlier ones")
    return judged


def _deal_with(connection: Connection, schedule: Schedule, due: Due) -> Iterator[Made]:
    """Record an occurrence with what becomes of it; yields it where that is a campaign."""
    states = {Fate.RUN: OccurrenceState.STARTED, Fate.HOLD: OccurrenceState.HELD, Fate.SKIP: OccurrenceState.SKIPPED}
    if not record_occurrence(connection, schedule, due.at, states[due.fate], due.reason) or due.fate is not Fate.RUN:
        return
    before = is_sending(connection, schedule) if schedule.overlap is Overlap.SKIP else None
    if before is not None:
        reason = f"{before!r} was still being sent"
        change_occurrence(connection, schedule, due.at, state=OccurrenceState.SKIPPED, reason=reason)
        return
    try:
        yield make_campaign(connection, schedule, due.at)
    except ConflictError as error:
        change_occurrence(connection, schedule, due.at, state=OccurrenceState.FAILED, reason=str(error))


def _start_queued(connection: Connection, schedule: Schedule) -> Iterator[Made]:
    """Start what has been queued for longest, if nothing of the schedule is left to send."""
    occurrences, campaigns = tables.occurrences, tables.campaigns
    queued = (
        select(occurrences, campaigns.c.name, campaigns.c.state.label("campaign_state"))
        .join(campaigns, campaigns.c.id == occurrences.c.campaign_id)
        .where(occurrences.c.schedule_id == schedule.id, occurrences.c.state == OccurrenceState.QUEUED)
        .order_by(occurrences.c.due_at)
    )
    for row in connection.execute(queued).all():
        if row.campaign_state in FINAL_CAMPAIGN_STATES:
            reason = f"its campaign was {row.campaign_state} while it was queued"
            change_occurrence(connection, schedule, row.due_at, state=OccurrenceState.SKIPPED, reason=reason)
        elif is_sending(connection, schedule, or_queued=False) is None:
            if execute(connection, "start_queued_campaign", campaign_id=row.campaign_id):
                change_occurrence(connection, schedule, row.due_at, state=OccurrenceState.STARTED)
                yield Made(schedule.name, row.due_at, row.number, row.name, OccurrenceState.STARTED)
            return
        else:
            return
