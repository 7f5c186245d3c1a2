"""Spans of time as operators write them and read them: `90s`, `15 min`, `24h`, `7 days`, `2w`. Pure."""

from __future__ import annotations

import re
from datetime import timedelta

from broadcaster.errors import UsageError, quoted

LONGEST = timedelta(days=366)
UNITS = {
    **dict.fromkeys(("s", "sec", "second", "seconds"), "second"),
    **dict.fromkeys(("m", "min", "minute", "minutes"), "minute"),
    **dict.fromkeys(("h", "hour", "hours"), "hour"),
    **dict.fromkeys(("d", "day", "days"), "day"),
    **dict.fromkeys(("w", "week", "weeks"), "week"),
}
"""By the words for them."""
UNIT = "|".join(sorted(UNITS, key=len, reverse=True))
"""As a part of a regular expression: any of these words, in lower case."""
_SPAN = re.compile(rf"([0-9]{{1,8}})\s*({UNIT})")


def length_of(number: float, unit: str) -> timedelta:
    """So many of a unit: one of the values of `UNITS`."""
    return timedelta(**{f"{unit}s": number})


def parse_interval(
    text: str,
    option: str,
    longest: timedelta = LONGEST,
    *,
    shortest: timedelta = timedelta(seconds=1),
    forms: str = "30s, 10m, 2h, 1d or 2w",
) -> tuple[int, str]:
    """`2h` as (2, "hour") and the like. `forms` are suggested. Raises UsageError that names `option`."""
    found = _SPAN.fullmatch(text.strip().lower())
    if found is None:
        raise UsageError(f"{option} {quoted(text)} is not understood: write it like {forms}")
    number, unit = int(found[1]), UNITS[found[2]]
    if not shortest <= length_of(number, unit) <= longest:
        least, most = (said_span(each.total_seconds()) for each in (shortest, longest))
        raise UsageError(f"{option} {quoted(text)} must be between {least} and {most}")
    return number, unit


def parse_span(
    text: str,
    option: str,
    longest: timedelta = LONGEST,
    *,
    shortest: timedelta = timedelta(seconds=1),
    forms: str = "30s, 10m, 2h, 1d or 2w",
) -> timedelta:
    """As `parse_interval`, as a length."""
    return length_of(*parse_interval(text, option, longest, shortest=shortest, forms=forms))


def said_per(seconds: float) -> str:
    """The same behind a number of what fits into it: `h`, `d`, `7d`."""
    return {3600: "h", 86_400: "d"}.get(int(seconds)) or said_span(seconds)


def said_span(seconds: float) -> str:
    """As it may be written: `90s`, `15m`, `24h` for a day, `7d` for a week."""
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "m")):
        if seconds and not seconds % size and (unit != "d" or seconds > size):
            return f"{seconds / size:g}{unit}"
    return f"{seconds:g}s"
