"""Care: what its options mean, and which figures pass which limits."""

from __future__ import annotations

import msgspec
import pytest

from broadcaster.domain.care import (
    Care,
    Figures,
    StopChange,
    Stops,
    exceeded,
    parse_canary,
    parse_stops,
    said_idle_rule,
    stop_reason,
    stopped_figures,
    with_default,
)
from broadcaster.domain.sharing import Sharing, said_idle_failover
from broadcaster.errors import UsageError


def test_shares_are_read_from_what_people_write() -> None:
    change = parse_stops(" optouts = 2% , FAILURES=12.5%", "replies=1%", 10)
    assert change == StopChange({"optouts": 0.02, "failures": 0.125}, {"replies": 0.01}, 10)
    assert change is not None
    assert str(change.of(Stops())) == "optouts above 2%, failures above 12.5%, replies below 1%, from 10 messages on"
    assert parse_stops(None, None, None) is None


@pytest.mark.parametrize(
    "written", ["", "2%", "optouts", "optouts=2", "optouts=101%", "replies=1%", "failures=1%,failures=2%"]
)
def test_what_is_no_share_is_refused(written: str) -> None:
    with pytest.raises(UsageError, match=r"--stop-above '.*' is not understood: write it like optouts=2%"):
        parse_stops(written, None, None)


def test_a_change_replaces_its_own_part_and_none_takes_it_away() -> None:
    before = Stops(optouts=0.02, replies=0.01, judged_from=20)
    assert StopChange(above={"failures": 0.1}).of(before) == Stops(failures=0.1, replies=0.01, judged_from=20)
    assert StopChange(above={}, below={}).of(before) == Stops()
    with pytest.raises(UsageError, match="--stop-from"):
        StopChange(judged_from=10).of(Stops())


@pytest.mark.parametrize(
    "written", ["", "0%", "10%,2%", "2%,2%", "100%", "2", "2%,", "x%", "1%,2%,3%,4%,5%,6%,7%,8%,9%,10%,11%"]
)
def test_a_canary_has_shares_that_grow(written: str) -> None:
    assert parse_canary("2%, 10%") == (0.02, 0.1)
    assert parse_canary("None") == ()
    with pytest.raises(UsageError, match="--canary"):
        parse_canary(written)


@pytest.mark.parametrize(
    ("figures", "told"),
    [
        (Figures(sent=49, failed=0, read=49, opted_out=49), []),
        (Figures(sent=50, read=50, opted_out=1), []),
        (Figures(sent=50, read=50, opted_out=2), ["opted out: 2 of 50 (4%), above 2%"]),
        (Figures(sent=1000, read=49, opted_out=40), []),
        (Figures(sent=45, failed=5), []),
        (Figures(sent=44, failed=6), ["failed: 6 of 50 (12%), above 10%"]),
        (Figures(sent=50, read=50), []),
        (Figures(sent=50, read=50, answerable=49), []),
        (Figures(sent=100, read=100, answerable=100, answered=1), []),
        (Figures(sent=101, read=101, answerable=101, answered=1), ["answered: 1 of 101 (0.9901%), below 1%"]),
    ],
)
def test_a_limit_is_passed_by_more_than_its_share_of_enough_messages(figures: Figures, told: list[str]) -> None:
    assert list(exceeded(Stops(optouts=0.02, failures=0.1, replies=0.01), figures)) == told
    assert list(exceeded(Stops(), figures)) == []


def test_what_wants_replies_is_told_as_options_name_it() -> None:
    assert Care(stops=Stops(failures=0.1), only_known=True).asks_replies == []
    assert Care(stops=Stops(replies=0.01), max_unanswered=3).asks_replies == [
        "--stop-below replies",
        "--max-unanswered",
    ]
    assert Care(stops=Stops(optouts=0.02)).needs_replies


def test_the_reason_of_a_stop_is_known_again() -> None:
    reason = stop_reason(["failed: 6 of 50 (12%), above 10%"])
    assert stopped_figures(reason) == "failed: 6 of 50 (12%), above 10%"
    assert stopped_figures("paused by an operator") is None
    assert stopped_figures(None) is None


def test_what_is_not_said_stays_as_it_was() -> None:
    before = Care(stops=Stops(failures=0.1), only_known=True)
    assert with_default(Care(canary=(0.02,), after=60.0), before) == Care(
        stops=Stops(failures=0.1), canary=(0.02,), after=60.0, only_known=True
    )
    assert msgspec.to_builtins(Care(stops=Stops(), only_known=True)) == {"only_known": True}
    assert with_default(None, before) == with_default(before, None) == before


def test_slices_reach_everybody_at_last() -> None:
    care = Care(canary=(0.02, 0.1), after=1800.0)
    assert [care.share_of(slices) for slices in range(4)] == [0.0, 0.02, 0.1, 1.0]
    assert str(care) == "canary of 2%, 10%, the next slice 30m after one has left"


@pytest.mark.parametrize(
    ("care", "are_caps", "why"),
    [
        (Care(skips_recent=True), False, "there is neither --cooldown nor a cap"),
        (Care(skips_recent=True, beyond_caps=True), True, "this is beyond caps, and has no --cooldown"),
        (Care(skips_recent=True), True, None),
        (Care(skips_recent=True, cooldown=3_600), False, None),
        (Care(), False, None),
        (None, False, None),
    ],
)
def test_that_nobody_counts_as_messaged_too_lately_is_said(care: Care | None, are_caps: bool, why: str | None) -> None:
    said = said_idle_rule(care, are_caps=are_caps)
    assert said == (why and f"--when-recent skip plays no part: {why}, so that nobody counts as messaged too lately")


def test_that_no_other_instance_could_take_over_is_said() -> None:
    assert "no other one that could take over" in (said_idle_failover(Sharing(failover_after=900), 1) or "")
    assert said_idle_failover(Sharing(failover_after=900), 2) is None
    assert said_idle_failover(Sharing(), 1) is None
