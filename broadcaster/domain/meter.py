"""How fast something goes, told from how much of it was done at some moments. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import NamedTuple

from broadcaster.domain.pacing import MOST_A_MINUTE, rate_unit

RATE_WINDOW_SECONDS = 10.0
"""What the rate is measured over, at least,"""
RATE_MESSAGES = 20
"""and until so many messages have become final: at 20 a minute they come one by one."""
LONGEST_WINDOW_SECONDS = 120.0


class SpeedLimit(NamedTuple):
    """What the paces of a lane, or of several together, permit: per second, and so many ahead of that at most."""

    per_second: float
    burst: int


def speed_limit(paces: Iterable[tuple[float | None, int]]) -> SpeedLimit | None:
    """Of lanes with these rates and bursts together; None: one of them has no limit, or there is none."""
    known = list(paces)
    rates = [rate for rate, _ in known if rate is not None]
    if not known or len(rates) < len(known):
        return None
    return SpeedLimit(sum(rates), sum(burst for _, burst in known))


def speed_of(messages: int, seconds: float, limit: SpeedLimit | None) -> float:
    """How fast so many went in that time, per second.

    A burst that the limit permits is no speed at which anything goes on: divided by the few seconds in which it left,
    it would be faster than the limit. So no more is told than the limit's rate, unless more went than it permits.
    """
    if seconds <= 0:
        return 0.0
    speed = messages / seconds
    within = limit is not None and messages <= limit.per_second * seconds + limit.burst
    return min(speed, limit.per_second) if limit is not None and within else speed


class Meter:
    """How many messages become final per second, lately."""

    def __init__(self) -> None:
        self._samples: deque[tuple[float, int]] = deque()

    def rate(self, now: float, final: int, limit: SpeedLimit | None = None) -> float:
        """As `speed_of` tells it, with `final` of them at the moment `now` (seconds on any one clock)."""
        self._samples.append((now, final))
        while len(self._samples) > 2 and self._is_enough(*self._samples[1]):
            self._samples.popleft()
        first, before = self._samples[0]
        return speed_of(max(0, final - before), now - first, limit)

    def _is_enough(self, since: float, before: int) -> bool:
        """Whether the rate can be told from what came since that sample."""
        now, final = self._samples[-1]
        passed = now - since
        return passed >= LONGEST_WINDOW_SECONDS or (passed >= RATE_WINDOW_SECONDS and final - before >= RATE_MESSAGES)


def said_speed(per_second: float, beside: float | None = None) -> str:
    """`2/s`, `20/min`, `3.5/h`: in the unit in which limits are written.

    `beside` is the limit, per second, that is told with it: both are in its unit. None: there is none.
    """
    if beside:
        unit, seconds = rate_unit(beside)
        count = per_second * seconds
        return f"{count:,.0f}/{unit}" if count >= 10 or not count else f"{count:.2g}/{unit}"
    if not per_second:
        return "0/s"
    if per_second * 60 > MOST_A_MINUTE:
        return f"{_few_digits(per_second)}/s"
    if per_second * 60 >= 1:
        return f"{_few_digits(per_second * 60)}/min"
    return f"{_few_digits(per_second * 3600)}/h"


def _few_digits(count: float) -> str:
    """With one decimal below ten, unless that is a zero."""
    return f"{count:,.{0 if count >= 10 else 1}f}".removesuffix(".0")
