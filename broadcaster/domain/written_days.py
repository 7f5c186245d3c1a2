"""Days as people write them in files: `2026-11-23`, `23/11/2026`, `11/23/26`, `23 Nov 2026`, `Senin, 23 Mei 2026`.

The function `day_of` of the database reads the same; a test compares them.
"""

from __future__ import annotations

import re
from datetime import date
from enum import StrEnum


class DayOrder(StrEnum):
    """What comes first where a day is written in numbers with the year at the end."""

    DAY_FIRST = "d/m/y"
    MONTH_FIRST = "m/d/y"


MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "jan january januari",
            "feb february februari",
            "mar march maret",
            "apr april",
            "may mei",
            "jun june juni",
            "jul july juli",
            "aug august agu agt ags agustus",
            "sep sept september",
            "oct october okt oktober",
            "nov november nopember",
            "dec december des desember",
        ),
        start=1,
    )
    for name in names.split()
}
"""English and Indonesian, short and long."""

_END = r"(?:\Z|[T ,])"
_YEAR_FIRST = re.compile(rf"([0-9]{{4}})[-/.]([0-9]{{1,2}})[-/.]([0-9]{{1,2}}){_END}")
_YEAR_LAST = re.compile(rf"([0-9]{{1,2}})[-/.]([0-9]{{1,2}})[-/.]([0-9]{{4}}|[0-9]{{2}}){_END}")
_WEEKDAY = r"(?:[A-Za-z']+[.,]? +)?"
_DAY_MONTH = re.compile(rf"{_WEEKDAY}([0-9]{{1,2}})(?:st|nd|rd|th|[.])?[-/ ]+([A-Za-z]+)[.,]?[-/ ]+([0-9]{{4}}){_END}")
_MONTH_DAY = re.compile(rf"{_WEEKDAY}([A-Za-z]+)[.]? +([0-9]{{1,2}})(?:st|nd|rd|th)?,? +([0-9]{{4}}){_END}")


def day_of(written: str, order: DayOrder) -> int | None:
    """The day that a text begins with, as the number 20261123; None: it begins with none.

    A year of two digits is one of this century. Days of months are not counted: 31 February is written, and comes
    before 1 March.
    """
    if found := _YEAR_FIRST.match(written):
        year, month, day = map(int, found.groups())
    elif found := _YEAR_LAST.match(written):
        first, second, year = map(int, found.groups())
        year += 2000 if len(found[3]) == 2 else 0
        month, day = (second, first) if order is DayOrder.DAY_FIRST else (first, second)
    elif found := _DAY_MONTH.match(written):
        day, month, year = int(found[1]), MONTHS.get(found[2].lower(), 0), int(found[3])
    elif found := _MONTH_DAY.match(written):
        month, day, year = MONTHS.get(found[1].lower(), 0), int(found[2]), int(found[3])
    else:
        return None
    return year * 10_000 + month * 100 + day if 1 <= month <= 12 and 1 <= day <= 31 else None


def exact_day(written: str, order: DayOrder) -> date | None:
    """The day of the calendar that a text is; None: it is none."""
    number = day_of(written, order)
    if number is None or not resembles_day(written):
        return None
    try:
        return date(number // 10_000, number // 100 % 100, number % 100)
    except ValueError:
        return None


def resembles_day(written: str) -> bool:
    """Whether a text has the form of a day, of the calendar or not, and nothing after it."""
    for form in (_YEAR_FIRST, _YEAR_LAST, _DAY_MONTH, _MONTH_DAY):
        if found := form.match(written):
            named = next((part.lower() for part in found.groups() if part.isalpha()), None)
            return found.end() == len(written) and written[-1:] not in "T ," and (named is None or named in MONTHS)
    return False


def begins_with_day(written: str) -> bool:
    """Whether a text is a day in numbers with something after it, such as a time."""
    found = _YEAR_FIRST.match(written) or _YEAR_LAST.match(written)
    return found is not None and not resembles_day(written)
