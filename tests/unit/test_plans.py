"""Plans of what lanes send, compared with a simulation message by message."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from math import inf

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from broadcaster.domain.pacing import Pace, pace
from broadcaster.domain.plan_terms import (
    NEVER,
    OpenSpan,
    PlannedLane,
    PlannedLimit,
    Queue,
    Slices,
    Succession,
    always_open,
)
from broadcaster.domain.plans import HORIZON, sending_plan
from broadcaster.domain.sending_plans import Hold
from broadcaster.domain.span_limits import RollingCount, SpanLimit

NOW = 1_800_000_000.0
GRACE = 40.0
DAY, HOUR = 86_400, 3_600


class Simulation:
    """Message by message: the next one is always the one that may leave first."""

    def __init__(
        self,
        lanes: Sequence[PlannedLane],
        limits: Mapping[int, PlannedLimit],
        now: float,
        canaries: Mapping[int, Slices] | None = None,
        successions: Sequence[Succession] = (),
    ) -> None:
        self.lanes, self.now = lanes, now
        self.turns = [([turn for turn in each.campaigns if turn[1] > -inf], each.is_skipped) for each in successions]
        self.gates = {campaign: at for each in successions for campaign, at in each.campaigns}
        self.sent = [{campaign for campaign, at in each.campaigns if at == -inf} for each in successions]
        self.skipped: set[int] = set()
        self.has_raced = False
        """Whether a campaign waited for another's end while a third one was sent: a plan looks once a second, as ticks
        do, so that what leaves meanwhile may be of either."""
        self.counts = {key: limit.count for key, limit in limits.items()}
        self.steps = {key: list(limit.steps) for key, limit in limits.items()}
        self.climbs_at = {key: limit.climbs_at for key, limit in limits.items()}
        self.clocks = [lane.clock for lane in lanes]
        self.canaries = canaries or {}
        self.waiting = {
            (place, each): queue.messages for place, lane in enumerate(lanes) for each, queue in enumerate(lane.queues)
        }
        self.left: dict[tuple[int, int], list[float]] = {queue: [] for queue in self.waiting}
        self.served: dict[tuple[int, int], int] = {}
        """When a lane last served a campaign, by how many messages had left."""

    def run(self) -> dict[tuple[int, int], list[float]]:
        """When each message leaves, by queue."""
        moment, gone = self.now, 0
        while any(self.waiting.values()):
            at, place, queue = min(self._first(each, moment) for each in range(len(self.lanes)))
            if any(self._decided(each) for each in self._turning_points(moment, at)):
                continue
            if at == inf:
                break
            gone += 1
            lane, moment = self.lanes[place], at
            for limit in self.counts:
                self.counts[limit], self.steps[limit], self.climbs_at[limit] = self._climbed(limit, at)
            self.clocks[place] = max(self.clocks[place], at) + lane.pace.interval
            self.waiting[place, queue] -= 1
            self.left[place, queue].append(at)
            self.served[place, lane.queues[queue].campaign] = gone
            for limit in {*lane.limits, *lane.queues[queue].limits}:
                self.counts[limit] = self.counts[limit].after(at + 1e-6, 1)
            for limit in self.counts:
                self.counts[limit], self.steps[limit], self.climbs_at[limit] = self._climbed(limit, at)
        return self.left

    def _turning_points(self, since: float, until: float) -> list[float]:
        """When it may change whose turn it is: something has left, a campaign is due, something expires."""
        due = [at for ahead, _ in self.turns for _, at in ahead]
        expiring = [queue.expires_at for lane in self.lanes for queue in lane.queues]
        return [since, *sorted(at for at in [*due, *expiring] if since < at <= until and at < inf)]

    def _decided(self, moment: float) -> bool:
        """Whether it has changed then whose turn it is."""
        changed = False
        for number, (ahead, is_skipped) in enumerate(self.turns):
            while ahead and ahead[0][1] <= moment:
                campaign, due_at = ahead[0]
                left = self._has_left(self.sent[number], moment)
                if left and not is_skipped:
                    late = [each for each, at in ahead if at <= moment and self.gates[each] < inf]
                    self.gates.update(dict.fromkeys(late, inf))
                    changed |= bool(late)
                    break
                if left:
                    self.skipped.add(campaign)
                    for place, each in self.waiting:
                        if self.lanes[place].queues[each].campaign == campaign:
                            self.waiting[place, each] = 0
                else:
                    self.has_raced |= self.gates[campaign] == inf and any(
                        waiting and self.lanes[place].queues[each].campaign not in {campaign, *self.sent[number]}
                        for (place, each), waiting in self.waiting.items()
                    )
                    self.gates[campaign] = max(due_at, moment)
                    self.sent[number] = {campaign}
                ahead.pop(0)
                changed = True
        return changed

    def _has_left(self, campaigns: set[int], moment: float) -> bool:
        queues = [(self.lanes[place].queues[each], waiting) for (place, each), waiting in self.waiting.items()]
        return any(waiting and queue.campaign in campaigns and queue.expires_at > moment for queue, waiting in queues)

    def _first(self, place: int, since: float) -> tuple[float, int, int]:
        """When the lane sends its next message, and from which queue."""
        lane = self.lanes[place]
        at = max(since, self.clocks[place] - lane.pace.tolerance)
        while at < self.now + HORIZON:
            queues = [(each, queue) for each, queue in enumerate(lane.queues) if self.waiting[place, each]]
            spans = [(each, queue, self._span(lane, queue, at)) for each, queue in queues]
            edges = [edge for *_, span in spans for edge in span if edge > at]
            opened = []
            for each, queue, span in spans:
                free_at = max((self._free_at(limit, at) for limit in (*lane.limits, *queue.limits)), default=-inf)
                if free_at > at + 1e-6:
                    edges.append(free_at)
                elif span.begins <= at < span.ends:
                    opened.append((each, queue, span.ends))
            if not opened:
                at = min(edges, default=inf)
                continue
            order = sorted(
                (-queue.priority, self.served.get((place, queue.campaign), 0), queue.campaign, ends, each)
                for each, queue, ends in opened
            )
            return at, place, order[0][-1]
        return inf, place, 0

    def _span(self, lane: PlannedLane, queue: Queue, at: float) -> OpenSpan:
        known = queue.opening(at)
        gate = self._gate(queue.campaign, queue.slice)
        return OpenSpan(max(known.begins, queue.not_before, lane.not_before, gate), min(known.ends, queue.expires_at))

    def _gate(self, campaign: int, number: int) -> float:
        """When a slice opens, as far as that is known."""
        if not number:
            return self.gates.get(campaign, -inf)
        queues = [
            (place, each, queue)
            for place, lane in enumerate(self.lanes)
            for each, queue in enumerate(lane.queues)
            if queue.campaign == campaign
        ]
        if any(self.waiting[place, each] for place, each, queue in queues if queue.slice < number):
            return inf
        canary = self.canaries[campaign]
        earlier = [at for place, each, queue in queues if queue.slice < number for at in self.left[place, each]]
        slices = sorted({queue.slice for *_, queue in queues if 0 < queue.slice < number})
        before = self._gate(campaign, slices[-1]) if slices else -inf
        opens = max(max(earlier, default=self.now), before) + canary.after
        return canary.next_at if not slices and canary.next_at is not None else opens

    def _free_at(self, limit: int, at: float) -> float:
        """When there is a place, as of a moment before which nothing more leaves."""
        count, _, climbs_at = self._climbed(limit, at)
        free_at = count.free_at()
        return min(free_at, max(at, climbs_at)) if free_at > at + 1e-6 else free_at

    def _climbed(self, limit: int, at: float) -> tuple[RollingCount, list[int], float]:
        """The limit at a moment, with its steps that are yet to come and when the first of them is due."""
        count, steps, climbs_at = self.counts[limit], self.steps[limit], self.climbs_at[limit]
        while steps and climbs_at <= at and (count.taken(climbs_at + 1e-6) or count.taken(at + 1e-6)):
            climbs_at = (climbs_at if count.taken(climbs_at + 1e-6) else at) + count.limit.span
            count, steps = replace(count, limit=count.limit._replace(most=steps[0])), steps[1:]
        return count, steps, (max(climbs_at, at) if climbs_at <= at else climbs_at) if steps else inf


def daily(opens: int, closes: int) -> Callable[[float], OpenSpan]:
    """Open from one hour of each day until another."""

    def opening(moment: float) -> OpenSpan:
        midnight = moment - moment % DAY
        today = OpenSpan(midnight + opens * HOUR, midnight + closes * HOUR)
        return today if moment < today.ends else OpenSpan(*(each + DAY for each in today))

    return opening


def days(moment: float) -> OpenSpan:
    return OpenSpan(moment - moment % DAY, moment - moment % DAY + DAY)


def limit(
    most: int, span: int, taken: Sequence[int], ago: int, steps: tuple[int, ...] = (), climbs_in: float = inf
) -> PlannedLimit:
    """With so many claimed in buckets of its span, the first of them as many buckets ago."""
    count = RollingCount(SpanLimit(most, span), GRACE)
    for later, messages in enumerate(taken):
        count = count.after(NOW - (ago - later) * count.limit.bucket, messages)
    return PlannedLimit(count, steps, NOW + climbs_in)


spans = st.tuples(st.integers(0, 11), st.integers(12, 24)).map(lambda hours: daily(*hours))
paces = st.sampled_from([Pace(0.0, 0.0, 1), Pace(0.5, 0.25, 2), Pace(4.0, 8.0, 4), Pace(64.0, 0.0, 1)])
queues = st.builds(
    Queue,
    st.integers(0, 40),
    st.one_of(st.just(always_open), spans),
    st.sampled_from([-inf, NOW + 100.0, NOW + 7 * HOUR]),
    st.sampled_from([inf, inf, NOW + 10 * HOUR, NOW + 3 * DAY]),
    st.integers(0, 2),
)
planned = st.builds(
    PlannedLane,
    paces,
    st.lists(queues, min_size=1, max_size=3),
    st.sampled_from([-inf, NOW, NOW + 20.0, NOW + 4000.0]),
    st.sampled_from([-inf, NOW + 500.0]),
    st.lists(st.integers(0, 2), unique=True, max_size=3),
)
taken = st.lists(st.integers(0, 20), max_size=6)
limits_of_all = st.fixed_dictionaries(
    {
        0: st.builds(limit, st.integers(1, 30), st.just(HOUR), taken, st.integers(6, 49)),
        1: st.builds(limit, st.integers(5, 60), st.just(DAY), taken, st.integers(40, 49)),
        2: st.builds(
            limit,
            *(st.just(3), st.just(DAY), taken, st.just(48)),
            st.sampled_from([(), (5, 9), (4,)]),
            st.sampled_from([-10.0, 5 * HOUR, 20 * HOUR]),
        ),
        3: st.builds(limit, st.integers(1, 30), st.just(HOUR), taken, st.integers(6, 49)),
        4: st.builds(limit, st.integers(3, 40), st.just(DAY), taken, st.integers(40, 49)),
    }
)


@st.composite
def all_lanes(draw: st.DrawFn) -> list[PlannedLane]:
    """With queues of three campaigns, of which the last goes first; the first may have slices that are not open.

    Each of them may have limits of its own, or share one with another.
    """
    priorities, has_canary = {0: 0, 1: draw(st.integers(0, 1)), 2: 1}, draw(st.booleans())
    of_campaigns = [draw(st.lists(st.integers(3, 4), unique=True, max_size=2)) for _ in priorities]
    lanes = []
    for lane in draw(st.lists(planned, min_size=1, max_size=3)):
        slices = [draw(st.integers(0, 2)) if has_canary and not queue.campaign else 0 for queue in lane.queues]
        of_lane = [
            replace(
                queue,
                priority=priorities[queue.campaign],
                slice=number,
                limits=of_campaigns[queue.campaign],
                expires_at=inf if has_canary and not queue.campaign else queue.expires_at,
            )
            for queue, number in zip(lane.queues, slices, strict=True)
        ]
        lanes.append(replace(lane, queues=of_lane))
    return lanes


successions = st.builds(
    lambda first, gap, is_skipped: [
        Succession([(0, -inf), (1, NOW + first), (2, NOW + first + gap)][gap > 3 * HOUR :], is_skipped=is_skipped)
    ],
    st.sampled_from([0.0, 90.0, 5 * HOUR]),
    st.sampled_from([30.0, 2 * HOUR, 7 * HOUR]),
    st.booleans(),
)


@settings(max_examples=400, deadline=None)
@given(
    all_lanes(),
    limits_of_all,
    st.sampled_from([600.0, 7200.0]),
    st.sampled_from([None, NOW + 1000]),
    st.one_of(st.just([]), successions),
)
def test_a_plan_is_what_a_simulation_message_by_message_says(
    lanes: list[PlannedLane],
    limits: dict[int, PlannedLimit],
    after: float,
    next_at: float | None,
    successions: list[Succession],
) -> None:
    open_slice = [queue for lane in lanes for queue in lane.queues if not (queue.campaign or queue.slice)]
    canaries = {0: Slices(after, None if any(queue.messages for queue in open_slice) else next_at)}
    plan = sending_plan(lanes, limits, NOW, days, canaries, successions)
    simulation = Simulation(lanes, limits, NOW, canaries, successions)
    left = simulation.run()
    assume(not simulation.has_raced)
    by_day = Counter((at - at % DAY, *queue) for queue, moments in left.items() for at in moments)
    assert {key: each.messages for key, each in plan.leaving.items()} == dict(by_day)
    for (day, *queue), each in plan.leaving.items():
        moments = [at for at in left[queue[0], queue[1]] if at - at % DAY == day]
        begun = pytest.approx((min(moments) - NOW, max(moments) - NOW), abs=1e-3)
        assert (each.first - NOW, each.last - NOW) == begun
    missing = {
        (place, each): queue.messages - len(left[place, each])
        for place, lane in enumerate(lanes)
        for each, queue in enumerate(lane.queues)
        if queue.messages > len(left[place, each]) and queue.campaign not in simulation.skipped
    }
    assert plan.skipped == simulation.skipped
    unsent = {
        (place, each): messages
        for (place, each), messages in (plan.expired | plan.left).items()
        if lanes[place].queues[each].campaign not in simulation.skipped
    }
    assert unsent == missing


def test_a_limit_a_day_makes_as_many_days_and_is_what_it_waits_for() -> None:
    lane = PlannedLane(pace(1.0, 2), [Queue(2_500, daily(9, 20))], limits=[7])
    plan = sending_plan([lane], {7: limit(1_000, DAY, [], 0)}, NOW - NOW % DAY + 9 * HOUR, days)
    assert [each.messages for each in plan.leaving.values()] == [1_000, 1_000, 500]
    assert plan.held[0, Hold.LIMIT, 7].times == 2
    assert plan.ends_at() == max(each.last for each in plan.leaving.values())


def test_what_never_may_leave_is_left_and_what_is_too_late_expires() -> None:
    queues = [Queue(5, lambda _: NEVER), Queue(100, expires_at=NOW + 10), Queue(3, campaign=1, priority=-1)]
    plan = sending_plan([PlannedLane(pace(1.0, 1), queues)], {}, NOW)
    assert (plan.left, plan.expired) == ({(0, 0): 5}, {(0, 1): 90})
    assert (plan.ends_at(), plan.expiring(), plan.ends_at(1)) == (None, 90, NOW + 12)


def test_a_campaign_that_is_full_leaves_its_lanes_to_others() -> None:
    limited, other = (
        Queue(messages, campaign=key, limits=of) for key, (messages, of) in enumerate([(60, [7]), (50, [])])
    )
    lanes = [PlannedLane(pace(1.0, 1), [limited, other]), PlannedLane(pace(1.0, 1), [limited])]
    plan = sending_plan(lanes, {7: limit(40, DAY, [], 0)}, NOW, days)
    today = {tuple(queue): each.messages for (day, *queue), each in plan.leaving.items() if day == days(NOW).begins}
    assert today == {(0, 0): 14, (0, 1): 50, (1, 0): 26}
    assert (0, Hold.LIMIT, 7) in plan.held
    assert (1, Hold.LIMIT, 7) not in plan.held


def test_a_ramp_that_is_due_climbs_when_the_next_message_leaves_and_not_before() -> None:
    """Though that may be in the same bucket, so that it counts as if it had left already."""
    lane = PlannedLane(Pace(0.0, 0.0, 1), [Queue(6)], clock=NOW + 20, limits=[2])
    plan = sending_plan([lane], {2: limit(3, DAY, [], 48, steps=(5, 9), climbs_in=-10)}, NOW, days)
    assert [(each.messages, each.first - NOW) for each in plan.leaving.values()] == [(5, 20), (1, DAY + 20)]


def test_lanes_that_share_a_limit_take_its_places_as_they_come() -> None:
    slow, fast = (PlannedLane(Pace(interval, 0.0, 1), [Queue(100)], limits=[0]) for interval in (4.0, 1.0))
    plan = sending_plan([slow, fast], {0: limit(50, DAY, [], 0)}, NOW, days)
    assert [each.messages for (day, *_), each in plan.leaving.items() if day == days(NOW).begins] == [10, 40]
