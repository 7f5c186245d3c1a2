"""Invariant I5 at the source: the pacer's arithmetic."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broadcaster.domain.pacing import JITTER_ALLOWANCE, Pacer, default_burst, format_rate, pace, parse_rate
from broadcaster.errors import UsageError

rates = st.floats(min_value=0.01, max_value=200, allow_nan=False)


def worst_excess(moments: list[float], rate: float, burst: int) -> float:
    """By how much the worst window holds more than rate*W + burst, in messages; negative when none does."""
    # count(i..j) - rate*(t_j - t_i) is largest for some i: keep the largest i - rate*t_i from the right.
    worst = -float("inf")
    best_start = -float("inf")
    for index, moment in enumerate(moments):
        best_start = max(best_start, 1 - index + rate * moment)
        worst = max(worst, index - rate * moment + best_start - burst)
    return worst


@given(
    rate=rates,
    burst=st.integers(min_value=2, max_value=50),
    delays=st.lists(st.floats(min_value=0, max_value=5), min_size=2, max_size=60),
    jitter=st.lists(st.floats(min_value=0, max_value=1), min_size=60, max_size=60),
    ahead=st.floats(min_value=0, max_value=10),
)
def test_no_window_exceeds_rate_and_burst_whatever_the_delays_and_the_jitter(
    rate: float, burst: int, delays: list[float], jitter: list[float], ahead: float
) -> None:
    limit = pace(rate, burst)
    pacer = Pacer(limit, ahead, now=100.0)
    allowance = (burst - 1) * limit.interval - limit.tolerance
    now, accepted = 100.0, []
    for delay, part in zip(delays, jitter, strict=False):
        now += delay
        now += max(0.0, pacer.wait(now))
        pacer.admit(now)
        accepted.append(now + part * allowance)
    assert worst_excess(sorted(accepted), rate, burst) <= 1e-6


@given(rate=rates, replies=st.lists(st.floats(min_value=0, max_value=3), min_size=2, max_size=40))
def test_with_burst_1_no_window_exceeds_the_limit_however_late_requests_are_accepted(
    rate: float, replies: list[float]
) -> None:
    pacer = Pacer(pace(rate, 1), 0.0, now=0.0)
    now, accepted = 0.0, []
    for index, round_trip in enumerate(replies):
        now += max(0.0, pacer.wait(now))
        pacer.admit(now)
        accepted.append(now + round_trip * (index % 3) / 2)
        now += round_trip
        pacer.replied(now)
    assert worst_excess(accepted, rate, 1) <= 1e-6


@given(rate=rates, burst=st.integers(min_value=1, max_value=20), handovers=st.lists(st.booleans(), max_size=40))
def test_handing_the_clock_over_loses_nothing_of_the_limit(rate: float, burst: int, handovers: list[bool]) -> None:
    limit = pace(rate, burst)
    pacer, now, sent = Pacer(limit, 0.0, now=0.0), 0.0, []
    for hand_over in handovers:
        if hand_over:
            pacer = Pacer(limit, pacer.ahead(now), now)
        now += max(0.0, pacer.wait(now))
        pacer.admit(now)
        sent.append(now)
    assert not sent or worst_excess(sent, rate, burst) <= 1e-6


def test_an_idle_lane_may_start_with_its_burst_and_then_keeps_the_even_pace() -> None:
    pacer = Pacer(pace(1.0, 5), 0.0, now=0.0)
    now, moments = 0.0, []
    for _ in range(7):
        now += max(0.0, pacer.wait(now))
        pacer.admit(now)
        moments.append(now)
    assert moments[:4] == pytest.approx([0, 0, 0, 0])
    assert [b - a for a, b in pairwise(moments[4:])] == pytest.approx([1.0, 1.0])


def test_unlimited_never_waits() -> None:
    pacer = Pacer(pace(None, 2), 0.0, now=0.0)
    for _ in range(1000):
        assert pacer.wait(0.0) <= 0
        pacer.admit(0.0)


def test_the_jitter_allowance_is_bounded_so_that_large_bursts_stay_usable() -> None:
    limit = pace(1.0, 60)
    assert limit.tolerance == pytest.approx(59 - JITTER_ALLOWANCE)


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("20/min", 20 / 60),
        ("5/s", 5.0),
        ("1000/h", 1000 / 3600),
        ("0.5/s", 0.5),
        (" 7 / MIN ", 7 / 60),
        ("unlimited", None),
    ],
)
def test_rates_are_read_as_people_write_them(text: str, rate: float | None) -> None:
    assert parse_rate(text) == (pytest.approx(rate) if rate else None)


@pytest.mark.parametrize("text", ["", "20", "20/day", "-1/s", "x/min", "0/min", "1/0", "nan/s"])
def test_a_rate_that_makes_no_sense_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(UsageError) as refusal:
        parse_rate(text)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("text", ["20/min", "5/s", "1000/h", "unlimited", "1/min", "7/h", "50/s"])
def test_a_rate_is_shown_as_it_was_given(text: str) -> None:
    assert format_rate(parse_rate(text)) == text


def test_the_default_burst_absorbs_jitter_at_any_rate() -> None:
    assert default_burst(1 / 60) == 2
    assert default_burst(50) == 25
