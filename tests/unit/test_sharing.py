"""How several instances share a campaign: weights as they are written, and what is changed of the rest."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broadcaster.domain.care import Care
from broadcaster.domain.dealing import dealt_to_room, shares_of
from broadcaster.domain.sharing import (
    Sharing,
    SharingChange,
    given_weights,
    parse_weights,
    refuse_strangers,
    said_weights,
)
from broadcaster.domain.spans import said_span
from broadcaster.errors import UsageError

LANES = st.dictionaries(st.integers(1, 6), st.tuples(st.floats(0.01, 100), st.integers(0, 500)), min_size=1)


def test_instances_are_named_alone_or_with_weights() -> None:
    assert parse_weights(["a", "b"]) == {"a": None, "b": None}
    assert parse_weights(["a=3", "b=1"]) == {"a": 3, "b": 1}
    assert given_weights(parse_weights(["a"])) == {}
    assert said_weights(parse_weights(["a=3", "b=1"])) == "a (3), b (1)"


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (["a=0"], "a weight is a whole number from 1 to 1000"),
        (["a=1001"], "a weight is a whole number from 1 to 1000"),
        (["a=1.5"], "a weight is a whole number"),
        (["a="], "a weight is a whole number"),
        (["a=3", "b"], "give each instance a weight, such as b=1, or none of them"),
        (["a", "b", "a"], "--instance 'a' is given twice: name each instance once"),
        (["a=3", "a=1"], "--instance 'a' is given twice"),
    ],
)
def test_what_is_no_weight_is_refused(written: list[str], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        parse_weights(written)


def test_a_change_leaves_what_is_not_given() -> None:
    both = Sharing(failover_after=60.0, sticky=True, failover_sticky=True)
    assert SharingChange(failover_after=90.0).of(both) == Sharing(
        failover_after=90.0, sticky=True, failover_sticky=True
    )
    assert SharingChange(never_fails_over=True).of(both) == Sharing(sticky=True)
    assert SharingChange(sticky=False, failover_sticky=False).of(both) == Sharing(failover_after=60.0)
    for change in (SharingChange(failover_sticky=True), SharingChange(failover_sticky=True, sticky=True)):
        with pytest.raises(UsageError, match="--failover-sticky goes with"):
            change.of(Sharing())


def test_it_is_said_as_it_is_written() -> None:
    assert str(Sharing()) == "none"
    assert str(Sharing(failover_after=900.0)) == "failover after 15m"
    assert str(Sharing(failover_after=5400.0, sticky=True)) == "failover after 90m, people keep their instance"
    assert [said_span(seconds) for seconds in (1, 90, 7200, 86400)] == ["1s", "90s", "2h", "24h"]


def test_nobody_gets_it_from_an_instance_that_does_not_know_them() -> None:
    with pytest.raises(UsageError, match="--failover-after with --only-known"):
        refuse_strangers(Sharing(failover_after=60.0), Care(only_known=True))
    refuse_strangers(Sharing(sticky=True), Care(only_known=True))
    refuse_strangers(Sharing(failover_after=60.0), None)


@given(st.integers(0, 2000), LANES)
def test_what_moves_goes_to_who_has_less_than_its_share(messages: int, lanes: dict[int, tuple[float, int]]) -> None:
    rates = {lane: rate for lane, (rate, _) in lanes.items()}
    there = {lane: pending for lane, (_, pending) in lanes.items()}
    dealt = dealt_to_room(messages, there, rates, rates, dict.fromkeys(lanes, 0.0))
    assert sum(dealt.values()) == (messages if messages else 0)
    shares = shares_of(messages + sum(there.values()), rates)
    assert all(there[lane] <= shares[lane] for lane, count in dealt.items() if count)


@given(st.integers(1, 2000), LANES, st.data())
def test_who_may_send_later_gets_what_it_sends_until_all_are_done(
    messages: int, lanes: dict[int, tuple[float, int]], data: st.DataObject
) -> None:
    rates = {lane: rate for lane, (rate, _) in lanes.items()}
    delays = {lane: data.draw(st.floats(0, 10_000), label=f"delay of {lane}") for lane in lanes}
    dealt = dealt_to_room(messages, dict.fromkeys(lanes, 0), rates, rates, delays)
    assert sum(dealt.values()) == messages
    ends = max(delays[lane] + count / rates[lane] for lane, count in dealt.items() if count)
    # A lane gets one message more or less than its exact part, and so the last one is done as much later.
    rounded = max(1 / rates[lane] for lane, count in dealt.items() if count)
    for lane, rate in rates.items():
        # One message more, and it would be the last one that is done.
        assert delays[lane] + (dealt.get(lane, 0) + 2) / rate >= ends - rounded, lane


def test_weights_say_how_they_share_and_rates_how_soon_they_are_done() -> None:
    # Together they send two a second: who may send 50 seconds later lacks fifty of its hundred and fifty.
    weights, rates = {1: 3.0, 2: 1.0}, {1: 1.0, 2: 1.0}
    assert dealt_to_room(200, {1: 0, 2: 0}, weights, rates, {1: 0.0, 2: 0.0}) == {1: 150, 2: 50}
    assert dealt_to_room(200, {1: 0, 2: 0}, weights, rates, {1: 50.0, 2: 0.0}) == {1: 131, 2: 69}
