"""Plans of what lanes send, compared with a simulation message by message."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from math import inf

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from broadcaster.domain.pacing import Pace, pace
from broadcaster.domain.plans import HORIZON, NEVER, Hold, OpenSpan, PlannedLane, Queue, always_open, sending_plan
from broadcaster.domain.span_limits import RollingCount, SpanLimit

NOW = 1_800_000_000.0
GRACE = 40.0
DAY, HOUR = 86_400, 3_600


def simulated(
    lanes: Sequence[PlannedLane], limits: Mapping[int, RollingCount], now: float
) -> dict[tuple[int, int], list[float]]:
    """When each message leaves, by queue: the next one is always the one that may leave first."""
    counts, moment = dict(limits), now
    clocks = [lane.clock for lane in lanes]
    waiting = {
        (place, each): queue.messages for place, lane in enumerate(lanes) for each, queue in enumerate(lane.queues)
    }
    left: dict[tuple[int, int], list[float]] = {queue: [] for queue in waiting}

    def span(lane: PlannedLane, queue: Queue, at: float) -> OpenSpan:
        known = queue.opening(at)
        return OpenSpan(max(known.begins, queue.not_before, lane.not_before), min(known.ends, queue.expires_at))

    def first(place: int, since: float) -> tuple[float, int, int]:
        lane = lanes[place]
        at = max(since, clocks[place] - lane.pace.tolerance)
        while at < now + HORIZON:
            queues = [(each, queue) for each, queue in enumerate(lane.queues) if waiting[place, each]]
            spans = [(queue.rank, *reversed(span(lane, queue, at)), each) for each, queue in queues]
            open_now = sorted((rank, ends, each) for rank, ends, begins, each in spans if begins <= at < ends)
            if not open_now:
                at = min((each for _, ends, begins, _ in spans for each in (begins, ends) if each > at), default=inf)
                continue
            free_at = max((counts[limit].free_at() for limit in lane.limits), default=-inf)
            if free_at <= at + 1e-6:
                return at, place, open_now[0][2]
            at = free_at
        return inf, place, 0

    while any(waiting.values()):
        at, place, queue = min(first(each, moment) for each in range(len(lanes)))
        if at == inf:
            break
        lane, moment = lanes[place], at
        clocks[place] = max(clocks[place], at) + lane.pace.interval
        waiting[place, queue] -= 1
        left[place, queue].append(at)
        for limit in lane.limits:
            counts[limit] = counts[limit].after(at + 1e-6, 1)
    return left


def daily(opens: int, closes: int) -> Callable[[float], OpenSpan]:
    """Open from one hour of each day until another."""

    def opening(moment: float) -> OpenSpan:
        midnight = moment - moment % DAY
        today = OpenSpan(midnight + opens * HOUR, midnight + closes * HOUR)
        return today if moment < today.ends else OpenSpan(*(each + DAY for each in today))

    return opening


def limit(most: int, span: int, taken: Sequence[int], ago: int) -> RollingCount:
    """With so many claimed in buckets of its span, the first of them as many buckets ago."""
    count = RollingCount(SpanLimit(most, span), GRACE)
    for later, messages in enumerate(taken):
        count = count.after(NOW - (ago - later) * count.limit.bucket, messages)
    return count


spans = st.tuples(st.integers(0, 11), st.integers(12, 24)).map(lambda hours: daily(*hours))
paces = st.sampled_from([Pace(0.0, 0.0, 1), Pace(0.5, 0.25, 2), Pace(4.0, 8.0, 4), Pace(64.0, 0.0, 1)])
queues = st.builds(
    Queue,
    st.integers(0, 40),
    st.one_of(st.just(always_open), spans),
    st.sampled_from([-inf, NOW + 100.0, NOW + 7 * HOUR]),
    st.sampled_from([inf, inf, NOW + 10 * HOUR, NOW + 3 * DAY]),
    st.integers(0, 1),
)
planned = st.builds(
    PlannedLane,
    paces,
    st.lists(queues, min_size=1, max_size=3),
    st.sampled_from([-inf, NOW, NOW + 20.0]),
    st.sampled_from([-inf, NOW + 500.0]),
    st.lists(st.integers(0, 2), unique=True, max_size=3),
)
taken = st.lists(st.integers(0, 20), max_size=6)
limits_of_all = st.fixed_dictionaries(
    {
        0: st.builds(limit, st.integers(1, 30), st.just(HOUR), taken, st.integers(6, 49)),
        1: st.builds(limit, st.integers(5, 60), st.just(DAY), taken, st.integers(40, 49)),
        2: st.builds(limit, st.integers(1, 20), st.just(HOUR), taken, st.just(48)),
    }
)


@settings(max_examples=300, deadline=None)
@given(st.lists(planned, min_size=1, max_size=3), limits_of_all)
def test_a_plan_is_what_a_simulation_message_by_message_says(
    lanes: list[PlannedLane], limits: dict[int, RollingCount]
) -> None:
    plan = sending_plan(lanes, limits, NOW, lambda at: OpenSpan(at - at % DAY, at - at % DAY + DAY))
    left = simulated(lanes, limits, NOW)
    by_day = Counter((at - at % DAY, *queue) for queue, moments in left.items() for at in moments)
    assert {key: each.messages for key, each in plan.leaving.items()} == dict(by_day)
    for (day, *queue), each in plan.leaving.items():
        moments = [at for at in left[queue[0], queue[1]] if at - at % DAY == day]
        assert (each.first - NOW, each.last - NOW) == pytest.approx((min(moments) - NOW, max(moments) - NOW), abs=1e-3)
    missing = {
        (place, each): queue.messages - len(left[place, each])
        for place, lane in enumerate(lanes)
        for each, queue in enumerate(lane.queues)
        if queue.messages > len(left[place, each])
    }
    assert plan.expired | plan.left == missing


def days(moment: float) -> OpenSpan:
    return OpenSpan(moment - moment % DAY, moment - moment % DAY + DAY)


def test_a_limit_a_day_makes_as_many_days_and_is_what_it_waits_for() -> None:
    lane = PlannedLane(pace(1.0, 2), [Queue(2_500, daily(9, 20))], limits=[7])
    plan = sending_plan([lane], {7: limit(1_000, DAY, [], 0)}, NOW - NOW % DAY + 9 * HOUR, days)
    assert [each.messages for each in plan.leaving.values()] == [1_000, 1_000, 500]
    assert plan.held[Hold.LIMIT, 7].times == 2
    assert plan.ends_at() == max(each.last for each in plan.leaving.values())


def test_what_never_may_leave_is_left_and_what_is_too_late_expires() -> None:
    queues = [Queue(5, lambda _: NEVER), Queue(100, expires_at=NOW + 10), Queue(3, rank=1)]
    plan = sending_plan([PlannedLane(pace(1.0, 1), queues)], {}, NOW)
    assert (plan.left, plan.expired) == ({(0, 0): 5}, {(0, 1): 90})
    assert (plan.ends_at(), plan.expiring(), plan.ends_at(1)) == (None, 90, NOW + 12)


def test_lanes_that_share_a_limit_take_its_places_as_they_come() -> None:
    slow, fast = (PlannedLane(Pace(interval, 0.0, 1), [Queue(100)], limits=[0]) for interval in (4.0, 1.0))
    plan = sending_plan([slow, fast], {0: limit(50, DAY, [], 0)}, NOW, days)
    assert [each.messages for (day, *_), each in plan.leaving.items() if day == days(NOW).begins] == [10, 40]
