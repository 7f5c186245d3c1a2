"""How spans of time are told: rounded by one rule wherever they are shown. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

Unit = Literal["day", "hour", "minute", "second"]
_SHORT: dict[Unit, str] = {"day": "d", "hour": "h", "minute": "min", "second": "s"}
_ONE_UNIT_BELOW = 90
"""Seconds and minutes are told alone below so many of them,"""
_HOURS_BELOW = 48
"""and hours with minutes below so many."""


def duration_parts(seconds: float) -> Sequence[tuple[int, Unit]]:
    """A span of time as people tell it: its largest unit, from hours on with the next one. Rounded to the last.

    What is more than nothing is told as a second at least.
    """
    whole = max(1, round(seconds)) if seconds > 0 else 0
    if whole < _ONE_UNIT_BELOW:
        return [(whole, "second")]
    minutes = round(whole / 60)
    if minutes < _ONE_UNIT_BELOW:
        return [(minutes, "minute")]
    hours, minutes = divmod(minutes, 60)
    if hours < _HOURS_BELOW:
        return _without_nothing((hours, "hour"), (minutes, "minute"))
    days, hours = divmod(round(whole / 3600), 24)
    return _without_nothing((days, "day"), (hours, "hour"))


def duration(seconds: float) -> str:
    """The same in English and short: `45 s`, `12 min`, `3 h 20 min`, `2 d 4 h`."""
    return " ".join(f"{count:,} {_SHORT[unit]}" for count, unit in duration_parts(seconds))


def _without_nothing(larger: tuple[int, Unit], smaller: tuple[int, Unit]) -> Sequence[tuple[int, Unit]]:
    return [larger, smaller] if smaller[0] else [larger]
