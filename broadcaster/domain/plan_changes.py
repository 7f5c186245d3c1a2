"""What a plan would be if something were changed, and the cheapest change that makes a deadline. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from math import ceil, floor
from statistics import fmean

import msgspec

from broadcaster.domain.campaign_plans import CampaignPlan
from broadcaster.domain.dealing import shares_of
from broadcaster.domain.durations import duration, duration_parts
from broadcaster.domain.gaps import Gaps
from broadcaster.domain.lanes_now import LaneNow, LimitNow
from broadcaster.domain.opening_hours import OpeningHours
from broadcaster.domain.pacing import FASTEST, format_rate
from broadcaster.domain.planned_parts import PlannedPart
from broadcaster.domain.span_limits import SpanLimit
from broadcaster.domain.surroundings import Surroundings
from broadcaster.domain.windows import parse_window

MOST_INSTANCES = 10
"""Instances more than that are no change that anybody makes for one campaign."""
_MOST_FASTER = 20
"""A rate or a limit so many times as high is none that is proposed."""
_DAY_MINUTES = 24 * 60


class ChangeKind(StrEnum):
    """What can be changed, the cheapest first: what is free, what people notice, what strains numbers, what is bought.

    To raise a limit that is shared lets no number send more than its own limits allow.
    """

    START = "start"
    WINDOW = "window"
    LIMIT = "limit"
    RATE = "rate"
    INSTANCES = "instances"


class PlanChange(msgspec.Struct, frozen=True):
    """A change by which a campaign makes it."""

    kind: ChangeKind
    says: str
    """For people, such as `instance a at 30/min instead of 20/min`."""
    ends_at: datetime | None
    """When its last message leaves then."""
    latest_at: datetime | None
    """The same where chance is not kind."""


@dataclass(frozen=True, slots=True)
class PlannedCampaign:
    """What a campaign has to send, through what, and from when on. Each change makes another one."""

    around: Surroundings
    parts: Sequence[PlannedPart]
    starts_at: datetime | None = None
    """When it is to start; None: it has, or does so at once."""
    weights: Mapping[int, float] = field(default_factory=dict)
    """By which its lanes (ids) share its messages; empty: by their rates."""

    def plan(self) -> CampaignPlan:
        """When it is sent."""
        return self.around.plan(self.parts, begins_at=self.starts_at)

    def starting(self, starts_at: datetime | None) -> PlannedCampaign:
        """The same, started then; None: now. Those who wait for their people wait as long."""
        parts = [part if part.rule else replace(part, not_before=None) for part in self.parts]
        return replace(self, parts=parts, starts_at=starts_at)

    def open_longer(self, hours: int) -> PlannedCampaign:
        """Its windows close so many hours later, but no later than at midnight."""
        parts = [replace(part, hours=_longer(part.hours, hours)) for part in self.parts]
        return replace(self, parts=parts)

    def at_rate(self, lane_id: int, rate: float) -> PlannedCampaign:
        """One of its lanes sends so many messages a second. Gaps, rests and what is counted over spans stay."""
        lanes = [
            msgspec.structs.replace(lane, interval=(lane.gaps or Gaps()).typical_interval(rate), tolerance=0.0)
            if lane.id == lane_id
            else lane
            for lane in self.around.lanes
        ]
        return replace(self, around=replace(self.around, lanes=lanes))

    def at_rates(self, lane_id: int, rates: Sequence[float | SpanLimit]) -> PlannedCampaign:
        """One of its lanes has these rates, each in place of what it has of that kind.

        What is counted replaces the limit of its span where the lane has one, and is its pace otherwise.
        """
        changed = self
        [lane] = [each for each in self.around.lanes if each.id == lane_id]
        own = {
            limit.span_seconds: limit.id
            for limit in self.around.limits
            if limit.id in lane.limits and not limit.is_shared and not limit.ramp
        }
        for rate in rates:
            if not isinstance(rate, SpanLimit):
                changed = changed.at_rate(lane_id, rate)
            elif rate.span in own:
                changed = changed.at_limit(own[rate.span], rate.most)
            else:
                changed = changed.at_rate(lane_id, rate.most / rate.span)
        return changed

    def at_limit(self, limit_id: int, most: int) -> PlannedCampaign:
        """A limit allows so many messages a span."""
        limits = [
            msgspec.structs.replace(limit, most=most) if limit.id == limit_id else limit
            for limit in self.around.limits
        ]
        return replace(self, around=replace(self.around, limits=limits))

    def through(
        self, added: Sequence[LaneNow], limits: Sequence[LimitNow] = (), weight: float | None = None
    ) -> PlannedCampaign:
        """These lanes as well: what has not left is dealt anew, by rates or weights.

        `weight` is that of each of these; None: the mean of the others'.
        """
        known = {lane.id for lane in self.around.lanes}
        lanes = [*self.around.lanes, *(lane for lane in added if lane.id not in known)]
        around = replace(self.around, lanes=lanes, limits=[*self.around.limits, *limits])
        used = {part.lane_id for part in self.parts} | {lane.id for lane in added}
        weights: dict[int, float] = {}
        if self.weights:
            of_new = fmean(self.weights.values()) if weight is None else weight
            weights = {**dict.fromkeys((lane.id for lane in added), of_new), **self.weights}
        shares = {lane.id: weights.get(lane.id, lane.rate) for lane in lanes if lane.id in used}
        alike: dict[PlannedPart, int] = defaultdict(int)
        for part in self.parts:
            alike[replace(part, lane_id=0, messages=0)] += part.messages
        parts = [
            replace(part, lane_id=lane, messages=messages)
            for part, total in alike.items()
            for lane, messages in shares_of(total, shares).items()
        ]
        return replace(self, around=around, parts=parts, weights=weights)

    def with_more(self, instances: int) -> PlannedCampaign:
        """So many instances more, each like its fastest, with limits of their own that are not used yet."""
        fastest = min(self.own_lanes, key=lambda lane: lane.interval)
        known = {limit.id: limit for limit in self.around.limits}
        added, limits = [], []
        for number in range(1, instances + 1):
            ids = []
            for each in fastest.limits:
                if known[each].is_shared:
                    ids.append(each)
                    continue
                fresh = -(number * 1_000_000 + each)
                limits.append(msgspec.structs.replace(known[each], id=fresh, counts=()))
                ids.append(fresh)
            name = f"another like {fastest.instance}"
            added.append(
                msgspec.structs.replace(
                    fastest,
                    id=-number,
                    instance=name,
                    debt=0.0,
                    rests=0.0,
                    is_stopped=False,
                    trouble_since=None,
                    limits=tuple(ids),
                )
            )
        return self.through(added, limits, self.weights.get(fastest.id))

    @property
    def shared_limits(self) -> Sequence[LimitNow]:
        """Those that count what it sends, of its own or of its instances, and that others may use as well."""
        used = {key for lane in self.own_lanes for key in lane.limits} | {
            key for part in self.parts for key in part.limits
        }
        return [limit for limit in self.around.limits if limit.id in used and limit.is_shared and not limit.ramp]

    @property
    def own_lanes(self) -> Sequence[LaneNow]:
        """Those that it is sent through."""
        used = {part.lane_id for part in self.parts}
        return [lane for lane in self.around.lanes if lane.id in used]


def makes_it(plan: CampaignPlan, deadline: datetime) -> bool:
    """Whether all of it leaves before the deadline, nine of ten times."""
    last = plan.latest_at or plan.ends_at
    return plan.is_paced and last is not None and last <= deadline and not plan.expire


def cheapest_change(campaign: PlannedCampaign, deadline: datetime) -> PlanChange | None:
    """The first kind of change by which it makes the deadline, and no more of it than that needs; None: none does."""
    for kind, find in _FINDERS.items():
        found = next(find(campaign, deadline), None)
        if found is not None:
            says, changed = found
            plan = changed.plan()
            return PlanChange(kind, says, plan.ends_at, plan.latest_at)
    return None


_Found = tuple[str, PlannedCampaign]


def _earlier_start(campaign: PlannedCampaign, deadline: datetime) -> Iterator[_Found]:
    starts, now = campaign.starts_at, campaign.around.now
    if starts is None or starts <= now:
        return
    minutes = ceil((starts - now) / timedelta(minutes=1))

    def earlier(by: int) -> PlannedCampaign:
        return campaign.starting(max(now, starts - timedelta(minutes=by)))

    if (least := _least(lambda by: makes_it(earlier(by).plan(), deadline), minutes)) is not None:
        told = _told(least)
        yield f"a start {duration(told * 60)} earlier", earlier(told)


def _told(minutes: int) -> int:
    """The least that is not less and can be told as it is: of days, `duration` tells no minutes."""
    return minutes if duration_parts(minutes * 60)[0][1] != "day" else ceil(minutes / 60) * 60


def _longer_window(campaign: PlannedCampaign, deadline: datetime) -> Iterator[_Found]:
    if all(_longer(part.hours, 24) == part.hours for part in campaign.parts):
        return
    least = _least(lambda hours: makes_it(campaign.open_longer(hours).plan(), deadline), 24)
    if least is not None:
        yield f"windows that close {least} h later, or at midnight", campaign.open_longer(least)


def _higher_limit(campaign: PlannedCampaign, deadline: datetime) -> Iterator[_Found]:
    """Of the shared limit that has to rise least."""
    found = [each for limit in campaign.shared_limits for each in _larger(campaign, deadline, limit)]
    for _, says, changed in sorted(found, key=lambda each: each[0]):
        yield says, changed


def _larger(
    campaign: PlannedCampaign, deadline: datetime, limit: LimitNow
) -> Iterator[tuple[float, str, PlannedCampaign]]:
    """By which factor one limit has to rise, at least."""
    most = (_MOST_FASTER - 1) * limit.most
    least = _least(lambda more: makes_it(campaign.at_limit(limit.id, limit.most + more).plan(), deadline), most)
    if least is not None:
        raised = SpanLimit(limit.most + least, limit.span_seconds)
        before = SpanLimit(limit.most, limit.span_seconds)
        says = f"limit {limit.name} at {raised} instead of {before}"
        yield raised.most / before.most, says, campaign.at_limit(limit.id, raised.most)


def _higher_rate(campaign: PlannedCampaign, deadline: datetime) -> Iterator[_Found]:
    """Of the instance whose rate has to rise least. Of one with gaps or rests these hold, whatever its rate is."""
    lanes = [lane for lane in campaign.own_lanes if lane.interval and not lane.gaps and not lane.is_stopped]
    found = [each for lane in lanes for each in _faster(campaign, deadline, lane)]
    for _, says, changed in sorted(found, key=lambda each: each[0]):
        yield says, changed


def _faster(
    campaign: PlannedCampaign, deadline: datetime, lane: LaneNow
) -> Iterator[tuple[float, str, PlannedCampaign]]:
    """By which factor the rate of one instance has to rise, at least."""
    # In messages a minute, or an hour where it is slower than that.
    unit = 60.0 if lane.interval <= 60 else 3600.0
    before = 1.0 / lane.interval

    def rate(more: int) -> float:
        return (floor(before * unit) + more) / unit

    most = floor((min(FASTEST, _MOST_FASTER * before) - before) * unit)
    least = _least(lambda more: makes_it(campaign.at_rate(lane.id, rate(more)).plan(), deadline), most)
    if least is not None:
        says = f"instance {lane.instance} at {format_rate(rate(least))} instead of {format_rate(before)}"
        yield rate(least) / before, says, campaign.at_rate(lane.id, rate(least))


def _more_instances(campaign: PlannedCampaign, deadline: datetime) -> Iterator[_Found]:
    least = _least(lambda number: makes_it(campaign.with_more(number).plan(), deadline), MOST_INSTANCES)
    if least is not None:
        fastest = min(campaign.own_lanes, key=lambda lane: lane.interval)
        more = "1 instance" if least == 1 else f"{least} instances"
        yield f"{more} more like {fastest.instance}", campaign.with_more(least)


_FINDERS: dict[ChangeKind, Callable[[PlannedCampaign, datetime], Iterator[_Found]]] = {
    ChangeKind.START: _earlier_start,
    ChangeKind.WINDOW: _longer_window,
    ChangeKind.LIMIT: _higher_limit,
    ChangeKind.RATE: _higher_rate,
    ChangeKind.INSTANCES: _more_instances,
}


def _least(suffices: Callable[[int], bool], most: int) -> int | None:
    """The least number from 1 to `most` that suffices, where more of it is never worse; None: none does."""
    if most < 1 or not suffices(most):
        return None
    low, high = 0, most
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if suffices(middle) else (middle, high)
    return high


def _longer(hours: OpeningHours | None, by: int) -> OpeningHours | None:
    if hours is None:
        return None
    windows = []
    for each in hours.windows:
        window = parse_window(each)
        # One that goes over midnight is left alone.
        closes = min(_DAY_MINUTES, window.closes + by * 60) if window.closes > window.opens else window.closes
        windows.append(str(window._replace(closes=closes)))
    return msgspec.structs.replace(hours, windows=tuple(windows))
