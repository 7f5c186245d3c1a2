"""Spans of time, as operators write them in options and read them in tables."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from broadcaster.cli.options.care_options import CareOptions
from broadcaster.cli.options.reply_options import reading_interval
from broadcaster.cli.options.sending_hours import parse_expiry
from broadcaster.cli.options.sharing_options import FailoverOption
from broadcaster.cli.schedule.options import parse_grace
from broadcaster.domain.care import parse_cooldown
from broadcaster.domain.frequency import parse_cap, parse_frequency_span
from broadcaster.domain.gaps import parse_gap
from broadcaster.domain.spans import parse_interval, parse_span, said_span
from broadcaster.errors import UsageError


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("30s", (30, "second")),
        ("10min", (10, "minute")),
        ("2 H", (2, "hour")),
        ("1w", (1, "week")),
        (" 45 Minutes ", (45, "minute")),
        ("1 day", (1, "day")),
    ],
)
def test_a_span_is_written_with_a_unit(text: str, parsed: tuple[int, str]) -> None:
    assert parse_interval(text, "--every") == parsed


@pytest.mark.parametrize("text", ["", "7", "d", "1.5h", "-1d", "1 month", "1h30m", "1d 2h", "999999999d", "١d"])
def test_what_is_no_span_is_refused_with_examples(text: str) -> None:
    with pytest.raises(UsageError, match=r"^--every .* is not understood: write it like 30s, 10m, 2h, 1d or 2w$"):
        parse_interval(text, "--every")


@pytest.mark.parametrize("text", ["0s", "367d", "99999999w"])
def test_a_span_is_neither_nothing_nor_for_ever(text: str) -> None:
    with pytest.raises(UsageError, match=r"^--every .* must be between 1s and 366d$"):
        parse_span(text, "--every")


def _after(text: str) -> float | None:
    care = CareOptions(canary="10%", after=text).care()
    return care.after if care else None


def _failover_after(text: str) -> float | None:
    change = FailoverOption(failover_after=text).sharing_change()
    return change.failover_after if change else None


def _gap(text: str) -> float | None:
    gap = parse_gap(text)
    return gap.least if gap else None


@pytest.mark.parametrize(
    "seconds",
    [
        _after,
        _failover_after,
        parse_cooldown,
        lambda text: parse_frequency_span(text, "--remove"),
        lambda text: parse_cap(f"1/{text}").span,
        lambda text: parse_expiry(text).total_seconds(),
        lambda text: parse_grace(text).total_seconds(),
        reading_interval,
        _gap,
    ],
)
def test_every_option_understands_the_same_words(seconds: Callable[[str], float | None]) -> None:
    assert {seconds(text) for text in ("12h", "12 h", "12 hours", "12 Hours")} == {12 * 3600}


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0s"), (1.5, "1.5s"), (90, "90s"), (900, "15m"), (3600, "1h"), (86_400, "24h"), (7 * 86_400, "7d")],
)
def test_a_span_is_said_as_it_may_be_written(seconds: float, said: str) -> None:
    assert said_span(seconds) == said
    if seconds == int(seconds) and seconds:
        assert parse_span(said, "--every") == timedelta(seconds=seconds)
