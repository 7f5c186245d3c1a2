"""How lanes that share limits take their places, while a plan is made: whoever comes first has one. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from heapq import heapify, heapreplace
from math import inf
from typing import NamedTuple

from broadcaster.domain.planned_lanes import OpenLane


class Granted(NamedTuple):
    """How many messages of each lane leave until a moment, and which lanes have no place left before that."""

    numbers: Sequence[int]
    until: float
    cut: Mapping[int, int]
    """By the places of lanes that have none left, the limit of their own of which they used the last one."""


def granted(
    lanes: Sequence[OpenLane],
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
    limits = [each.limits for each in lanes]
    uses = Counter(limit for of_lane in limits for limit in of_lane)
    numbers, cut, end = list(wanted), {}, until
    for index, each in enumerate(lanes):
        for limit in limits[index]:
            is_its_own = uses[limit] == 1 and free[limit] < numbers[index] and each.counts_all(limit)
            if not is_its_own or (frees := frees_at(limit)) <= now:
                continue
            if (used_up := each.lane.slot(now, free[limit])) > frees:
                # There are more places before the last of these is used.
                until = min(until, used_up)
            else:
                numbers[index], cut[each.lane.place], until = free[limit], limit, min(until, frees)
    if until < end:
        numbers = [int(min(number, each.lane.slots(now, until))) for each, number in zip(lanes, numbers, strict=True)]
    if len(lanes) == 1 and all(free[limit] >= numbers[0] for limit in limits[0]):
        return Granted(numbers, until, cut)
    if min(_left(lanes, numbers, free).values(), default=0) >= 0:
        return Granted(numbers, until, cut)
    start = _start(lanes, numbers, free, now, until)
    return Granted(*_one_by_one(lanes, numbers, start, free, now), {})


def _left(lanes: Sequence[OpenLane], numbers: Sequence[int], free: Mapping[int, int]) -> Counter[int]:
    """The places that are left; fewer than none: they do not suffice."""
    left = Counter({limit: free[limit] for each in lanes for limit in each.limits})
    for each, number in zip(lanes, numbers, strict=True):
        left.subtract(each.counted(number))
    return left


def _start(
    lanes: Sequence[OpenLane], wanted: Sequence[int], free: Mapping[int, int], now: float, until: float
) -> list[int]:
    """How many leave for certain: until a moment, found by halves, at which each limit has a place left."""
    known, early, late = [0] * len(lanes), now, until
    for _ in range(24):
        moment = (early + late) / 2
        numbers = [int(min(want, each.lane.slots(now, moment))) for each, want in zip(lanes, wanted, strict=True)]
        if min(_left(lanes, numbers, free).values()) <= 0:
            late = moment
            continue
        early, gained = moment, sum(numbers) - sum(known)
        known = numbers
        if gained <= len(lanes):
            break
    return known


def _one_by_one(
    lanes: Sequence[OpenLane], wanted: Sequence[int], start: list[int], free: Mapping[int, int], now: float
) -> tuple[Sequence[int], float]:
    """The same from these numbers on: the next place is for the lane whose next slot comes first."""
    numbers, left = start, _left(lanes, start, free)
    due = [(each.lane.slot(now, numbers[index]), each.lane.place, index) for index, each in enumerate(lanes)]
    due = [each for each in due if numbers[each[2]] < wanted[each[2]]]
    heapify(due)
    while True:
        last, _, index = due[0]
        each = lanes[index]
        done = each.counted(numbers[index])
        # Without an interval all of them leave at the same moment.
        number = 1 if each.lane.interval else _most(each, numbers[index], wanted[index], left)
        numbers[index] += number
        left.subtract(each.counted(numbers[index]) - done)
        if any(left[limit] <= 0 for limit in each.limits):
            return numbers, last
        following = each.lane.slot(now, numbers[index]) if numbers[index] < wanted[index] else inf
        heapreplace(due, (following, each.lane.place, index))


def _most(each: OpenLane, sent: int, wanted: int, left: Mapping[int, int]) -> int:
    """How many more of a lane's messages leave for which there are places; at least one, of which there is."""
    done = each.counted(sent)

    def exceeds(more: int) -> bool:
        return any(number > left[limit] for limit, number in (each.counted(sent + more) - done).items())

    return max(1, bisect_right(range(1, wanted - sent + 1), False, key=exceeds))
