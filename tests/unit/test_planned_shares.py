"""How instances share a campaign where limits, hours and rests keep them from their rates."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from broadcaster.domain.dealing import Dealing, is_worth_moving, shares_of
from broadcaster.domain.lanes_now import LaneNow, LimitNow
from broadcaster.domain.opening_hours import OpeningHours
from broadcaster.domain.planned_parts import PlannedPart
from broadcaster.domain.planned_shares import dealing_of
from broadcaster.domain.surroundings import Surroundings

NOW = datetime(2027, 1, 4, 9, 0, tzinfo=UTC)
"""A Monday."""
RATES = {1: 1 / 3, 2: 1 / 3}
LIKE = PlannedPart(lane_id=0, messages=0)
MORNINGS = OpeningHours(windows=("06:00-10:00",), zone="UTC")
AFTERNOONS = OpeningHours(windows=("12:00-20:00",), zone="UTC")


def lane(number: int, **known: Any) -> LaneNow:
    usual = {"interval": 3.0, "debt": 0.0, "rests": 0.0, "is_stopped": False, "hours": None, "limits": ()}
    return LaneNow(id=number, instance=f"i{number}", tolerance=2.0, burst=2, now=NOW, **{**usual, **known})


def limit(number: int, most: int, span: int, *, taken: int = 0) -> LimitNow:
    """Its places were taken in the bucket of now."""
    bucket = int(NOW.timestamp() // (span / 48))
    counts = (taken,) if taken else ()
    known = {"is_shared": False, "grace_seconds": 0.0, "newest": bucket}
    return LimitNow(id=number, name="i", most=most, span_seconds=span, counts=counts, **known)


def around(*lanes: LaneNow, limits: tuple[LimitNow, ...] = (), beside: tuple[PlannedPart, ...] = ()) -> Surroundings:
    return Surroundings(
        now=NOW,
        lanes=lanes,
        limits=limits,
        beside=beside,
        reserve=timedelta(seconds=30),
        zone=ZoneInfo("UTC"),
        names={part.campaign: "other" for part in beside},
    )


def shares(total: int, these: Surroundings, rates: dict[int, float | None] | None = None) -> dict[int, int]:
    return dict(dealing_of(these, RATES if rates is None else rates, LIKE).shares(total))


def seconds(these: Surroundings, dealt: dict[int, int]) -> float:
    parts = [PlannedPart(lane_id=each, messages=messages) for each, messages in dealt.items()]
    return these.plan(parts).seconds or 0.0


def test_what_is_full_gets_nothing_that_another_one_sends_before_it_has_a_place() -> None:
    full = limit(9, 1000, 86_400, taken=1000)
    these = around(lane(1), lane(2, limits=(9,)), limits=(full,))
    assert shares(100, these) == {1: 100, 2: 0}


def test_what_has_a_few_places_gets_as_many() -> None:
    these = around(lane(1), lane(2, limits=(9,)), limits=(limit(9, 1000, 86_400, taken=990),))
    assert shares(100, these) == {1: 90, 2: 10}


def test_a_limit_that_is_not_reached_changes_nothing() -> None:
    these = around(lane(1), lane(2, limits=(9,)), limits=(limit(9, 1000, 86_400),))
    assert shares(100, these) == {1: 50, 2: 50}


def test_over_days_each_gets_what_its_limits_let_it_send() -> None:
    counted = (limit(8, 3000, 86_400), limit(9, 1000, 86_400))
    these = around(lane(1, limits=(8,)), lane(2, limits=(9,)), limits=counted)
    dealt = shares(40_000, these)
    assert dealt[1] == pytest.approx(30_000, rel=0.02)
    assert dealt[1] + dealt[2] == 40_000


def test_what_is_closed_gets_nothing_that_is_sent_before_it_opens() -> None:
    these = around(lane(1), lane(2, hours=AFTERNOONS))
    assert shares(600, these) == {1: 600, 2: 0}
    assert shares(5600, these)[2] == pytest.approx(1000, rel=0.03)


def test_what_closes_gets_what_it_sends_until_then() -> None:
    these = around(lane(1), lane(2, hours=MORNINGS))
    # Without the 30 s before it closes.
    assert shares(6000, these)[2] == pytest.approx(1190, rel=0.03)


@pytest.mark.parametrize(("minutes", "sent"), [(1, 0), (2, 10), (10, 170)])
def test_what_closes_soon_gets_nothing_that_is_due_in_the_last_minute(minutes: int, sent: int) -> None:
    """So that it may begin somewhat later than it was dealt for."""
    these = around(lane(1), lane(2, hours=OpeningHours(windows=(f"06:00-09:{minutes:02}",), zone="UTC")))
    # Without the 30 s before it closes.
    assert shares(3000, these)[2] == pytest.approx(sent, abs=3)


def test_what_is_open_for_a_minute_gets_what_it_sends_in_the_first_half_of_that() -> None:
    these = around(lane(1), lane(2, hours=OpeningHours(windows=("09:00-09:01",), zone="UTC")))
    assert shares(600, these)[2] == pytest.approx(15 / 3, abs=3)


def test_what_rests_gets_what_it_sends_afterwards() -> None:
    these = around(lane(1), lane(2, rests=600.0))
    assert shares(100, these) == {1: 100, 2: 0}
    assert shares(400, these)[2] == pytest.approx(100, abs=5)


def test_one_that_is_paused_or_in_trouble_counts_as_well() -> None:
    these = around(lane(1), lane(2, is_stopped=True, trouble_since=NOW, limits=(9,)), limits=(limit(9, 1000, 86_400),))
    assert shares(100, these) == {1: 50, 2: 50}


def test_what_others_have_to_send_counts() -> None:
    other = PlannedPart(lane_id=2, messages=1000, campaign=5, priority=9)
    these = around(lane(1), lane(2, limits=(9,)), limits=(limit(9, 1000, 86_400),), beside=(other,))
    assert shares(100, these) == {1: 100, 2: 0}


def test_the_moment_that_counts_is_the_start() -> None:
    these = around(lane(1), lane(2, hours=AFTERNOONS))
    dealing = dealing_of(these, RATES, LIKE, NOW + timedelta(hours=4))
    assert dealing.shares(100) == {1: 50, 2: 50}


def test_where_none_can_send_for_a_year_rates_decide() -> None:
    never = OpeningHours(windows=("00:00-24:00",), zone="UTC", days_off=())
    full = limit(9, 1, 86_400, taken=1)
    these = around(lane(1, hours=never, rests=4e7), lane(2, rests=4e7, limits=(9,)), limits=(full,))
    assert shares(10, these) == {1: 5, 2: 5}


def test_an_instance_without_a_rate_counts_more_than_any_other() -> None:
    these = around(lane(1, interval=0.0), lane(2, limits=(9,)), limits=(limit(9, 1000, 86_400),))
    dealt = shares(1000, these, {1: None, 2: 1 / 3})
    assert dealt[1] == pytest.approx(997, abs=2)


@settings(deadline=None, max_examples=40)
@given(
    st.integers(1, 3000),
    st.integers(1, 300),
    st.integers(0, 300),
    st.sampled_from([3600, 86_400]),
    st.sampled_from([None, MORNINGS, AFTERNOONS]),
    st.floats(0, 5000),
)
def test_another_instance_never_makes_it_later(
    total: int, most: int, taken: int, span: int, hours: OpeningHours | None, rests: float
) -> None:
    counted = limit(9, most, span, taken=min(most, taken))
    these = around(lane(1), lane(2, limits=(9,), hours=hours, rests=rests), limits=(counted,))
    alone, together = seconds(these, {1: total}), seconds(these, shares(total, these))
    # A piece of time is as long as a twentieth of the time before it.
    assert together <= alone * 1.06 + 6


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 800), st.integers(1, 200))
def test_what_is_dealt_one_by_one_comes_to_the_same(total: int, most: int) -> None:
    these = around(lane(1), lane(2, limits=(9,)), limits=(limit(9, most, 3600),))
    dealing = dealing_of(these, RATES, LIKE)
    assert Counter(islice(dealing.lanes(), total)) == Counter(dealing.shares(total))


def test_without_limits_hours_and_rests_rates_decide() -> None:
    dealing = dealing_of(around(lane(1), lane(2, interval=1.0)), {1: 1 / 3, 2: 1.0}, LIKE)
    assert dealing.shares(400) == shares_of(400, {1: 1 / 3, 2: 1.0})


def test_who_counts_nothing_gets_nothing() -> None:
    assert Dealing({1: 3.0, 2: 0.0}).shares(7) == {1: 7, 2: 0}


def test_only_what_makes_a_difference_is_worth_moving() -> None:
    assert not is_worth_moving({1: 500, 2: 500}, {1: 505, 2: 495})
    assert is_worth_moving({1: 500, 2: 500}, {1: 1000, 2: 0})
    assert not is_worth_moving({1: 5000, 2: 20}, {1: 5002, 2: 18})


def test_few_messages_make_a_difference_to_a_lane_that_cannot_send_them() -> None:
    assert is_worth_moving({1: 5000, 2: 20}, {1: 5003, 2: 17})
    assert is_worth_moving({1: 1, 2: 1}, {1: 2, 2: 0})
