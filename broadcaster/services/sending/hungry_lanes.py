"""Which lanes want messages, and by when."""

from __future__ import annotations

from heapq import heappop, heappush
from math import inf

from broadcaster.services.sending.lane import Lane


class HungryLanes:
    """Lanes that want more, each with its deadline; the earliest first."""

    def __init__(self) -> None:
        self._moments: dict[Lane, float] = {}
        self._heap: list[tuple[float, int, Lane]] = []
        """May hold stale entries that are no longer in `_moments`."""
        self._added = 0

    def add(self, lane: Lane, moment: float) -> None:
        """The lane wants more by `moment`, or by the earlier one that it named before. Infinity: it wants nothing."""
        if moment == inf:
            self.discard(lane)
        elif moment < self._moments.get(lane, inf):
            self._moments[lane] = moment
            self._added += 1
            heappush(self._heap, (moment, self._added, lane))

    def discard(self, lane: Lane) -> None:
        """The lane wants nothing."""
        self._moments.pop(lane, None)

    def first(self) -> float:
        """The earliest deadline; infinity if there is none."""
        while self._heap and self._moments.get(self._heap[0][2]) != self._heap[0][0]:
            heappop(self._heap)
        return self._heap[0][0] if self._heap else inf

    def take(self, until: float, most: int) -> list[Lane]:
        """Take out at most `most` lanes with a deadline up to `until`."""
        taken: list[Lane] = []
        while len(taken) < most and self.first() <= until:
            lane = heappop(self._heap)[2]
            del self._moments[lane]
            taken.append(lane)
        return taken

    def clear(self) -> None:
        """Forget them all."""
        self._moments.clear()
        self._heap.clear()
