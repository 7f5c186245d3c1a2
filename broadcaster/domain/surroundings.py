"""From lanes, limits and hours as they are stored to plans of the campaigns that are sent beside each other. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from math import inf
from zoneinfo import ZoneInfo

from broadcaster.domain.campaign_plans import CampaignPlan, StoppedInstance
from broadcaster.domain.care import Care
from broadcaster.domain.dealing import Dealing, LaneRates
from broadcaster.domain.failover_plans import FailoverRule, planned_moves
from broadcaster.domain.frequency import people_waited_for
from broadcaster.domain.lanes_now import LaneNow, LimitNow, Luck, moment_of_seconds, seconds_or
from broadcaster.domain.opening_hours import NOBODY
from broadcaster.domain.plan_terms import (
    NEVER,
    Days,
    Failover,
    OpenSpan,
    PlannedLane,
    Queue,
    Slices,
    Succession,
    Taker,
)
from broadcaster.domain.planned_hours import PlannedHours
from broadcaster.domain.planned_parts import OWN, PlannedPart, slices_of
from broadcaster.domain.planned_people import PlannedPeople
from broadcaster.domain.plans import sending_plan
from broadcaster.domain.sending_plans import Hold, Leaving, SendingPlan
from broadcaster.domain.skips import Skipped, joined_skips
from broadcaster.domain.told_sending import planned_days, planned_skips, planned_stays, planned_waits, waiting_people

_MOST_PIECES = 30_000
"""Of a plan that is made three times, for a band."""
_LATE = timedelta(seconds=2)
"""Something begins up to two ticks after it is due."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a campaign is sent through and beside, as it stands at one moment."""

    now: datetime
    lanes: Sequence[LaneNow]
    limits: Sequence[LimitNow]
    reserve: timedelta
    """How long before it closes something is as good as closed."""
    zone: ZoneInfo
    """Whose days count."""
    margin: timedelta = timedelta(0)
    """How long before that, where it is dealt for: what is dealt leaves somewhat later than planned."""
    beside: Sequence[PlannedPart] = ()
    """What other campaigns have to send."""
    canaries: Mapping[int, Slices] = field(default_factory=dict)
    """Of campaigns that have one."""
    names: Mapping[int, str] = field(default_factory=dict)
    """Of other campaigns."""
    skips: Mapping[int, Sequence[Skipped]] = field(default_factory=dict)
    """How many of the other messages of campaigns are skipped, by campaign."""
    dealing: Callable[[Surroundings, LaneRates, PlannedPart, datetime | None], Dealing] | None = None
    """How lanes share messages alike by when they can send (`planned_shares.dealing_of`). None: by their rates."""
    begun: Mapping[int, int] = field(default_factory=dict)
    """How many messages campaigns have in all of which some has left."""
    successions: Sequence[Succession] = ()
    """Of schedules: which campaigns are not sent beside each other."""
    failovers: Mapping[int, FailoverRule] = field(default_factory=dict)
    """Of campaigns that ask for them."""
    people: PlannedPeople | None = None
    """Groups of people who get something of several campaigns; None: none are known."""
    hours: PlannedHours = field(default_factory=PlannedHours, compare=False)
    """What is reckoned once for all plans of these surroundings, and of those that are made from them."""

    def shares(self, weights: Mapping[int, float | None]) -> LaneRates:
        """By what these lanes (ids) share messages: each by its weight or, where that is None, by its rate."""
        rates = {lane.id: lane.rate for lane in self.lanes}
        return {lane: rates[lane] if weight is None else weight for lane, weight in weights.items()}

    def with_canary(self, campaign: int, care: Care | None) -> Surroundings:
        """The same with the slices of this campaign's canary, if it has one."""
        slices = slices_of(care)
        return self if slices is None else replace(self, canaries={**self.canaries, campaign: slices})

    def with_failover(self, campaign: int, after: float | None, weights: LaneRates) -> Surroundings:
        """The same where others of this campaign's lanes send what one in trouble has, after so many seconds of that.

        None: they do not. They share by these weights.
        """
        if after is None:
            return self
        return replace(self, failovers={**self.failovers, campaign: FailoverRule(timedelta(seconds=after), weights)})

    def of(self, name: str) -> list[PlannedPart]:
        """What the campaign called `name` has to send."""
        return [part for part in self.beside if self.names[part.campaign] == name]

    def without(self, name: str) -> Surroundings:
        """The same without what the campaign called `name` has to send."""
        return replace(self, beside=[part for part in self.beside if self.names[part.campaign] != name])

    def going_on(self, lanes: Collection[int]) -> Surroundings:
        """The same if these lanes (ids) sent from now on, whatever stops them."""
        return replace(
            self, lanes=[lane.going_on if lane.is_stopped and lane.id in lanes else lane for lane in self.lanes]
        )

    def plan(
        self, parts: Sequence[PlannedPart], *, begins_at: datetime | None = None, rate: float = 0.0
    ) -> CampaignPlan:
        """When these parts of one campaign leave, beside all others.

        `begins_at`: None is now. Lanes without a limit send no faster than at `rate`, in messages a second; 0: not
        known.
        """
        begins = max(self.now, begins_at or self.now)
        parts = self._from(begins, parts)
        campaign = parts[0].campaign if parts else OWN
        return replace(self.plans(parts, rate=rate, campaigns=[campaign])[campaign], begins_at=begins)

    def sent_on(self, parts: Sequence[PlannedPart], *, begins_at: datetime | None = None) -> int:
        """On how many days these parts of one campaign leave, where chance does as it usually does."""
        planned = self._planned(self._from(max(self.now, begins_at or self.now), parts), Luck.USUAL, 0.0)
        return len({each.day for each in planned_days(planned, parts[0].campaign, self.lanes, self.zone)})

    def _from(self, begins: datetime, parts: Sequence[PlannedPart]) -> Sequence[PlannedPart]:
        """The same, which do not leave before it begins."""
        if begins <= self.now:
            return parts
        return [replace(part, not_before=max(begins, part.not_before or begins)) for part in parts]

    def plans(
        self, parts: Sequence[PlannedPart], *, campaigns: Iterable[int], rate: float = 0.0
    ) -> dict[int, CampaignPlan]:
        """The same of several campaigns that have these parts, by campaign."""
        usual = self._planned(parts, Luck.USUAL, rate)
        is_certain = not any(lane.variance or lane.again or lane.latency for lane in self.lanes)
        plans = {Luck.USUAL: usual}
        for luck in (Luck.GOOD, Luck.BAD):
            # What takes so many pieces goes by limits, whatever chance does.
            known = is_certain or usual.pieces > _MOST_PIECES
            plans[luck] = usual if known else self._planned(parts, luck, rate)
        return {campaign: self._told(plans, parts, campaign, rate) for campaign in campaigns}

    def _told(
        self, plans: Mapping[Luck, SendingPlan], parts: Sequence[PlannedPart], campaign: int, rate: float
    ) -> CampaignPlan:
        plan = plans[Luck.USUAL]
        own = [part for part in (*self.beside, *parts) if part.campaign == campaign and part.messages]
        takers = {self.lanes[each.taker].id for each in plan.moves if each.campaign == campaign}
        lanes = [lane for lane in self.lanes if lane.id in takers | {part.lane_id for part in own}]
        waiting = takers | {part.lane_id for part in own if not part.is_under_way}
        waits, in_vain = (
            list(planned_waits(held, campaign, self.limits, self.names)) for held in (plan.held, plan.held_in_vain)
        )
        expire, expire_stopped = plan.expiring(campaign), self._expiring_stopped(plan, campaign, own)
        nothing_leaves = plan.begins_at(campaign) is None
        in_time = [each for each in own if nothing_leaves or self._may_leave(each)]
        too_late = [each for each in own if not (nothing_leaves or self._may_leave(each))]
        skips = planned_skips(plan, campaign, sum(part.messages for part in own))
        early, ends, late = (
            None if expire_stopped else self._ends_at(plans[luck], campaign, luck)
            for luck in (Luck.GOOD, Luck.USUAL, Luck.BAD)
        )
        return CampaignPlan(
            begins_at=self.now,
            ends_at=ends,
            is_paced=bool(waits or in_vain or rate) or any(lane.is_told for lane in lanes),
            expire=expire,
            days=list(planned_days(plan, campaign, self.lanes, self.zone)),
            waits=waits,
            first_at=_moment(plan.begins_at(campaign)),
            earliest_at=min(early, ends) if early and ends else None,
            latest_at=max(late, ends) + _LATE if late and ends else None,
            remaining=plan.remaining(campaign),
            messages=sum(part.messages for part in own) - sum(each.messages for each in skips),
            expires_at=min((part.expires_at for part in own if part.expires_at), default=None) if expire else None,
            stopped=[
                StoppedInstance(lane.instance, lane.health) for lane in lanes if lane.is_stopped and lane.id in waiting
            ],
            expire_stopped=expire_stopped,
            stays=list(planned_stays(plan, campaign, self.lanes)),
            fails_over=campaign in self.failovers,
            waiting_people=list(waiting_people(in_time)),
            expire_about=not (
                (in_vain or too_late)
                and all(each.cause in (Hold.LIMIT, Hold.CANARY) for each in in_vain)
                and (in_vain or sum(part.messages for part in too_late) == expire)
            ),
            waits_in_vain=[
                *(each.what for each in in_vain),
                *people_waited_for(each.rule for each in too_late if each.rule),
            ],
            skips=joined_skips([*self.skips.get(campaign, ()), *skips]),
            put_off={rule: messages for (of, rule), messages in plan.people.put_off.items() if of == campaign},
            is_skipped=campaign in plan.skipped,
            rest_of=self.begun.get(campaign),
            moves=planned_moves(plan.moves, self.lanes, campaign),
        )

    def _expiring_stopped(self, plan: SendingPlan, campaign: int, own: Sequence[PlannedPart]) -> int:
        """How many of those that expire may leave before if the lanes go on that have them, and stand still."""
        stopped = {lane.id: lane for lane in self.lanes if lane.is_stopped}
        waiting = (part for part in own if part.lane_id in stopped and not part.is_under_way)
        opening = (part for part in waiting if self._opens(stopped[part.lane_id], part))
        expiring = plan.expiring_by_lane(campaign)
        of_stopped = sum(expiring[place] for place, lane in enumerate(self.lanes) if lane.is_stopped)
        return min(of_stopped, sum(part.messages for part in opening))

    def _opens(self, lane: LaneNow, part: PlannedPart) -> bool:
        """Whether the lane may send it before it expires, as far as hours go."""
        reserve, margin = self.reserve.total_seconds(), self.margin.total_seconds()
        begins_at = seconds_or(part.not_before, self.now.timestamp())
        opens = self.hours.opening(lane.hours, part.hours, part.group, reserve, margin)(begins_at).begins
        return max(begins_at, opens) < seconds_or(part.expires_at) - reserve

    def _ends_at(self, plan: SendingPlan, campaign: int, luck: Luck) -> datetime | None:
        """When the last message of a campaign leaves, with the tries that some of the last ones need."""

        def tries(lane: int, each: Leaving) -> float:
            return self.lanes[lane].last_tries(luck, each.messages, each.last - each.first)

        return _moment(plan.ends_at(campaign, tries))

    def sending(self, parts: Sequence[PlannedPart], day: Days) -> SendingPlan:
        """What becomes of these parts, beside all others, by the days that `day` makes."""
        return self._planned(parts, Luck.USUAL, 0.0, day)

    def _planned(
        self,
        parts: Sequence[PlannedPart],
        luck: Luck,
        rate: float,
        day: Days | None = None,
    ) -> SendingPlan:
        by_lane: dict[int, list[PlannedPart]] = defaultdict(list)
        for part in (*parts, *self.beside):
            if part.messages:
                by_lane[part.lane_id].append(part)
        failovers = list(self._failovers(by_lane))
        own = sum(part.messages for part in parts)
        lanes, limits = [], {each.id: each.planned for each in self.limits}
        for lane in self.lanes:
            pace = lane.pace(luck, sum(part.messages for part in by_lane[lane.id]))
            share = sum(part.messages for part in parts if part.lane_id == lane.id)
            if rate and share and not lane.interval:
                pace = replace(pace, interval=max(pace.interval, own / rate / share))
            planned = PlannedLane(
                pace=pace,
                queues=[self._queue(lane, part, limits) for part in by_lane[lane.id]],
                clock=self.now.timestamp() + lane.debt,
                not_before=self.now.timestamp() + lane.rests if lane.rests else -inf,
                limits=[each for each in lane.limits if each in limits],
            )
            lanes.append(planned)
        now = self.now.timestamp()
        days = day or self._day
        return sending_plan(lanes, limits, now, days, self.canaries, self.successions, failovers, self.people)

    def _failovers(self, by_lane: Mapping[int, list[PlannedPart]]) -> Iterator[Failover]:
        """Of lanes in trouble. For each part of theirs every lane that takes gets one, which is empty yet."""
        for campaign, rule in self.failovers.items():
            own = {
                lane: [part for part in of_lane if part.campaign == campaign and not part.is_under_way]
                for lane, of_lane in by_lane.items()
            }
            own = {lane: of_lane for lane, of_lane in own.items() if of_lane}
            starts_at = min((part.not_before or self.now for each in own.values() for part in each), default=self.now)
            expires_at = min((seconds_or(part.expires_at) for each in own.values() for part in each), default=inf)
            takers = rule.takers(self.lanes, own)
            for place, lane in enumerate(self.lanes):
                if takers and lane.id in own and lane.trouble_since is not None:
                    yield Failover(
                        campaign,
                        place,
                        rule.begins_at(lane, max(self.now, starts_at)).timestamp(),
                        [self._taker(*each, rule, by_lane, lane.id, campaign) for each in takers],
                        keeps_one=lane.is_down,
                        stays=rule.stays.get(lane.id, 0),
                        expires_at=expires_at,
                        shares=self._shares_of_moved(campaign, rule, own[lane.id][0]),
                    )

    def _shares_of_moved(
        self, campaign: int, rule: FailoverRule, like: PlannedPart
    ) -> Callable[[float, int, Collection[int]], Mapping[int, int]] | None:
        """As `Failover.shares`: by when each can send beside all others, where the campaign has no weights."""
        dealing = self.dealing
        if dealing is None or any(weight is not None for weight in rule.weights.values()):
            return None
        around = replace(self, beside=[part for part in self.beside if part.campaign != campaign])

        def shares(at: float, messages: int, places: Collection[int]) -> Mapping[int, int]:
            rates = {self.lanes[place].id: self.lanes[place].rate for place in places}
            found = dealing(around, rates, like, moment_of_seconds(at)).shares(messages)
            return {place: found[self.lanes[place].id] for place in places}

        return shares

    def _taker(
        self,
        place: int,
        lane: LaneNow,
        rule: FailoverRule,
        by_lane: Mapping[int, list[PlannedPart]],
        giver: int,
        campaign: int,
    ) -> Taker:
        queues = {}
        for queue, part in enumerate(by_lane[giver]):
            if part.campaign == campaign and not part.is_under_way:
                queues[queue] = len(by_lane[lane.id])
                by_lane[lane.id].append(replace(part, lane_id=lane.id, messages=0))
        return Taker(place, rule.weight(lane), lane.rate, queues, self.hours.opening(lane.hours, None, NOBODY, 0.0))

    def _queue(self, lane: LaneNow, part: PlannedPart, limits: Collection[int]) -> Queue:
        reserve, margin = self.reserve.total_seconds(), self.margin.total_seconds()
        open_hours = self.hours.opening(lane.hours, part.hours, part.group, reserve, margin)
        return Queue(
            messages=part.messages,
            opening=_never if lane.is_stopped else open_hours,
            not_before=seconds_or(part.not_before, -inf),
            expires_at=seconds_or(part.expires_at) - reserve,
            campaign=part.campaign,
            priority=part.priority,
            slice=part.slice,
            limits=[each for each in part.limits if each in limits],
            people=part.people,
            is_under_way=part.is_under_way,
        )

    def _day(self, moment: float) -> OpenSpan:
        day = moment_of_seconds(moment).astimezone(self.zone).date()
        begins, ends = (
            datetime.combine(day + timedelta(days=ahead), datetime.min.time(), self.zone).timestamp()
            for ahead in (0, 1)
        )
        return OpenSpan(begins, ends)

    def _may_leave(self, part: PlannedPart) -> bool:
        """Whether it is due before it expires."""
        return part.expires_at is None or (part.not_before or self.now) < part.expires_at - self.reserve


def _never(_at: float) -> OpenSpan:
    return NEVER


def _moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else moment_of_seconds(seconds)
