"""How far a sample of accepted messages shows that a gateway lies."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broadcaster.domain.truth import false_yes_estimate, is_lying, is_suspect
from broadcaster.services.reconcile.truth_check import MOST_COUNTED

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
    [(0, 0, False), (0, 9, False), (0, 10, True), (5, 5, True), (6, 4, False), (39, 11, False), (24, 16, True)],
)
def test_a_gateway_lies_when_more_of_a_sample_that_says_something_is_missing_than_an_honest_one_misses(
    shown: int, missing: int, lies: bool
) -> None:
    assert is_lying(shown, missing) is lies


@pytest.mark.parametrize(
    ("shown", "missing", "suspect"),
    [(0, 0, False), (0, 2, False), (0, 3, True), (7, 5, True), (60, 3, False), (1000, 20, False), (27, 3, True)],
)
def test_a_gateway_is_suspect_when_more_is_missing_than_a_few_in_a_hundred(
    shown: int, missing: int, suspect: bool
) -> None:
    assert is_suspect(shown, missing) is suspect


@given(counts, counts)
def test_whoever_lies_was_suspect_before(shown: int, missing: int) -> None:
    assert is_suspect(shown, missing) or not is_lying(shown, missing)


def seconds_until_stopped(share: float, looks: random.Random, most: float) -> float | None:
    """After the first message can be looked for, as the truth checks look: in 2 s after a miss, else in 10 s."""
    shown, missing, seconds = 0, 0, 0.0
    while seconds < most:
        is_missing = looks.random() < share
        if shown + missing >= MOST_COUNTED:
            shown, missing = shown // 2, missing // 2
        shown, missing = shown + (not is_missing), missing + is_missing
        if is_missing and is_lying(shown, missing):
            return seconds
        seconds += 2 if is_missing and missing % 6 else 10
    return None


@pytest.mark.parametrize(("share", "minutes"), [(0.25, 15), (0.45, 2), (0.75, 1), (1.0, 0.5)])
def test_a_liar_is_stopped_soon(share: float, minutes: float) -> None:
    took = [seconds_until_stopped(share, random.Random(seed), 7200) or 7200 for seed in range(101)]
    assert sorted(took)[50] <= 60 * minutes


@pytest.mark.parametrize("hidden", [0.0, 0.02, 0.05])
def test_an_honest_gateway_is_not_stopped_in_a_day(hidden: float) -> None:
    assert {seconds_until_stopped(hidden, random.Random(seed), 86_400) for seed in range(20)} == {None}
