"""When what is left of a campaign leaves: from lanes, limits and hours as they are stored to a plan. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from math import inf
from zoneinfo import ZoneInfo

import msgspec

from broadcaster.domain.opening_hours import NOBODY, OpeningHours, RecipientGroup, joint_opening
from broadcaster.domain.pacing import Pace
from broadcaster.domain.plans import (
    NEVER,
    Hold,
    OpenSpan,
    PlannedLane,
    Queue,
    SendingPlan,
    always_open,
    sending_plan,
)
from broadcaster.domain.span_limits import RollingCount, SpanLimit

OTHERS = -1
"""The rank of what other campaigns have waiting; the campaign itself has 0."""
_LEAST_HELD = 60.0
"""Seconds: what holds it for less is not told."""


ITS_WINDOWS = "its windows"
"""What something waits for, in words."""


class LaneNow(msgspec.Struct, frozen=True, kw_only=True):
    """A lane as it stands."""

    id: int
    instance: str
    interval: float
    tolerance: float
    burst: int
    debt: float
    """By how many seconds its clock is ahead."""
    rests: float
    """For how many seconds it sends nothing yet."""
    is_stopped: bool
    """Nobody knows until when: it is paused, refused or down."""
    hours: OpeningHours | None
    limits: tuple[int, ...]
    now: datetime


class LimitNow(msgspec.Struct, frozen=True, kw_only=True):
    """A limit over a span as it stands, with what counts for it already."""

    id: int
    name: str
    """What people call it, or the instance whose own it is."""
    is_shared: bool
    is_ramp: bool
    """Its `most` may be more tomorrow, and is reckoned as it is."""
    most: int
    span_seconds: int
    grace_seconds: float
    counts: tuple[int, ...]
    newest: int

    @property
    def count(self) -> RollingCount:
        return RollingCount(SpanLimit(self.most, self.span_seconds), self.grace_seconds, self.counts, self.newest)

    def __str__(self) -> str:
        limit = SpanLimit(self.most, self.span_seconds)
        if self.is_ramp:
            return f"ramp of {self.name}, at its step of today ({limit})"
        return f"limit {self.name} ({limit})" if self.is_shared else f"limit {limit} of {self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedPart:
    """Messages of one lane that are alike: of one campaign, to recipients of one group."""

    lane_id: int
    messages: int
    hours: OpeningHours | None = None
    """Of the campaign."""
    group: RecipientGroup = NOBODY
    not_before: datetime | None = None
    expires_at: datetime | None = None
    rank: int = 0


class PlannedDay(msgspec.Struct, frozen=True):
    """How many messages leave through one instance on one day."""

    day: date
    instance: str
    messages: int
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class CampaignPlan:
    """When a campaign is sent, if nothing fails and nobody intervenes."""

    begins_at: datetime
    ends_at: datetime | None
    """When its last message leaves; None: it cannot be told, or some do not within a year."""
    is_paced: bool
    """Whether a limit or hours say how long it takes. Otherwise it takes as long as the gateway needs."""
    expire: int
    """How many of its messages expire."""
    days: Sequence[PlannedDay]
    waits: Sequence[str]
    """What it waits for, for people."""

    def after_slices(self, seconds: float) -> CampaignPlan:
        """The plan of a campaign whose canary waits so long between its slices.

        Hours may be closed meanwhile anyway, so that it is only known to take no less than either.
        """
        if not seconds:
            return self
        waited = self.begins_at + timedelta(seconds=seconds)
        by_hours = ITS_WINDOWS in self.waits
        ends = self.ends_at and (max(self.ends_at, waited) if by_hours else self.ends_at + timedelta(seconds=seconds))
        return replace(self, ends_at=ends, is_paced=True, waits=[*self.waits, "the slices of its canary"])

    @property
    def seconds(self) -> float | None:
        """How long it takes from its start on."""
        if self.ends_at is None or not self.is_paced:
            return None
        return max(0.0, (self.ends_at - self.begins_at).total_seconds())


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a campaign is sent through, as it stands at one moment."""

    now: datetime
    lanes: Sequence[LaneNow]
    limits: Sequence[LimitNow]
    reserve: timedelta
    """How long before it closes something is as good as closed."""
    zone: ZoneInfo
    """Whose days count."""

    def plan(
        self, parts: Sequence[PlannedPart], *, begins_at: datetime | None = None, rate: float = 0.0
    ) -> CampaignPlan:
        """When these parts leave, of which those of rank 0 are told.

        `begins_at`: None is now. No faster than at `rate`, in messages a second; 0: it is not known.
        """
        begins = max(self.now, begins_at or self.now)
        messages = sum(part.messages for part in parts if part.rank == 0)
        known = [lane for lane in self.lanes if any(part.lane_id == lane.id and part.messages for part in parts)]
        lanes = [self._planned(lane, parts, _slowed(lane, parts, rate, messages)) for lane in known]
        plan = sending_plan(lanes, {each.id: each.count for each in self.limits}, begins.timestamp(), self._day)
        ends = plan.ends_at()
        waits = list(self._waits(plan))
        return CampaignPlan(
            begins_at=begins,
            ends_at=None if ends is None else _moment(ends),
            is_paced=bool(waits) or any(lane.pace.interval for lane in lanes),
            expire=plan.expiring(),
            days=list(self._days(plan, known)),
            waits=waits,
        )

    def _planned(self, lane: LaneNow, parts: Iterable[PlannedPart], interval: float) -> PlannedLane:
        tolerance = lane.tolerance if interval == lane.interval else 0.0
        return PlannedLane(
            pace=Pace(interval, tolerance, lane.burst),
            queues=[self._queue(lane, part) for part in parts if part.lane_id == lane.id],
            clock=self.now.timestamp() + lane.debt,
            not_before=self.now.timestamp() + lane.rests,
            limits=lane.limits,
        )

    def _queue(self, lane: LaneNow, part: PlannedPart) -> Queue:
        reserve = self.reserve.total_seconds()
        return Queue(
            messages=part.messages,
            opening=_never if lane.is_stopped else _opening(lane.hours, part.hours, part.group, reserve),
            not_before=-inf if part.not_before is None else part.not_before.timestamp(),
            expires_at=inf if part.expires_at is None else part.expires_at.timestamp() - reserve,
            rank=part.rank,
        )

    def _day(self, moment: float) -> OpenSpan:
        day = _moment(moment).astimezone(self.zone).date()
        begins, ends = (
            datetime.combine(day + timedelta(days=ahead), datetime.min.time(), self.zone).timestamp()
            for ahead in (0, 1)
        )
        return OpenSpan(begins, ends)

    def _days(self, plan: SendingPlan, lanes: Sequence[LaneNow]) -> Iterator[PlannedDay]:
        """Of rank 0, in the order of days and instances."""
        found: dict[tuple[float, str], tuple[int, float]] = {}
        for (begins, lane, queue), each in plan.leaving.items():
            if plan.lanes[lane].queues[queue].rank == 0:
                messages, last = found.get((begins, lanes[lane].instance), (0, 0.0))
                found[begins, lanes[lane].instance] = messages + each.messages, max(last, each.last)
        for (begins, instance), (messages, last) in sorted(found.items()):
            yield PlannedDay(_moment(begins).astimezone(self.zone).date(), instance, messages, _moment(last))

    def _waits(self, plan: SendingPlan) -> Iterator[str]:
        limits = {limit.id: limit for limit in self.limits}
        for (hold, key), held in sorted(plan.held.items(), key=lambda item: -item[1].seconds):
            if held.seconds >= _LEAST_HELD:
                yield ITS_WINDOWS if hold is Hold.WINDOW else str(limits[key])


def _opening(
    instance: OpeningHours | None, campaign: OpeningHours | None, group: RecipientGroup, reserve: float
) -> Callable[[float], OpenSpan]:
    """When both are open, without the reserve before they close."""
    all_hours = [hours for hours in (instance, campaign) if hours is not None]
    if not all_hours:
        return always_open

    def opening(moment: float) -> OpenSpan:
        while True:
            found = joint_opening(all_hours, group, _moment(moment))
            if found is None:
                return NEVER
            begins, ends = max(moment, found.opens_at.timestamp()), found.closes_at.timestamp()
            if begins < ends - reserve:
                return OpenSpan(begins, ends - reserve)
            moment = ends

    return opening


def _never(_moment: float) -> OpenSpan:
    return NEVER


def _slowed(lane: LaneNow, parts: Iterable[PlannedPart], rate: float, messages: int) -> float:
    """The lane's interval, or a longer one by which all lanes together send at `rate`."""
    share = sum(part.messages for part in parts if part.lane_id == lane.id and part.rank == 0)
    return max(lane.interval, messages / rate / share) if rate and share else lane.interval


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
