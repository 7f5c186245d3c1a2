"""The next month of schedules: when each occurrence would be sent, and which of them get in each other's way."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from functools import partial

from sqlalchemy import Connection, Engine, select

from broadcaster.db import tables
from broadcaster.db.engine import transaction
from broadcaster.db.statements import execute
from broadcaster.domain.conditions import fixed
from broadcaster.domain.opening_hours import NOBODY
from broadcaster.domain.planned_parts import PlannedPart
from broadcaster.domain.states import ScheduleState
from broadcaster.domain.surroundings import Surroundings
from broadcaster.services.campaigns.dealing_ahead import dealing_by, like_messages
from broadcaster.services.campaigns.planning import parts_to_be, surroundings_of
from broadcaster.services.openings import read_hours
from broadcaster.services.schedules.month_moments import planned_moments
from broadcaster.services.schedules.month_people import MonthPeople, with_people
from broadcaster.services.schedules.planned_month import DueTime, Month, PlannedMonth
from broadcaster.services.schedules.stored_schedule import Schedule, database_now, read_schedule

_MOST_NAMED = 5
_TO_COME = 10**15
"""From here on numbers stand for campaigns that are yet to be made, which is after all others."""


def plan_month(engine: Engine, name: str | None = None) -> PlannedMonth:
    """The occurrences of the next month in their order: of all schedules that are active, or those of one.

    All of them are planned beside each other, and beside the campaigns that run or are scheduled: where these are too
    many, until a moment after which none of any schedule is planned. One that is due while another of its schedule is
    still sent waits for it, or is skipped, as the schedule says.

    Raises NotFoundError.
    """
    with transaction(engine) as connection:
        execute(connection, "see_one_moment")
        names = _active(connection)
        if name is not None:
            read_schedule(connection, name)
            names = sorted({*names, name})
        now = database_now(connection)
        # Of those that are due at one moment the first that was added is sent first.
        schedules = sorted((read_schedule(connection, each) for each in names), key=lambda schedule: schedule.id)
        lanes = sorted({lane for each in schedules for lane in each.lanes})
        limits = sorted({limit for each in schedules for limit in each.limits.values()})
        around = surroundings_of(connection, lanes, limits=limits)
        sent = _sent(connection, around)
        month, planned_until = _planned(connection, schedules, now, around, sent)
    begun = [found for each in schedules if name in (None, each.name) for found in month.open(each)]
    told = [month.told(each) for each in month.made() if name is None or each.schedule.name == name]
    return PlannedMonth(begun, sorted(told, key=lambda each: (each.due_at, each.schedule)), planned_until)


def _planned(
    connection: Connection,
    schedules: Sequence[Schedule],
    now: datetime,
    around: Surroundings,
    sent: Mapping[int, Sequence[int]],
) -> tuple[Month, datetime | None]:
    """The month, and until when it is planned; None: to its end."""
    people, wanted = MonthPeople(connection, schedules), dict[int, int]()
    while True:
        moments, planned_until = planned_moments(schedules, now, wanted)
        due = [_due(people, *each, _TO_COME + number) for number, each in enumerate(moments)]
        of_due = [(each, part) for each in due for part in _parts(connection, each, around)]
        groups = people.groups(len(of_due))
        parts = [piece for each, part in of_due for piece in with_people(part, each.reached.selection, groups)]
        beside = replace(around, people=people.planned(groups, {each.campaign: each.schedule for each in due}))
        month = Month(beside, due, parts, sent)
        more = month.wanted(wanted)
        if not more:
            return month, planned_until
        wanted |= more


def _active(connection: Connection) -> list[str]:
    table = tables.schedules
    found = select(table.c.name).where(table.c.state == ScheduleState.ACTIVE).order_by(table.c.name)
    return list(connection.scalars(found))


def _sent(connection: Connection, around: Surroundings) -> Mapping[int, Sequence[int]]:
    """The campaigns that schedules have made, by schedule, as far as something of them is left to send."""
    table, found = tables.occurrences, defaultdict(list)
    made = select(table.c.schedule_id, table.c.campaign_id).where(table.c.campaign_id.in_(around.names))
    for schedule, campaign in connection.execute(made.order_by(table.c.due_at)):
        found[schedule].append(campaign)
    return found


def _due(people: MonthPeople, schedule: Schedule, due_at: datetime, campaign: int) -> DueTime:
    """An occurrence; the number stands for its campaign."""
    today = due_at.astimezone(schedule.zone).date()
    conditions = tuple(fixed(schedule.conditions, partial(_on, today)))
    return DueTime(schedule, due_at, campaign, people.reached(schedule, conditions))


def _on(today: date, _zone: object) -> date:
    """What `today` stands for, whatever zone it is asked for."""
    return today


def _parts(connection: Connection, due: DueTime, around: Surroundings) -> Iterator[PlannedPart]:
    """What its lanes will have of an occurrence."""
    schedule = due.schedule
    hours = None if schedule.hours_id is None else read_hours(connection, schedule.hours_id)
    like = like_messages(hours, schedule.priority, list(schedule.limits.values()))
    dealing = dealing_by(around, schedule.lane_rates, like, due.due_at)
    found = parts_to_be(
        dealing.shares(due.reached.messages),
        {NOBODY: due.reached.messages},
        hours=hours,
        expires_at=None if schedule.expires_after is None else due.due_at + schedule.expires_after,
        priority=schedule.priority,
        care=schedule.care,
        limits=list(schedule.limits.values()),
    )
    return (replace(part, campaign=due.campaign, not_before=due.due_at) for part in found)
