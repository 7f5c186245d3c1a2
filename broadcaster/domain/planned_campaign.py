"""What a campaign has to send, through what, and what it would be if something of that were changed. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import msgspec

from broadcaster.domain.campaign_plans import CampaignPlan
from broadcaster.domain.dealing import Dealing, is_worth_moving, shares_of
from broadcaster.domain.gaps import Gaps
from broadcaster.domain.lanes_now import LaneNow, LimitNow
from broadcaster.domain.opening_hours import OpeningHours, closing_later
from broadcaster.domain.pacing import format_rate
from broadcaster.domain.planned_parts import PlannedPart
from broadcaster.domain.planned_shares import dealing_of
from broadcaster.domain.sending_plans import Hold
from broadcaster.domain.span_limits import Rates, SpanLimit, with_rates
from broadcaster.domain.surroundings import Surroundings

_MOST_TRIED = 3
"""Limits without which a campaign is planned, too."""


@dataclass(frozen=True, slots=True)
class PlannedCampaign:
    """What a campaign has to send, through what, and from when on. Each change makes another one."""

    around: Surroundings
    parts: Sequence[PlannedPart]
    starts_at: datetime | None = None
    """When it is to start; None: it has, or does so at once."""
    weights: Mapping[int, float] = field(default_factory=dict)
    """By which its lanes (ids) share its messages; empty: by when each of them can send."""
    in_use: Collection[int] = ()
    """Its lanes (ids), also those that have nothing of it."""
    is_dealt: bool = True
    """Whether its messages stay with their lanes; otherwise they are dealt once it starts."""

    def plan(self) -> CampaignPlan:
        """When it is sent."""
        return self.around.plan(self.parts, begins_at=self.starts_at)

    def days_without(self, plan: CampaignPlan) -> dict[str, int]:
        """On how many days it would be sent without a limit that its `plan` waits for, by the limit.

        Only where these are fewer than with it.
        """
        waited = [wait.what for wait in plan.waits if wait.cause is Hold.LIMIT][:_MOST_TRIED]
        found: dict[str, int] = {}
        if plan.sent_on < 2:
            return found
        for limit in (each for each in self.around.limits if str(each) in waited and self._may_matter(each, plan)):
            limits = [each for each in self.around.limits if each is not limit]
            without = replace(self, around=replace(self.around, limits=limits))._settled()
            days = without.around.sent_on(without.parts, begins_at=without.starts_at)
            if days < plan.sent_on:
                found[str(limit)] = days
        return found

    def _may_matter(self, limit: LimitNow, plan: CampaignPlan) -> bool:
        """Whether it could be sent on fewer days without the limit.

        It could not where lanes that the limit does not count send on all of these days anyway.
        """
        ids = {part.campaign for part in self.parts}
        depends = self.around.people is not None or ids & {*self.around.canaries, *self.around.failovers}
        if not self.is_dealt or depends or any(limit.id in part.limits for part in self.parts):
            return True
        counted = {lane.instance for lane in self.around.lanes if limit.id in lane.limits}
        return len({each.day for each in plan.days if each.instance not in counted}) < plan.sent_on

    def waiting_beside(self) -> int:
        """How many messages its lanes have of others when it starts now, without those that will be skipped."""
        own, beside = {lane.id for lane in self.own_lanes}, Counter[int]()
        there = Counter[int]()
        for part in self.around.beside:
            beside[part.campaign] += part.messages
            there[part.campaign] += part.messages if part.lane_id in own else 0
        if self.around.people is None:
            return there.total()
        plans = self.around.plans(self.parts, campaigns=list(there))
        # Which of its lanes has those who are skipped is not known.
        return sum(round(there[each] * plans[each].messages / beside[each]) for each in there if beside[each])

    def starting(self, starts_at: datetime | None) -> PlannedCampaign:
        """The same, started then; None: now. Those who wait for their people wait as long."""
        parts = [part if part.rule else replace(part, not_before=None) for part in self.parts]
        return replace(self, parts=parts, starts_at=starts_at)._settled()

    def open_longer(self, hours: int) -> PlannedCampaign:
        """Its windows close so many hours later, but no later than at midnight."""
        parts = [replace(part, hours=closing_later(part.hours, hours)) for part in self.parts]
        return replace(self, parts=parts)._settled()

    def lane_open_longer(self, hours: int, lanes: Collection[int]) -> PlannedCampaign:
        """The windows of these lanes (ids) close so many hours later, but no later than at midnight."""
        changed = [
            msgspec.structs.replace(lane, hours=closing_later(lane.hours, hours)) if lane.id in lanes else lane
            for lane in self.around.lanes
        ]
        return replace(self, around=replace(self.around, lanes=changed))._settled()

    def going_on(self, lanes: Collection[int]) -> PlannedCampaign:
        """These lanes (ids) send from now on, whatever stops them."""
        return replace(self, around=self.around.going_on(lanes))._settled()

    def at_rate(self, lane_id: int, rate: float | None) -> PlannedCampaign:
        """One of its lanes sends so many messages a second; None: any number. Gaps, rests and what is counted stay."""
        lane = self._lane(lane_id)
        interval = (lane.gaps or Gaps()).typical_interval(rate) if rate else 0.0
        return self._with_lane(msgspec.structs.replace(lane, interval=interval, tolerance=0.0, pace_rate=rate))

    def at_rates(self, lane_id: int, rates: Sequence[float | SpanLimit]) -> PlannedCampaign:
        """One of its lanes has these rates, each in place of what it has of that span, as `instance set --rate` does.

        What is counted now counts from nothing on, where no limit of that span was there.
        """
        lane, own = self._lane(lane_id), self.own_limits(lane_id)
        counted = tuple(SpanLimit(limit.most, limit.span_seconds) for limit in own)
        before = Rates(lane.pace_rate or lane.rate, tuple(sorted(counted, key=lambda limit: limit.span)))
        after = with_rates(before, [str(each) if isinstance(each, SpanLimit) else format_rate(each) for each in rates])
        changed = self if after.pace == before.pace else self.at_rate(lane_id, after.pace)
        by_span = {limit.span_seconds: limit for limit in own}
        kept = [limit for limit in changed.around.limits if limit not in own]
        ids = [key for key in lane.limits if key not in {limit.id for limit in own}]
        for each in after.counted:
            new = LimitNow(
                id=-(1_000_000_000 + lane_id * 100_000 + each.span),
                name=lane.instance,
                is_shared=False,
                most=each.most,
                span_seconds=each.span,
                grace_seconds=0.0,
                counts=(),
                newest=0,
            )
            kept.append(msgspec.structs.replace(by_span.get(each.span, new), most=each.most))
            ids.append(kept[-1].id)
        changed = replace(changed, around=replace(changed.around, limits=kept))
        return changed._with_lane(msgspec.structs.replace(changed._lane(lane_id), limits=tuple(ids)))._settled()

    def at_limit(self, limit_id: int, most: int) -> PlannedCampaign:
        """A limit allows so many messages a span."""
        limits = [
            msgspec.structs.replace(limit, most=most) if limit.id == limit_id else limit
            for limit in self.around.limits
        ]
        return replace(self, around=replace(self.around, limits=limits))._settled()

    def through(
        self, added: Sequence[LaneNow], limits: Sequence[LimitNow] = (), weight: float | None = None
    ) -> PlannedCampaign:
        """These lanes as well: what has not left is dealt anew.

        `weight` is that of each of these where lanes have weights; None: the mean of the others'.
        """
        known = {lane.id for lane in self.around.lanes}
        lanes = [*self.around.lanes, *(lane for lane in added if lane.id not in known)]
        around = replace(self.around, lanes=lanes, limits=[*self.around.limits, *limits])
        ids = [lane.id for lane in added]
        weights: Mapping[int, float] = {}
        if self.weights:
            of_new = sum(self.weights.values()) / len(self.weights) if weight is None else weight
            weights = {**dict.fromkeys(ids, of_new), **self.weights}
        in_use = {*self._used, *ids}
        return replace(self, around=around, weights=weights, in_use=in_use).dealt()

    def with_instances(self, lanes: Collection[int]) -> PlannedCampaign:
        """These lanes (ids) as well, which are around it."""
        return self.through([lane for lane in self.around.lanes if lane.id in lanes]) if lanes else self

    def sent_through(self, weights: Mapping[int, float | None]) -> PlannedCampaign:
        """Through these lanes (ids), which are around it, and no others: what has not left is dealt anew.

        Each with its weight; None: by when it can send.
        """
        known = {lane: weight for lane, weight in weights.items() if weight is not None}
        return replace(self, weights=known, in_use=set(weights))._dealt_to(weights)

    def with_terms(
        self, *, hours: OpeningHours | None, priority: int, expires_at: datetime | None, limits: Sequence[int]
    ) -> PlannedCampaign:
        """With these terms. Its messages stay with their lanes; those who wait for their people wait as long."""
        parts = [
            replace(
                part,
                hours=hours,
                priority=priority,
                expires_at=expires_at,
                limits=tuple(sorted(limits)),
                not_before=part.not_before if part.rule else None,
            )
            for part in self.parts
        ]
        return replace(self, parts=parts)

    def to_be_started(self) -> PlannedCampaign:
        """A draft, as its messages are dealt once it is started."""
        there = Counter[int]()
        for part in self.parts:
            there[part.lane_id] += part.messages
        dealt, shares = self.dealt(), Counter[int]()
        for part in dealt.parts:
            shares[part.lane_id] += part.messages
        return dealt if not self.weights and is_worth_moving(there, shares) else self

    def dealt(self) -> PlannedCampaign:
        """The same with what has not left dealt anew to all of its lanes."""
        return self._dealt_to(self._used)

    def _dealt_to(self, lanes: Collection[int]) -> PlannedCampaign:
        alike: dict[PlannedPart, int] = defaultdict(int)
        for part in self._pending:
            alike[replace(part, lane_id=0, messages=0)] += part.messages
        if not alike:
            return self
        rates = {lane.id: self.weights.get(lane.id, lane.rate) for lane in self.around.lanes if lane.id in lanes}
        most = max(alike, key=lambda part: alike[part])
        dealing = Dealing(rates) if self.weights else dealing_of(self.around, rates, most, self.starts_at)
        shares = dealing.shares(sum(alike.values()))
        parts = [
            replace(part, lane_id=lane, messages=messages)
            for part, total in alike.items()
            for lane, messages in shares_of(total, shares).items()
        ]
        return replace(self, parts=[*(part for part in self.parts if part.is_under_way), *parts])

    @property
    def shared_limits(self) -> Sequence[LimitNow]:
        """Those that count what it sends, of its own or of its instances, and that others may use as well."""
        used = {key for lane in self.own_lanes for key in lane.limits} | {
            key for part in self.parts for key in part.limits
        }
        return [limit for limit in self.around.limits if limit.id in used and limit.is_shared and not limit.ramp]

    def own_limits(self, lane_id: int) -> Sequence[LimitNow]:
        """What is counted of one of its lanes alone, but for a ramp."""
        keys = self._lane(lane_id).limits
        return [each for each in self.around.limits if each.id in keys and not each.is_shared and not each.ramp]

    @property
    def hours(self) -> OpeningHours | None:
        """Those of the campaign."""
        return self.parts[0].hours if self.parts else None

    @property
    def own_lanes(self) -> Sequence[LaneNow]:
        """Those that it is sent through."""
        return [lane for lane in self.around.lanes if lane.id in self._used]

    @property
    def _used(self) -> Collection[int]:
        return {*self.in_use, *(part.lane_id for part in self._pending)}

    @property
    def _pending(self) -> Sequence[PlannedPart]:
        """What has not begun to leave."""
        return [part for part in self.parts if not part.is_under_way]

    def _settled(self) -> PlannedCampaign:
        return self if self.is_dealt else self.dealt()

    def _lane(self, lane_id: int) -> LaneNow:
        return next(lane for lane in self.around.lanes if lane.id == lane_id)

    def _with_lane(self, changed: LaneNow) -> PlannedCampaign:
        lanes = [changed if lane.id == changed.id else lane for lane in self.around.lanes]
        return replace(self, around=replace(self.around, lanes=lanes))._settled()
