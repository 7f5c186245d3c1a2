"""How many messages may leave in any span of time: rolling counts, by bucket. Pure.

A bucket of time counts wholly until its last moment is out of the span. The gateway may accept a message some time
after it was claimed, but no later than a grace: so a bucket counts for so much longer. Therefore no window at the
gateway ever has more than the limit, wherever it begins. A place is free again at most a bucket and a grace later than
it might be.

`limit_after.sql` and `places_taken.sql` do the same in the claim.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import ceil, floor, inf
from typing import NamedTuple, TypeVar

from broadcaster.domain.pacing import format_rate, parse_rate
from broadcaster.errors import UsageError, quoted

DAY = 86_400
BUCKETS = 48
"""A span has so many buckets: half an hour each in a day."""
MOST_STEPS = 100
MOST_A_SPAN = 1_000_000_000
_COUNTED = {"h": 3600, "hour": 3600, "d": 86_400, "day": 86_400}
_UNITS = {3600: "h", 86_400: "d"}
_RATE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*/\s*([a-z]+)\s*", re.IGNORECASE)


Limit = TypeVar("Limit", bound=tuple[int, int])
"""At most so many in any span of so many seconds."""


class SpanLimit(NamedTuple):
    """At most `most` messages in any `span` seconds."""

    most: int
    span: int

    @property
    def bucket(self) -> float:
        """Seconds: what is claimed within one bucket is counted as one."""
        return self.span / BUCKETS

    def __str__(self) -> str:
        return f"{self.most}/{_UNITS[self.span]}"


class Rates(NamedTuple):
    """What `--rate` says: the even pace in messages per second (None: unlimited), and what is counted besides."""

    pace: float | None
    counted: tuple[SpanLimit, ...] = ()

    def __str__(self) -> str:
        paced = format_rate(self.pace)
        return ", ".join([paced, *(str(limit) for limit in self.counted if str(limit) != paced)])


def without_effect(limits: Sequence[Limit]) -> Iterator[tuple[Limit, Limit]]:
    """Those that hold nothing back, each with another one that never lets so much through.

    A span of one is within so many of the other that what these allow in all is no more.
    """
    for each in limits:
        for other in limits:
            if other != each and each[0] >= other[0] * ceil(each[1] / other[1]):
                yield each, other
                break


def said_without_effect(limits: Sequence[Limit]) -> Iterator[str]:
    """A sentence for each of them."""
    return (f"{each} holds nothing back: {other} never lets so much through" for each, other in without_effect(limits))


def parse_rates(written: Sequence[str]) -> Rates:
    """One rate or several, `20/min` and `1000/d`. Raises UsageError.

    The slowest of those a second and a minute is the pace, or else the finest one. Those an hour and a day are
    counted: in no hour, and in no 24 hours, more than that leaves. A single rate an hour is only a pace.
    """
    if len(written) == 1:
        limit = parse_span_limit(written[0]) if _unit(written[0]) in {"d", "day"} else None
        return Rates(limit.most / limit.span, (limit,)) if limit else Rates(parse_rate(written[0]))
    rates = [parse_rate(text) if _unit(text) not in _COUNTED else None for text in written]
    if any(text.strip().lower() == "unlimited" for text in written):
        raise UsageError("--rate unlimited goes with no other rate: leave one of them out")
    counted = [parse_span_limit(text) for text in written if _unit(text) in _COUNTED]
    units = [_UNITS.get(_COUNTED.get(_unit(text), 0), _unit(text)[:1]) for text in written]
    if twice := next((unit for unit in units if units.count(unit) > 1), None):
        said = " and ".join(text.strip() for text, unit in zip(written, units, strict=True) if unit == twice)
        raise UsageError(f"--rate {said} are of the same span: give one of them")
    paces = [rate for rate in rates if rate is not None]
    finest = min(counted, key=lambda limit: limit.span, default=None)
    pace = min(paces) if paces else finest.most / finest.span if finest else None
    return Rates(pace, tuple(sorted(counted, key=lambda limit: limit.span)))


def with_rates(before: Rates, written: Sequence[str]) -> Rates:
    """The rates before and one or several more, which replace those of their span. Raises UsageError.

    Those a second and a minute are of one span: of them one is kept, the pace.
    """
    units = {_unit(text)[:1] for text in written}
    units |= {"s", "m"} if units & {"s", "m"} else set()
    paced = format_rate(before.pace)
    # A pace that follows from what is counted is none that somebody asked for.
    own = [] if before.pace is None or (before.counted and _unit(paced) in _COUNTED) else [paced]
    kept = [text for text in (*own, *map(str, before.counted)) if _unit(text)[:1] not in units]
    return parse_rates([*kept, *written])


def parse_each_rate(written: Sequence[str]) -> list[float | SpanLimit]:
    """Paces in messages a second, and what is counted over an hour or a day.

    Raises UsageError, also for `unlimited`, and for two of one span.
    """
    parse_rates(written)
    if sum(_unit(text) not in _COUNTED for text in written) > 1:
        raise UsageError(f"rates {' and '.join(written)} are of one kind, the pace: give one of them")
    found = [parse_span_limit(text) if _unit(text) in _COUNTED else parse_rate(text) for text in written]
    if None in found:
        raise UsageError("rate 'unlimited' is none to plan with: write it like 30/min, 200/h or 1000/d")
    return [each for each in found if each is not None]


def parse_span_limit(text: str) -> SpanLimit:
    """`50/h` or `1000/d`: what is counted. Raises UsageError."""
    match = _RATE.fullmatch(text)
    span = _COUNTED.get(match[2].lower()) if match else None
    if match is None or span is None:
        raise UsageError(f"limit {quoted(text)} is not understood: write it like 1000/d or 50/h")
    if not _is_count(match[1]):
        raise UsageError(f"limit {quoted(text)} must be a whole number of messages, from 1 to {MOST_A_SPAN:,}")
    return SpanLimit(int(match[1]), span)


def parse_ramp(text: str) -> tuple[int, ...]:
    """`20,50,120`: how many messages on each day of a lane that is broken in; `none`: no ramp. Raises UsageError."""
    if text.strip().casefold() == "none":
        return ()
    words = [word.strip() for word in text.split(",")]
    if not all(_is_count(word) for word in words):
        raise UsageError(f"ramp {quoted(text)} is not understood: write it like 20,50,120,300, or none")
    steps = tuple(map(int, words))
    if len(steps) > MOST_STEPS or list(steps) != sorted(set(steps)):
        raise UsageError(f"ramp {quoted(text)} must rise from step to step, in {MOST_STEPS} steps at most")
    return steps


def _is_count(text: str) -> bool:
    """Whether it is a whole number of messages that a span may have. Python reads no number of thousands of digits."""
    return text.isdecimal() and len(text) <= len(str(MOST_A_SPAN)) and 1 <= int(text) <= MOST_A_SPAN


def _unit(text: str) -> str:
    match = _RATE.fullmatch(text)
    return match[2].lower() if match else ""


@dataclass(frozen=True, slots=True)
class RollingCount:
    """What was claimed under a limit, by bucket: `counts` has the newest first, whose number since 1970 is `newest`.

    `grace` is for how many seconds after its claim the gateway may accept a message. Moments are in seconds since
    1970.
    """

    limit: SpanLimit
    grace: float
    counts: tuple[int, ...] = ()
    newest: int = 0

    def taken(self, now: float) -> int:
        """How many places are taken."""
        present = self._bucket_of(now)
        newest = present if self.newest > present + 1 else self.newest
        return sum(self.counts[: max(0, newest - self._oldest(now) + 1)])

    def after(self, now: float, claimed: int = 0, returned: Iterable[float] = ()) -> RollingCount:
        """Once `claimed` more were claimed, and those claimed at the moments `returned` have provably not left."""
        present = self._bucket_of(now)
        put_back = self.newest > present + 1
        newest = present if put_back else max(present, self.newest)
        kept = newest - self._oldest(now) + 1
        new = 0 if put_back else min(newest - self.newest, kept)
        counts = [*[0] * new, *self.counts][:kept] or [0]
        counts[0] += claimed
        for moment in returned:
            place = newest - self._bucket_of(moment)
            if 0 <= place < len(counts) and counts[place]:
                counts[place] -= 1
        return RollingCount(self.limit, self.grace, tuple(counts), newest)

    def after_each(self, claims: Sequence[tuple[float, int]]) -> RollingCount:
        """Once so many more were claimed at each of these moments, which ascend: as `after` says of one by one."""
        count = self.after(*claims[0])
        buckets = [(self._bucket_of(moment), claimed) for moment, claimed in claims[1:]]
        newest = max([count.newest, *(bucket for bucket, _ in buckets)])
        counts = [*[0] * (newest - count.newest), *count.counts]
        for bucket, claimed in buckets:
            counts[newest - max(bucket, count.newest)] += claimed
        kept = newest - self._oldest(claims[-1][0]) + 1
        return RollingCount(self.limit, self.grace, tuple(counts[:kept]), newest)

    def free_at(self) -> float:
        """When the next place is free; minus infinity: there is one."""
        place = bisect_left(list(accumulate(self.counts)), self.limit.most)
        if place == len(self.counts):
            return -inf
        return (self.newest - place + 1) * self.limit.bucket + self.limit.span + self.grace

    def frees_at(self, now: float) -> float:
        """When the next of the places is free again that are taken, or will be from now on."""
        for place in range(len(self.counts) - 1, -1, -1):
            if self.counts[place]:
                free_at = (self.newest - place + 1) * self.limit.bucket + self.limit.span + self.grace
                if free_at > now:
                    return free_at
        return (self._bucket_of(now) + 1) * self.limit.bucket + self.limit.span + self.grace

    def _bucket_of(self, moment: float) -> int:
        return floor(moment / self.limit.bucket)

    def _oldest(self, now: float) -> int:
        return self._bucket_of(now - self.limit.span - self.grace)
