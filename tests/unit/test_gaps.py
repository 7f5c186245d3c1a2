"""Gaps of chance between messages: how they are written, and what they come to."""

from __future__ import annotations

import msgspec
import pytest

from broadcaster.domain.gaps import GapChange, Gaps, Rest, Span, parse_gap, parse_rest
from broadcaster.domain.pacing import Pace, pace
from broadcaster.errors import UsageError

GAP = Span(20.0, 60.0)
REST = Rest(Span(300.0, 600.0), 50)


@pytest.mark.parametrize(
    ("written", "gap"),
    [
        ("20s..60s", GAP),
        (" 20S .. 1m ", GAP),
        ("45s", Span(45.0, 45.0)),
        ("1.5s..2h", Span(1.5, 7200.0)),
        ("none", None),
    ],
)
def test_a_gap_is_read_as_people_write_it(written: str, gap: Span | None) -> None:
    assert parse_gap(written) == gap


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("20", "is not understood: write it like 20s..60s, or none"),
        ("20s..60s..90s", "is not understood"),
        ("", "is not understood"),
        ("60s..20s", "ends before it begins: write the shorter time first, like 20s..60s"),
        ("0s..5s", "between 1s and 24h"),
        ("1s..25h", "between 1s and 24h"),
        ("-3s", "is not understood"),
    ],
)
def test_another_gap_is_refused(written: str, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        parse_gap(written)


def test_a_rest_is_read_as_people_write_it() -> None:
    assert parse_rest("5m..10m after 50") == REST
    assert parse_rest("5m..10m  AFTER  50") == REST
    assert parse_rest("none") is None
    for written in ("5m..10m", "after 50", "5m..10m after 0", "5m..10m after 99999999999", "5m after many"):
        with pytest.raises(UsageError, match="rest"):
            parse_rest(written)


def test_what_is_written_is_what_is_read() -> None:
    for gap in (GAP, Span(45.0, 45.0), Span(1.5, 7200.0)):
        assert parse_gap(str(gap)) == gap
    assert parse_rest(str(REST)) == REST
    assert str(Gaps(GAP, REST)) == "gaps of 20s..1m, rests of 5m..10m after 50"


def test_gaps_are_stored_as_they_are() -> None:
    for gaps in (Gaps(), Gaps(GAP), Gaps(rest=REST), Gaps(GAP, REST)):
        assert msgspec.convert(msgspec.to_builtins(gaps), Gaps) == gaps


def test_a_change_leaves_what_it_does_not_name() -> None:
    both = Gaps(GAP, REST)
    assert GapChange().of(both) == both
    assert GapChange(gap=Span(1.0, 2.0)).of(both) == Gaps(Span(1.0, 2.0), REST)
    assert GapChange(without_gap=True).of(both) == Gaps(None, REST)
    assert GapChange(without_rest=True).of(both) == Gaps(GAP)


@pytest.mark.parametrize("rate", [None, 20 / 60, 1 / 600])
def test_with_a_gap_messages_leave_one_after_the_other_and_never_sooner_than_the_rate_allows(
    rate: float | None,
) -> None:
    kept = Gaps(GAP).paced(rate, 5)
    assert (kept.tolerance, kept.burst) == (0.0, 1)
    assert kept.interval == max(20.0, pace(rate, 5).interval)
    assert Gaps(rest=REST).paced(rate, 5) == pace(rate, 5)


def test_without_gaps_the_pace_is_what_the_rate_says() -> None:
    assert Gaps().paced(None, 2) == Pace(0.0, 0.0, 2)
