"""When messages may leave: what is open is what clocks on the wall show, whatever they are set to."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from broadcaster.domain.windows import LONGEST_OPENING, Hours, Opening, Window, common_opening, parse_window
from broadcaster.errors import UsageError

BERLIN, JAKARTA = ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Jakarta")
ZONES = [
    "Europe/Berlin", "America/New_York", "Asia/Jakarta", "Australia/Lord_Howe", "America/St_Johns", "Asia/Kathmandu",
    "America/Havana", "Africa/Cairo", "Asia/Beirut", "America/Santiago", "Pacific/Apia", "Pacific/Chatham",
]  # fmt: skip
"""Some change their clocks at midnight, some by half an hour."""

windows = st.builds(
    Window,
    st.frozensets(st.integers(0, 6), min_size=1),
    st.integers(0, 1439),
    st.integers(1, 1440),
).filter(lambda window: window.opens != window.closes)
hours = st.builds(
    Hours,
    st.lists(windows, min_size=1, max_size=3),
    st.sampled_from(ZONES).map(ZoneInfo),
    st.frozensets(st.dates(date(2026, 1, 1), date(2026, 12, 31)), max_size=40).map(lambda days: days.__contains__),
)
moments = st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31)).map(lambda moment: moment.replace(tzinfo=UTC))


def at(text: str, zone: ZoneInfo = BERLIN) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC)


def opening(text: str, moment: str, zone: ZoneInfo = BERLIN) -> tuple[str, str]:
    found = Hours([parse_window(text)], zone).opening(at(moment, zone))
    assert found is not None
    opens, closes = (edge.astimezone(zone).strftime("%a %d %H:%M%z") for edge in found)
    return opens, closes


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Mon-Fri 09:00-20:00", "Mon-Fri 09:00-20:00"),
        ("mon-friday 9:00 - 20:00", "Mon-Fri 09:00-20:00"),
        ("Sat, Sun 10.00-14.00", "Sat,Sun 10:00-14:00"),
        ("Fri-Mon 10:00-24:00", "Mon,Fri-Sun 10:00-24:00"),
        ("Wed 22:00-02:00", "Wed 22:00-02:00"),
        ("every day 09:00-20:00", "09:00-20:00"),
        ("09:00-20:00", "09:00-20:00"),
    ],
)
def test_windows_are_read_as_people_write_them(text: str, said: str) -> None:
    assert str(parse_window(text)) == said
    assert parse_window(said) == parse_window(text)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("Mon-Fri", "is not understood"),
        ("Mon-Fri 9to20", "is not understood"),
        ("Mon-Fri 09:00-20:00 UTC", "is not understood"),
        ("Mo-Fr 09:00-20:00", "'mo' is no day of the week"),
        ("Mon,,Fri 09:00-20:00", "'' is no day of the week"),
        ("09:00-24:01", "there is no time 24:01"),
        ("09:60-12:00", "there is no time 09:60"),
        ("09:00-09:00", "is never open"),
        ("24:00-09:00", "is never open"),
    ],
)
def test_what_is_no_window_is_refused_with_the_reason(text: str, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        parse_window(text)


@given(windows)
def test_what_is_said_of_a_window_reads_as_that_window(window: Window) -> None:
    assert parse_window(str(window)) == window


@pytest.mark.parametrize(
    ("text", "moment", "expected"),
    [
        ("Mon-Fri 09:00-20:00", "2026-11-27T19:59", ("Fri 27 09:00+0100", "Fri 27 20:00+0100")),
        ("Mon-Fri 09:00-20:00", "2026-11-27T20:00", ("Mon 30 09:00+0100", "Mon 30 20:00+0100")),
        ("Fri 22:00-02:00", "2026-11-28T01:30", ("Fri 27 22:00+0100", "Sat 28 02:00+0100")),
        # In spring clocks skip 2:00 to 3:00, and in autumn they show it twice.
        ("02:15-04:00", "2026-03-29T00:00", ("Sun 29 03:00+0200", "Sun 29 04:00+0200")),
        ("02:15-02:45", "2026-03-28T12:00", ("Mon 30 02:15+0200", "Mon 30 02:45+0200")),
        ("02:15-02:45", "2026-10-25T00:00", ("Sun 25 02:15+0200", "Sun 25 02:45+0200")),
        ("02:30-05:00", "2026-10-25T00:00", ("Sun 25 02:30+0200", "Sun 25 02:00+0100")),
        ("00:00-24:00", "2026-10-25T00:00", ("Sat 24 00:00+0200", "Sun 01 23:00+0100")),
    ],
)
def test_an_opening_is_now_or_next(text: str, moment: str, expected: tuple[str, str]) -> None:
    assert opening(text, moment) == expected


def test_a_day_off_is_closed_from_midnight_to_midnight() -> None:
    rule = Hours([parse_window("22:00-02:00")], BERLIN, {date(2026, 12, 25)}.__contains__)
    assert rule.opening(at("2026-12-24T23:00")) == Opening(at("2026-12-24T22:00"), at("2026-12-25T00:00"))
    assert rule.opening(at("2026-12-25T00:00")) == Opening(at("2026-12-26T22:00"), at("2026-12-27T02:00"))


@settings(max_examples=60)
@given(hours, moments)
def test_an_opening_is_exactly_the_time_that_clocks_show_as_open(rule: Hours, moment: datetime) -> None:
    found = rule.opening(moment)
    if found is None:
        return
    step = timedelta(minutes=7)
    assert found.opens_at < found.closes_at > moment
    assert rule.is_open(moment) == (found.opens_at <= moment)
    for number in range(120):
        looked_at = moment + number * step
        if looked_at < found.closes_at:
            assert rule.is_open(looked_at) == (looked_at >= found.opens_at)
    assert rule.is_open(found.opens_at)
    assert rule.is_open(found.closes_at - timedelta(seconds=1))
    if found.closes_at < max(moment, found.opens_at) + LONGEST_OPENING:
        assert not rule.is_open(found.closes_at)
    if found.opens_at > moment:
        assert not rule.is_open(found.opens_at - timedelta(seconds=1))


@settings(max_examples=60)
@given(st.lists(hours, min_size=1, max_size=4), moments)
def test_what_several_leave_open_is_open_by_each_of_them(rules: list[Hours], moment: datetime) -> None:
    found = common_opening(rules, moment)
    if found is None:
        return
    assert found.closes_at > moment
    for inside in (max(found.opens_at, moment), found.closes_at - timedelta(seconds=1)):
        assert all(rule.is_open(inside) for rule in rules)
    for number in range(100):
        before = moment + number * timedelta(minutes=11)
        if before < found.opens_at:
            assert not all(rule.is_open(before) for rule in rules)


def test_what_never_opens_has_no_opening() -> None:
    assert Hours([parse_window("09:00-20:00")], BERLIN, lambda _: True).opening(at("2026-11-28T00:00")) is None
    apart = [Hours([parse_window("09:00-10:00")], zone) for zone in (BERLIN, JAKARTA)]
    assert common_opening(apart, at("2026-11-28T00:00")) is None


@pytest.mark.parametrize("dash", ["-", " - ", "\N{EN DASH}", "\N{EM DASH}", "\N{NON-BREAKING HYPHEN}"])
@pytest.mark.parametrize(("opens", "closes"), [("9", "17"), ("09:00", "17:00"), ("9.00", "17")])
def test_hours_without_minutes_and_the_dashes_of_word_processors_are_understood(
    dash: str, opens: str, closes: str
) -> None:
    assert str(parse_window(f"{opens}{dash}{closes}")) == "09:00-17:00"
    assert str(parse_window(f"Mon{dash.strip()}Fri {opens}{dash}{closes}")) == "Mon-Fri 09:00-17:00"
