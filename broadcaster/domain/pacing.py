"""The arithmetic of rate limits: two generic cell rate algorithms (GCRA, ITU-T I.371) that keep invariant I5.

I5 says that in any window W an instance accepts at most rate*W + burst requests. What we see is when a request
leaves and when its reply comes; it is accepted at some moment in between. So the *limit* counts a request in full
while it is in flight and lets it drain from its reply on, which is no earlier than its acceptance: the bound holds
whatever the network does. The *pace* is for smoothness: requests leave evenly, running ahead of the even pace by no
more than a part of the burst. What it leaves of the burst is room for requests in flight.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import ceil, floor

from broadcaster.errors import UsageError

ROOM_IN_FLIGHT = 0.25
"""Seconds of sending that the pace leaves of the burst, at most, so that common latencies do not slow a lane."""

CLAIM_LEAD = 0.1
"""Seconds before its slot at which a message is claimed, at most. Lanes that want one meanwhile share the claim."""

SLOWEST = 1 / 86_400
FASTEST = 100_000.0
"""The rates that can be kept, in messages per second."""

_UNITS = {"s": 1.0, "sec": 1.0, "second": 1.0, "m": 60.0, "min": 60.0, "minute": 60.0, "h": 3600.0, "hour": 3600.0}
_RATE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*/\s*([a-z]+)\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast one instance may send. `interval` and `tolerance` are seconds; interval 0 means unlimited."""

    interval: float
    tolerance: float
    burst: int


def pace(rate_per_second: float | None, burst: int) -> Pace:
    """The pace under the limit `accepted <= rate*W + burst`. A rate of None is unlimited."""
    if rate_per_second is None:
        return Pace(0.0, 0.0, burst)
    interval = 1.0 / rate_per_second
    room = (burst - 1) * interval
    return Pace(interval, room - min(room / 2, ROOM_IN_FLIGHT), burst)


def default_burst(rate_per_second: float | None) -> int:
    """A second's worth of messages, and at least 2, so that replies may take a while without slowing the lane."""
    return 2 if rate_per_second is None else max(2, ceil(rate_per_second))


def parse_rate(text: str) -> float | None:
    """`20/min`, `5/s`, `1000/h` as messages per second; `unlimited` as None. Raises UsageError."""
    if text.strip().lower() == "unlimited":
        return None
    match = _RATE.fullmatch(text)
    seconds = _UNITS.get(match[2].lower()) if match else None
    if match is None or seconds is None:
        raise UsageError(f"rate {text!r} is not understood: write it like 20/min, 5/s, 1000/h or unlimited")
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
    """The inverse of parse_rate, in the first unit that gives a whole number."""
    if rate_per_second is None:
        return "unlimited"
    for unit, seconds in (("s", 1), ("min", 60), ("h", 3600)):
        count = rate_per_second * seconds
        if count >= 1 and abs(count - round(count)) < 1e-6 * count:
            return f"{round(count)}/{unit}"
    return f"{rate_per_second * 3600:.4g}/h"


def worst_excess(moments: Sequence[float], rate_per_second: float, burst: int) -> float:
    """By how many requests the worst window exceeds I5; at most 0 where the limit held.

    `moments` are those at which one instance accepted requests, in order and in seconds.
    """
    # A window from request i to request j holds j - i + 1: each j is compared with the i that is worst for it.
    bounds = [1 - index + rate_per_second * moment for index, moment in enumerate(moments)]
    return max(
        (
            index - rate_per_second * moment + bound - burst
            for index, (moment, bound) in enumerate(zip(moments, accumulate(bounds, max), strict=True))
        ),
        default=-float(burst),
    )


class Pacer:
    """Admits the requests of one lane while one worker holds it. Times are seconds on any one monotonic clock.

    `ahead` is how far the lane's stored clock is ahead of now when the lane is taken; `ahead()` gives it back.
    """

    def __init__(self, pace: Pace, debt: float, now: float) -> None:
        self._pace = pace
        self._next = now + debt
        """When the next request is due at an even pace."""
        self._drained = now + debt
        """When all replied requests will have drained."""
        self._in_flight = 0

    def wait(self, now: float, queued: int = 0) -> float:
        """Seconds until one more request may leave after `queued` others; 0 or less: now."""
        due = max(self._next, now) + queued * self._pace.interval - self._pace.tolerance
        spare = (self._pace.burst - 1 - self._in_flight - queued) * self._pace.interval
        return max(due, self._drained - spare) - now

    def slots(self, now: float, queued: int, within: float) -> int:
        """How many requests may leave within so many seconds after `queued` others; meaningless without a limit."""
        return max(0, floor((within - self.wait(now, queued)) / self._pace.interval) + 1)

    def admit(self, now: float) -> None:
        """A request leaves now."""
        self._next = max(self._next, now) + self._pace.interval
        self._in_flight += 1

    def replied(self, now: float) -> None:
        """The reply to an admitted request came, or it is known that none will."""
        self._drained = max(self._drained, now) + self._pace.interval
        self._in_flight -= 1

    def debt(self, now: float) -> float:
        """Seconds by which the lane's clock is ahead of now."""
        return max(0.0, self._next - now, self._drained - now)
