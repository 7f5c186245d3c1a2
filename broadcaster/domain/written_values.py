"""Dates, times and numbers as lists have them: read by a locale, or refused. Nothing is guessed. Pure."""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass
from decimal import Decimal
from functools import cache

from broadcaster.domain.locales import date_order, month_numbers, number_signs
from broadcaster.domain.plain_values import plain_value
from broadcaster.domain.written_days import FIRST_OPEN_YEAR, MONTHS, TIME, DayOrder, resembles_excels_day, written_day

_LONGEST = 64
"""Characters that a date, a time or a number takes at most."""
_ONLY_TIME = re.compile(TIME)
_PLAIN_NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?")
_MOST_DIGITS = 18
_EITHER_NUMBER = re.compile(r"[+-]?\d{1,3}[.,]\d{3}")
_SPACES = re.compile(r"\s")


@dataclass(frozen=True, slots=True)
class ValueFault:
    """Why a value in a list is not usable. `sentence` does not have the value: it may be personal."""

    sentence: str


class ValueFaultError(ValueError):
    """A value that cannot be read. The message is one sentence without the value."""


@dataclass(frozen=True, slots=True)
class ValueReader:
    """Reads what people of one locale write. All methods raise ValueFaultError."""

    locale: str

    def date(self, text: str) -> datetime.date:
        """A day: in ISO form, with the month in letters, or in numbers in the locale's order."""
        return self._day(text)[0]

    def moment(self, text: str) -> datetime.datetime:
        """A day with a time; a time zone behind it is left as it is."""
        day, found = self._day(text)
        if found["hour"] is None:
            raise ValueFaultError("There is no time beside the date, which the text shows.")
        return datetime.datetime.combine(day, _clock(found))

    def time(self, text: str) -> datetime.time:
        """A time of the day: 9:30, 09.30, 9:30 pm, or that of a date with one."""
        written = _short(text)
        found = _ONLY_TIME.fullmatch(written)
        if found is not None and (found["minute"] or found["half"]):
            return _clock(found)
        try:
            return self.moment(written).time()
        except ValueFaultError:
            raise ValueFaultError("This is not a time: write it like 09:30.") from None

    def number(self, text: str) -> Decimal:
        """A number: in digits with a decimal point, or with the signs of the locale."""
        written = _short(text).replace("−", "-").replace("’", "'")
        if sum(map(str.isdigit, written)) > _MOST_DIGITS:
            raise ValueFaultError("This is too long for a number.")
        signs = number_signs(self.locale)
        if signs is None:
            if _EITHER_NUMBER.fullmatch(written):
                raise ValueFaultError(
                    "Whether this number has thousands or decimals is open: say how it is written, with --locale."
                )
            signs = (",", ".")
        group, decimal = ("'" if sign == "’" else _SPACES.sub(" ", sign) for sign in signs)
        grouped = (
            rf"[+-]?\d{{1,3}}(?:{re.escape(group)}\d{{2,3}})*{re.escape(group)}\d{{3}}(?:{re.escape(decimal)}\d+)?"
        )
        plain = rf"[+-]?\d+(?:{re.escape(decimal)}\d+)?"
        if re.fullmatch(grouped, written) or re.fullmatch(plain, written):
            return Decimal(written.replace(group, "").replace(decimal, "."))
        if _PLAIN_NUMBER.fullmatch(written):
            return Decimal(written)
        raise ValueFaultError("This is not a number: write digits alone, with a point before decimals.")

    def number_of_cell(self, text: str) -> Decimal:
        """A number in a workbook, where 12.345 may be a number, or what somebody wrote."""
        signs = number_signs(self.locale)
        if signs is not None and signs[0] == "." and _EITHER_NUMBER.fullmatch(text.strip()) and "." in text:
            raise ValueFaultError(
                "Whether the point in this cell is before decimals or thousands is open: round the number, or "
                "write it without points."
            )
        return self.number(text)

    def _day(self, text: str) -> tuple[datetime.date, re.Match[str]]:
        written = _short(text)
        found = written_day(written, _months(self.locale))
        clock = found.clock if found else None
        if found is None or clock is None:
            raise _no_date(written)
        order = date_order(self.locale)
        if order is None and len(found.calendar_days) > 1:
            raise ValueFaultError(
                "Whether the day or the month comes first in this date is open: say it with --locale, such as "
                "en_GB or en_US, or write it like 2026-04-03."
            )
        if found.is_short and found.year >= FIRST_OPEN_YEAR:
            raise ValueFaultError("Of which century this date is cannot be told: write the year with four digits.")
        day = next(iter(found.calendar_days), None) if order is None else found.calendar_day(_order(order))
        if day is None:
            raise _no_date(written)
        return day, clock


@cache
def _months(locale: str) -> dict[str, int]:
    """Those of the locale first: a short name may be another month in another language."""
    return MONTHS | month_numbers(locale)


def _order(pattern: str) -> DayOrder:
    return DayOrder.MONTH_FIRST if pattern.index("m") < pattern.index("d") else DayOrder.DAY_FIRST


def _short(text: str) -> str:
    written = plain_value(text)
    if len(written) > _LONGEST:
        raise ValueFaultError("This is too long for a date, a time or a number.")
    return written


def _no_date(written: str) -> ValueFaultError:
    if resembles_excels_day(written):
        return ValueFaultError("This may be the number that Excel keeps for a day: format the column as a date.")
    return ValueFaultError("This is not a date that can be read: write it like 2026-04-03.")


def _clock(found: re.Match[str]) -> datetime.time:
    hour = int(found["hour"])
    if found["half"]:
        if not 1 <= hour <= 12:
            raise ValueFaultError("This is not a time: write it like 09:30.")
        hour = hour % 12 + 12 * (found["half"].lower() == "p")
    try:
        return datetime.time(hour, int(found["minute"] or 0), int(found["second"] or 0))
    except ValueError:
        raise ValueFaultError("This is not a time: write it like 09:30.") from None
