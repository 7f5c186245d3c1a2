"""How lanes that share limits take their places, while a plan is made: whoever comes first has one. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from heapq import heapify, heapreplace
from math import inf
from typing import NamedTuple

from broadcaster.domain.planned_lanes import LaneAhead


class Granted(NamedTuple):
    """How many messages of each lane leave until a moment, and which lanes have no place left before that."""

    numbers: Sequence[int]
    until: float
    cut: Mapping[int, int]
    """By the places of lanes that have none left, the limit of their own of which they used the last one."""


def granted(
    lanes: Sequence[LaneAhead],
    wanted: Sequence[int],
    free: Mapping[int, int],
    frees_at: Callable[[int], float],
    now: float,
    until: float,
) -> Granted:
    """How many messages of each lane leave, and when to look again: at `until`, or once a limit has no place left.

    Without limits so many would as are `wanted`; `free` are the places of the limits, and before `frees_at` they have
    no more.
    """
    uses = Counter(limit for lane in lanes for limit in lane.limits)
    numbers, cut = list(wanted), {}
    for index, lane in enumerate(lanes):
        for limit in lane.limits:
            if uses[limit] == 1 and free[limit] < numbers[index] and (frees := frees_at(limit)) > now:
                numbers[index], cut[lane.place], until = free[limit], limit, min(until, frees)
    if cut:
        numbers = [int(min(number, lane.slots(now, until))) for lane, number in zip(lanes, numbers, strict=True)]
    if min(_left(lanes, numbers, free).values(), default=0) >= 0:
        return Granted(numbers, until, cut)
    start = _start(lanes, numbers, free, now, until)
    return Granted(*_one_by_one(lanes, numbers, start, free, now), {})


def _left(lanes: Sequence[LaneAhead], numbers: Sequence[int], free: Mapping[int, int]) -> dict[int, int]:
    """The places that are left; fewer than none: they do not suffice."""
    left = {limit: free[limit] for lane in lanes for limit in lane.limits}
    for lane, number in zip(lanes, numbers, strict=True):
        for limit in lane.limits:
            left[limit] -= number
    return left


def _start(
    lanes: Sequence[LaneAhead], wanted: Sequence[int], free: Mapping[int, int], now: float, until: float
) -> list[int]:
    """How many leave for certain: until a moment, found by halves, at which each limit has a place left."""
    known, early, late = [0] * len(lanes), now, until
    for _ in range(24):
        moment = (early + late) / 2
        numbers = [int(min(want, lane.slots(now, moment))) for lane, want in zip(lanes, wanted, strict=True)]
        if min(_left(lanes, numbers, free).values()) <= 0:
            late = moment
            continue
        early, gained = moment, sum(numbers) - sum(known)
        known = numbers
        if gained <= len(lanes):
            break
    return known


def _one_by_one(
    lanes: Sequence[LaneAhead], wanted: Sequence[int], start: list[int], free: Mapping[int, int], now: float
) -> tuple[Sequence[int], float]:
    """The same from these numbers on: the next place is for the lane whose next slot comes first."""
    numbers, left = start, _left(lanes, start, free)
    due = [(lane.slot(now, numbers[index]), lane.place, index) for index, lane in enumerate(lanes)]
    due = [each for each in due if numbers[each[2]] < wanted[each[2]]]
    heapify(due)
    while True:
        last, _, index = due[0]
        lane = lanes[index]
        # Without an interval all of them leave at the same moment.
        number = 1 if lane.interval else min([wanted[index] - numbers[index], *(left[limit] for limit in lane.limits)])
        numbers[index] += number
        for limit in lane.limits:
            left[limit] -= number
        if any(not left[limit] for limit in lane.limits):
            return numbers, last
        following = lane.slot(now, numbers[index]) if numbers[index] < wanted[index] else inf
        heapreplace(due, (following, lane.place, index))
