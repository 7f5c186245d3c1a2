"""Lanes and limits as they stand, and what they are expected to do. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import Enum
from math import inf, sqrt

import msgspec

from broadcaster.domain.opening_hours import OpeningHours
from broadcaster.domain.pacing import Pace
from broadcaster.domain.plan_terms import PlannedLimit
from broadcaster.domain.span_limits import RollingCount, SpanLimit

_SURE = 1.65
"""Deviations from the mean within which nine of ten lie."""
_MOST_AGAIN = 0.95
"""More tries in vain than that are no rate that goes on."""


class Luck(Enum):
    """How well it goes, as far as chance decides: gaps, failures, the gateway's latency. Nine of ten lie between."""

    GOOD = -1
    USUAL = 0
    BAD = 1


class LaneNow(msgspec.Struct, frozen=True, kw_only=True):
    """A lane as it stands."""

    id: int
    instance: str
    interval: float
    """Seconds from one message to the next, by its rate, gaps and rests; 0: unlimited."""
    variance: float = 0.0
    """Of that, by what chance draws of gaps and rests, in seconds squared."""
    tolerance: float
    burst: int
    debt: float
    """By how many seconds its clock is ahead."""
    rests: float
    """For how many seconds it sends nothing yet."""
    is_stopped: bool
    """Nobody knows until when: it is paused, refused or down."""
    max_in_flight: int = 1
    tried: int = 0
    """How many attempts it made lately,"""
    again: int = 0
    """and how many of them are to be made again."""
    latency: float | None = None
    """Seconds that half of its requests take no longer than, lately; None: not known."""
    worst_latency: float | None = None
    """The same of 19 of 20."""
    hours: OpeningHours | None
    limits: tuple[int, ...]
    now: datetime

    def pace(self, luck: Luck, messages: int) -> Pace:
        """How fast so many messages leave, all tries counted."""
        drawn = luck.value * _SURE * sqrt(self.variance / messages) if messages else 0.0
        latency = (self.worst_latency if luck is Luck.BAD else self.latency) or 0.0
        interval = max(self.interval + drawn, latency / self.max_in_flight) / (1.0 - self._again(luck))
        return Pace(interval, self.tolerance if interval == self.interval else 0.0, self.burst)

    @property
    def rate(self) -> float | None:
        """Messages a second, by its rate, gaps and rests; None: unlimited."""
        return 1.0 / self.interval if self.interval else None

    @property
    def is_told(self) -> bool:
        """Whether it is known how fast it sends."""
        return self.interval > 0 or self.latency is not None

    def _again(self, luck: Luck) -> float:
        """Which share of its attempts is to be made again."""
        if not self.again:
            return 0.0
        share = self.again / self.tried
        return min(_MOST_AGAIN, max(0.0, share + luck.value * _SURE * sqrt(share * (1 - share) / self.tried)))


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
