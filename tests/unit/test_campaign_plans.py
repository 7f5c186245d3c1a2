"""When a campaign is sent, as people are told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from broadcaster.domain.campaign_plans import CampaignPlan
from broadcaster.domain.care import Care
from broadcaster.domain.dealing import shares_of
from broadcaster.domain.frequency import PersonRule, WaitingPeople
from broadcaster.domain.gaps import Gaps, Span
from broadcaster.domain.instance_copies import best_to_copy, with_more
from broadcaster.domain.lanes_now import LaneNow, LimitNow
from broadcaster.domain.opening_hours import OpeningHours
from broadcaster.domain.pacing import Pacer, default_burst, pace
from broadcaster.domain.plan_changes import cheapest_change
from broadcaster.domain.plan_remarks import plan_remarks
from broadcaster.domain.planned_campaign import PlannedCampaign
from broadcaster.domain.planned_parts import OWN, PlannedPart, slices_of
from broadcaster.domain.span_limits import parse_each_rate
from broadcaster.domain.surroundings import Surroundings
from broadcaster.domain.windows import Hours, parse_window

NOW = datetime(2027, 1, 4, 9, 0, tzinfo=UTC)
"""A Monday."""
BY_DAY = OpeningHours(windows=("Mon-Fri 09:00-17:00",), zone="UTC")


class Limit(NamedTuple):
    """What a lane may send."""

    rate: float | None
    burst: int


Limits = Mapping[int, Limit]


def around(limits: Limits, *, counted: Sequence[LimitNow] = (), **lane: Any) -> Surroundings:
    """Lanes that are well and have rested, under the `counted` limits."""
    lanes = []
    for each, limit in limits.items():
        kept = pace(*limit)
        known = {"debt": 0.0, "rests": 0.0, "is_stopped": False, "hours": None, **lane}
        of_lane = tuple(limit.id for limit in counted)
        lanes.append(
            LaneNow(
                id=each,
                instance=f"i{each}",
                interval=kept.interval,
                tolerance=kept.tolerance,
                burst=kept.burst,
                limits=of_lane,
                now=NOW,
                **known,
            )
        )
    reserve = timedelta(seconds=30.6)
    return Surroundings(now=NOW, lanes=lanes, limits=counted, reserve=reserve, zone=ZoneInfo("UTC"))


def parts(shares: Mapping[int, int], **part: Any) -> list[PlannedPart]:
    return [PlannedPart(lane_id=lane, messages=messages, **part) for lane, messages in shares.items()]


def planned(total: int, limits: Limits) -> CampaignPlan:
    return around(limits).plan(parts(shares_of(total, {lane: limit.rate for lane, limit in limits.items()})))


def usual(rates: dict[int, float | None]) -> Limits:
    """The lanes with the burst that they get where none is asked for."""
    return {lane: Limit(rate, default_burst(rate)) for lane, rate in rates.items()}


@pytest.mark.parametrize(
    ("total", "limits", "seconds"),
    [
        (30, usual({1: 2.0, 2: 1.0}), 9.25),
        (5, usual({1: 1 / 3600, 2: 1 / 3600}), 3600.25),
        (1000, usual({1: 20 / 60, 2: None}), 3.25),
        # The first of them leave at once, and of a burst a part is kept for requests in flight.
        (2, {1: Limit(1.0, 1)}, 1),
        (2, {1: Limit(1.0, 2)}, 0.25),
        (30, {1: Limit(1.0, 31)}, 0),
        (130, {1: Limit(1.0, 31)}, 99.25),
        (1, {1: Limit(1.0, 1)}, 0),
        (0, usual({1: 1.0}), None),
        (30, usual({1: None, 2: None}), None),
    ],
)
def test_sending_takes_as_long_as_the_slowest_lane_needs(total: int, limits: Limits, seconds: float | None) -> None:
    assert planned(total, limits).seconds == (None if seconds is None else pytest.approx(seconds, abs=1e-3))


@given(st.integers(1, 300), st.floats(1 / 3600, 1000), st.integers(1, 100))
def test_a_plan_ends_when_the_pacer_lets_the_last_one_leave(total: int, rate: float, burst: int) -> None:
    pacer, now = Pacer(pace(rate, burst), debt=0.0, now=0.0), 0.0
    for _ in range(total):
        now += max(0.0, pacer.wait(now))
        pacer.admit(now)
        pacer.replied(now)
    assert planned(total, {1: Limit(rate, burst)}).seconds == pytest.approx(now, abs=1e-3)


@pytest.mark.parametrize(
    ("messages", "rate", "per_second", "lane", "seconds"),
    [
        (30, 1 / 3, 0.0, {}, 87),
        (30, 1 / 3, 30.0, {}, 87),  # a burst has left: the limit counts
        (30, 1 / 3, 0.0, {"tried": 100, "again": 50}, 215.58),  # each takes two tries, and some of the last more
        (100, None, 0.0, {"latency": 0.5, "max_in_flight": 5}, 9.9),
        (2, 1 / 3, 0.0, {"rests": 240.0}, 243),
        (100, None, 50.0, {}, 1.98),
        (100, None, 0.0, {}, None),
        (1, 1.0, 1.0, {"is_stopped": True}, None),
    ],
)
def test_what_is_left_takes_what_limits_rests_and_the_rate_of_lately_allow(
    messages: int, rate: float | None, per_second: float, lane: dict[str, Any], seconds: float | None
) -> None:
    plan = around({1: Limit(rate, 1)}, **lane).plan(parts({1: messages}), rate=per_second)
    assert plan.seconds == (None if seconds is None else pytest.approx(seconds, abs=1e-2))


def test_counted_limits_and_windows_are_waited_for() -> None:
    counted = {"most": 100, "span_seconds": 86_400, "grace_seconds": 75.0, "counts": (), "newest": 0}
    limit = LimitNow(id=7, name="i1", is_shared=False, **counted)
    plan = around(usual({1: 1 / 3}), counted=[limit]).plan(parts({1: 250}, hours=BY_DAY))
    assert [(each.day, each.messages) for each in plan.days] == [
        (date(2027, 1, 4), 100),
        (date(2027, 1, 5), 100),
        (date(2027, 1, 6), 50),
    ]
    assert plan.said_waits == "limit 100/d of i1"
    assert plan.ends_at == plan.days[-1].ends_at


def test_over_a_weekend_it_waits_and_nothing_starts_right_before_a_window_closes() -> None:
    friday = timedelta(days=4, hours=7, minutes=59)
    plan = around({1: Limit(1.0, 1)}).plan(parts({1: 60}, hours=BY_DAY), begins_at=NOW + friday)
    assert [(each.day.day, each.messages) for each in plan.days] == [(8, 30), (11, 30)]
    assert [(wait.what, wait.times) for wait in plan.waits] == [("its windows", 1)]


def test_what_is_being_sent_leaves_at_once_and_takes_no_place() -> None:
    hour_ago = int(NOW.timestamp() // 75)
    full = LimitNow(
        id=7, name="i1", is_shared=False, most=5, span_seconds=3600, grace_seconds=0, counts=(5,), newest=hour_ago
    )
    found = around({1: Limit(1.0, 1)}, counted=[full])
    under_way = parts({1: 5}, is_under_way=True)
    plan = found.plan(under_way)
    assert (plan.messages, plan.ends_at, plan.waits) == (5, NOW, [])
    assert [(each.instance, each.messages) for each in plan.days] == [("i1", 5)]
    more = found.plan([*under_way, *parts({1: 5})])
    assert more.seconds == pytest.approx(3600 + 75, abs=80)
    elsewhere = PlannedCampaign(found, [*under_way, *parts({1: 4})])
    elsewhere = with_more(elsewhere, 1, best_to_copy(elsewhere, 1))
    assert sum(part.messages for part in elsewhere.parts if part.lane_id == 1) >= 5


def test_what_stays_with_an_instance_that_is_stopped_is_told_apart_from_what_leaves() -> None:
    found = around({lane: Limit(1.0, 1) for lane in (1, 2)})
    [first, second] = found.lanes
    paused = replace(found, lanes=[structs.replace(first, is_stopped=True), second])
    plan = paused.plan(parts({1: 24, 2: 22}))
    assert sum(each.messages for each in plan.days) + sum(each.messages for each in plan.stays) == plan.messages == 46
    assert list(plan_remarks(plan, said)) == [
        "nothing is sent through 'i1' now: it is paused by an operator; go on with `broadcaster instance resume i1`",
        "24 messages stay with 'i1'",
    ]
    [_, told] = plan_remarks(replace(plan, fails_over=True), said)
    assert told.endswith("a pause is no reason for a failover")


def test_what_is_too_late_expires() -> None:
    plan = around({1: Limit(1.0, 1)}).plan(parts({1: 100}, expires_at=NOW + timedelta(seconds=70.6)))
    assert (plan.expire, plan.seconds) == (60, pytest.approx(39, abs=1e-3))


def said(moment: datetime) -> str:
    return f"{moment:%d %H:%M}"


def test_what_expires_is_told_with_its_moment_and_where_that_is_all_of_it_nothing_is_said_to_leave_later() -> None:
    at = NOW + timedelta(hours=2)
    some = around({1: Limit(1 / 60, 1)}).plan(parts({1: 200}, expires_at=at))
    assert list(plan_remarks(some, said)) == [
        "about 80 of 200 messages will expire at 04 11:00, since they cannot leave before"
    ]
    full = shared(7, "customers", 10, counts=(10,), newest=int(NOW.timestamp() // 1800))
    whole = around({1: Limit(1.0, 1)}, counted=[full]).plan(parts({1: 5}, expires_at=at))
    assert (whole.leaves_nothing, whole.ends_at, whole.remaining) == (True, None, 0)
    assert list(plan_remarks(whole, said)) == [
        "all of it, 5 messages, will expire at 04 11:00, since none of it can leave before"
    ]


@pytest.mark.parametrize(
    ("limits", "says"),
    [
        # The first one is waited for as well, and without it nothing leaves on fewer days.
        (
            [("few", 100, (100,)), ("customers", 30, ())],
            ["it needs 3 days with limit customers (30/d), and 1 without"],
        ),
        ([("few", 30, ()), ("customers", 30, ())], []),
        ([("few", 1000, ())], []),
    ],
)
def test_days_are_put_down_to_a_limit_without_which_they_would_be_fewer(
    limits: list[tuple[str, int, tuple[int, ...]]], says: list[str]
) -> None:
    hour_ago = int(NOW.timestamp() // 1800) - 2
    counted = [
        shared(key, name, most, counts=counts, newest=hour_ago) for key, (name, most, counts) in enumerate(limits, 7)
    ]
    surroundings, sent = around({1: Limit(1.0, 1)}, counted=counted), parts({1: 90})
    plan = surroundings.plan(sent)
    assert list(plan_remarks(plan, said, PlannedCampaign(surroundings, sent).days_without(plan))) == says


def test_a_limit_beside_which_others_send_on_all_days_is_not_tried_without(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each trial is a plan of its own."""
    of_each = [shared(7, "a few", 10), shared(8, "as few", 10)]
    surroundings = around({1: Limit(1.0, 1), 2: Limit(1.0, 1)}, counted=of_each)
    lanes = [structs.replace(each, limits=(each.id + 6,)) for each in surroundings.lanes]
    campaign = PlannedCampaign(replace(surroundings, lanes=lanes), parts({1: 30, 2: 30}))
    plan = campaign.plan()
    assert [wait.what for wait in plan.waits]
    monkeypatch.setattr(Surroundings, "sent_on", None)
    assert campaign.days_without(plan) == {}
    longer = replace(campaign, parts=parts({1: 50, 2: 30}))
    with pytest.raises(TypeError):
        longer.days_without(longer.plan())


