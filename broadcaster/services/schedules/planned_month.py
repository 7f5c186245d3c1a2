"""What becomes of the occurrences of a month, planned beside each other and beside all campaigns."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby, starmap
from math import inf

import msgspec

from broadcaster.domain.campaign_plans import CampaignPlan
from broadcaster.domain.frequency import PersonRule
from broadcaster.domain.plan_remarks import said_put_off, said_why_late
from broadcaster.domain.plan_terms import Succession
from broadcaster.domain.planned_parts import PlannedPart
from broadcaster.domain.schedules import Overlap
from broadcaster.domain.sending_plans import Hold
from broadcaster.domain.sharing import Sharing
from broadcaster.domain.skips import Skipped, said_skips
from broadcaster.domain.surroundings import Surroundings
from broadcaster.services.schedules.month_people import Reached
from broadcaster.services.schedules.stored_schedule import Schedule
from broadcaster.time_zones import shown_time

_MOST_NAMED = 5


class PutOff(msgspec.Struct, frozen=True):
    """Messages that wait until their people may get one again."""

    rule: PersonRule
    messages: int


class PlannedOccurrence(msgspec.Struct, frozen=True):
    """One due time of a schedule, if it is sent to the members that there are now."""

    schedule: str
    due_at: datetime
    messages: int
    """To how many people it goes, were nobody skipped,"""
    sent: int
    """to how many of them it leaves before it expires, within a year,"""
    skipped: int
    """and how many are skipped: all of them where another occurrence is still sent."""
    skips: Sequence[Skipped]
    """Those of them that are skipped for their own sake, by reason."""
    put_off: Sequence[PutOff]
    """Whose messages wait until they may get one."""
    ends_at: datetime | None
    """When the last of them leaves; None: nobody can tell."""
    latest_at: datetime | None
    """The same where chance is not kind."""
    expire: int
    """How many of its messages expire."""
    remarks: tuple[str, ...]
    """What is wrong with it, for people."""


class OpenOccurrence(msgspec.Struct, frozen=True):
    """An occurrence that is a campaign by now, of which something is left to send."""

    schedule: str
    campaign: str
    messages: int
    """How many are left."""
    ends_at: datetime | None
    """When the last of them leaves; None: nobody can tell."""
    expire: int
    """How many of them expire."""


class PlannedMonth(msgspec.Struct, frozen=True):
    """The next month of schedules."""

    open: Sequence[OpenOccurrence]
    """What was due before."""
    occurrences: Sequence[PlannedOccurrence]
    planned_until: datetime | None
    """From then on more is due than is planned at once, and nothing is planned; None: all of the month is planned."""


@dataclass(frozen=True, slots=True)
class DueTime:
    """One due time of a schedule, and whom it would reach."""

    schedule: Schedule
    due_at: datetime
    campaign: int
    """A number that stands for the campaign that it would be."""
    reached: Reached


class Month:
    """What is due, planned beside each other and beside all campaigns that run or are scheduled."""

    def __init__(
        self,
        around: Surroundings,
        due: Sequence[DueTime],
        parts: Sequence[PlannedPart],
        sent: Mapping[int, Sequence[int]],
    ) -> None:
        """`sent` are, by schedule, its campaigns of which something is left to send."""
        for each in due:
            around = around.with_canary(each.campaign, each.schedule.care)
            sharing = each.schedule.sharing or Sharing()
            around = around.with_failover(each.campaign, sharing.failover_after, each.schedule.lane_rates)
        self._due = due
        self._open, self._campaigns = sent, around.names
        successions = [
            _succession(schedule, each, sent.get(schedule.id, ())) for schedule, each in self._by_schedule()
        ]
        around = replace(around, successions=successions)
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

    def made(self) -> Iterator[DueTime]:
        """What comes due: nothing after the last campaign that a schedule may make."""
        for schedule, of_one in self._by_schedule():
            made = 0
            for each in of_one:
                if made == schedule.remaining:
                    break
                made += not self._is_left_out(each)
                yield each

    def open(self, schedule: Schedule) -> Iterator[OpenOccurrence]:
        """What of a schedule was due before, and has something left to send."""
        for campaign in self._open.get(schedule.id, ()):
            plan = self._plans[campaign]
            yield OpenOccurrence(schedule.name, self._campaigns[campaign], plan.messages, plan.known_end, plan.expire)

    def wanted(self, before: Mapping[int, int]) -> Mapping[int, int]:
        """Of how many occurrences, by schedule (id), it is to be planned anew; `before` are those of this one.

        For each one that is left out another one comes due, up to the last campaign that a schedule may make.
        """
        found = {}
        for schedule, of_one in self._by_schedule():
            if schedule.remaining is None or len(of_one) < before.get(schedule.id, schedule.remaining):
                continue
            if sum(not self._is_left_out(each) for each in of_one) < schedule.remaining:
                found[schedule.id] = 2 * len(of_one)
        return found

    def told(self, due: DueTime) -> PlannedOccurrence:
        """What becomes of an occurrence."""
        plan, skips = self._plans.get(due.campaign), self._skips(due)
        planned = 0 if plan is None else plan.messages
        skipped = sum(each.messages for each in skips)
        ends_at = None if plan is None else plan.known_end
        is_left_out = self._is_left_out(due)
        return PlannedOccurrence(
            schedule=due.schedule.name,
            due_at=due.due_at,
            messages=planned + skipped,
            sent=0 if plan is None or is_left_out else planned - plan.expire - plan.remaining,
            skipped=planned + skipped if is_left_out else skipped,
            skips=[] if is_left_out else skips,
            put_off=[] if plan is None else list(starmap(PutOff, plan.put_off.items())),
            ends_at=ends_at,
            latest_at=plan.latest_at if plan is not None and ends_at else None,
            expire=0 if plan is None else plan.expire,
            remarks=tuple(self._remarks(due, plan)),
        )

    def _remarks(self, due: DueTime, plan: CampaignPlan | None) -> Iterator[str]:
        if due.reached.fault is not None:
            yield due.reached.fault
        if self._is_left_out(due):
            yield "it is skipped: an earlier one is still sent then"
            return
        if skips := self._skips(due):
            yield f"skipped: {said_skips(skips)}"
        if plan is None:
            return
        yield from said_put_off(plan)
        if plan.first_at is not None and any(wait.cause is Hold.EARLIER for wait in plan.waits):
            first_at = shown_time(plan.first_at, due.schedule.zone)
            yield f"it waits until an earlier one is sent, {first_at}"
        if plan.expire:
            when = "" if plan.expires_at is None else f" at {shown_time(plan.expires_at, due.schedule.zone)}"
            yield f"{plan.expire:,} expire{when}{said_why_late(plan)}"
        if plan.remaining:
            yield f"{plan.remaining:,} do not leave within a year"
        following = min((each.due_at for each in self._of(due.schedule) if each.due_at > due.due_at), default=None)
        if following is not None and plan.ends_at is not None and plan.ends_at > following:
            then = "is skipped" if due.schedule.overlap is Overlap.SKIP else "waits for it"
            when = shown_time(following, due.schedule.zone)
            yield f"it is still sent when the next one is due, {when}, which {then}"
        beside = self._sent_while(due, plan.first_at, plan.ends_at)
        if others := self._named(each for each in beside if self._lanes[due.campaign] & self._lanes[each]):
            yield f"beside {others} through the same instances"
        yield from self._sharing(due, plan)

    def _sharing(self, due: DueTime, plan: CampaignPlan) -> Iterator[str]:
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

    def _by_schedule(self) -> Iterator[tuple[Schedule, Sequence[DueTime]]]:
        """All that is planned of each, in the order of time."""
        for _, of_one in groupby(self._due, key=lambda each: each.schedule.id):
            found = list(of_one)
            yield found[0].schedule, found

    def _is_left_out(self, due: DueTime) -> bool:
        """Whether another one of its schedule is still sent when it is due, and it is no campaign."""
        plan = self._plans.get(due.campaign)
        return plan is not None and plan.is_skipped

    def _skips(self, due: DueTime) -> Sequence[Skipped]:
        plan = self._plans.get(due.campaign)
        return [*due.reached.skips, *(plan.skips if plan is not None else ())]

    def _of(self, schedule: Schedule) -> Iterator[DueTime]:
        return (each for each in self._due if each.schedule.id == schedule.id)

    def _sent_while(self, due: DueTime, begins: datetime | None, ends: datetime | None) -> Iterator[int]:
        """The campaigns of others of which something is sent between these moments."""
        if begins is None or ends is None:
            return
        for campaign, other in self._plans.items():
            is_other = campaign not in self._of_schedules[due.schedule.id]
            if is_other and other.first_at and other.first_at < ends and (not other.ends_at or other.ends_at > begins):
                yield campaign


def _succession(schedule: Schedule, due: Sequence[DueTime], sent: Sequence[int]) -> Succession:
    """The occurrences of one schedule, after its campaigns that are sent already."""
    begun, ahead = ((each, -inf) for each in sent), ((each.campaign, each.due_at.timestamp()) for each in due)
    return Succession([*begun, *ahead], is_skipped=schedule.overlap is Overlap.SKIP, most=schedule.remaining)
