"""How lanes share the recipients of a campaign, and how long they take."""

from __future__ import annotations

from collections import Counter
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broadcaster.domain.dealing import Limit, Limits, OpenPart, deal, seconds_left, seconds_to_send
from broadcaster.domain.pacing import Pacer, default_burst, pace

LIMITS = st.lists(
    st.builds(Limit, st.none() | st.floats(1 / 3600, 1000), st.integers(1, 100)), min_size=1, max_size=6
).map(lambda limits: dict(enumerate(limits)))


def usual(rates: dict[int, float | None]) -> Limits:
    """The lanes with the burst that they get where none is asked for."""
    return {lane: Limit(rate, default_burst(rate)) for lane, rate in rates.items()}


@pytest.mark.parametrize(
    ("rates", "first"),
    [
        ({7: None}, [7, 7, 7]),
        ({1: 2.0, 2: 1.0}, [1, 1, 2, 1, 1, 2]),
        ({1: 1.0, 2: 1.0, 3: 1.0}, [1, 2, 3, 1, 2, 3]),
        # A lane without a limit counts ten times the fastest one, and at least 100 a second.
        ({1: 20.0, 2: None}, [2] * 10 + [1]),
    ],
)
def test_recipients_are_dealt_in_proportion_to_the_rates(rates: dict[int, float | None], first: list[int]) -> None:
    assert Counter(islice(deal(usual(rates)), len(first))) == Counter(first)


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
        (10, usual({1: 20 / 60, 2: None}), None),
        (30, usual({1: None}), None),
        (30, usual({1: None, 2: None}), None),
    ],
)
def test_sending_takes_as_long_as_the_slowest_lane_needs(total: int, limits: Limits, seconds: float | None) -> None:
    assert seconds_to_send(total, limits) == (seconds and pytest.approx(seconds))


@given(st.integers(1, 300), st.floats(1 / 3600, 1000), st.integers(1, 100))
def test_the_estimate_is_when_the_pacer_lets_the_last_one_leave(total: int, rate: float, burst: int) -> None:
    pacer, now = Pacer(pace(rate, burst), debt=0.0, now=0.0), 0.0
    for _ in range(total):
        now += max(0.0, pacer.wait(now))
        pacer.admit(now)
        pacer.replied(now)
    assert seconds_to_send(total, {1: Limit(rate, burst)}) == pytest.approx(now, abs=1e-6 / rate)


@given(st.integers(0, 2000), LIMITS)
def test_the_estimate_is_that_of_the_shares_which_are_dealt(total: int, limits: Limits) -> None:
    shares = Counter(islice(deal(limits), total))
    needed = [
        seconds_to_send(shares[lane], {lane: limit}) or 0.0 for lane, limit in limits.items() if limit.rate is not None
    ]
    assert (seconds_to_send(total, limits) or 0.0) == pytest.approx(max(needed, default=0.0))


@given(st.integers(1, 2000), LIMITS)
def test_more_messages_never_take_less_time(total: int, limits: Limits) -> None:
    fewer, more = ((seconds_to_send(each, limits) or 0.0) for each in (total, total + 1))
    assert fewer <= more * (1 + 1e-9)


def test_what_waits_at_a_lane_already_is_sent_besides() -> None:
    limits = {1: Limit(1.0, 1), 2: Limit(1.0, 1)}
    assert seconds_to_send(20, limits) == pytest.approx(9)
    assert seconds_to_send(20, limits, {1: 100}) == pytest.approx(109)
    assert seconds_to_send(1, limits, {2: 100}) == 0.0, "it goes through the other one"


@pytest.mark.parametrize(
    ("parts", "rate", "seconds"),
    [
        ([OpenPart(30, 3.0, 0, False)], 0.0, 90),
        ([OpenPart(30, 3.0, 0, False)], 30.0, 90),  # a burst has left: the limit counts
        ([OpenPart(30, 3.0, 0, False)], 0.1, 300),  # each takes several tries, or others are sent beside
        ([OpenPart(2, 3.0, 240, False)], 0.3, 246),  # all of them are tried again later
        ([OpenPart(100, 0.2, 0, False), OpenPart(10, 60.0, 0, False)], 5.0, 600),  # the slowest lane is the last one
        ([OpenPart(100, 0.2, 0, False), OpenPart(0, 60.0, 0, True)], 5.0, 20),
        ([OpenPart(100, 0.0, 0, False)], 50.0, 2),
        ([OpenPart(100, 0.0, 0, False)], 0.0, None),
        ([OpenPart(100, 0.2, 0, False), OpenPart(1, 0.2, 0, True)], 5.0, None),
        ([OpenPart(0, 0.2, 0, False)], 5.0, None),
        ([], 5.0, None),
    ],
)
def test_the_time_left_is_what_limits_and_the_rate_allow(
    parts: list[OpenPart], rate: float, seconds: float | None
) -> None:
    assert seconds_left(parts, rate) == (seconds and pytest.approx(seconds))