def test_without_a_limit_what_is_not_dealt_yet_is_dealt_otherwise() -> None:
    full = shared(7, "customers", 10)
    surroundings = around({1: Limit(1.0, 1), 2: Limit(1 / 3600, 1)}, counted=[full])
    lanes = [each if each.id == 1 else structs.replace(each, limits=()) for each in surroundings.lanes]
    surroundings = replace(surroundings, lanes=lanes)
    for is_dealt, says in ((True, {str(full): 2}), (False, {str(full): 1})):
        campaign = PlannedCampaign(surroundings, parts({1: 30, 2: 30}), is_dealt=is_dealt)
        assert campaign.days_without(campaign.plan()) == says


def test_a_deadline_is_missed_where_that_is_known_and_not_where_what_is_stopped_may_go_on() -> None:
    soon, late, expiry = (NOW + timedelta(minutes=minutes) for minutes in (5, 60, 10))
    paced = around({1: Limit(1 / 60, 1)})
    ends = paced.plan(parts({1: 11}))
    assert (ends.misses(soon), ends.misses(late)) == (True, False)
    assert paced.plan(parts({1: 100}, expires_at=expiry)).misses(late), "some expire before"
    stopped = around({1: Limit(1 / 60, 1)}, is_stopped=True)
    assert not stopped.plan(parts({1: 11})).misses(late)
    assert not stopped.plan(parts({1: 11}, expires_at=expiry)).misses(late)
    both = around({1: Limit(1 / 60, 1), 2: Limit(1 / 60, 1)})
    both = replace(both, lanes=[both.lanes[0], structs.replace(both.lanes[1], is_stopped=True)])
    assert both.plan(parts({1: 11, 2: 1})).misses(soon), "the other one is late, whatever becomes of it"
    unlimited = around({1: Limit(None, 2)})
    assert not unlimited.plan(parts({1: 11})).misses(soon)
    assert unlimited.plan(parts({1: 11}), begins_at=late).misses(soon)


