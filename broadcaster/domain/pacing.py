"""The arithmetic of rate limits: a generic cell rate algorithm (GCRA, ITU-T I.371) that keeps invariant I5.

I5 says that in any window W an instance accepts at most rate*W + burst requests. What we control is when a
request *leaves*; when it is accepted depends on the network. So a part of the burst is kept back to absorb
jitter, and the rest is the tolerance by which messages may run ahead of the even pace:

    tolerance + jitter allowance = (burst - 1) * interval

With burst 1 nothing can be kept back. Then the next request leaves one interval after the *reply* to the one
before (its acceptance was no later than that), so the limit holds whatever the network does.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from broadcaster.errors import UsageError

JITTER_ALLOWANCE = 0.25
"""Seconds by which the time from leaving to being accepted may vary before the burst is used up."""

_UNITS = {"s": 1.0, "sec": 1.0, "second": 1.0, "m": 60.0, "min": 60.0, "minute": 60.0, "h": 3600.0, "hour": 3600.0}
_RATE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*/\s*([a-z]+)\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast one instance may send. `interval` and `tolerance` are seconds; interval 0 means unlimited."""

    interval: float
    tolerance: float
    burst: int

    @property
    def waits_for_reply(self) -> bool:
        """Whether the next request waits for the reply to the one before."""
        return self.interval > 0 and self.burst == 1


def pace(rate_per_second: float | None, burst: int) -> Pace:
    """The pace that keeps `accepted <= rate*W + burst` in every window W. A rate of None is unlimited."""
    if rate_per_second is None:
        return Pace(0.0, 0.0, burst)
    interval = 1.0 / rate_per_second
    room = (burst - 1) * interval
    return Pace(interval, room - min(room / 2, JITTER_ALLOWANCE), burst)


def default_burst(rate_per_second: float | None) -> int:
    """Half a second's worth of messages, and at least 2, so that jitter is absorbed without waiting for replies."""
    return 2 if rate_per_second is None else max(2, round(rate_per_second / 2))


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
    return count / seconds


def format_rate(rate_per_second: float | None) -> str:
    """The inverse of parse_rate, in the first unit that gives a whole number."""
    if rate_per_second is None:
        return "unlimited"
    for unit, seconds in (("s", 1), ("min", 60), ("h", 3600)):
        count = rate_per_second * seconds
        if count >= 1 and abs(count - round(count)) < 1e-6 * count:
            return f"{round(count)}/{unit}"
    return f"{rate_per_second * 3600:.4g}/h"


class Pacer:
    """Admits the requests of one lane while one worker holds it. Times are seconds on any one monotonic clock.

    `ahead` is how far the lane's stored clock is ahead of now when the lane is taken; `ahead()` gives it back.
    """

    def __init__(self, pace: Pace, ahead: float, now: float) -> None:
        self.pace = pace
        self._arrival = now + ahead
        """Theoretical arrival time of the next message."""

    def wait(self, now: float, queued: int = 0) -> float:
        """Seconds until the next request may leave, when `queued` others go before it; 0 or less: at once."""
        arrival = max(self._arrival, now) + queued * self.pace.interval
        return arrival - self.pace.tolerance - now

    def admit(self, now: float) -> None:
        """A request leaves now."""
        self._arrival = max(self._arrival, now) + self.pace.interval

    def replied(self, now: float) -> None:
        """A reply came: with burst 1 the interval counts from here."""
        if self.pace.waits_for_reply:
            self._arrival = max(self._arrival, now + self.pace.interval)

    def ahead(self, now: float) -> float:
        """Seconds by which the lane's clock is ahead of now."""
        return max(0.0, self._arrival - now)
