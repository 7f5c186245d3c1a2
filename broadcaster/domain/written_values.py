"""Dates, times and numbers as lists have them: read by a locale, or refused. Nothing is guessed. Pure."""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass
from decimal import Decimal

from broadcaster.domain.locales import date_order, month_numbers, number_signs

_LONGEST = 64
"""Characters that a date, a time or a number takes at most."""
_TIME = (
    r"(?P<hour>\d{1,2})(?:[:.h](?P<minute>\d{2}))?(?:[:.](?P<second>\d{2})(?:[.,]\d+)?)?(?:\s*(?P<half>[ap])\.?m\.?)?"
)
_AFTER = rf"(?:(?:,?\s+|T){_TIME}(?:Z|[+-]\d{{2}}:?\d{{2}})?)?"
_ONLY_TIME = re.compile(_TIME, re.IGNORECASE)
_YEAR_FIRST = re.compile(rf"(?P<y>\d{{4}})([-/.])(?P<m>\d{{1,2}})\2(?P<d>\d{{1,2}}){_AFTER}", re.IGNORECASE)
_YEAR_LAST = re.compile(rf"(?P<a>\d{{1,2}})([-/.])(?P<b>\d{{1,2}})\2(?P<y>\d{{4}}){_AFTER}", re.IGNORECASE)
_NAMED = re.compile(
    rf"(?:[^\W\d_]+,\s*)?(?:(?P<d>\d{{1,2}})\.?[\s-]+(?:de\s+)?(?P<name>[^\W\d_]+)\.?|"
    rf"(?P<name2>[^\W\d_]+)\.?\s+(?P<d2>\d{{1,2}})(?:st|nd|rd|th)?),?[\s-]+(?:de\s+)?(?P<y>\d{{4}}){_AFTER}",
    re.IGNORECASE,
)
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
        written = _SPACES.sub(" ", _short(text)).replace("−", "-").replace("’", "'")
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
        if found := _YEAR_FIRST.fullmatch(written):
            return _date(found["y"], found["m"], found["d"]), found
        if found := _YEAR_LAST.fullmatch(written):
            return self._in_order(found), found
        if found := _NAMED.fullmatch(written):
            month = month_numbers(self.locale).get((found["name"] or found["name2"]).casefold())
            if month is not None:
                return _date(found["y"], month, found["d"] or found["d2"]), found
        raise _no_date()

    def _in_order(self, found: re.Match[str]) -> datetime.date:
        first, second, order = int(found["a"]), int(found["b"]), date_order(self.locale)
        if order is None:
            if first <= 12 and second <= 12 and first != second:
                raise ValueFaultError(
                    "Whether the day or the month comes first in this date is open: say it with --locale, such as "
                    "en_GB or en_US, or write it like 2026-04-03."
                )
            order = "mdy" if second > 12 else "dmy"
        month_first = order.index("m") < order.index("d")
        return _date(found["y"], first if month_first else second, second if month_first else first)


def _short(text: str) -> str:
    written = text.strip()
    if len(written) > _LONGEST:
        raise ValueFaultError("This is too long for a date, a time or a number.")
    return written


def _date(year: str, month: str | int, day: str | int) -> datetime.date:
    try:
        return datetime.date(int(year), int(month), int(day))
    except ValueError:
        raise _no_date() from None


def _no_date() -> ValueFaultError:
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
