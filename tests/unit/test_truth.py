"""How far a sample of accepted messages shows that a gateway lies."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broadcaster.domain.truth import false_yes_estimate, is_lying

counts = st.integers(0, 100_000)


@pytest.mark.parametrize(
    ("shown", "missing", "low", "high"),
    [
        (10, 0, 0.0, 0.2775),
        (0, 10, 0.7225, 1.0),
        (5, 5, 0.2366, 0.7634),
        (90, 10, 0.0552, 0.1744),
        (0, 0, 0.0, 1.0),
    ],
)
def test_the_interval_is_wilson_s(shown: int, missing: int, low: float, high: float) -> None:
    estimate = false_yes_estimate(shown, missing)
    assert (estimate.low, estimate.high) == pytest.approx((low, high), abs=5e-5)


@given(counts, counts)
def test_the_interval_holds_the_share_and_mirrors_it(shown: int, missing: int) -> None:
    estimate, mirrored = false_yes_estimate(shown, missing), false_yes_estimate(missing, shown)
    assert 0 <= estimate.low <= estimate.share <= estimate.high <= 1
    assert (estimate.low, estimate.high) == pytest.approx((1 - mirrored.high, 1 - mirrored.low))


@given(counts)
def test_more_samples_say_more(missing: int) -> None:
    few, many = false_yes_estimate(1, 1), false_yes_estimate(missing + 2, missing + 2)
    assert many.high - many.low < few.high - few.low


@pytest.mark.parametrize(
    ("shown", "missing", "lies"),
    [(0, 0, False), (0, 9, False), (0, 10, True), (1, 9, True), (2, 8, False), (41, 59, False), (40, 60, True)],
)
def test_a_gateway_lies_when_most_of_a_sample_that_says_something_is_missing(
    shown: int, missing: int, lies: bool
) -> None:
    assert is_lying(shown, missing) is lies
