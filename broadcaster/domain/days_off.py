"""Days on which nothing leaves: public holidays of countries, and lists of one's own. Pure.

Which days are holidays says the library `holidays`; religious ones of the years to come may be its estimates.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date
from functools import cache

from broadcaster.errors import InputError, UsageError, quoted

MOST_DAYS_OFF = 1000
"""Of one file."""


def parse_country_of_holidays(written: str, option: str = "--holidays") -> str:
    """`ID`, or a part of a country: `DE-BY`. Raises UsageError that names `option`."""
    country = written.strip().upper()
    try:
        _calendar(country)
    except (NotImplementedError, AttributeError):
        raise UsageError(
            f"{option} {quoted(written)}: no holidays are known of it; write a country like ID or a part of one like "
            "DE-BY, or give a file of your own with one day a line"
        ) from None
    return country


def parse_days_off(text: str, source: str) -> tuple[date, ...]:
    """The days of a list, one a line like 2026-12-25; what stands behind a # is for people. Raises InputError."""
    days = set()
    for number, line in enumerate(text.splitlines(), 1):
        written = line.partition("#")[0].strip()
        try:
            if written:
                days.add(date.fromisoformat(written))
        except ValueError:
            raise InputError(
                f"{source}, line {number}: {quoted(written)} is no day: write it like 2026-12-25"
            ) from None
    if not days:
        raise InputError(f"{source} has no day: write one a line, like 2026-12-25")
    if len(days) > MOST_DAYS_OFF:
        raise InputError(f"{source} has {len(days):,} days, and {MOST_DAYS_OFF:,} at most are taken")
    return tuple(sorted(days))


def days_off(countries: Iterable[str], own: Iterable[date]) -> Callable[[date], bool]:
    """Whether a day is a holiday of one of `countries` (`parse_country_of_holidays`), or one of `own`."""
    calendars, listed = [_calendar(country) for country in countries], frozenset(own)
    return lambda day: day in listed or any(is_holiday(day) for is_holiday in calendars)


@cache
def _calendar(country: str) -> Callable[[date], bool]:
    import holidays  # noqa: PLC0415 - start-up time: only who asks for holidays needs them

    name, _, part = country.partition("-")
    return holidays.country_holidays(name, subdiv=part or None).__contains__