@pytest.mark.parametrize(
    ("priority", "waiting", "starts", "seconds"),
    [
        (1, 50, None, 149),  # goes first
        (0, 50, None, 149),  # in turns, until it has none
        (0, 200, None, 198),  # in turns, to the end
        (-1, 200, None, 99),
        (1, 50, 30, 149),  # one that is scheduled
        (1, 50, 300, 99),
    ],
)
def test_other_campaigns_send_beside_it_as_priorities_say(
    priority: int, waiting: int, starts: int | None, seconds: float
) -> None:
    begins = None if starts is None else NOW + timedelta(seconds=starts)
    other = PlannedPart(lane_id=1, messages=waiting, campaign=7, priority=priority, not_before=begins)
    surroundings = replace(around({1: Limit(1.0, 1)}), beside=[other], names={7: "spring"})
    plan = surroundings.plan(parts({1: 100}))
    assert plan.seconds == pytest.approx(seconds, abs=1e-3)
    held = [wait.what for wait in plan.waits]
    assert held == ([] if priority < 1 or waiting < 60 else ["campaign spring"])


def test_planned_beside_others_a_campaign_ends_when_it_does_by_itself() -> None:
    """Also where it waits for nothing but its rate."""
    sent = parts({1: 600}, campaign=7)
    alone = around(usual({1: 1.0})).plan(sent)
    together = replace(around(usual({1: 1.0})), beside=sent, names={7: "spring"}).plans([], campaigns=[7])[7]
    assert together.known_end == alone.known_end is not None


