"""How lanes share the recipients of a campaign."""

from __future__ import annotations

from collections import Counter
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broadcaster.domain.dealing import Limit, Limits, deal, shares_of
from broadcaster.domain.pacing import default_burst

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


@given(st.integers(0, 2000), LIMITS)
def test_the_shares_are_those_which_are_dealt(total: int, limits: Limits) -> None:
    assert Counter(islice(deal(limits), total)) == Counter(shares_of(total, limits))
