"""What a worker measures of its own work: how long its statements take, and how many messages share one."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import Any

SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
"""The upper bounds of the latencies' buckets."""
MESSAGES = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0)
"""The upper bounds of the groups' buckets."""


class Histogram:
    """How many values were at most each bound and above the one before; the last count is of those above all."""

    __slots__ = ("_bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def note(self, value: float) -> None:
        """Count one value."""
        self.counts[bisect_left(self._bounds, value)] += 1
        self.total += value

    def document(self) -> dict[str, Any]:
        """As it is stored: `bounds`, `counts`, `sum`."""
        return {"bounds": list(self._bounds), "counts": self.counts, "sum": self.total}


class WorkMeter:
    """The figures of one worker since it started."""

    def __init__(self) -> None:
        self.turn_over_seconds = Histogram(SECONDS)
        self.claimed_messages = Histogram(MESSAGES)
        self.committed_outcomes = Histogram(MESSAGES)

    def turned_over(self, seconds: float, outcomes: int, claimed: int) -> None:
        """Note one statement: how long it took, how many outcomes it committed, and how many messages it claimed."""
        self.turn_over_seconds.note(seconds)
        if outcomes:
            self.committed_outcomes.note(outcomes)
        if claimed:
            self.claimed_messages.note(claimed)

    def document(self) -> dict[str, Any]:
        """As it is stored: each histogram by its name."""
        return {name: histogram.document() for name, histogram in vars(self).items()}
