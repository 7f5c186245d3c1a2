"""When somebody agreed, as lists write it."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone

import pytest

from broadcaster.domain.whatsapp_numbers import sure_forms
from broadcaster.domain.written_consents import consent_fault, given_on

NOW = datetime(2026, 11, 28, 12, 0, tzinfo=timezone(timedelta(hours=7)))
DAY = date(2026, 11, 23)


@pytest.mark.parametrize(
    "written",
    [
        "2026-11-23",
        " 2026-11-23 ",
        "23/11/2026",
        "11/23/2026",
        "23 Nov 2026",
        "2026-11-23T14:05:09Z",
        "2026-11-23 14:05:09.123+07:00",
        "23.11.2026 14.05",
        "23/11/2026, 2:05 pm",
        "Senin, 23 November 2026 at 14:05",
    ],
)
def test_a_day_or_a_moment_says_on_which_day(written: str) -> None:
    assert consent_fault(written, NOW) is None
    assert given_on(written, NOW) == DAY


@pytest.mark.parametrize("written", ["", "  "])
def test_nothing_is_no_consent_and_no_fault(written: str) -> None:
    assert consent_fault(written, NOW) is None


@pytest.mark.parametrize("written", ["no", "yes", "TRUE", "2026-02-31", "2026-11-23 no", "1", "14:05", "never 2026"])
def test_what_is_no_day_is_refused_and_not_repeated(written: str) -> None:
    fault = consent_fault(written, NOW)
    assert fault is not None and "no day" in fault.sentence and f"'{written}'" not in fault.sentence


def test_of_two_days_the_one_that_has_been_is_meant() -> None:
    assert given_on("03/04/2026", NOW) is None and consent_fault("03/04/2026", NOW) is None
    assert given_on("11/12/2026", NOW) == date(2026, 11, 12)
    fault = consent_fault("2026-12-01", NOW)
    assert fault is not None and "yet to come" in fault.sentence


@pytest.mark.parametrize(
    ("written", "is_given"),
    [
        ("2026-11-28", True),
        ("2026-11-29", False),
        ("2026-11-28 12:00", True),
        ("2026-11-28 12:01", False),
        ("28 Nov 2026, 11:59 pm", False),
        ("28/11/2026 12:30 am", True),
        ("2026-11-28T05:00:00Z", True),
        ("2026-11-28T05:00:01Z", False),
        ("2026-11-28 13:30 WIT", True),
        ("2026-11-28 11:30-02:00", False),
        ("2026-11-28 18:30+14:00", True),
        ("9999-12-31", False),
    ],
)
def test_what_is_later_than_now_is_not_given_whatever_the_zone(written: str, is_given: bool) -> None:
    fault = consent_fault(written, NOW)
    assert (fault is None) is is_given and (fault is None or "yet to come" in fault.sentence)
    assert (given_on(written, NOW) is not None) is is_given


def test_a_consent_holds_for_no_number_that_may_be_somebody_elses() -> None:
    assert set(sure_forms("525512345678")) == {"525512345678", "5215512345678"}
    assert sure_forms("628123456789") == ("628123456789",)
    # Three people may have had the old number.
    assert sure_forms("2250712345678") == ("2250712345678",)
    assert sure_forms("22512345678") == ("22512345678",)
