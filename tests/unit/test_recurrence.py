"""When schedules come due: in zones whose clocks change, and in one whose clocks never do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broadcaster.domain.recurrence import Recurrence, occurrence_label, recurrence
from broadcaster.errors import UsageError
from broadcaster.time_zones import find_zone

ANCHOR = datetime(2015, 1, 1, 3, tzinfo=UTC)
BERLIN, SAO_PAULO, LORD_HOWE, JAKARTA = "Europe/Berlin", "America/Sao_Paulo", "Australia/Lord_Howe", "Asia/Jakarta"


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def made(rule: str, zone: str, anchor: datetime = ANCHOR) -> Recurrence:
    """`rule` is a cron expression where it has spaces."""
    return recurrence(rule, None, zone, anchor) if " " in rule else recurrence(None, rule, zone, anchor)


CHANGES = [
    # Berlin 2026-03-29: 02:00 to 03:00 does not exist.
    (BERLIN, "30 2 * * *", "2026-03-28T00:00", ["2026-03-28T01:30", "2026-03-29T01:00", "2026-03-30T00:30"]),
    (BERLIN, "*/15 2 * * *", "2026-03-29T00:00", ["2026-03-29T01:00", "2026-03-30T00:00", "2026-03-30T00:15"]),
    (BERLIN, "0 2,3 * * *", "2026-03-29T00:00", ["2026-03-29T01:00", "2026-03-30T00:00", "2026-03-30T01:00"]),
    (BERLIN, "0 30 2 * * *", "2026-03-28T12:00", ["2026-03-29T01:00", "2026-03-30T00:30"]),
    (BERLIN, "0 * * * *", "2026-03-29T00:00", ["2026-03-29T01:00", "2026-03-29T02:00"]),
    (BERLIN, "0 9 * * *", "2026-03-28T00:00", ["2026-03-28T08:00", "2026-03-29T07:00"]),
    # Berlin 2026-10-25: 02:00 to 03:00 is shown twice.
    (BERLIN, "30 2 * * *", "2026-10-24T12:00", ["2026-10-25T00:30", "2026-10-26T01:30"]),
    (BERLIN, "*/30 2 * * *", "2026-10-24T12:00", ["2026-10-25T00:00", "2026-10-25T00:30", "2026-10-26T01:00"]),
    (BERLIN, "0 30 2 * * *", "2026-10-24T12:00", ["2026-10-25T00:30", "2026-10-26T01:30"]),
    (BERLIN, "30 2 * * *", "2026-10-25T01:10", ["2026-10-26T01:30"]),
    (BERLIN, "30 * * * *", "2026-10-24T23:40", ["2026-10-25T00:30", "2026-10-25T02:30"]),
    # São Paulo skipped midnight (2018-11-04) and showed 23:00 to 24:00 twice (2018-02-17).
    (SAO_PAULO, "0 0 * * *", "2018-11-03T04:00", ["2018-11-04T03:00", "2018-11-05T02:00"]),
    (SAO_PAULO, "30 0 * * sun", "2018-11-03T04:00", ["2018-11-04T03:00", "2018-11-11T02:30"]),
    (SAO_PAULO, "30 23 * * *", "2018-02-17T02:00", ["2018-02-18T01:30", "2018-02-19T02:30"]),
    (SAO_PAULO, "0 0 18 2 *", "2018-02-17T02:00", ["2018-02-18T03:00", "2019-02-18T03:00"]),
    # It has had no changes since 2019.
    (SAO_PAULO, "0 0 * * *", "2026-11-03T04:00", ["2026-11-04T03:00", "2026-11-05T03:00"]),
    # Lord Howe's clocks change by half an hour: 02:00 to 02:30 is skipped, 01:30 to 02:00 shown twice.
    (LORD_HOWE, "15 2 * * *", "2026-10-03T00:00", ["2026-10-03T15:30", "2026-10-04T15:15"]),
    (LORD_HOWE, "45 2 * * *", "2026-10-03T00:00", ["2026-10-03T15:45", "2026-10-04T15:45"]),
    (LORD_HOWE, "45 1 * * *", "2026-04-04T00:00", ["2026-04-04T14:45", "2026-04-05T15:15"]),
    (LORD_HOWE, "*/20 1 * * *", "2026-04-04T14:30", ["2026-04-04T14:40", "2026-04-05T14:30"]),
    # Jakarta's never change.
    (JAKARTA, "0 9 * * mon-fri", "2026-11-20T03:00", ["2026-11-23T02:00", "2026-11-24T02:00"]),
    (JAKARTA, "30 2 * * *", "2026-03-28T00:00", ["2026-03-28T19:30", "2026-03-29T19:30"]),
    (JAKARTA, "30 2 * * *", "2026-10-24T00:00", ["2026-10-24T19:30", "2026-10-25T19:30"]),
    # Elapsed time does not care.
    (BERLIN, "2h", "2026-10-24T23:00", ["2026-10-25T01:00", "2026-10-25T03:00"]),
    (BERLIN, "2h", "2026-03-29T00:00", ["2026-03-29T01:00", "2026-03-29T03:00"]),
    (SAO_PAULO, "2h", "2018-11-04T00:00", ["2018-11-04T01:00", "2018-11-04T03:00"]),
    (SAO_PAULO, "2h", "2018-02-18T00:00", ["2018-02-18T01:00", "2018-02-18T03:00"]),
    (LORD_HOWE, "90m", "2026-10-03T14:00", ["2026-10-03T15:00", "2026-10-03T16:30"]),
    (LORD_HOWE, "90m", "2026-04-04T14:00", ["2026-04-04T15:00", "2026-04-04T16:30"]),
    # Days and weeks keep the time on the wall: 04:00 in Berlin, 10:00 in Jakarta, 14:00 on Lord Howe, 01:00 in
    # São Paulo.
    (BERLIN, "1d", "2026-03-28T00:00", ["2026-03-28T03:00", "2026-03-29T02:00"]),
    (BERLIN, "1d", "2026-10-24T00:00", ["2026-10-24T02:00", "2026-10-25T03:00"]),
    (BERLIN, "1w", "2026-10-20T00:00", ["2026-10-22T02:00", "2026-10-29T03:00"]),
    (LORD_HOWE, "1d", "2026-04-04T00:00", ["2026-04-04T03:00", "2026-04-05T03:30"]),
    (LORD_HOWE, "1d", "2026-10-03T00:00", ["2026-10-03T03:30", "2026-10-04T03:00"]),
    (SAO_PAULO, "1d", "2018-11-03T00:00", ["2018-11-03T04:00", "2018-11-04T03:00"]),
    (SAO_PAULO, "1d", "2018-02-16T12:00", ["2018-02-17T03:00", "2018-02-18T04:00"]),
    (JAKARTA, "2d", "2026-10-24T00:00", ["2026-10-24T03:00", "2026-10-26T03:00"]),
    (JAKARTA, "2d", "2026-03-28T00:00", ["2026-03-28T03:00", "2026-03-30T03:00"]),
]


@pytest.mark.parametrize(("zone", "rule", "moment", "expected"), CHANGES)
def test_occurrences_around_a_change_of_the_clocks(zone: str, rule: str, moment: str, expected: list[str]) -> None:
    found = list(islice(made(rule, zone).after(utc(moment)), len(expected)))
    assert found == [utc(text) for text in expected]


@pytest.mark.parametrize(("zone", "rule", "moment", "expected"), CHANGES)
def test_looking_back_finds_the_same_occurrences(zone: str, rule: str, moment: str, expected: list[str]) -> None:
    found = list(islice(made(rule, zone).until(utc(expected[-1])), len(expected)))
    assert found[::-1] == [utc(text) for text in expected]


def test_a_time_zone_may_skip_a_whole_day() -> None:
    found = made("0 12 * * *", "Pacific/Apia").after(utc("2011-12-29T00:00"))
    # There was no 30 December 2011 in Samoa: it came due when the 31st began.
    assert list(islice(found, 3)) == [utc("2011-12-29T22:00"), utc("2011-12-30T10:00"), utc("2011-12-30T22:00")]


def test_an_interval_begins_at_its_anchor() -> None:
    rule = made("2h", JAKARTA, utc("2026-11-23T02:00"))
    assert next(rule.after(utc("2026-01-01T00:00"))) == utc("2026-11-23T02:00")
    assert list(rule.until(utc("2026-11-23T01:59"))) == []


RULES = st.sampled_from(["30 2 * * *", "*/7 * * * *", "0 0 1 * *", "*/50 1,2 * * *", "30 23 * * sun", "90m", "1d"])
MOMENTS = st.datetimes(datetime(2015, 6, 1), datetime(2030, 1, 1), timezones=st.just(UTC))
ZONES = st.sampled_from([BERLIN, SAO_PAULO, LORD_HOWE, JAKARTA])


@given(rule=RULES, zone=ZONES, moment=MOMENTS)
def test_looking_ahead_and_back_agree_everywhere(rule: str, zone: str, moment: datetime) -> None:
    times = made(rule, zone)
    ahead = list(islice(times.after(moment), 4))
    assert all(earlier < later for earlier, later in zip([moment, *ahead], ahead, strict=False))
    assert list(islice(times.until(ahead[-1]), 4))[::-1] == ahead
    latest = next(times.until(moment))
    assert latest <= moment
    assert next(times.after(latest)) == ahead[0]


@given(expression=st.text("0123456789*/,-#L MONWED", max_size=30) | st.text(max_size=30))
def test_any_text_is_a_cron_rule_or_refused_in_one_line(expression: str) -> None:
    try:
        made_of = recurrence(expression, None, JAKARTA, ANCHOR)
    except UsageError as error:
        assert str(error).startswith("--cron")
    else:
        assert next(made_of.after(ANCHOR)) > ANCHOR


@pytest.mark.parametrize(
    ("cron", "said"),
    [
        ("0 25 * * *", "the hour field '25'"),
        ("61 9 * * *", "the minute field '61'"),
        ("0 9 * * caturday", "the day-of-week field 'caturday'"),
        ("0 9 * 13 *", "the month field '13'"),
        ("99 0 9 * * *", "the second field '99'"),
        ("0 0 30 2 *", "the day-of-month field '30'"),
        ("0 9 * *", "has 4 fields"),
    ],
)
def test_a_wrong_cron_expression_is_refused_by_its_field(cron: str, said: str) -> None:
    with pytest.raises(UsageError, match=r"^--cron ") as refused:
        recurrence(cron, None, JAKARTA, ANCHOR)
    assert said in str(refused.value)


@pytest.mark.parametrize("text", ["", "0s", "2", "h", "-1h", "1.5h", "2 fortnights", "367d", "999999999w"])
def test_a_wrong_interval_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"^--every "):
        recurrence(None, text, JAKARTA, ANCHOR)


@pytest.mark.parametrize("name", ["Asia/Jakrta", "America", "", "../etc/passwd", "a\0b", "/etc/localtime"])
def test_an_unknown_time_zone_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match=r"^--timezone "):
        find_zone(name)


def test_a_misspelt_time_zone_is_recognised() -> None:
    with pytest.raises(UsageError, match="did you mean Asia/Jakarta"):
        find_zone("Asia/Jakrta")


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("0 9 * * mon-fri", "At 09:00 on Monday through Friday"),
        ("2h", "Every 2 hours, counted from Thu 2015-01-01 10:00 WIB"),
        ("1d", "Every day at 10:00, counted from 2015-01-01"),
        ("5s", "Every 5 seconds, counted from Thu 2015-01-01 10:00 WIB"),
    ],
)
def test_a_rule_is_put_into_words(rule: str, words: str) -> None:
    assert made(rule, JAKARTA).words == words


@pytest.mark.parametrize(
    ("due", "zone", "label"),
    [
        ("2026-11-23T02:00:00", JAKARTA, "2026-11-23T09:00"),
        ("2026-11-23T02:00:05", JAKARTA, "2026-11-23T09:00:05"),
        ("2026-10-25T00:30:00", BERLIN, "2026-10-25T02:30"),
        ("2026-10-25T01:30:00", BERLIN, "2026-10-25T02:30+01:00"),
        ("2026-04-04T15:00:00", LORD_HOWE, "2026-04-05T01:30+10:30"),
    ],
)
def test_an_occurrence_is_called_by_its_local_time(due: str, zone: str, label: str) -> None:
    assert occurrence_label(utc(due), ZoneInfo(zone)) == label


@given(start=MOMENTS, zone=ZONES)
def test_no_two_moments_have_the_same_label(start: datetime, zone: str) -> None:
    moments = [start.replace(microsecond=0) + timedelta(minutes=30 * step) for step in range(8)]
    assert len({occurrence_label(moment, ZoneInfo(zone)) for moment in moments}) == len(moments)
