"""The arithmetic of rate limits: two generic cell rate algorithms (GCRA, ITU-T I.371) that keep invariant I5.

I5 says that in any window W an instance accepts at most rate*W + burst requests. We see when a request leaves and when
its reply comes; the gateway accepts it at some moment in between. So the *limit* counts a request in full while it is
in flight. Only its reply, which comes after the acceptance, lets it drain: the bound holds whatever the network does.
The *pace* keeps sending smooth: requests leave evenly and may use only a part of the burst. The rest of the burst is
room for requests in flight.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import accumulate
from math import ceil, floor, inf

from broadcaster.errors import UsageError

ROOM_IN_FLIGHT = 0.25
"""At most this many seconds of sending are kept out of the pace's burst, so that common latencies do not slow a
lane."""

CLAIM_LEAD = 0.1
"""A message is claimed at most this many seconds before its slot. Lanes that want one in that time share the claim."""

CLOSING_MARGIN = 0.5
"""Seconds that a claimed message may be late before it is held back because something closes."""

SLOWEST = 1 / 86_400
FASTEST = 100_000.0
"""The slowest and the fastest rate that can be kept, in messages per second."""

MOST_A_MINUTE = 100
"""Up to so many messages a minute a rate is told by the minute, as people give it to numbers: 60/min, and not 1/s."""

_UNITS = {"s": 1.0, "sec": 1.0, "second": 1.0, "m": 60.0, "min": 60.0, "minute": 60.0, "h": 3600.0, "hour": 3600.0}
_RATE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*/\s*([a-z]+)\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast one instance may send. `interval` and `tolerance` are seconds; interval 0 means unlimited."""

    interval: float
    tolerance: float
    burst: int


def pace(rate_per_second: float | None, burst: int) -> Pace:
    """The pace that keeps the limit `accepted <= rate*W + burst`. A rate of None is unlimited."""
    if rate_per_second is None:
        return Pace(0.0, 0.0, burst)
    interval = 1.0 / rate_per_second
    room = (burst - 1) * interval
    return Pace(interval, room - min(room / 2, ROOM_IN_FLIGHT), burst)


def closing_reserve(longest_request: float) -> timedelta:
    """How long before it closes something is as good as closed: for a slot, a request of so many seconds, a margin."""
    return timedelta(seconds=CLAIM_LEAD + longest_request + CLOSING_MARGIN)


def default_burst(rate_per_second: float | None) -> int:
    """One second's worth of messages, at least 2: room for replies that take a while."""
    return 2 if rate_per_second is None else max(2, ceil(rate_per_second))


def parse_rate(text: str) -> float | None:
    """`20/min`, `5/s`, `1000/h` as messages per second; `unlimited` as None. Raises UsageError."""
    if text.strip().lower() == "unlimited":
        return None
    match = _RATE.fullmatch(text)
    seconds = _UNITS.get(match[2].lower()) if match else None
    if match is None or seconds is None:
        raise UsageError(f"rate {text!r} is not understood: write it like 20/min, 5/s, 200/h, 1000/d or unlimited")
    count = float(match[1])
    if count <= 0:
        raise UsageError(
            f"rate {text!r} must be greater than 0 (to stop an instance use `broadcaster instance pause`)"
        )
    rate = count / seconds
    if not SLOWEST <= rate <= FASTEST:
        raise UsageError(f"rate {text!r} is out of range: use 1 a day (0.042/h) to {FASTEST:,.0f}/s, or unlimited")
    return rate


def format_rate(rate_per_second: float | None) -> str:
    """The rate as `parse_rate` reads it, in its `rate_unit`.

    One that nobody gave, such as a mean, has three digits.
    """
    if rate_per_second is None:
        return "unlimited"
    unit, seconds = rate_unit(rate_per_second)
    count = rate_per_second * seconds
    return f"{round(count)}/{unit}" if _is_whole(count) else f"{count:.3g}/{unit}"


def rate_unit(rate_per_second: float) -> tuple[str, int]:
    """In which unit a rate is told, and how many seconds that is: the first one that gives a whole number.

    Up to MOST_A_MINUTE that is a minute.
    """
    for unit, seconds, most in (("min", 60, MOST_A_MINUTE), ("s", 1, inf), ("min", 60, inf), ("h", 3600, inf)):
        count = rate_per_second * seconds
        if 1 <= round(count) <= most and _is_whole(count):
            return unit, seconds
    return next((each for each in (("s", 1), ("min", 60)) if rate_per_second * each[1] >= 1), ("h", 3600))


def _is_whole(count: float) -> bool:
    return abs(count - round(count)) < 1e-9 * count


def worst_excess(moments: Sequence[float], rate_per_second: float, burst: int) -> float:
    """By how many requests the worst window exceeds I5; 0 or less if the limit held.

    `moments` are when one instance accepted requests: seconds, in ascending order.
    """
    # A window from request i to request j holds j - i + 1 requests. Each j is compared with its worst i.
    bounds = [1 - index + rate_per_second * moment for index, moment in enumerate(moments)]
    return max(
        (
            index - rate_per_second * moment + bound - burst
            for index, (moment, bound) in enumerate(zip(moments, accumulate(bounds, max), strict=True))
        ),
        default=-float(burst),
    )


class Pacer:
    """Admits the requests of one lane while one worker holds it. All times are seconds on one monotonic clock.

    `debt` is by how many seconds the lane's stored clock is later than now when the lane is taken. `debt()` gives it
    back. `in_flight` requests are under way by then, and will be told of as `replied`.
    """

    def __init__(self, pace: Pace, debt: float, now: float, in_flight: int = 0) -> None:
        self._pace = pace
        self._next = now + debt
        """When the even pace lets the next request leave."""
        self._drained = now + debt
        """When all requests with a reply will have drained."""
        self._in_flight = in_flight

    def wait(self, now: float, queued: int = 0) -> float:
        """Seconds until one more request may leave after `queued` others; 0 or less means now."""
        due = max(self._next, now) + queued * self._pace.interval - self._pace.tolerance
        spare = (self._pace.burst - 1 - self._in_flight - queued) * self._pace.interval
        return max(due, self._drained - spare) - now

    def slots(self, now: float, queued: int, within: float) -> int:
        """How many requests may leave within `within` seconds after `queued` others. Only for a lane with a limit."""
        return max(0, floor((within - self.wait(now, queued)) / self._pace.interval) + 1)

    def admit(self, now: float) -> None:
        """A request leaves now."""
        self._next = max(self._next, now) + self._pace.interval
        self._in_flight += 1

    def replied(self, now: float) -> None:
        """An admitted request got its reply, or will certainly get none."""
        self._drained = max(self._drained, now) + self._pace.interval
        self._in_flight -= 1

    def debt(self, now: float) -> float:
        """By how many seconds the lane's clock is later than now."""
        return max(0.0, self._next - now, self._drained - now)
