"""People who get something of several campaigns, while these are planned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf

import pytest

from broadcaster.domain.frequency import Cap, PersonRule
from broadcaster.domain.pacing import Pace
from broadcaster.domain.plan_terms import (
    NEVER,
    Failover,
    OpenSpan,
    PlannedLane,
    PlannedLimit,
    Queue,
    Succession,
    Taker,
)
from broadcaster.domain.planned_people import PeopleRules, PlannedPeople
from broadcaster.domain.plans import sending_plan
from broadcaster.domain.sending_plans import SendingPlan
from broadcaster.domain.span_limits import RollingCount, SpanLimit

HOUR = 3_600
DAY = 24 * HOUR
GRACE = 75.0
COOLDOWN = PersonRule.COOLDOWN
CAP = PersonRule.CAP


def planned(
    queues: Sequence[Queue],
    rules: Mapping[int, PeopleRules],
    moments: Mapping[int, Sequence[float]] | None = None,
    successions: Sequence[Succession] = (),
) -> SendingPlan:
    """Through one lane that sends a message a second, from 0 on."""
    lane = PlannedLane(Pace(interval=1.0, tolerance=0.0, burst=1), queues)
    people = PlannedPeople(moments or {}, rules, GRACE)
    return sending_plan([lane], {}, 0.0, successions=successions, people=people)


def beside(
    intervals: Sequence[float],
    own: Sequence[tuple[int, int]],
    other: Sequence[tuple[int, int]],
    rules: Sequence[PeopleRules],
) -> tuple[int, int]:
    """How many messages leave of campaign 1 and of 2, each through a lane of its own.

    `own` and `other` are what they have for which group of people, in the order of their lists.
    """
    lanes = [
        PlannedLane(
            Pace(interval, tolerance=0.0, burst=1),
            [Queue(messages, campaign=campaign, people=people) for messages, people in queues],
        )
        for campaign, interval, queues in zip((1, 2), intervals, (own, other), strict=True)
    ]
    plan = sending_plan(lanes, {}, 0.0, people=PlannedPeople({}, dict(zip((1, 2), rules, strict=True)), GRACE))
    return sent(plan, 2)[0], sent(plan, 2)[1]


SKIPS = PeopleRules(cooldown=DAY, is_skipped=True)
NONE = PeopleRules()
IN_ORDER = [(10, people) for people in range(1, 13)]


def test_the_faster_of_two_that_are_sent_in_one_order_runs_ahead() -> None:
    assert beside((60, 120), IN_ORDER, IN_ORDER, (SKIPS, NONE)) == (120, 120)


def test_the_slower_of_two_that_are_sent_in_one_order_comes_first_to_as_many_as_its_pace_lets_it() -> None:
    assert beside((120, 60), IN_ORDER, IN_ORDER, (SKIPS, NONE)) == pytest.approx((60, 120), abs=10)


def test_two_that_both_skip_share_people_by_their_paces() -> None:
    assert beside((60, 120), IN_ORDER, IN_ORDER, (SKIPS, SKIPS)) == pytest.approx((80, 40), abs=10)


def test_one_comes_first_to_those_who_are_late_in_the_list_of_another() -> None:
    assert beside((120, 60), IN_ORDER[:6], [(60, 0), *IN_ORDER[:6]], (SKIPS, NONE)) == pytest.approx((60, 120), abs=10)
    assert beside((120, 60), IN_ORDER[:6], [*IN_ORDER[:6], (60, 0)], (SKIPS, NONE)) == pytest.approx((30, 120), abs=10)


def test_one_that_is_sent_in_the_other_order_meets_another_in_the_middle() -> None:
    assert beside((60, 60), IN_ORDER, IN_ORDER[::-1], (SKIPS, NONE)) == pytest.approx((60, 120), abs=10)


def daily(count: int, groups: int = 1) -> list[Queue]:
    """Campaigns 1, 2, … at each midnight, each with ten messages for each of these groups of people."""
    return [
        Queue(10, not_before=number * DAY, campaign=number + 1, people=group + 1)
        for number in range(count)
        for group in range(groups)
    ]


def sent(plan: SendingPlan, campaigns: int) -> list[int]:
    return [sum(each.messages for *_, each in plan.of(number)) for number in range(1, campaigns + 1)]


def begins(plan: SendingPlan, campaigns: int) -> list[float | None]:
    return [plan.begins_at(number) for number in range(1, campaigns + 1)]


def test_whoever_waits_for_a_cooldown_gets_each_one_later_by_the_grace() -> None:
    rules = dict.fromkeys((1, 2, 3), PeopleRules(cooldown=DAY))
    plan = planned(daily(3), rules)
    assert sent(plan, 3) == [10, 10, 10]
    assert begins(plan, 3) == [0, 9 + DAY + GRACE, 9 + DAY + GRACE + 9 + DAY + GRACE]
    assert plan.people.put_off == {(2, COOLDOWN): 10, (3, COOLDOWN): 10}
    assert not plan.people.skipped


def test_whoever_is_skipped_gets_every_other_one() -> None:
    rules = dict.fromkeys((1, 2, 3, 4), PeopleRules(cooldown=DAY, is_skipped=True))
    plan = planned(daily(4), rules)
    assert sent(plan, 4) == [10, 0, 10, 0]
    assert plan.people.skipped == {(2, COOLDOWN): 10, (4, COOLDOWN): 10}
    assert not plan.left


def test_caps_count_what_campaigns_without_rules_send() -> None:
    capped = PeopleRules([Cap(2, 3 * DAY)], is_skipped=True)
    plan = planned(daily(6), {1: PeopleRules(), 2: PeopleRules(), 3: capped, 4: PeopleRules(), 5: capped, 6: capped})
    assert sent(plan, 6) == [10, 10, 0, 10, 0, 10]
    assert plan.people.skipped == {(3, CAP): 10, (5, CAP): 10}


def test_what_people_got_before_counts() -> None:
    rules = dict.fromkeys((1, 2), PeopleRules(cooldown=DAY, is_skipped=True))
    plan = planned(daily(2, groups=2), rules, {1: [-HOUR], 2: [-2 * DAY]})
    assert sent(plan, 2) == [10, 10]
    assert plan.people.skipped == {(1, COOLDOWN): 10, (2, COOLDOWN): 10}


def test_of_two_that_are_due_at_once_the_higher_priority_gets_the_person() -> None:
    rules = dict.fromkeys((1, 2), PeopleRules([Cap(1, DAY)]))
    queues = [Queue(10, campaign=1, people=1), Queue(10, campaign=2, people=1, priority=1)]
    plan = planned(queues, rules)
    assert begins(plan, 2) == [9 + DAY + GRACE, 0]


def test_what_waits_for_its_people_expires() -> None:
    queues = [Queue(10, campaign=1, people=1), Queue(10, not_before=HOUR, expires_at=DAY, campaign=2, people=1)]
    plan = planned(queues, dict.fromkeys((1, 2), PeopleRules(cooldown=DAY)))
    assert (sent(plan, 2), plan.expiring(2)) == ([10, 0], 10)


def test_one_of_whom_all_are_skipped_makes_room_for_the_next_of_its_schedule() -> None:
    queues = [
        Queue(2 * HOUR, campaign=1),
        Queue(10, not_before=HOUR / 2, campaign=2, people=1),
        Queue(10, not_before=HOUR, campaign=3, people=2),
    ]
    succession = Succession([(1, 0.0), (2, HOUR / 2), (3, HOUR)], is_skipped=False)
    rules = dict.fromkeys((2, 3), PeopleRules(cooldown=DAY, is_skipped=True))
    plan = planned(queues, rules, {1: [-HOUR]}, [succession])
    assert sent(plan, 3) == [2 * HOUR, 0, 10]
    assert plan.people.skipped == {(2, COOLDOWN): 10}


def from_nine(moment: float) -> OpenSpan:
    """Open from 09:00 until midnight."""
    day = moment // DAY * DAY
    return OpenSpan(max(moment, day + 9 * HOUR), day + DAY)


def test_whoever_is_free_once_the_window_opens_is_neither_skipped_nor_waited_for() -> None:
    for is_skipped in (True, False):
        rules = {1: PeopleRules(cooldown=3 * HOUR, is_skipped=is_skipped)}
        plan = planned([Queue(10, from_nine, campaign=1, people=1)], rules, {1: [-HOUR]})
        assert (begins(plan, 1), sent(plan, 1)) == ([9 * HOUR], [10])
        assert not plan.people.skipped
        assert not plan.people.put_off


def test_whoever_is_not_free_yet_once_the_window_opens_is_skipped() -> None:
    rules = {1: PeopleRules(cooldown=3 * HOUR, is_skipped=True), 2: PeopleRules()}
    queues = [Queue(10, from_nine, campaign=1, people=1), Queue(10, campaign=2, people=1, not_before=7 * HOUR)]
    plan = planned(queues, rules)
    assert plan.people.skipped == {(1, COOLDOWN): 10}


def test_what_people_get_while_it_is_closed_matters_only_as_long_as_that() -> None:
    """Its window has been open before, and its limit held it."""
    rules = {1: PeopleRules(cooldown=3 * HOUR, is_skipped=True), 2: PeopleRules()}
    queues = [
        Queue(10, from_nine, campaign=1, people=1, limits=[1]),
        Queue(10, campaign=2, people=1, not_before=DAY + HOUR),
    ]
    lane = PlannedLane(Pace(interval=1.0, tolerance=0.0, burst=1), queues)
    limit = PlannedLimit(RollingCount(SpanLimit(5, DAY), GRACE))
    plan = sending_plan([lane], {1: limit}, 9 * HOUR, people=PlannedPeople({}, rules, GRACE))
    assert not plan.people.skipped


def rivals(pace_of: Sequence[float], groups: int = 10, cooldown: int = DAY) -> SendingPlan:
    """Campaigns 1, 2, … that are due at once for a hundred people, each through a lane of its own."""
    lanes = [
        PlannedLane(
            Pace(interval, 0.0, 1), [Queue(100 // groups, campaign=place, people=group + 1) for group in range(groups)]
        )
        for place, interval in enumerate(pace_of, 1)
    ]
    rules = {place: PeopleRules(cooldown=cooldown, is_skipped=True) for place in range(1, len(lanes) + 1)}
    return sending_plan(lanes, {}, 0.0, people=PlannedPeople({}, rules, GRACE))


def due_at_once(interval: float) -> SendingPlan:
    """The same of two through one lane."""
    queues = [Queue(10, campaign=campaign, people=group + 1) for campaign in (1, 2) for group in range(10)]
    rules = dict.fromkeys((1, 2), PeopleRules(cooldown=DAY, is_skipped=True))
    lane = PlannedLane(Pace(interval, 0.0, 1), queues)
    return sending_plan([lane], {}, 0.0, people=PlannedPeople({}, rules, GRACE))


def test_a_lane_that_claims_many_at_once_deals_people_to_those_that_are_due_at_once() -> None:
    plan = due_at_once(0.01)
    assert sent(plan, 2) == [50, 50]
    assert plan.people.skipped == {(1, COOLDOWN): 50, (2, COOLDOWN): 50}


def test_where_messages_are_claimed_one_by_one_who_is_ahead_gets_all() -> None:
    assert sent(due_at_once(1.0), 2) == [100, 0]


def test_faster_lanes_get_more_of_the_people() -> None:
    assert sent(rivals([60.0, 20.0, 60.0]), 3) == [20, 60, 20]


def test_who_can_send_gets_the_people_of_one_whose_limit_is_full() -> None:
    lanes = [
        PlannedLane(
            Pace(60.0, 0.0, 1),
            [Queue(2, campaign=campaign, people=group + 1) for group in range(50)],
            limits=[1] if campaign == 1 else [],
        )
        for campaign in (1, 2)
    ]
    limits = {1: PlannedLimit(RollingCount(SpanLimit(10, DAY), GRACE))}
    rules = dict.fromkeys((1, 2), PeopleRules(cooldown=DAY, is_skipped=True))
    plan = sending_plan(lanes, limits, 0.0, people=PlannedPeople({}, rules, GRACE))
    assert sum(sent(plan, 2)) == 100
    assert sent(plan, 2)[1] >= 85


def test_those_that_are_due_before_hours_begin_are_rivals_when_these_do() -> None:
    queues = [
        Queue(100, lambda moment: OpenSpan(max(moment, HOUR), inf), campaign=campaign, people=1) for campaign in (1, 2)
    ]
    plan = planned(queues, dict.fromkeys((1, 2), PeopleRules(cooldown=DAY, is_skipped=True)))
    assert sent(plan, 2) == [100, 0]


def test_what_moves_to_another_lane_waits_for_its_people_there() -> None:
    pace = Pace(1.0, 0.0, 1)
    lanes = [
        PlannedLane(pace, [Queue(10, lambda _: NEVER, campaign=1, people=1)]),
        PlannedLane(pace, [Queue(10, campaign=1), Queue(0, campaign=1, people=1)]),
    ]
    failover = Failover(1, 0, begins_at=HOUR, takers=[Taker(1, None, 1.0, {0: 1})])
    people = PlannedPeople({1: [-HOUR]}, {1: PeopleRules(cooldown=DAY)}, GRACE)
    plan = sending_plan(lanes, {}, 0.0, failovers=[failover], people=people)
    assert [move.messages for move in plan.moves] == [10]
    assert plan.ends_at(1) == DAY - HOUR + GRACE + 9
    assert plan.people.put_off == {(1, COOLDOWN): 10}


def counted(taken: int) -> tuple[int, int]:
    """How many leave of one to 10 people, which has taken so many of 10 an hour, and of one that skips beside it.

    The first one sends ten times as fast. The other one sends to 20 others first.
    """
    own, others = [Queue(1, campaign=1, people=each) for each in range(1, 11)], [Queue(20, campaign=2)]
    lanes = [
        PlannedLane(Pace(6.0, 0.0, 1), own, limits=[1]),
        PlannedLane(Pace(60.0, 0.0, 1), [*others, *(Queue(1, campaign=2, people=each) for each in range(1, 11))]),
    ]
    limit = PlannedLimit(RollingCount(SpanLimit(10, HOUR), GRACE).after(-300.0, taken))
    plan = sending_plan(lanes, {1: limit}, 0.0, people=PlannedPeople({}, {1: NONE, 2: SKIPS}, GRACE))
    return sent(plan, 2)[0], sent(plan, 2)[1]


@pytest.mark.parametrize(("taken", "others"), [(0, 20), (4, 24), (10, 30)])
def test_one_whose_limit_has_few_places_comes_first_to_no_more_people_than_these(taken: int, others: int) -> None:
    assert counted(taken) == (10, others)
