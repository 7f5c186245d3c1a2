"""Limits over spans of time: what `--rate` says, and rolling counts that no window at a gateway exceeds."""

from __future__ import annotations

from bisect import bisect_left
from itertools import accumulate
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broadcaster.domain.span_limits import (
    RollingCount,
    SpanLimit,
    parse_rates,
    parse_span_limit,
    with_rates,
    without_effect,
)
from broadcaster.errors import UsageError

DAY = 86_400


@pytest.mark.parametrize(
    ("written", "pace", "counted", "said"),
    [
        (["20/min"], 20 / 60, (), "20/min"),
        (["50/h"], 50 / 3600, (), "50/h"),
        (["unlimited"], None, (), "unlimited"),
        (["1000/d"], 1000 / DAY, ((1000, DAY),), "41.7/h, 1000/d"),
        (["20/min", "1000/d", "50/h"], 20 / 60, ((50, 3600), (1000, DAY)), "20/min, 50/h, 1000/d"),
        (["1000/day", "50/hour"], 50 / 3600, ((50, 3600), (1000, DAY)), "50/h, 1000/d"),
        (["1/s", "20/min"], 20 / 60, (), "20/min"),
    ],
)
def test_several_rates_are_a_pace_and_what_is_counted(
    written: list[str], pace: float | None, counted: tuple[tuple[int, int], ...], said: str
) -> None:
    rates = parse_rates(written)
    assert rates.pace == (pace if pace is None else pytest.approx(pace))
    assert rates.counted == counted
    assert str(rates) == said


@pytest.mark.parametrize(
    ("written", "why"),
    [
        (["20/min", "unlimited"], "goes with no other rate"),
        (["20/min", "30/min"], "20/min and 30/min are of the same span"),
        (["100/d", "20/min", "200/day"], "100/d and 200/day are of the same span"),
        (["0/d"], "must be a whole number"),
        (["1.5/h", "20/min"], "must be a whole number"),
        (["20/min", "fast"], "is not understood"),
        (["1000/w"], "is not understood"),
    ],
)
def test_rates_that_cannot_all_hold_are_refused(written: list[str], why: str) -> None:
    with pytest.raises(UsageError, match=why):
        parse_rates(written)


def test_a_limit_is_of_an_hour_or_a_day() -> None:
    assert parse_span_limit("2000/d") == SpanLimit(2000, DAY)
    with pytest.raises(UsageError, match="write it like 1000/d or 50/h"):
        parse_span_limit("20/min")


graces = st.sampled_from([0.0, 75.0, 400.0])
steps = st.lists(
    st.tuples(
        st.floats(min_value=0, max_value=4000),  # seconds until the claim
        st.integers(min_value=1, max_value=30),  # messages that are wanted
        st.floats(min_value=0, max_value=1),  # when in the grace they are accepted
        st.booleans(),  # whether they provably are not
    ),
    min_size=5,
    max_size=80,
)


@given(most=st.integers(min_value=1, max_value=40), grace=graces, claims=steps)
def test_no_window_at_the_gateway_has_more_than_the_limit(
    most: int, grace: float, claims: list[tuple[float, int, float, bool]]
) -> None:
    limit = SpanLimit(most, 3600)
    count, now = RollingCount(limit, grace), 1_800_000_000.0
    accepted: list[float] = []
    for wait, wanted, late, is_returned in claims:
        now += wait
        claimed = min(wanted, most - count.taken(now))
        assert (claimed <= 0) == (count.free_at() > now)
        if claimed > 0:
            count = count.after(now, claimed)
            if is_returned:
                count = count.after(now + late * grace, returned=[now] * claimed)
            else:
                accepted += [now + late * grace] * claimed
    accepted.sort()
    for first, moment in enumerate(accepted):
        assert bisect_left(accepted, moment + limit.span) - first <= most


@given(
    before=st.integers(-2, 60),
    waits=st.lists(st.tuples(st.floats(0, 4000), st.integers(0, 5)), min_size=1, max_size=8),
    grace=graces,
)
def test_claims_that_are_counted_at_once_count_as_one_after_the_other(
    before: int, waits: list[tuple[float, int]], grace: float
) -> None:
    limit, begin = SpanLimit(10, 3600), 1_800_000_000.0
    moments = list(accumulate((wait for wait, _ in waits), initial=begin))[1:]
    claims = [(moment, claimed) for moment, (_, claimed) in zip(moments, waits, strict=True)]
    counted = RollingCount(limit, grace).after(begin - before * limit.bucket, 3)
    at_once, each = counted.after_each(claims), counted
    for moment, claimed in claims:
        each = each.after(moment, claimed)
    assert at_once == each


@given(most=st.integers(min_value=1, max_value=5), grace=graces)
def test_a_place_is_free_again_a_bucket_and_the_grace_after_its_span_at_the_latest(most: int, grace: float) -> None:
    limit, now = SpanLimit(most, 3600), 1_800_000_000.0
    full = RollingCount(limit, grace).after(now, most)
    free_at = full.free_at()
    assert now + limit.span + grace < free_at <= now + limit.span + grace + limit.bucket
    assert full.taken(free_at - 0.001) == most
    assert full.taken(free_at) == 0
    assert full.after(free_at).free_at() == -inf


def test_a_place_that_is_given_back_is_free_at_once() -> None:
    full = RollingCount(SpanLimit(2, 3600), 75.0).after(1000.0, 2)
    assert full.after(1010.0, returned=[1000.0]).taken(1010.0) == 1


def test_a_clock_that_was_put_back_keeps_nobody_waiting_for_longer_than_the_span() -> None:
    limit, now = SpanLimit(2, 3600), 1_800_000_000.0
    count = RollingCount(limit, 75.0).after(now, 2)
    back = now - 40 * DAY
    assert count.taken(back) == 2
    assert count.after(back).free_at() <= back + 3600 + 75 + limit.bucket


@pytest.mark.parametrize(
    ("before", "added", "after"),
    [
        (["20/min"], ["50/h"], "20/min, 50/h"),
        (["20/min", "1000/d"], ["50/h", "800/d"], "20/min, 50/h, 800/d"),
        (["1000/d"], ["20/min"], "20/min, 1000/d"),
        (["20/min", "1000/d"], ["5/min"], "5/min, 1000/d"),
        (["60/min", "1000/d"], ["90/min"], "90/min, 1000/d"),
        (["2/s"], ["200/min"], "200/min"),
        (["20/min"], ["1/s"], "60/min"),
        (["unlimited"], ["1000/d"], "41.7/h, 1000/d"),
    ],
)
def test_a_rate_that_is_added_replaces_only_that_of_its_span(before: list[str], added: list[str], after: str) -> None:
    assert str(with_rates(parse_rates(before), added)) == after


@pytest.mark.parametrize(
    ("limits", "idle"),
    [
        ([(1, 86_400), (5, 3600)], [(5, 3600)]),
        ([(1, 3600), (24, 86_400)], [(24, 86_400)]),
        ([(1, 3600), (23, 86_400)], []),
        ([(2, 43_200), (3, 86_400), (4, 86_400 * 7)], []),
        ([(2, 43_200), (4, 86_400), (4, 86_400 * 7)], [(4, 86_400)]),
        ([(3, 5 * 3600), (6, 7 * 3600)], [(6, 7 * 3600)]),
    ],
)
def test_a_limit_holds_nothing_back_where_another_one_never_lets_so_much_through(
    limits: list[tuple[int, int]], idle: list[tuple[int, int]]
) -> None:
    assert [each for each, _ in without_effect(limits)] == idle