def test_a_ramp_climbs_day_by_day() -> None:
    counted = {"most": 20, "span_seconds": 86_400, "grace_seconds": 75.0, "counts": (), "newest": 0}
    ramp = LimitNow(id=7, name="i1", is_shared=False, ramp=(20, 50, 120), step=1, step_since=NOW, **counted)
    plan = around({1: Limit(1.0, 1)}, counted=[ramp]).plan(parts({1: 200}))
    assert [(each.day.day, each.messages) for each in plan.days] == [(4, 20), (5, 50), (6, 120), (7, 10)]
    assert plan.said_waits == "ramp of i1 (20/d today)"


def test_a_canary_sends_its_slices_one_after_the_other() -> None:
    care = Care(canary=(0.1, 0.5), after=600.0)
    surroundings = replace(around({1: Limit(1.0, 1)}), canaries={OWN: slices_of(care)})
    sliced = [part for each in parts({1: 100}) for part in each.sliced(care)]
    assert [part.messages for part in sliced] == [10, 40, 50]
    alone = surroundings.plan(sliced)
    # Ticks of a second see that one has left, and open the next.
    assert alone.seconds == pytest.approx(9 + 601.5 + 39 + 601.5 + 49, abs=1e-3)
    assert [(wait.what, wait.times) for wait in alone.waits] == [("the slices of its canary", 2)]
    # While it waits, others send.
    beside = [PlannedPart(lane_id=1, messages=500, campaign=7)]
    among = replace(surroundings, beside=beside).plan(sliced)
    assert among.seconds is not None
    assert alone.seconds < among.seconds < alone.seconds + 110


