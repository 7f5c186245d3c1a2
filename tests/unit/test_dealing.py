"""How lanes share the recipients of a campaign, and how long they take."""

from __future__ import annotations

from collections import Counter
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broadcaster.domain.dealing import Rates, deal, seconds_to_send

RATES = st.lists(st.none() | st.floats(1 / 3600, 1000), min_size=1, max_size=6).map(
    lambda rates: dict(enumerate(rates))
)


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
def test_recipients_are_dealt_in_proportion_to_the_rates(rates: Rates, first: list[int]) -> None:
    assert Counter(islice(deal(rates), len(first))) == Counter(first)


@pytest.mark.parametrize(
    ("total", "rates", "seconds"),
    [
        (30, {1: 2.0, 2: 1.0}, 10),
        (3, {1: 1 / 3600, 2: 1 / 3600}, 7200),
        (1000, {1: 20 / 60, 2: None}, 9),
        (0, {1: 1.0}, None),
        (10, {1: 20 / 60, 2: None}, None),
        (30, {1: None}, None),
        (30, {1: None, 2: None}, None),
    ],
)
def test_sending_takes_as_long_as_the_slowest_lane_needs(total: int, rates: Rates, seconds: float | None) -> None:
    assert seconds_to_send(total, rates) == (seconds and pytest.approx(seconds))


@given(st.integers(0, 2000), RATES)
def test_the_estimate_is_that_of_the_shares_which_are_dealt(total: int, rates: Rates) -> None:
    shares = Counter(islice(deal(rates), total))
    needed = [shares[lane] / rate for lane, rate in rates.items() if rate is not None]
    assert (seconds_to_send(total, rates) or 0.0) == pytest.approx(max(needed, default=0.0))


@given(st.integers(1, 2000), RATES)
def test_more_messages_never_take_less_time(total: int, rates: Rates) -> None:
    fewer, more = ((seconds_to_send(each, rates) or 0.0) for each in (total, total + 1))
    assert fewer <= more * (1 + 1e-9)
