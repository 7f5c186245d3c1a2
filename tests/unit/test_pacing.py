"""Invariant I5 at the source: the pacer's arithmetic."""

from __future__ import annotations

from heapq import heappop, heappush
from itertools import pairwise
from math import inf

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from broadcaster.domain.pacing import ROOM_IN_FLIGHT, Pacer, default_burst, format_rate, pace, parse_rate, worst_excess
from broadcaster.errors import UsageError

rates = st.floats(min_value=0.01, max_value=200, allow_nan=False)


@given(
    rate=rates,
    burst=st.integers(min_value=1, max_value=8),
    most_in_flight=st.integers(min_value=1, max_value=10),
    requests=st.lists(
        st.tuples(
            st.sampled_from([0, 0, 0, 0.3, 1, 20]),  # idle before, in intervals
            st.sampled_from([0.1, 1, 3, 10]),  # round trip, in intervals
            st.sampled_from([0, 1]),  # when in the round trip it is accepted
        ),
        min_size=2,
        max_size=40,
    ),
    debt=st.sampled_from([0, 0, 0.5, 3]),  # in intervals
)
@settings(max_examples=500)
def test_no_window_exceeds_rate_and_burst_whenever_requests_are_accepted_before_their_replies(
    rate: float, burst: int, most_in_flight: int, requests: list[tuple[float, float, float]], debt: float
) -> None:
    pacer = Pacer(pace(rate, burst), debt / rate, now=100.0)
    now, accepted, replies = 100.0, [], []

    def until(moment: float) -> float:
        while replies and replies[0] <= moment:
            pacer.replied(heappop(replies))
        return moment

    for idle, trip, part in requests:
        round_trip = trip / rate
        now = until(now + idle / rate)
        while len(replies) >= min(most_in_flight, burst):
            now = until(max(now, replies[0]))
        while (wait := pacer.wait(now)) > 1e-9:
            now = until(now + wait)
        pacer.admit(now)
        accepted.append(now + part * round_trip)
        heappush(replies, now + round_trip)
    assert worst_excess(sorted(accepted), rate, burst) <= 1e-6


@given(rate=rates, burst=st.integers(min_value=1, max_value=20), handovers=st.lists(st.booleans(), max_size=40))
def test_handing_the_clock_over_loses_nothing_of_the_limit(rate: float, burst: int, handovers: list[bool]) -> None:
    limit = pace(rate, burst)
    pacer, now, sent = Pacer(limit, 0.0, now=0.0), 0.0, []
    for hand_over in handovers:
        if hand_over:
            pacer = Pacer(limit, pacer.debt(now), now)
        now += max(0.0, pacer.wait(now))
        pacer.admit(now)
        pacer.replied(now)
        sent.append(now)
    assert not sent or worst_excess(sent, rate, burst) <= 1e-6


histories = st.lists(
    st.tuples(
        st.sampled_from([0, 0, 0.3, 1, 20]),  # idle before, in intervals
        st.sampled_from([0.0, 0.1, 1, 5, None]),  # round trip, in intervals; None: it has not come
    ),
    max_size=12,
)


def pacer_after(
    history: list[tuple[float, float | None]], rate: float, burst: int
) -> tuple[Pacer, float, list[float]]:
    """A pacer with a past, the moment now, and when the replies come that are still out."""
    pacer, now, replies = Pacer(pace(rate, burst), 0.0, now=50.0), 50.0, []
    for idle, trip in history:
        now += idle / rate
        while replies and replies[0] <= now:
            pacer.replied(heappop(replies))
        if len(replies) < burst and pacer.wait(now) <= 0:
            pacer.admit(now)
            heappush(replies, inf if trip is None else now + trip / rate)
    return pacer, now, replies


@given(
    rate=rates,
    burst=st.integers(min_value=1, max_value=20),
    history=histories,
    queued=st.integers(0, 30),
    data=st.data(),
)
def test_as_many_slots_are_within_a_time_as_may_leave_in_it(
    rate: float, burst: int, history: list[tuple[float, float | None]], queued: int, data: st.DataObject
) -> None:
    pacer, now, _ = pacer_after(history, rate, burst)
    within = data.draw(st.sampled_from([0.0, 0.05, 0.3, 1.0, 7.0])) / rate
    slots = pacer.slots(now, queued, within)
    rounding = 1e-6 / rate
    assert slots >= 0
    assert slots == 0 or pacer.wait(now, queued + slots - 1) <= within + rounding
    assert pacer.wait(now, queued + slots) > within - rounding