def test_of_a_canary_that_has_begun_the_slices_to_come_are_waited_for() -> None:
    care = Care(canary=(0.1, 0.5), after=600.0)
    next_at = NOW + timedelta(seconds=100)
    surroundings = replace(around({1: Limit(1.0, 1)}), canaries={OWN: slices_of(care, next_at)})
    sliced = [part for each in parts({1: 90}) for part in each.sliced(care, 1, held=90)]
    assert [part.messages for part in sliced] == [0, 40, 50]
    assert surroundings.plan(sliced).seconds == pytest.approx(100 + 39 + 601.5 + 49, abs=1e-3)


def test_what_chance_does_is_told_by_a_band() -> None:
    certain = around({1: Limit(1.0, 1)}).plan(parts({1: 100}))
    assert certain.ends_at == certain.earliest_at
    drawn = around({1: Limit(1.0, 1)}, variance=0.25).plan(parts({1: 100}))
    assert drawn.earliest_at and drawn.ends_at and drawn.latest_at
    # By 1.65 deviations of a sum of 99 gaps.
    assert (drawn.ends_at - drawn.earliest_at).total_seconds() == pytest.approx(1.65 * 0.5 * 9.9, abs=0.1)
    assert (drawn.latest_at - drawn.ends_at).total_seconds() == pytest.approx(1.65 * 0.5 * 9.9 + 2, abs=0.1)
    failing = around({1: Limit(1.0, 1)}, tried=100, again=10).plan(parts({1: 100}))
    assert failing.earliest_at and failing.ends_at and failing.latest_at
    assert failing.earliest_at < failing.ends_at < failing.latest_at


windows = st.builds(
    "{:02}:{:02}-{:02}:{:02}".format, st.integers(0, 11), st.sampled_from([0, 30]), st.integers(12, 23), st.just(15)
)


@given(st.lists(windows, min_size=1, max_size=2), st.integers(9, 23), st.integers(1, 60), st.sampled_from([1, 7, 45]))
def test_windows_are_kept_message_by_message(written: list[str], hour: int, messages: int, minutes: int) -> None:
    """As a clock on the wall says: a message leaves in the first minute that is open, and after which 31 s are."""
    hours = OpeningHours(windows=tuple(written), zone="UTC")
    rules = [Hours([parse_window(each) for each in written], ZoneInfo("UTC"))]
    reserve, minute = timedelta(seconds=30.6), timedelta(minutes=1)
    at, left = NOW.replace(hour=hour), []
    for _ in range(messages):
        while not all(rule.is_open(at) and rule.is_open(at + reserve) for rule in rules):
            at += minute
        left.append(at)
        at += minutes * minute
    lane = around({1: Limit(1 / (60 * minutes), 1)})
    plan = lane.plan(parts({1: messages}, hours=hours), begins_at=NOW.replace(hour=hour))
    assert plan.ends_at == left[-1]
    assert Counter({each.day: each.messages for each in plan.days}) == Counter(each.date() for each in left)


@pytest.mark.parametrize(("weights", "shares"), [({1: 3.0, 2: 1.0}, [43, 14, 43]), ({}, [34, 33, 33])])
def test_one_more_instance_gets_its_part_by_weights_where_there_are_any(
    weights: dict[int, float], shares: list[int]
) -> None:
    work = around({1: Limit(1.0, 1), 2: Limit(1.0, 1)})
    parts = [PlannedPart(lane_id=1, messages=75), PlannedPart(lane_id=2, messages=25)]
    before = PlannedCampaign(work, parts, weights=weights)
    more = with_more(before, 1, best_to_copy(before, 1))
    messages = {part.lane_id: part.messages for part in more.parts}
    assert sorted(messages) == [-1, 1, 2]
    assert sum(messages.values()) == 100
    assert sorted(messages.values()) == sorted(shares)


