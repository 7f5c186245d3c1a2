"""Which occurrences a schedule has, and what becomes of those that come due: on time, late, several at once. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import dropwhile, takewhile

from broadcaster.domain.recurrence import RESOLUTION, Recurrence

PUNCTUAL = timedelta(seconds=10)
"""How late an occurrence may be noticed and not be called missed: beat looks once a second, and is restarted faster.

The shortest grace. Of several occurrences that are due at once, all that are no later than this are run.
"""


class Misfire(StrEnum):
    """What becomes of an occurrence that was missed and is noticed within its schedule's grace."""

    SKIP = "skip"
    CATCH_UP = "catch-up"
    HOLD = "hold"


class Overlap(StrEnum):
    """What becomes of an occurrence that comes due while the one before it is still being sent."""

    QUEUE = "queue"
    SKIP = "skip"


class Fate(StrEnum):
    """What is to be done about an occurrence that is due."""

    RUN = "run"
    HOLD = "hold"
    SKIP = "skip"


@dataclass(frozen=True, slots=True)
class Plan:
    """A recurrence from one moment to another, both included; None: without that bound."""

    recurrence: Recurrence
    begins: datetime | None = None
    ends: datetime | None = None

    def after(self, moment: datetime) -> Iterator[datetime]:
        """The occurrences later than `moment`, ascending."""
        if self.begins is not None:
            moment = max(moment, self.begins - RESOLUTION)
        return takewhile(lambda due: self.ends is None or due <= self.ends, self.recurrence.after(moment))

    def latest(self, since: datetime, now: datetime) -> Iterator[datetime]:
        """The occurrences from `since` to `now`, descending."""
        not_ended = dropwhile(lambda due: self.ends is not None and due > self.ends, self.recurrence.until(now))
        return takewhile(lambda due: due >= since, not_ended)


@dataclass(frozen=True, slots=True)
class Due:
    """An occurrence that is due, what is to be done about it, and why that is not simply to run it."""

    at: datetime
    fate: Fate
    reason: str | None = None


def judge_due(due: Sequence[datetime], now: datetime, misfire: Misfire, grace: timedelta) -> Iterator[Due]:
    """What becomes of the occurrences of one schedule that are due (ascending), as seen at `now`.

    Those that are more than PUNCTUAL late were missed. Never a burst of old ones: at most the latest of them is run or
    held, only within `grace`, and only if no later one is due.
    """
    for at in due:
        late = now - at
        if late <= PUNCTUAL:
            yield Due(at, Fate.RUN)
        elif at != due[-1]:
            yield Due(at, Fate.SKIP, "missed, and a later one was due when that was noticed")
        else:
            yield _missed(at, late, misfire, grace)


def _missed(at: datetime, late: timedelta, misfire: Misfire, grace: timedelta) -> Due:
    noticed = f"missed: noticed {timedelta(seconds=round(late.total_seconds()))} after it was due"
    if late > grace:
        return Due(at, Fate.SKIP, f"{noticed}, later than its grace")
    match misfire:
        case Misfire.SKIP:
            return Due(at, Fate.SKIP, noticed)
        case Misfire.CATCH_UP:
            return Due(at, Fate.RUN, noticed)
        case Misfire.HOLD:
            return Due(at, Fate.HOLD, noticed)
