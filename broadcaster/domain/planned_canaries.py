"""The slices of canaries while a plan is made: each opens some time after the one before has left. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import inf

from broadcaster.domain.plan_terms import Slices
from broadcaster.domain.planned_lanes import LaneAhead

_SHORTEST_SLICE = 1.0
"""Seconds from one look at the slices of a canary to the next, at least."""


class CanariesAhead:
    """When the slices of canaries open, while lanes are planned."""

    def __init__(
        self, lanes: Sequence[LaneAhead], canaries: Mapping[int, Slices], gates: dict[tuple[int, int], float]
    ) -> None:
        self._gates = gates
        self._canaries = canaries
        self._queues = [
            (lane, place, queue.campaign, queue.slice)
            for lane in lanes
            for place, queue in enumerate(lane.queues)
            if queue.campaign in canaries
        ]
        self._last: dict[int, float] = {}
        self._closed: dict[int, list[int]] = {}
        for campaign in {each[2] for each in self._queues}:
            slices = sorted({number for _, _, of, number in self._queues if of == campaign and number})
            self._closed[campaign] = slices
            if slices and (next_at := canaries[campaign].next_at) is not None:
                self._gates[campaign, slices[0]] = next_at

    def left(self, campaign: int, moment: float) -> None:
        """A message of the campaign leaves then."""
        if campaign in self._canaries:
            self._last[campaign] = max(moment, self._last.get(campaign, moment))

    def open(self, now: float) -> None:
        """Note when the next slices open, of campaigns of whose open ones nothing is left by now."""
        for campaign, closed in self._closed.items():
            while closed and not self._waiting_before(campaign, closed[0]):
                gate = campaign, closed.pop(0)
                self._gates.setdefault(gate, self._last.get(campaign, now) + self._canaries[campaign].after)
                self._last[campaign] = max(self._gates[gate], self._last.get(campaign, -inf))

    def changes(self, now: float) -> Iterator[float]:
        """No slice opens before, unless it is known already."""
        for campaign, closed in self._closed.items():
            if closed:
                yield now + max(_SHORTEST_SLICE, self._canaries[campaign].after)

    def _waiting_before(self, campaign: int, number: int) -> bool:
        return any(
            lane.waiting[place] for lane, place, of, slice_ in self._queues if of == campaign and slice_ < number
        )
