"""How lanes share the recipients of a campaign."""

from __future__ import annotations

from collections import Counter
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broadcaster.domain.dealing import LaneRates, apportioned, deal, shares_of

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
def test_recipients_are_dealt_in_proportion_to_the_rates(rates: dict[int, float | None], first: list[int]) -> None:
    assert Counter(islice(deal(rates), len(first))) == Counter(first)


@given(st.integers(0, 2000), RATES)
def test_the_shares_are_those_which_are_dealt(total: int, rates: LaneRates) -> None:
    assert Counter(islice(deal(rates), total)) == Counter(shares_of(total, rates))


@given(st.integers(0, 400), st.dictionaries(st.integers(), st.integers(0, 100), max_size=6))
def test_of_so_many_each_gives_its_part_and_all_give_as_many(total: int, held: dict[int, int]) -> None:
    given, whole = apportioned(total, held), sum(held.values())
    assert sum(given.values()) == min(total, whole)
    for each, number in held.items():
        assert 0 <= given[each] <= number
        assert abs(given[each] - number * min(total, whole) / max(1, whole)) < 1
