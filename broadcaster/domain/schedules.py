"""Which occurrences a schedule has, and what becomes of those that come due: on time, late, several at once. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import dropwhile, takewhile

from broadcaster.domain.recurrence import RESOLUTION, Recurrence

PUNCTUAL = timedelta(seconds=10)
"""How late an occurrence may be noticed without counting as missed. Beat looks every second, and restarts in less.

It is also the shortest grace. Of several due occurrences, all that are no later than this are run.
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
    """What to do about an occurrence that is due."""

    RUN = "run"
    HOLD = "hold"
    SKIP = "skip"


@dataclass(frozen=True, slots=True)
class Plan:
    """A recurrence from one moment to another, both included. None: no bound."""

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
    """An occurrence that is due, what to do about it, and the reason if it is not simply run."""

    at: datetime
    fate: Fate
    reason: str | None = None


def judge_due(due: Sequence[datetime], now: datetime, misfire: Misfire, grace: timedelta) -> Iterator[Due]:
    """What to do about the due occurrences (ascending) of one schedule, as seen at `now`.

    Occurrences that are later than PUNCTUAL were missed. There is never a burst of missed ones: only the latest is run
    or held, only within `grace`, and only if no later one is due.
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
