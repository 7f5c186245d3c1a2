"""Whose clocks count, days off, legal hours, and where the holder of a number may be."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import available_timezones

import pytest

from broadcaster.domain.days_off import days_off, parse_country_of_holidays, parse_days_off
from broadcaster.domain.legal_hours import legal_hours_by_country
from broadcaster.domain.opening_hours import NOBODY, OpeningHours, RecipientGroup, closing_later
from broadcaster.domain.phone_countries import NO_COUNTRY
from broadcaster.domain.recipient_groups import GROUP_BEGINNING, recipient_group
from broadcaster.errors import InputError, UsageError
from tests.support.reference import ROOT


def opening(hours: OpeningHours, group: RecipientGroup, moment: str) -> tuple[str, str] | None:
    found = hours.opening(group, datetime.fromisoformat(moment).replace(tzinfo=UTC))
    return found and (f"{found.opens_at:%d %H:%M}", f"{found.closes_at:%d %H:%M}")


@pytest.mark.parametrize(
    ("phone", "country", "zones"),
    [
        ("491701234567", "DE", ("Europe/Berlin",)),
        # No area is in a mobile number there: all zones of the country count.
        ("6281234567890", "ID", ("Asia/Jakarta", "Asia/Jayapura", "Asia/Makassar")),
        ("12125551234", "US", ("America/New_York",)),
        ("16045551234", "CA", ("America/Vancouver",)),
        ("5511987654321", "BR", ("America/Sao_Paulo",)),
        # Kazakhstan shares its calling code with Russia, and has zones of its own.
        ("77011234567", "KZ", ("Asia/Almaty", "Asia/Aqtobe")),
        ("88312345678", NO_COUNTRY, ()),
    ],
)
def test_a_number_tells_where_its_clock_may_be(phone: str, country: str, zones: tuple[str, ...]) -> None:
    group = recipient_group(phone[:GROUP_BEGINNING])
    assert (group.country, group.zones) == (country, zones)
    assert set(zones) <= available_timezones()


def test_a_country_of_several_zones_is_open_while_all_of_them_are() -> None:
    hours = OpeningHours(windows=("09:00-20:00",), zone="UTC", is_by_recipient=True)
    group = recipient_group("62812345")
    assert opening(hours, group, "2026-11-28T12:00") == ("29 02:00", "29 11:00")
    assert opening(hours, recipient_group("49170123"), "2026-11-28T12:00") == ("28 08:00", "28 19:00")
    apart = OpeningHours(windows=("09:00-10:00",), zone="UTC", is_by_recipient=True)
    assert opening(apart, group, "2026-11-28T12:00") is None


def test_where_no_zone_is_known_ones_own_counts() -> None:
    hours = OpeningHours(windows=("09:00-20:00",), zone="UTC", is_by_recipient=True)
    assert opening(hours, RecipientGroup(NO_COUNTRY, ()), "2026-11-28T12:00") == ("28 09:00", "28 20:00")


def test_holidays_are_days_off() -> None:
    hours = OpeningHours(windows=("09:00-20:00",), zone="Asia/Jakarta", holidays=("ID",))
    assert opening(hours, NOBODY, "2026-08-16T14:00") == ("18 02:00", "18 13:00")
    assert parse_country_of_holidays("de-by") == "DE-BY"
    assert days_off(["DE-BY"], [])(date(2026, 1, 6))
    assert not days_off(["DE"], [])(date(2026, 1, 6))
    assert days_off([], [date(2026, 1, 7)])(date(2026, 1, 7))


@pytest.mark.parametrize("country", ["XX", "DE-ZZ", "Germany", "", "none", "date"])
def test_what_has_no_holidays_is_refused(country: str) -> None:
    with pytest.raises(UsageError, match="no holidays are known of it"):
        parse_country_of_holidays(country)


def test_days_off_are_read_one_a_line() -> None:
    assert parse_days_off("# ours\n2026-12-24 # half a day\n\n2026-12-31\n", "off.txt") == (
        date(2026, 12, 24),
        date(2026, 12, 31),
    )
    with pytest.raises(InputError, match=r"off\.txt, line 2: '24\.12\.' is no day"):
        parse_days_off("2026-12-24\n24.12.\n", "off.txt")
    with pytest.raises(InputError, match="has no day"):
        parse_days_off("# nothing\n", "off.txt")


def test_legal_hours_go_by_the_recipients_country_and_clock() -> None:
    hours = OpeningHours(zone="Europe/Berlin", is_legal=True)
    assert opening(hours, recipient_group("33612345"), "2026-11-28T12:00") == ("30 09:00", "30 12:00")
    assert opening(hours, recipient_group("12125551"), "2026-11-28T12:00") == ("28 13:00", "29 02:00")
    # Of a country that is not in the table nothing is claimed.
    assert opening(hours, recipient_group("49170123"), "2026-11-28T12:00") is not None
    both = OpeningHours(windows=("Sat 18:00-24:00",), zone="Europe/Berlin", is_legal=True)
    assert opening(both, recipient_group("12125551"), "2026-11-28T12:00") == ("28 17:00", "28 23:00")


def test_each_row_of_the_legal_hours_says_where_it_is_from() -> None:
    for country, legal in legal_hours_by_country().items():
        assert legal.parsed()
        assert legal.source.startswith("https://")
        assert legal.rule
        assert legal.looked_up >= date(2026, 11, 28)
        assert [parse_country_of_holidays(each) for each in legal.holidays] == list(legal.holidays)
        assert country == legal.country


@pytest.mark.parametrize(
    ("hours", "said"),
    [
        (OpeningHours(windows=("Mon-Fri 09:00-20:00",), zone="Europe/Berlin"), "Mon-Fri 09:00-20:00 Europe/Berlin"),
        (
            OpeningHours(windows=("09:00-12:00", "14:00-18:00"), zone="UTC", is_by_recipient=True, holidays=("ID",)),
            "09:00-12:00 and 14:00-18:00 by each recipient's clock, not on holidays of ID",
        ),
        (OpeningHours(zone="UTC", is_legal=True), "legal hours of each recipient's country"),
        (OpeningHours(zone="UTC", days_off=(date(2026, 1, 1),)), "00:00-24:00 UTC, not on 1 listed day"),
    ],
)
def test_hours_are_said_for_people(hours: OpeningHours, said: str) -> None:
    assert str(hours) == said


def test_the_page_on_legal_hours_has_what_is_known_and_nothing_else() -> None:
    page = (ROOT / "docs" / "legal-hours.md").read_text(encoding="utf-8")
    written = [tuple(cell.strip() for cell in line.split("|")[1:-1]) for line in page.splitlines() if "<http" in line]
    assert written == [
        (
            legal.country,
            ", ".join(legal.windows),
            ", ".join(legal.holidays) or "as other days",
            legal.rule,
            f"<{legal.source}>",
            str(legal.looked_up),
        )
        for legal in legal_hours_by_country().values()
    ]


@pytest.mark.parametrize(
    ("windows", "hours", "longer"),
    [
        (("20:30-21:00", "22:00-23:00"), 1, ("20:30-24:00",)),
        (("20:30-21:00", "22:30-23:00"), 1, ("20:30-22:00", "22:30-24:00")),
        (("Mon 09:00-12:00", "Tue 12:00-14:00"), 2, ("Mon 09:00-14:00", "Tue 12:00-16:00")),
        (("22:00-02:00", "20:00-21:00"), 2, ("20:00-23:00", "22:00-02:00")),
    ],
)
def test_windows_that_meet_once_they_close_later_are_one(
    windows: tuple[str, ...], hours: int, longer: tuple[str, ...]
) -> None:
    found = closing_later(OpeningHours(windows=windows, zone="UTC"), hours)
    assert found is not None
    assert found.windows == longer
