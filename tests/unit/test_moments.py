"""Moments as operators write them, and whose clocks they are read by."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from broadcaster import time_zones
from broadcaster.cli.campaign.told_plan import said_end
from broadcaster.domain.moments import WholeDay, parse_moment
from broadcaster.errors import SettingsError, UsageError
from broadcaster.time_zones import find_zone, machine_zone, shown_time, shown_zone

JAKARTA, BERLIN, CAIRO = map(ZoneInfo, ("Asia/Jakarta", "Europe/Berlin", "Africa/Cairo"))
FRIDAY_NOON = datetime(2026, 11, 27, 12, 0, 30, tzinfo=JAKARTA)


def read(
    text: str,
    zone: tzinfo = JAKARTA,
    now: datetime = FRIDAY_NOON,
    whole_day: WholeDay | None = None,
    *,
    looks_back: bool = False,
) -> str:
    moment = parse_moment(text, "--at", zone, now, whole_day, looks_back=looks_back)
    return moment.astimezone(zone).isoformat()


@pytest.fixture
def clocks(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """The environment, and nothing kept of the zone that it names."""
    monkeypatch.delenv("BROADCASTER_TIMEZONE", raising=False)
    shown_zone.cache_clear()
    yield monkeypatch
    monkeypatch.undo()
    shown_zone.cache_clear()
    time.tzset()


@pytest.mark.parametrize(
    ("text", "local"),
    [
        ("tomorrow 9:00", "2026-11-28T09:00:00"),
        ("Tomorrow at 09.00", "2026-11-28T09:00:00"),
        ("today 18:30", "2026-11-27T18:30:00"),
        ("yesterday 9:00", "2026-11-26T09:00:00"),
        ("monday 18:30", "2026-11-30T18:30:00"),
        ("thu 7 pm", "2026-12-03T19:00:00"),
        ("friday 18:30", "2026-11-27T18:30:00"),
        ("friday 9:00", "2026-12-04T09:00:00"),
        ("friday 12:00", "2026-12-04T12:00:00"),
        ("friday 12:00:30", "2026-12-04T12:00:30"),
        ("in 2h", "2026-11-27T14:00:30"),
        ("in 1h30m", "2026-11-27T13:30:30"),
        ("in 90 minutes", "2026-11-27T13:30:30"),
        ("in 2 days", "2026-11-29T12:00:30"),
        ("2026-12-01 9:00", "2026-12-01T09:00:00"),
        ("2026-12-1, 9:00:05", "2026-12-01T09:00:05"),
        ("2026-12-01T09:00", "2026-12-01T09:00:00"),
        ("2026-12-01T02:00Z", "2026-12-01T09:00:00"),
        ("2026-12-01 3:00 +01:00", "2026-12-01T09:00:00"),
        ("20261201T0900", "2026-12-01T09:00:00"),
    ],
)
def test_a_moment_is_read_by_the_clocks_of_its_zone(text: str, local: str) -> None:
    assert read(text) == f"{local}+07:00"


def test_days_go_by_the_clocks_and_hours_are_elapsed_time() -> None:
    before_the_change = datetime(2027, 3, 27, 12, tzinfo=BERLIN)
    assert read("in 1 day", BERLIN, before_the_change) == "2027-03-28T12:00:00+02:00"
    assert read("in 24h", BERLIN, before_the_change) == "2027-03-28T13:00:00+02:00"


@pytest.mark.parametrize(
    ("text", "whole_day", "local"),
    [
        ("2026-12-01", WholeDay.FIRST, "2026-12-01T00:00:00+02:00"),
        ("2026-12-01", WholeDay.LAST, "2026-12-01T23:59:59+02:00"),
        ("2027-04-30", WholeDay.FIRST, "2027-04-30T01:00:00+03:00"),
        ("2027-10-28", WholeDay.LAST, "2027-10-28T23:59:59+02:00"),
    ],
    ids=["first", "last", "clocks skip midnight", "clocks show the last hour twice"],
)
def test_a_date_is_a_whole_day_where_that_has_a_meaning(text: str, whole_day: WholeDay, local: str) -> None:
    assert read(text, CAIRO, whole_day=whole_day) == local


@pytest.mark.parametrize(
    ("text", "since", "begins", "ends"),
    [
        ("yesterday", "2026-11-26T00:00:00", "2026-11-26T00:00:00", "2026-11-26T23:59:59"),
        ("Today", "2026-11-27T00:00:00", "2026-11-27T00:00:00", "2026-11-27T23:59:59"),
        ("tomorrow", "2026-11-28T00:00:00", "2026-11-28T00:00:00", "2026-11-28T23:59:59"),
        ("monday", "2026-11-23T00:00:00", "2026-11-30T00:00:00", "2026-11-30T23:59:59"),
        ("fri", "2026-11-27T00:00:00", "2026-12-04T00:00:00", "2026-11-27T23:59:59"),
        ("saturday", "2026-11-21T00:00:00", "2026-11-28T00:00:00", "2026-11-28T23:59:59"),
    ],
)
def test_a_named_day_is_a_whole_day_too_the_last_one_for_who_looks_back(
    text: str, since: str, begins: str, ends: str
) -> None:
    assert read(text, whole_day=WholeDay.FIRST, looks_back=True) == f"{since}+07:00"
    assert read(text, whole_day=WholeDay.FIRST) == f"{begins}+07:00"
    assert read(text, whole_day=WholeDay.LAST) == f"{ends}+07:00"


@pytest.mark.parametrize(
    ("text", "local"),
    [
        ("monday 9:00", "2026-11-23T09:00:00"),
        ("friday 9:00", "2026-11-27T09:00:00"),
        ("friday 12:00:30", "2026-11-27T12:00:30"),
        ("friday 18:30", "2026-11-20T18:30:00"),
    ],
)
def test_a_time_on_a_day_of_the_week_is_its_last_one_for_who_looks_back(text: str, local: str) -> None:
    assert read(text, whole_day=WholeDay.FIRST, looks_back=True) == f"{local}+07:00"


def test_a_named_day_begins_when_clocks_that_skip_midnight_begin_it() -> None:
    evening = datetime(2027, 4, 29, 20, tzinfo=CAIRO)
    assert read("tomorrow", CAIRO, evening, WholeDay.FIRST) == "2027-04-30T01:00:00+03:00"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("2027-03-28 2:30", "skip that time: write 2027-03-28 01:30 or 2027-03-28 03:30 instead"),
        ("2027-10-31 2:30", "twice: write 2027-10-31T02:30+02:00 for the first time, or 2027-10-31T02:30+01:00"),
        ("2027-10-31 2:30 +01:00", None),
    ],
)
def test_a_time_that_clocks_skip_or_show_twice_is_refused_with_what_it_may_be(text: str, said: str | None) -> None:
    if said is None:
        assert read(text, BERLIN) == "2027-10-31T02:30:00+01:00"
        return
    with pytest.raises(UsageError) as refused:
        read(text, BERLIN)
    assert said in str(refused.value)
    assert "Europe/Berlin" in str(refused.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "write it like"),
        ("now", "write it like"),
        ("soon", "2026-11-23T09:00+07:00"),
        ("next friday 9:00", "write it like"),
        ("tomorrow", "say at what time, such as tomorrow 9:00"),
        ("friday", "say at what time"),
        ("2026-12-01", "say at what time"),
        ("9:00", "say on which day, such as today 9:00 or tomorrow 9:00"),
        ("today 9", "write the time as 9:00, or as 9 am or 9 pm"),
        ("today 12 am", "0:00 for midnight, or 12:00 for noon"),
        ("01/12/2026 9:00", "written in two orders"),
        ("1.12.2026", "written in two orders"),
        ("tomorrow 9:00 +01:00", "the day depends on the offset"),
        ("tomorrow 24:00", "no such day or time"),
        ("tomorrow 13 pm", "no such day or time"),
        ("2026-02-30 9:00", "no such day or time"),
        ("in 2 fortnights", "write it like"),
        ("in 999999w", "ten years"),
        ("2126-01-01 9:00", "ten years"),
        ("0001-01-01 9:00", "ten years"),
        ("9999-12-31T23:59-12:00", "ten years"),
        ("٢٠٢٦-12-01 9:00", "write it like"),
    ],
)
def test_what_may_mean_two_things_or_nothing_is_refused(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=r"^--at ") as refused:
        read(text)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_moments_are_shown_by_the_setting_or_else_by_the_machines_clocks(clocks: pytest.MonkeyPatch) -> None:
    nine = datetime(2026, 12, 1, 2, tzinfo=UTC)
    clocks.setenv("TZ", "Europe/Berlin")
    assert (str(shown_zone()), shown_time(nine)) == ("Europe/Berlin", "Tue 2026-12-01 03:00 CET")
    clocks.setenv("BROADCASTER_TIMEZONE", "Asia/Jakarta")
    shown_zone.cache_clear()
    assert shown_time(nine) == "Tue 2026-12-01 09:00 WIB"


def test_a_moment_has_its_day_and_its_zone_and_seconds_where_there_are_any(clocks: pytest.MonkeyPatch) -> None:
    clocks.setenv("BROADCASTER_TIMEZONE", "Asia/Jakarta")
    noted = datetime(2026, 12, 1, 2, 0, 8, 500_000, tzinfo=UTC)
    assert shown_time(noted) == "Tue 2026-12-01 09:00:08 WIB"
    assert shown_time(noted, seconds=False) == "Tue 2026-12-01 09:00 WIB"
    assert shown_time(noted.replace(second=0)) == "Tue 2026-12-01 09:00 WIB"
    assert shown_time(noted.replace(second=0), seconds=True) == "Tue 2026-12-01 09:00:00 WIB", "as others in its table"
    assert shown_time(noted, find_zone("Europe/Berlin")) == "Tue 2026-12-01 03:00:08 CET"
    assert shown_time(None) is None


@pytest.mark.parametrize(
    ("earliest", "latest", "said"),
    [
        ("12-01T13:05", "12-01T13:20", "Tue 2026-12-01 between 14:05 and 14:20 CET"),
        ("12-01T22:50", "12-01T23:10", "between Tue 2026-12-01 23:50 CET and Wed 2026-12-02 00:10 CET"),
        ("10-25T00:50", "10-25T01:10", "between Sun 2026-10-25 02:50 CEST and Sun 2026-10-25 02:10 CET"),
        ("12-01T13:05", "12-01T13:05", "Tue 2026-12-01 14:05 CET"),
    ],
)
def test_an_end_that_chance_decides_is_told_as_a_band(
    clocks: pytest.MonkeyPatch, earliest: str, latest: str, said: str
) -> None:
    clocks.setenv("BROADCASTER_TIMEZONE", "Europe/Berlin")
    early, late = (datetime.fromisoformat(f"2026-{each}Z") for each in (earliest, latest))
    assert said_end(late, early, late) == said


def test_nothing_else_writes_a_moment_with_its_zone() -> None:
    writers = [path.name for path in Path("broadcaster").rglob("*.py") if re.search(r"%[HI]:%M.*%Z", path.read_text())]
    assert writers == ["time_zones.py"]


def test_a_machine_whose_zone_has_no_name_needs_the_setting(clocks: pytest.MonkeyPatch) -> None:
    clocks.setenv("TZ", "JST-9")
    with pytest.raises(SettingsError, match=r"TZ is 'JST-9'\): set BROADCASTER_TIMEZONE, such as"):
        machine_zone()


def test_where_places_name_two_zones_the_one_of_the_c_library_counts(
    clocks: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def contradict() -> None:
        raise KeyError("Multiple conflicting time zone configurations found")

    clocks.delenv("TZ", raising=False)
    clocks.setattr("tzlocal.reload_localzone", contradict)
    link = tmp_path / "localtime"
    link.symlink_to(next(each for each in map(Path, _zone_files()) if each.exists()))
    clocks.setattr(time_zones, "LOCALTIME", link)
    assert str(machine_zone()) == "Asia/Jakarta"


@pytest.mark.parametrize("text", ["yesterday", "2026-11-26"])
def test_a_day_that_has_passed_is_understood_where_a_moment_ahead_is_wanted(text: str) -> None:
    said = f"^--expires '{text}' has passed: give a moment that is ahead, such as tomorrow 9:00$"
    with pytest.raises(UsageError, match=said):
        parse_moment(text, "--expires", JAKARTA, FRIDAY_NOON)


@pytest.mark.parametrize(
    ("text", "said"), [("kemarin", '"2026-11-23 9:00" or "yesterday 9:00"'), ("9:00", "today 9:00 or yesterday 9:00")]
)
def test_who_looks_back_is_shown_moments_that_have_passed(text: str, said: str) -> None:
    with pytest.raises(UsageError, match="--since") as caught:
        parse_moment(text, "--since", JAKARTA, FRIDAY_NOON, WholeDay.FIRST, looks_back=True)
    assert str(caught.value).endswith(said)
    assert "tomorrow" not in str(caught.value)


def _zone_files() -> list[str]:
    import tzdata

    return [
        "/usr/share/zoneinfo/Asia/Jakarta",
        str(Path(tzdata.__file__).with_name("zoneinfo") / "Asia/Jakarta"),
    ]
