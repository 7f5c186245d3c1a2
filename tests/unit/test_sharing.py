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
    dealt = dealt_to_room(messages, there, rates)
    assert sum(dealt.values()) == (messages if messages else 0)
    shares = shares_of(messages + sum(there.values()), rates)
    assert all(there[lane] <= shares[lane] for lane, count in dealt.items() if count)
