"""The next month of schedules: when each occurrence would be sent, and which of them get in each other's way."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import partial
from itertools import groupby, starmap
from math import inf

import msgspec
from sqlalchemy import Connection, Engine, select

from broadcaster.db import tables
from broadcaster.db.engine import transaction
from broadcaster.db.statements import execute
from broadcaster.domain.campaign_plans import CampaignPlan
from broadcaster.domain.conditions import fixed
from broadcaster.domain.dealing import LaneRates
from broadcaster.domain.frequency import PersonRule
from broadcaster.domain.opening_hours import NOBODY
from broadcaster.domain.plan_remarks import said_put_off
from broadcaster.domain.plan_terms import Succession
from broadcaster.domain.planned_parts import PlannedPart
from broadcaster.domain.schedules import Overlap
from broadcaster.domain.sending_plans import Hold
from broadcaster.domain.sharing import Sharing
from broadcaster.domain.skips import Skipped, said_skips
from broadcaster.domain.states import ScheduleState
from broadcaster.domain.surroundings import Surroundings
from broadcaster.services.campaigns.dealing_ahead import dealing_by, like_messages
from broadcaster.services.campaigns.planning import parts_to_be, surroundings_of
from broadcaster.services.openings import read_hours
from broadcaster.services.schedules.month_moments import planned_moments
from broadcaster.services.schedules.month_people import MonthPeople, Reached, with_people
from broadcaster.services.schedules.stored_schedule import Schedule, database_now, read_schedule
from broadcaster.time_zones import shown_time

_MOST_NAMED = 5
_TO_COME = 10**15
"""From here on numbers stand for campaigns that are yet to be made, which is after all others."""


class PutOff(msgspec.Struct, frozen=True):
    """Messages that wait until their people may get one again."""

    rule: PersonRule
    messages: int


class PlannedOccurrence(msgspec.Struct, frozen=True):
    """One due time of a schedule, if it is sent to the members that there are now."""

    schedule: str
    due_at: datetime
    messages: int
    """How many are planned,"""
    sent: int
    """how many of these leave before they expire, within a year,"""
    skips: Sequence[Skipped]
    """and how many others are skipped, by reason."""
    put_off: Sequence[PutOff]
    """Which of those that are planned wait for their people."""
    ends_at: datetime | None
    """When the last of them leaves; None: nobody can tell."""
    latest_at: datetime | None
    """The same where chance is not kind."""
    expire: int
    """How many of them expire."""
    remarks: tuple[str, ...]
    """What is wrong with it, for people."""


class PlannedMonth(msgspec.Struct, frozen=True):
    """The next month of schedules."""

    occurrences: Sequence[PlannedOccurrence]
    planned_until: datetime | None
    """From then on more is due than is planned at once, and nothing is planned; None: all of the month is planned."""


@dataclass(frozen=True, slots=True)
class _Due:
    schedule: Schedule
    due_at: datetime
    campaign: int
    """A number that stands for the campaign that it would be."""
    reached: Reached


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
        people = MonthPeople(connection, schedules)
        moments, planned_until = planned_moments(schedules, now)
        due = [_due(people, *each, _TO_COME + number) for number, each in enumerate(moments)]
        of_due = [(each, part) for each in due for part in _parts(connection, each, around)]
        groups = people.groups(len(of_due))
        sent = _sent(connection, around)
    parts = [piece for each, part in of_due for piece in with_people(part, each.reached.selection, groups)]
    around = replace(around, people=people.planned(groups, {each.campaign: each.schedule for each in due}))
    month = _Month(around, due, parts, sent)
    told = [month.told(each) for each in due if name is None or each.schedule.name == name]
    return PlannedMonth(sorted(told, key=lambda each: (each.due_at, each.schedule)), planned_until)


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


def _due(people: MonthPeople, schedule: Schedule, due_at: datetime, campaign: int) -> _Due:
    """An occurrence; the number stands for its campaign."""
    today = due_at.astimezone(schedule.zone).date()
    conditions = tuple(fixed(schedule.conditions, partial(_on, today)))
    return _Due(schedule, due_at, campaign, people.reached(schedule, conditions))


def _on(today: date, _zone: object) -> date:
    """What `today` stands for, whatever zone it is asked for."""
    return today


def _parts(connection: Connection, due: _Due, around: Surroundings) -> Iterator[PlannedPart]:
    """What its lanes will have of an occurrence."""
    schedule = due.schedule
    hours = None if schedule.hours_id is None else read_hours(connection, schedule.hours_id)
    like = like_messages(hours, schedule.priority, list(schedule.limits.values()))
    dealing = dealing_by(around, _weights(schedule), like, due.due_at)
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


def _weights(schedule: Schedule) -> LaneRates:
    return dict(zip(schedule.lanes, schedule.weights, strict=True))


class _Month:
    """What is due, planned beside each other and beside all campaigns that run or are scheduled."""

    def __init__(
        self,
        around: Surroundings,
        due: Sequence[_Due],
        parts: Sequence[PlannedPart],
        sent: Mapping[int, Sequence[int]],
    ) -> None:
        """`sent` are, by schedule, its campaigns of which something is left to send."""
        for each in due:
            around = around.with_canary(each.campaign, each.schedule.care)
            sharing = each.schedule.sharing or Sharing()
            around = around.with_failover(each.campaign, sharing.failover_after, _weights(each.schedule))
        of_schedules = [list(of_one) for _, of_one in groupby(due, key=lambda each: each.schedule.id)]
        around = replace(
            around, successions=[_succession(each, sent.get(each[0].schedule.id, ())) for each in of_schedules]
        )
        self._due = due
        self._plans = around.plans(parts, campaigns={part.campaign for part in (*parts, *around.beside)})
        self._shared = {limit.id: limit for limit in around.limits if limit.is_shared}
        of_lanes = {lane.id: self._shared.keys() & set(lane.limits) for lane in around.lanes}
        self._lanes: dict[int, set[int]] = defaultdict(set)
        self._limits: dict[int, set[int]] = defaultdict(set)
        """The shared limits that count it."""
        for part in (*parts, *around.beside):
            self._lanes[part.campaign].add(part.lane_id)
            self._limits[part.campaign] |= of_lanes[part.lane_id] | self._shared.keys() & set(part.limits)
        self._names = {each.campaign: f"schedule {each.schedule.name}" for each in due}
        self._names |= {campaign: f"campaign {name}" for campaign, name in around.names.items()}
        self._of_schedules = {each.schedule.id: {*sent.get(each.schedule.id, ())} for each in due}
        for each in due:
            self._of_schedules[each.schedule.id].add(each.campaign)

    def told(self, due: _Due) -> PlannedOccurrence:
        """What becomes of an occurrence."""
        plan = self._plans.get(due.campaign)
        ends_at = None if plan is None else plan.known_end
        return PlannedOccurrence(
            schedule=due.schedule.name,
            due_at=due.due_at,
            messages=0 if plan is None else plan.messages,
            sent=0 if plan is None or plan.is_skipped else plan.messages - plan.expire - plan.remaining,
            skips=self._skips(due, plan),
            put_off=[] if plan is None else list(starmap(PutOff, plan.put_off.items())),
            ends_at=ends_at,
            latest_at=plan.latest_at if plan is not None and ends_at else None,
            expire=0 if plan is None else plan.expire,
            remarks=tuple(self._remarks(due, plan)),
        )

    def _remarks(self, due: _Due, plan: CampaignPlan | None) -> Iterator[str]:
        if due.reached.fault is not None:
            yield due.reached.fault
        if skips := self._skips(due, plan):
            yield f"skipped: {said_skips(skips)}"
        if plan is None:
            return
        yield from said_put_off(plan)
        if plan.is_skipped:
            yield "it is skipped: an earlier one is still sent then"
        elif plan.first_at is not None and any(wait.cause is Hold.EARLIER for wait in plan.waits):
            first_at = shown_time(plan.first_at, due.schedule.zone)
            yield f"it waits until an earlier one is sent, {first_at}"
        if plan.expire:
            when = "" if plan.expires_at is None else f", at {shown_time(plan.expires_at, due.schedule.zone)}"
            yield f"{plan.expire:,} of {plan.messages:,} expire before they may leave{when}"
        if plan.remaining:
            yield f"{plan.remaining:,} of {plan.messages:,} do not leave within a year"
        following = min((each.due_at for each in self._of(due.schedule) if each.due_at > due.due_at), default=None)
        if following is not None and plan.ends_at is not None and plan.ends_at > following:
            then = "is skipped" if due.schedule.overlap is Overlap.SKIP else "waits for it"
            when = shown_time(following, due.schedule.zone)
            yield f"it is still sent when the next one is due, {when}, which {then}"
        beside = self._sent_while(due, plan.first_at, plan.ends_at)
        if others := self._named(each for each in beside if self._lanes[due.campaign] & self._lanes[each]):
            yield f"beside {others} through the same instances"
        yield from self._sharing(due, plan)

    def _sharing(self, due: _Due, plan: CampaignPlan) -> Iterator[str]:
        """Who else uses up shared limits that it waits for."""
        waited = {*(wait.what for wait in plan.waits), *plan.waits_in_vain}
        for limit in (self._shared[each] for each in self._limits[due.campaign]):
            since = due.due_at - timedelta(seconds=limit.span_seconds)
            users = (each for each in self._sent_while(due, since, plan.ends_at) if limit.id in self._limits[each])
            if str(limit) in waited and (others := self._named(users)):
                yield f"{limit} counts {others}, too"

    def _named(self, campaigns: Iterable[int]) -> str:
        """The names of these campaigns, for people; nothing where there are none."""
        names = sorted({self._names[each] for each in campaigns})
        more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
        return ", ".join(names[:_MOST_NAMED]) + more

    def _skips(self, due: _Due, plan: CampaignPlan | None) -> Sequence[Skipped]:
        return [*due.reached.skips, *(plan.skips if plan is not None else ())]

    def _of(self, schedule: Schedule) -> Iterator[_Due]:
        return (each for each in self._due if each.schedule.id == schedule.id)

    def _sent_while(self, due: _Due, begins: datetime | None, ends: datetime | None) -> Iterator[int]:
        """The campaigns of others of which something is sent between these moments."""
        if begins is None or ends is None:
            return
        for campaign, other in self._plans.items():
            is_other = campaign not in self._of_schedules[due.schedule.id]
            if is_other and other.first_at and other.first_at < ends and (not other.ends_at or other.ends_at > begins):
                yield campaign


def _succession(due: Sequence[_Due], sent: Sequence[int]) -> Succession:
    """The occurrences of one schedule, after its campaigns that are sent already."""
    begun, ahead = ((each, -inf) for each in sent), ((each.campaign, each.due_at.timestamp()) for each in due)
    return Succession([*begun, *ahead], is_skipped=due[0].schedule.overlap is Overlap.SKIP)
