"""The moments of schedules as operators write them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from broadcaster.cli.schedule.options import parse_grace, parse_moment
from broadcaster.errors import UsageError

JAKARTA = ZoneInfo("Asia/Jakarta")


@pytest.mark.parametrize(
    ("text", "option", "moment"),
    [
        ("2026-11-23T09:00", "--from", datetime(2026, 11, 23, 2, tzinfo=UTC)),
        ("2026-11-23 09:00:05", "--from", datetime(2026, 11, 23, 2, 0, 5, tzinfo=UTC)),
        ("2026-11-23T09:00+01:00", "--from", datetime(2026, 11, 23, 8, tzinfo=UTC)),
        ("2026-11-23T09:00Z", "--until", datetime(2026, 11, 23, 9, tzinfo=UTC)),
        ("2026-11-23", "--from", datetime(2026, 11, 22, 17, tzinfo=UTC)),
        ("2026-11-23", "--until", datetime(2026, 11, 23, 16, 59, 59, tzinfo=UTC)),
    ],
)
def test_a_moment_is_read_by_the_schedules_clocks(text: str, option: str, moment: datetime) -> None:
    assert parse_moment(text, option, JAKARTA) == moment


def test_no_moment_is_none() -> None:
    assert parse_moment(None, "--from", JAKARTA) is None


@pytest.mark.parametrize("text", ["", "tomorrow", "2026-13-01", "9999-12-31T23:59-12:00", "0001-01-01", "2126-01-01"])
def test_a_moment_that_cannot_be_meant_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"^--until "):
        parse_moment(text, "--until", ZoneInfo("Asia/Tokyo"))


def test_a_grace_is_a_span_of_time() -> None:
    assert parse_grace("90m") == timedelta(minutes=90)
    with pytest.raises(UsageError, match=r"^--grace 'soon'"):
        parse_grace("soon")