@given(rate=rates, burst=st.integers(min_value=1, max_value=20), history=histories, queued=st.integers(0, 30))
def test_no_request_may_leave_before_the_wait_that_was_foretold_behind_others(
    rate: float, burst: int, history: list[tuple[float, float | None]], queued: int
) -> None:
    pacer, now, replies = pacer_after(history, rate, burst)
    foretold = now + pacer.wait(now, queued)
    for _ in range(queued + 1):
        while len(replies) >= burst or pacer.wait(now) > 1e-9 / rate:
            turn = now + max(0.0, pacer.wait(now)) if len(replies) < burst else inf
            now = min([turn, *replies[:1]])
            if now == inf:
                return
            while replies and replies[0] <= now:
                pacer.replied(heappop(replies))
        pacer.admit(now)
        heappush(replies, now + 0.5 / rate)
    assert now >= foretold - 1e-6 / rate


@given(rate=rates, burst=st.integers(min_value=1, max_value=20), idle=st.sampled_from([0.0, 0.4, 1.0, 50.0]))
def test_behind_others_that_leave_in_time_a_request_leaves_when_it_was_foretold(
    rate: float, burst: int, idle: float
) -> None:
    foretold = Pacer(pace(rate, burst), 0.0, now=0.0)
    now = idle / rate
    moments = [now + max(0.0, foretold.wait(now, queued)) for queued in range(burst)]
    pacer, left = Pacer(pace(rate, burst), 0.0, now=0.0), []
    for _ in range(burst):
        now += max(0.0, pacer.wait(now))
        pacer.admit(now)
        left.append(now)
    assert left == pytest.approx(moments, abs=1e-6 / rate)


def test_an_idle_lane_may_start_with_its_burst_and_then_keeps_the_even_pace() -> None:
    pacer = Pacer(pace(1.0, 5), 0.0, now=0.0)
    now, moments = 0.0, []
    for _ in range(7):
        now += max(0.0, pacer.wait(now))
        pacer.admit(now)
        pacer.replied(now)
        moments.append(now)
    assert moments[:4] == pytest.approx([0, 0, 0, 0])
    assert [b - a for a, b in pairwise(moments[4:])] == pytest.approx([1.0, 1.0])


def test_unlimited_never_waits() -> None:
    pacer = Pacer(pace(None, 2), 0.0, now=0.0)
    for _ in range(1000):
        assert pacer.wait(0.0) <= 0
        pacer.admit(0.0)


def test_the_room_for_requests_in_flight_is_bounded_so_that_large_bursts_stay_usable() -> None:
    assert pace(1.0, 60).tolerance == pytest.approx(59 - ROOM_IN_FLIGHT)


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


@pytest.mark.parametrize("text", ["", "20", "20/day", "-1/s", "x/min", "0/min", "1/0", "nan/s", "0.04/h", "100001/s"])
def test_a_rate_that_makes_no_sense_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(UsageError) as refusal:
        parse_rate(text)
    assert "\n" not in str(refusal.value)


def test_what_is_no_rate_is_told_all_that_are() -> None:
    with pytest.raises(UsageError, match=r"'5/w' is not understood: write it like 20/min, 5/s, 200/h, 1000/d or unl"):
        parse_rate("5/w")


@pytest.mark.parametrize(
    "text", ["20/min", "5/s", "1000/h", "unlimited", "1/min", "7/h", "50/s", "60/min", "90/min", "2/s"]
)
def test_a_rate_is_shown_as_it_was_given(text: str) -> None:
    assert format_rate(parse_rate(text)) == text


def test_the_default_burst_is_a_second_of_messages_and_never_one() -> None:
    assert [default_burst(rate) for rate in (None, 1 / 60, 2.5, 50)] == [2, 2, 3, 50]
