"""When somebody agreed to messages, as lists write it: a day, or a moment of one. Pure."""

from __future__ import annotations

import re
from datetime import date
from functools import lru_cache

from broadcaster.domain.written_days import DayOrder, exact_day
from broadcaster.domain.written_values import ValueFault

_TIME = re.compile(
    r"(?:T|,? (?:at )?) ?[0-9]{1,2}[:.][0-9]{2}(?:[:.][0-9]{2}(?:[.,][0-9]{1,9})?)?"
    r"(?: ?[ap]\.?m\.?)?(?: ?(?:Z|UTC|GMT|WIB|WITA|WIT|[+-][0-9]{2}:?[0-9]{2}))?\Z",
    re.IGNORECASE,
)


@lru_cache(maxsize=4_096)
def consent_days(written: str) -> frozenset[date]:
    """The days that `written` may mean, a day or a moment; more than one where day and month may be changed over."""
    day = _TIME.sub("", written.strip())
    return frozenset(found for order in DayOrder if (found := exact_day(day, order)) is not None)


def consent_fault(written: str, latest: date) -> ValueFault | None:
    """Why what stands in a column of consents is none; nothing at all, which is no consent, is no fault.

    `latest` is the last day on which somebody can have agreed.
    """
    if not written.strip():
        return None
    days = consent_days(written)
    if not days:
        return ValueFault(
            "The column of consents says no day on which the person agreed: write one like 2026-11-23, or nothing "
            "where there is no consent."
        )
    if min(days) > latest:
        return ValueFault("The column of consents says a day that is yet to come: nobody has agreed then.")
    return None


def given_on(written: str, latest: date) -> date | None:
    """The day that is meant, of those up to `latest`; None: it may be either of two."""
    days = [day for day in consent_days(written) if day <= latest]
    return days[0] if len(days) == 1 else None
