"""Rules of cron that are times of the day on some days: those that can be told in any language. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
_MOST_TIMES = 4


class SimpleRule(NamedTuple):
    """At these minutes of the day, on these days of the week (0: Monday) or on one of the month."""

    minutes: Sequence[int]
    weekdays: frozenset[int]
    day_of_month: int | None


def simple_rule(cron: str) -> SimpleRule | None:
    """A checked rule of five fields as such a one; None: it is another kind."""
    fields = cron.upper().split()
    if len(fields) != 5 or fields[3] != "*":
        return None
    minute, hour, day, _, weekday = fields
    hours, minutes = hour.split(","), minute.split(",")
    if not all(map(str.isdigit, [*hours, *minutes])) or len(hours) * len(minutes) > _MOST_TIMES:
        return None
    if day != "*" and (weekday != "*" or not day.isdigit()):
        return None
    try:
        weekdays = frozenset(_weekdays(weekday))
    except ValueError:
        return None
    times = sorted({60 * int(each) + int(other) for each in hours for other in minutes})
    return SimpleRule(times, weekdays, None if day == "*" else int(day)) if weekdays else None


def _weekdays(field: str) -> Iterator[int]:
    """Raises ValueError for what is neither days nor ranges of them."""
    for part in field.split(","):
        first, _, last = ("0", "", "6") if part == "*" else part.partition("-")
        begin, end = _number(first), _number(last or first)
        yield from ((day - 1) % 7 for day in range(begin, end + 1))


def _number(day: str) -> int:
    return int(day) if day.isdigit() else _DAYS.index(day)
