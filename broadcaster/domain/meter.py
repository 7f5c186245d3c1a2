"""How fast something goes, told from how much of it was done at some moments. Pure."""

from __future__ import annotations

from collections import deque

RATE_WINDOW_SECONDS = 10.0
"""What the rate is measured over, at least,"""
RATE_MESSAGES = 20
"""and until so many messages have become final: at 20 a minute they come one by one."""
LONGEST_WINDOW_SECONDS = 120.0


class Meter:
    """How many messages become final per second, lately."""

    def __init__(self) -> None:
        self._samples: deque[tuple[float, int]] = deque()

    def rate(self, now: float, final: int) -> float:
        """Per second, with `final` of them at the moment `now` (seconds on any one clock)."""
        self._samples.append((now, final))
        while len(self._samples) > 2 and self._is_enough(*self._samples[1]):
            self._samples.popleft()
        first, before = self._samples[0]
        return max(0.0, (final - before) / (now - first)) if now > first else 0.0

    def _is_enough(self, since: float, before: int) -> bool:
        """Whether the rate can be told from what came since that sample."""
        now, final = self._samples[-1]
        passed = now - since
        return passed >= LONGEST_WINDOW_SECONDS or (passed >= RATE_WINDOW_SECONDS and final - before >= RATE_MESSAGES)


def said_speed(per_second: float) -> str:
    """`2.0/s`, `20/min`, `3.5/h`: in the unit in which limits are written."""
    if not per_second:
        return "0/s"
    for unit, seconds in (("s", 1), ("min", 60)):
        if per_second * seconds >= 1:
            return f"{per_second * seconds:,.{0 if per_second * seconds >= 10 else 1}f}/{unit}"
    return f"{per_second * 3600:,.1f}/h"
