"""When somebody agreed to messages, as lists write it: a day, or a moment of one. Pure."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta, timezone, tzinfo
from functools import lru_cache

from broadcaster.domain.written_days import DayOrder, exact_day
from broadcaster.domain.written_values import ValueFault

_TIME = re.compile(
    r"(?:T|,? (?:at )?) ?(?P<hour>[0-9]{1,2})[:.](?P<minute>[0-9]{2})(?:[:.](?P<second>[0-9]{2})(?:[.,][0-9]{1,9})?)?"
    r"(?: ?(?P<half>[ap])\.?m\.?)?"
    r"(?: ?(?:(?P<zone>Z|UTC|GMT|WIB|WITA|WIT)|(?P<sign>[+-])(?P<hours>[0-9]{2}):?(?P<minutes>[0-9]{2})))?\Z",
    re.IGNORECASE,
)
_AHEAD = {"WIB": 7, "WITA": 8, "WIT": 9}
"""Of the named zones, those that are hours ahead of UTC."""
_A_DAY = timedelta(days=1)
_FURTHEST_ZONE = timedelta(hours=14)
YET_TO_COME = ValueFault("The column of consents says a time that is yet to come: nobody has agreed then.")


@lru_cache(maxsize=4_096)
def consent_days(written: str) -> frozenset[date]:
    """The days that `written` may mean, a day or a moment; more than one where day and month may be changed over."""
    day = _TIME.sub("", written.strip())
    return frozenset(found for order in DayOrder if (found := exact_day(day, order)) is not None)


def consent_fault(written: str, now: datetime) -> ValueFault | None:
    """Why what stands in a column of consents is none; nothing at all, which is no consent, is no fault.

    Nobody has agreed after `now`. Its zone is that of days, and of moments without one.
    """
    if not written.strip():
        return None
    days = consent_days(written)
    if not days:
        return ValueFault(
            "The column of consents says no day on which the person agreed: write one like 2026-11-23, or nothing "
            "where there is no consent."
        )
    return None if _passed(written, now) else YET_TO_COME


def given_on(written: str, now: datetime) -> date | None:
    """The day that is meant, of those that are not after `now`; None: it may be either of two."""
    days = _passed(written, now)
    return days[0] if len(days) == 1 else None


def _passed(written: str, now: datetime) -> list[date]:
    """Those of the days that may be meant of which the moment, or the beginning, is not after `now`."""
    days = consent_days(written)
    if all(day < now.date() - _A_DAY for day in days):
        return list(days)
    since_midnight, zone = _time(written, now)
    moments = {day: datetime.combine(day, time(), zone) + since_midnight for day in days if day < date.max}
    return [day for day, moment in moments.items() if moment <= now]


def _time(written: str, now: datetime) -> tuple[timedelta, tzinfo | None]:
    """How long after midnight, by which clocks."""
    found = _TIME.search(written.strip())
    if found is None:
        return timedelta(), now.tzinfo
    hour = int(found["hour"])
    if found["half"]:
        hour = hour % 12 + 12 * (found["half"].lower() == "p")
    since_midnight = timedelta(hours=hour, minutes=int(found["minute"]), seconds=int(found["second"] or 0))
    if found["zone"]:
        return since_midnight, timezone(timedelta(hours=_AHEAD.get(found["zone"].upper(), 0)))
    if found["sign"]:
        ahead = timedelta(hours=int(found["hours"]), minutes=int(found["minutes"]))
        # What is no zone is no later than the furthest one.
        ahead = min(ahead, _FURTHEST_ZONE)
        return since_midnight, timezone(ahead if found["sign"] == "+" else -ahead)
    return since_midnight, now.tzinfo
