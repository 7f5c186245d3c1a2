"""Lanes and limits as they stand, and what they are expected to do. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import Enum
from math import inf, sqrt

import msgspec

from broadcaster.domain.decisions import RETRY_BASE, RETRY_CAP, backoff
from broadcaster.domain.gaps import Gaps
from broadcaster.domain.opening_hours import OpeningHours
from broadcaster.domain.pacing import Pace
from broadcaster.domain.plan_terms import PlannedLimit
from broadcaster.domain.span_limits import RollingCount, SpanLimit
from broadcaster.domain.states import LaneHealth

_SURE = 1.65
"""Deviations from the mean within which nine of ten lie."""
_MOST_AGAIN = 0.95
"""More tries in vain than that are no rate that goes on."""
_MOST_TRIES = 4
"""After the first: so many make up the attempts that a campaign has where nobody says otherwise."""


class Luck(Enum):
    """How well it goes, as far as chance decides: gaps, failures, the gateway's latency. Nine of ten lie between."""

    GOOD = -1
    USUAL = 0
    BAD = 1


_LIKELY = {Luck.GOOD: 3.0, Luck.USUAL: 0.7, Luck.BAD: 0.05}
"""Where more messages than that are expected to be tried so often, one is: 19 of 20 times, mostly, 1 of 20 times."""


class LaneNow(msgspec.Struct, frozen=True, kw_only=True):
    """A lane as it stands."""

    id: int
    instance: str
    interval: float
    """Seconds from one message to the next, by its rate, gaps and rests; 0: unlimited."""
    pace_rate: float | None = None
    """Messages a second by its rate alone; None: unlimited, or the same as `rate`."""
    variance: float = 0.0
    """Of that, by what chance draws of gaps and rests, in seconds squared."""
    tolerance: float
    burst: int
    gaps: Gaps | None = None
    debt: float
    """By how many seconds its clock is ahead."""
    rests: float
    """For how many seconds it sends nothing yet."""
    is_stopped: bool
    """Nobody knows until when: it is paused, refused or down."""
    trouble_since: datetime | None = None
    """Since when it is refused or down; None: it is neither."""
    is_down: bool = False
    max_in_flight: int = 1
    tried: int = 0
    """How many attempts it made lately,"""
    again: int = 0
    """and how many of them are to be made again."""
    latency: float | None = None
    """Seconds that one of its requests takes, on average, lately; None: not known."""
    latency_variance: float = 0.0
    """Of that, from one request to another, in seconds squared,"""
    latency_drift: float = 0.0
    """and from one tenth of these attempts to another: gateways have better and worse times."""
    hours: OpeningHours | None
    limits: tuple[int, ...]
    now: datetime

    def pace(self, luck: Luck, messages: int) -> Pace:
        """How fast so many messages leave, all tries counted."""
        drawn = luck.value * _SURE * sqrt(self.variance / messages) if messages else 0.0
        latency = self._latency(luck, messages)
        interval = max(self.interval + drawn, latency / self.max_in_flight) / (1.0 - self._again(luck, messages))
        return Pace(interval, self.tolerance if interval == self.interval else 0.0, self.burst)

    @property
    def going_on(self) -> LaneNow:
        """The same if whatever stops it ended now."""
        return msgspec.structs.replace(self, is_stopped=False, trouble_since=None, is_down=False, rests=0.0)

    @property
    def health(self) -> LaneHealth:
        """What stops it, where something does."""
        if self.trouble_since is None:
            return LaneHealth.PAUSED
        return LaneHealth.DOWN if self.is_down else LaneHealth.REFUSED

    @property
    def pause(self) -> float:
        """For how many seconds it sends nothing yet, whatever its usual pace makes it wait (`may_send_from.sql`)."""
        gap = self.gaps.gap.most if self.gaps and self.gaps.gap else 0.0
        return max(self.rests, self.debt - (1.0 + self.tolerance + max(self.interval, gap)))

    @property
    def rate(self) -> float | None:
        """Messages a second, by its rate, gaps and rests; None: unlimited."""
        return 1.0 / self.interval if self.interval else None

    @property
    def is_told(self) -> bool:
        """Whether it is known how fast it sends."""
        return self.interval > 0 or self.latency is not None

    def last_tries(self, luck: Luck, messages: int, seconds: float) -> float:
        """For how many seconds tries go on after the last of so many messages has left, which take so long.

        A message that is to be tried so often again, each time after longer than before, left so long before the end.
        """
        share, waits, delay = self._again(luck, messages), 0.0, 0.0
        for tries in range(_MOST_TRIES if share else 0):
            delay += backoff(RETRY_BASE, RETRY_CAP, tries, jitter=1.0 if luck is Luck.BAD else 0.5)
            of_moments = min(messages, 1 + messages * delay / seconds) if seconds else messages
            again = of_moments * share ** (tries + 1)
            if again > _LIKELY[luck]:
                # The latest of so many, of which any moment is as likely.
                waits = max(waits, delay if luck is Luck.BAD else delay * again / (again + 1))
        return waits

    def _latency(self, luck: Luck, messages: int) -> float:
        """How long each of so many requests takes, on average."""
        if self.latency is None or not messages:
            return self.latency or 0.0
        return max(
            0.0, self.latency + luck.value * _SURE * sqrt(self.latency_drift + self.latency_variance / messages)
        )

    def _again(self, luck: Luck, messages: int) -> float:
        """Which share of the attempts for so many messages is to be made again.

        What was seen lately is a sample, and what is to come is another one.
        """
        if not self.again or not messages:
            return 0.0
        share = min(_MOST_AGAIN, self.again / self.tried)
        if luck is Luck.USUAL:
            return share
        # Few that were seen say less than their share does (Wilson's interval).
        certain = _SURE * _SURE
        middle = (self.again + certain / 2) / (self.tried + certain)
        deviation = sqrt(middle * (1 - middle) * (1 / (self.tried + certain) + (1 - middle) / messages))
        extreme: float = middle + luck.value * _SURE * deviation
        return min(_MOST_AGAIN, max(0.0, extreme))


class LimitNow(msgspec.Struct, frozen=True, kw_only=True):
    """A limit over a span as it stands, with what counts for it already."""

    id: int
    name: str
    """What people call it, or the instance whose own it is."""
    is_shared: bool
    ramp: tuple[int, ...] = ()
    """How many messages it allows at each step; none: it is no ramp."""
    step: int = 1
    """At which of them it is, from 1."""
    step_since: datetime | None = None
    most: int
    span_seconds: int
    grace_seconds: float
    counts: tuple[int, ...]
    newest: int

    @property
    def planned(self) -> PlannedLimit:
        count = RollingCount(SpanLimit(self.most, self.span_seconds), self.grace_seconds, self.counts, self.newest)
        if self.step_since is None:
            return PlannedLimit(count)
        return PlannedLimit(count, self.ramp[self.step :], self.step_since.timestamp() + self.span_seconds)

    def __str__(self) -> str:
        limit = SpanLimit(self.most, self.span_seconds)
        if self.ramp:
            return f"ramp of {self.name} ({limit} today)"
        return f"limit {self.name} ({limit})" if self.is_shared else f"limit {limit} of {self.name}"


def moment_of_seconds(seconds: float) -> datetime:
    """A moment in seconds since 1970, aware."""
    return datetime.fromtimestamp(seconds, UTC)


def seconds_or(moment: datetime | None, otherwise: float = inf) -> float:
    """In seconds since 1970; None: `otherwise`."""
    return otherwise if moment is None else moment.timestamp()