def shared(key: int, name: str, most: int, **limit: Any) -> LimitNow:
    counted = {"span_seconds": 86_400, "grace_seconds": 75.0, "counts": (), "newest": 0, "is_shared": True, **limit}
    return LimitNow(id=key, name=name, most=most, **counted)


@pytest.mark.parametrize(
    ("limits", "says"),
    [
        ([shared(7, "customers", 100)], "limit customers at 250/d instead of 100/d"),
        # The one that has to rise least.
        ([shared(7, "customers", 100), shared(8, "promos", 2_000)], "limit customers at 250/d instead of 100/d"),
        # Both would have to rise.
        ([shared(7, "customers", 100), shared(8, "promos", 200)], None),
        # What one instance may send is its rate, and a ramp climbs by itself.
        ([shared(7, "i1", 100, is_shared=False)], "instance i1 at 250/d instead of 100/d"),
        ([shared(7, "customers", 100, ramp=(100, 200), step_since=NOW)], None),
    ],
)
def test_a_shared_limit_is_raised_as_far_as_that_makes_it(limits: list[LimitNow], says: str | None) -> None:
    work = PlannedCampaign(around({1: Limit(1.0, 1)}, counted=limits), parts({1: 250}))
    change = cheapest_change(work, NOW + timedelta(hours=6))
    assert (None if change is None else change.says) == says


@pytest.mark.parametrize(
    ("written", "is_faster"),
    [(["200/h"], True), (["120/min"], False), (["200/h", "60/min"], True), (["1440/d"], False)],
)
def test_a_rate_takes_the_place_of_that_of_its_span(written: list[str], is_faster: bool) -> None:
    """An instance that sends one a second, and at most 20 in an hour."""
    hourly = structs.replace(shared(7, "i1", 20, is_shared=False), span_seconds=3600)
    work = PlannedCampaign(around({1: Limit(1.0, 1)}, counted=[hourly]), parts({1: 101}))
    changed = work.at_rates(1, parse_each_rate(written)).plan()
    before = work.plan()
    assert before.seconds is not None
    assert changed.seconds is not None
    assert before.seconds > 4 * 3600
    assert (changed.seconds < 2 * 3600) == is_faster


def test_a_deadline_is_missed_once_also_the_early_end_is_later() -> None:
    plan = around({1: Limit(1 / 60, 1)}).plan(parts({1: 11}))
    assert plan.ends_at is not None
    early, middle = plan.ends_at - timedelta(minutes=1), plan.ends_at - timedelta(seconds=30)
    assert plan.misses(middle)
    assert not replace(plan, earliest_at=early).misses(middle)
    assert replace(plan, earliest_at=early).misses(early - timedelta(seconds=1))


def test_a_higher_rate_changes_nothing_where_gaps_hold() -> None:
    gaps = Gaps(Span(20.0, 60.0))
    held = around({1: Limit(1.0, 1)}, gaps=gaps)
    held = replace(held, lanes=[structs.replace(held.lanes[0], interval=40.0)])
    work = PlannedCampaign(held, parts({1: 31}))
    assert work.plan().seconds == work.at_rate(1, 100.0).plan().seconds == pytest.approx(1200)
    change = cheapest_change(work, NOW + timedelta(minutes=15))
    assert change is not None
    assert change.says == "1 instance more like i1"


def test_people_who_are_waited_for_are_counted_by_rule_and_leave_once_they_are_free() -> None:
    free = [NOW + timedelta(hours=hours) for hours in (1, 2, 3)]
    waiting = [
        PlannedPart(lane_id=1, messages=10, not_before=at, rule=rule, first_free_at=at - timedelta(minutes=30))
        for rule, at in zip((PersonRule.CAP, PersonRule.COOLDOWN, PersonRule.CAP), free, strict=True)
    ]
    plan = around({1: Limit(1.0, 1)}).plan([*parts({1: 60}), *waiting])
    assert plan.ends_at == free[2] + timedelta(seconds=9)
    assert plan.waiting_people == [
        WaitingPeople(PersonRule.COOLDOWN, 10, free[1] - timedelta(minutes=30)),
        WaitingPeople(PersonRule.CAP, 20, free[0] - timedelta(minutes=30)),
    ]
    assert plan.said_waits == (
        "people who were messaged within its cooldown and people who have had as many as caps allow"
    )
