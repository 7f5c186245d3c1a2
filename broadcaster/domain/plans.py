"""The plan of what lanes have to send: when each part of it leaves, under all limits, windows and rests. Pure.

A lane sends the next message as soon as its pace, each limit that counts for it, and the hours of one of its queues
let it. `sending_plan` reckons that by pieces of time in which nothing changes but counts: within a piece the messages
of a lane leave at moments that a formula has. A test compares it with a simulation, message by message. All moments
are in seconds since 1970.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from math import inf
from typing import NamedTuple

from broadcaster.domain.plan_terms import (
    Failover,
    OpenSpan,
    PlannedLane,
    PlannedLimit,
    Slices,
    Succession,
    always_open,
)
from broadcaster.domain.planned_canaries import CanariesAhead
from broadcaster.domain.planned_failovers import FailoversAhead
from broadcaster.domain.planned_lanes import LaneAhead, OpenLane, Share, coupled
from broadcaster.domain.planned_limits import LimitAhead
from broadcaster.domain.planned_people import PeopleAhead, PlannedPeople
from broadcaster.domain.planned_successions import SuccessionsAhead
from broadcaster.domain.sending_plans import Held, Hold, Leaving, SendingPlan
from broadcaster.domain.shared_places import granted

HORIZON = 366 * 86_400.0
"""So far ahead is planned."""


def sending_plan(
    lanes: Sequence[PlannedLane],
    limits: Mapping[int, PlannedLimit],
    now: float,
    day: Callable[[float], OpenSpan] = always_open,
    canaries: Mapping[int, Slices] | None = None,
    successions: Sequence[Succession] = (),
    failovers: Sequence[Failover] = (),
    people: PlannedPeople | None = None,
) -> SendingPlan:
    """What becomes of all that the lanes have to send, from `now` on, if nothing fails and nobody intervenes.

    `day` is the day of a moment; `canaries` are those of campaigns, `successions` those of schedules, and `failovers`
    those of lanes that are in trouble by now; `people` are those who get something of several campaigns. Lanes that
    share a limit take its places as they come.
    """
    plan = SendingPlan(lanes)
    gates: dict[tuple[int, int], float] = {}
    ahead = {key: LimitAhead(limit) for key, limit in limits.items()}
    careful = canaries or {}
    dependent = [*({each} for each in careful), *(set(dict(each.campaigns)) for each in successions)]
    dependent += [{each.campaign} for each in failovers]
    if people is not None:
        dependent.append({queue.campaign for lane in lanes for queue in lane.queues if queue.people})
    for together in coupled([LaneAhead(place, lane, gates) for place, lane in enumerate(lanes)], dependent):
        turns = SuccessionsAhead(together, successions, gates)
        canary = CanariesAhead(together, careful, gates)
        moving = FailoversAhead(together, failovers, ahead)
        theirs = PeopleAhead(together, people or PlannedPeople({}, {}, 0.0), plan.people, ahead)
        _Planning(together, ahead, plan, day, canary, turns, moving, theirs).run(now)
        for lane in together:
            for queue in range(len(lane.queues)):
                if lane.expired[queue]:
                    plan.expired[lane.place, queue] = lane.expired[queue]
                if lane.waiting[queue]:
                    plan.left[lane.place, queue] = lane.waiting[queue]
    return plan


class _Planning:
    """Lanes that share limits, canaries or successions, while they are planned."""

    def __init__(
        self,
        lanes: Sequence[LaneAhead],
        limits: Mapping[int, LimitAhead],
        plan: SendingPlan,
        day: Callable[[float], OpenSpan],
        canaries: CanariesAhead,
        turns: SuccessionsAhead,
        failovers: FailoversAhead,
        people: PeopleAhead,
    ) -> None:
        self._lanes = lanes
        self._limits = {key: limits[key] for lane in lanes for key in lane.all_limits}
        self._plan = plan
        self._day = day
        self._canaries = canaries
        self._turns = turns
        self._failovers = failovers
        self._people = people
        self._today = OpenSpan(-inf, -inf)
        self._priorities = {queue.campaign: queue.priority for lane in lanes for queue in lane.queues}
        self._holding: dict[int, tuple[Hold, int]] = {}
        self._held: dict[int, dict[tuple[Hold, int], Held]] = defaultdict(dict)
        """What campaigns wait for since something of them left last."""
        self._begun: set[int] = set()

    def run(self, now: float) -> None:
        """Until nothing is left, or the HORIZON."""
        end = now + HORIZON
        self._leave_under_way(now)
        while now < end:
            self._plan.pieces += 1
            for lane in self._lanes:
                lane.expire(now)
            self._plan.skipped.update(self._turns.decide(now))
            while self._people.decide(now):
                # What is skipped makes room for the next of its schedule.
                self._plan.skipped.update(self._turns.decide(now))
            self._canaries.open(now)
            for limit in self._limits.values():
                limit.climb(now)
            if moves := list(self._failovers.move(now)):
                self._plan.moves += moves
                for campaign in {move.campaign for move in moves}:
                    self._people.moved(campaign)
                continue
            looks = [(lane, openings) for lane in self._lanes if (openings := lane.openings(now))]
            free = {key: limit.free(now) for key, limit in self._limits.items()}
            waits = self._waits(looks, free, now)
            next_one = min(lane.next_beginning() for lane in self._lanes)
            begins = min(self._failovers.next_move(now), next_one, *(wait.until for wait in waits.values()))
            if begins == inf:
                break
            if begins > now:
                begins = min(begins, self._turns.next_due(now))
                self._note_held(waits, begins - now)
                now = begins
            else:
                sent, after = self._send(looks, free, now, min(end, *self._changes(looks, free, now)))
                if len(waits) > 1:
                    self._note_passed_by(waits, now, after - now, sent)
                now = after
        for lane in self._lanes:
            lane.expire(now)
        self._note_last_waits()

    def _leave_under_way(self, now: float) -> None:
        """What is being sent takes no slot and no place any more."""
        self._today = self._day(now)
        for lane in self._lanes:
            for place, queue in enumerate(lane.queues):
                if queue.is_under_way:
                    self._plan.leaving[self._today.begins, lane.place, place] = Leaving(queue.messages, now, now)
                    self._canaries.left(queue.campaign, now)
                    self._turns.left(queue.campaign, now)
                    self._begun.add(queue.campaign)

    def _note_last_waits(self) -> None:
        """What those waited for of which nothing left any more."""
        for campaign in list(self._held):
            expired = sum(lane.expired_of(campaign) for lane in self._lanes)
            is_vain = campaign in self._begun and expired and not any(lane.left_of([campaign]) for lane in self._lanes)
            self._keep_held(campaign, self._plan.held_in_vain if is_vain else self._plan.held)

    def _waits(self, looks: _Looks, free: Mapping[int, int], now: float) -> dict[int, _Wait]:
        """By campaign, no earlier than when something of it leaves, as far as hours and limits go."""
        found: dict[int, _Wait] = {}
        for lane, openings in looks:
            of_lane = self._full(lane.limits, free, now)
            for place, (begins, ends) in openings:
                campaign = lane.queues[place].campaign
                opens = max(begins, now) if begins < ends else ends
                limits = lane.queues[place].limits
                free_at, full = max(of_lane, self._full(limits, free, now)) if limits else of_lane
                until = max(opens, free_at)
                if campaign not in found or until < found[campaign].until:
                    hold = _reason(lane, place, opens) if opens >= free_at else (Hold.LIMIT, full)
                    found[campaign] = _Wait(until, *hold)
        return found

    def _full(self, limits: Iterable[int], free: Mapping[int, int], now: float) -> tuple[float, int]:
        """Which of them has no place for longest, and when it has one; minus infinity: all have."""
        full_ones = [(self._limits[each].free_at(now), each) for each in limits if not free[each]]
        return max(full_ones, default=(-inf, 0))

    def _changes(self, looks: _Looks, free: Mapping[int, int], now: float) -> Iterator[float]:
        """When something changes next that is no count."""
        if now >= self._today.ends:
            self._today = self._day(now)
        yield self._today.ends
        yield from self._canaries.changes(now)
        yield from self._turns.changes(now)
        yield from self._failovers.changes(now)
        yield from self._people.changes(now)
        yield from (lane.next_beginning() for lane in self._lanes)
        for _, openings in looks:
            yield from (begins if begins > now else ends for _, (begins, ends) in openings if ends > now)
        for key, limit in self._limits.items():
            if not free[key]:
                yield limit.free_at(now)
            if limit.climbs_at > now:
                yield limit.climbs_at

    def _send(self, looks: _Looks, free: Mapping[int, int], now: float, until: float) -> tuple[set[int], float]:
        """Let leave what may before the next change; returns of which campaigns, and when to look again."""
        lanes = list(_open_lanes(looks, free, now))
        wanted = [int(min(each.lane.slots(now, until), sum(each.waiting))) for each in lanes]
        numbers, until, cut = granted(lanes, wanted, free, lambda key: self._limits[key].frees_at(now), now, until)
        leaving = [(each, number, each.limits) for each, number in zip(lanes, numbers, strict=True) if number]
        for key, limit in self._limits.items():
            if shares := [Share(each, number, key) for each, number, limits in leaving if key in limits]:
                limit.take(now, shares)
        sent: set[int] = set()
        done = now
        for each, messages, _ in leaving:
            done = max(done, each.lane.slot(now, messages - 1))
            sent |= self._leave(each.lane, each.queues, messages, now)
        self._begun |= sent
        for campaign in sent:
            self._holding.pop(campaign, None)
            self._keep_held(campaign, self._plan.held)
        if not sent or any(any(each.waiting) for each in lanes if each.lane.place not in cut):
            return sent, until
        # Nothing is left of what is open, or no place for it. Where a lane is alone, it is known for how long.
        if len(self._lanes) > 1 or not cut:
            return sent, done
        self._note_full(lanes[0], cut[lanes[0].lane.place], until - done)
        return sent, until

    def _note_full(self, each: OpenLane, limit: int, seconds: float) -> None:
        """For so long the limit has no place for what is open."""
        for campaign in {each.lane.queues[place].campaign for place in each.queues if each.lane.waiting[place]}:
            self._hold(campaign, Hold.LIMIT, limit, seconds)

    def _leave(self, lane: LaneAhead, queues: Sequence[int], messages: int, now: float) -> set[int]:
        """So many messages leave; returns of which campaigns."""
        sent = set()
        for turn in lane.dealt(queues, messages):
            first, last = lane.slot(now, turn.first), lane.slot(now, turn.last)
            campaign = lane.queues[turn.queue].campaign
            of_day = self._today.begins, lane.place, turn.queue
            known = self._plan.leaving.setdefault(of_day, Leaving(0, first, last))
            known.messages += turn.messages
            known.last = last
            self._canaries.left(campaign, last)
            self._turns.left(campaign, last)
            if people := lane.queues[turn.queue].people:
                self._people.left(people, campaign, last)
            sent.add(campaign)
        lane.send(now, messages)
        return sent

    def _note_held(self, waits: Mapping[int, _Wait], seconds: float) -> None:
        """Nothing leaves for so long."""
        for campaign, wait in waits.items():
            self._hold(campaign, wait.hold, wait.key, seconds)

    def _note_passed_by(self, waits: Mapping[int, _Wait], now: float, seconds: float, sent: set[int]) -> None:
        """For so long only these campaigns send: others wait for hours or limits, or for a higher priority."""
        first = max(sent, key=self._priorities.__getitem__, default=None)
        for campaign, wait in waits.items():
            if campaign in sent:
                continue
            if wait.until > now:
                self._hold(campaign, wait.hold, wait.key, seconds)
            elif first is not None and self._priorities[first] > self._priorities[campaign]:
                self._hold(campaign, Hold.OTHERS, first, seconds)

    def _hold(self, campaign: int, hold: Hold, key: int, seconds: float) -> None:
        held = self._held[campaign].setdefault((hold, key), Held())
        held.seconds += seconds
        held.times += campaign in self._begun and self._holding.get(campaign) != (hold, key)
        self._holding[campaign] = hold, key

    def _keep_held(self, campaign: int, kept: dict[tuple[int, Hold, int], Held]) -> None:
        for (hold, key), held in self._held.pop(campaign, {}).items():
            known = kept.setdefault((campaign, hold, key), Held())
            known.times += held.times
            known.seconds += held.seconds


class _Wait(NamedTuple):
    """Until when a campaign waits at least, and for what."""

    until: float
    hold: Hold
    key: int


_Looks = Sequence[tuple[LaneAhead, Sequence[tuple[int, OpenSpan]]]]
"""The lanes with something left, each with the openings of its queues."""


def _open_lanes(looks: _Looks, free: Mapping[int, int], now: float) -> Iterator[OpenLane]:
    """The lanes with queues that are open and have a place, each with these: first which closes first."""
    for lane, openings in looks:
        if not all(free[each] for each in lane.limits):
            continue
        opened = sorted(
            (ends, place)
            for place, (begins, ends) in openings
            if begins <= now < ends and all(free[each] for each in lane.queues[place].limits)
        )
        if opened:
            yield OpenLane(lane, [place for _, place in opened])


def _reason(lane: LaneAhead, place: int, opens: float) -> tuple[Hold, int]:
    """What the queue waits for until then."""
    queue = lane.queues[place]
    if lane.gate(place) >= opens and (queue.slice or lane.gate(place) > queue.not_before):
        return (Hold.CANARY if queue.slice else Hold.EARLIER), 0
    # What never opens, as far as is known, is stopped, and waits for no hours.
    return (Hold.WINDOW if inf > lane.hours_open(place) >= opens else Hold.START), 0
