"""The plan of what lanes have to send: when each part of it leaves, under all limits, windows and rests. Pure.

A lane sends the next message as soon as its pace, each limit that counts for it, and the hours of one of its queues
let it. `sending_plan` reckons that by pieces of time in which nothing changes but counts: within a piece the messages
of a lane leave at moments that a formula has. A test compares it with a simulation, message by message. All moments
are in seconds since 1970.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from heapq import heapify, heappop, heapreplace
from math import ceil, floor, inf
from typing import NamedTuple

from broadcaster.domain.pacing import Pace
from broadcaster.domain.span_limits import RollingCount

HORIZON = 366 * 86_400.0
"""So far ahead is planned."""
_TICK = 1e-6
"""Limits are looked at so much later, so that a moment that was rounded lies behind the edge that it means."""


class OpenSpan(NamedTuple):
    """From when until before when messages may start."""

    begins: float
    ends: float


ALWAYS = OpenSpan(-inf, inf)
NEVER = OpenSpan(inf, inf)


def always_open(_moment: float) -> OpenSpan:
    """For `Queue.opening`: no hours. For `sending_plan`: one day that never ends."""
    return ALWAYS


@dataclass(frozen=True, slots=True)
class Queue:
    """Messages of one lane that may leave at the same times."""

    messages: int
    opening: Callable[[float], OpenSpan] = always_open
    """When they may start, at a moment or next; NEVER: not in a time that matters."""
    not_before: float = -inf
    expires_at: float = inf
    """None of them starts from then on."""
    rank: int = 0
    """Of a lane's queues that are open, the lowest rank goes first, and of one rank which closes first."""


@dataclass(frozen=True, slots=True)
class PlannedLane:
    """A lane, and what it has to send."""

    pace: Pace
    queues: Sequence[Queue]
    clock: float = -inf
    """When its next message is due at an even pace (`pacing.Pacer`)."""
    not_before: float = -inf
    """Until then it rests."""
    limits: Sequence[int] = ()
    """The keys of the limits that count for it."""


class Hold(StrEnum):
    """What keeps a plan from going on."""

    WINDOW = "window"
    """Hours, a rest, or a start that is yet to come."""
    LIMIT = "limit"


@dataclass(slots=True)
class Held:
    """How often one thing kept all lanes from sending that had something to send, and for how many seconds in all."""

    times: int = 0
    seconds: float = 0.0


@dataclass(slots=True)
class Leaving:
    """What of a queue leaves on one day: how many messages, the first and the last of them."""

    messages: int
    first: float
    last: float


@dataclass(slots=True)
class SendingPlan:
    """What becomes of it all. A queue is told by the places of its lane and of itself in it."""

    lanes: Sequence[PlannedLane]
    leaving: dict[tuple[float, int, int], Leaving] = field(default_factory=dict)
    """By the moment at which a day begins, and by queue."""
    expired: dict[tuple[int, int], int] = field(default_factory=dict)
    """How many expire, by queue."""
    left: dict[tuple[int, int], int] = field(default_factory=dict)
    """How many have not left within the HORIZON, nor expired, by queue."""
    held: dict[tuple[Hold, int], Held] = field(default_factory=lambda: defaultdict(Held))
    """What they wait for: LIMIT with its key, others with 0."""

    def of_rank(self, rank: int) -> Iterator[tuple[float, Leaving]]:
        """What leaves of the queues of one rank, with the days."""
        for (day, lane, queue), each in self.leaving.items():
            if self.lanes[lane].queues[queue].rank == rank:
                yield day, each

    def ends_at(self, rank: int = 0) -> float | None:
        """When the last message of this rank leaves; None: some do not within the HORIZON, or there are none."""
        if any(self.lanes[lane].queues[queue].rank == rank for lane, queue in self.left):
            return None
        return max((each.last for _, each in self.of_rank(rank)), default=None)

    def expiring(self, rank: int = 0) -> int:
        """How many messages of this rank expire."""
        return sum(
            messages for (lane, queue), messages in self.expired.items() if self.lanes[lane].queues[queue].rank == rank
        )


def sending_plan(
    lanes: Sequence[PlannedLane],
    limits: Mapping[int, RollingCount],
    now: float,
    day: Callable[[float], OpenSpan] = always_open,
) -> SendingPlan:
    """What becomes of all that the lanes have to send, from `now` on, if nothing fails and nobody intervenes.

    `day` is the day of a moment. Lanes that share a limit take its places as they come.
    """
    plan = SendingPlan(lanes)
    counts = dict(limits)
    for together in _sharing([_Lane(place, lane) for place, lane in enumerate(lanes)]):
        _Planning(together, counts, plan, day).run(now)
        for lane in together:
            for queue in range(len(lane.queues)):
                if lane.expired[queue]:
                    plan.expired[lane.place, queue] = lane.expired[queue]
                if lane.waiting[queue]:
                    plan.left[lane.place, queue] = lane.waiting[queue]
    return plan


class _Lane:
    """A lane while it is planned."""

    def __init__(self, place: int, planned: PlannedLane) -> None:
        self.place = place
        self.limits = planned.limits
        self.queues = planned.queues
        self.waiting = [queue.messages for queue in planned.queues]
        self.expired = [0] * len(planned.queues)
        self._not_before = planned.not_before
        self._interval, self._tolerance = planned.pace.interval, planned.pace.tolerance
        self._clock = planned.clock
        self._known = [OpenSpan(-inf, -inf)] * len(planned.queues)

    def slot(self, now: float, queued: int) -> float:
        """When the pace lets a message leave after `queued` others, as of `now`."""
        return max(now, max(self._clock, now) - self._tolerance + queued * self._interval)

    def slots(self, now: float, end: float) -> float:
        """How many messages the pace lets leave from `now` until before `end`; infinity: any number."""
        first = max(self._clock, now) - self._tolerance
        if first >= end:
            return 0
        return ceil((end - first) / self._interval) if self._interval else inf

    def send(self, now: float, messages: int) -> None:
        """So many leave, from `now` on."""
        self._clock = max(self._clock, now) + messages * self._interval

    def opening(self, queue: int, now: float) -> OpenSpan:
        """When messages of the queue may start, at `now` or next, whatever pace and limits say."""
        queued, known = self.queues[queue], self._known[queue]
        if now >= known.ends:
            known = self._known[queue] = queued.opening(now)
        begins = max(known.begins, queued.not_before, self._not_before)
        return OpenSpan(begins, min(known.ends, queued.expires_at))

    def expire(self, now: float) -> None:
        """What may not start any more expires."""
        for place, queue in enumerate(self.queues):
            if self.waiting[place] and now >= queue.expires_at:
                self.expired[place], self.waiting[place] = self.waiting[place], 0

    def open_queues(self, now: float) -> Sequence[int]:
        """Those of which something may start now, the first to go first."""
        found = []
        for place, waiting in enumerate(self.waiting):
            opening = self.opening(place, now) if waiting else NEVER
            if opening.begins <= now < opening.ends:
                found.append((self.queues[place].rank, opening.ends, place))
        return [place for _, _, place in sorted(found)]

    def changes(self, now: float) -> Iterator[float]:
        """When that changes next, by queue."""
        for place, waiting in enumerate(self.waiting):
            if waiting:
                yield from (each for each in self.opening(place, now) if each > now)


class _Planning:
    """Lanes that share limits, while they are planned."""

    def __init__(
        self,
        lanes: Sequence[_Lane],
        limits: dict[int, RollingCount],
        plan: SendingPlan,
        day: Callable[[float], OpenSpan],
    ) -> None:
        self._lanes = lanes
        self._limits = limits
        self._plan = plan
        self._day = day
        self._today = OpenSpan(-inf, -inf)

    def run(self, now: float) -> None:
        """Until nothing is left, or the HORIZON."""
        end, held = now + HORIZON, None
        while now < end:
            for lane in self._lanes:
                lane.expire(now)
            begins, hold = min((self._begins(lane, now) for lane in self._lanes), key=lambda found: found[0])
            if begins == inf:
                break
            if begins > now:
                self._plan.held[hold].times += hold != held
                self._plan.held[hold].seconds += begins - now
                now, held = begins, hold
            else:
                now, held = self._send(now, min(end, *self._changes(now))), None
        for lane in self._lanes:
            lane.expire(now)

    def _begins(self, lane: _Lane, now: float) -> tuple[float, tuple[Hold, int]]:
        """No earlier than when the lane sends something, as far as hours and limits go, and what that waits for."""
        opens = min((now if lane.open_queues(now) else inf, *lane.changes(now)), default=inf)
        free_at, limit = max(((self._limits[each].free_at(), each) for each in lane.limits), default=(-inf, 0))
        return (
            (free_at, (Hold.LIMIT, limit)) if opens < free_at and free_at > now + _TICK else (opens, (Hold.WINDOW, 0))
        )

    def _changes(self, now: float) -> Iterator[float]:
        """When something changes next that is no count."""
        if now >= self._today.ends:
            self._today = self._day(now)
        yield self._today.ends
        for lane in self._lanes:
            yield from lane.changes(now)
        for limit in {limit for lane in self._lanes if any(lane.waiting) for limit in lane.limits}:
            count = self._limits[limit]
            bucket, begins = count.limit.bucket, now + _TICK
            for ahead in (0.0, count.grace):
                yield (floor((begins - ahead) / bucket) + 1) * bucket + ahead

    def _send(self, now: float, until: float) -> float:
        """Let leave what may before the next change; returns when to look again."""
        lanes = [(lane, queues) for lane in self._lanes if (queues := lane.open_queues(now))]
        wanted = [min(lane.slots(now, until), sum(lane.waiting[each] for each in queues)) for lane, queues in lanes]
        numbers = self._granted([lane for lane, _ in lanes], list(map(int, wanted)), now, until)
        last = now
        for (lane, queues), messages in zip(lanes, numbers, strict=True):
            if messages:
                last = max(last, self._leave(lane, queues, messages, now))
        waits = [lane for lane in self._lanes if any(lane.waiting)]
        return last if waits and all(self._is_full(lane, now) for lane in waits) else until

    def _is_full(self, lane: _Lane, now: float) -> bool:
        return any(self._limits[limit].free_at() > now + _TICK for limit in lane.limits)

    def _granted(self, lanes: Sequence[_Lane], wanted: Sequence[int], now: float, until: float) -> Sequence[int]:
        """How many messages of each lane leave, where so many would without limits."""
        free = {limit: self._free(limit, now) for lane in lanes for limit in lane.limits}
        asked: dict[int, int] = defaultdict(int)
        for lane, messages in zip(lanes, wanted, strict=True):
            for limit in lane.limits:
                asked[limit] += messages
        if all(messages <= free[limit] for limit, messages in asked.items()):
            return wanted
        if len(lanes) == 1:
            return [min(wanted[0], *(free[limit] for limit in lanes[0].limits))]
        return _one_by_one(lanes, wanted, free, now)

    def _free(self, limit: int, now: float) -> int:
        count = self._limits[limit]
        return max(0, count.limit.most - count.taken(now + _TICK))

    def _leave(self, lane: _Lane, queues: Iterable[int], messages: int, now: float) -> float:
        """So many leave, from the first of these queues on; returns when the last one does."""
        gone, last = 0, now
        for queue in queues:
            taken = min(messages - gone, lane.waiting[queue])
            if not taken:
                break
            first, last = lane.slot(now, gone), lane.slot(now, gone + taken - 1)
            known = self._plan.leaving.setdefault((self._today.begins, lane.place, queue), Leaving(0, first, last))
            known.messages += taken
            known.last = last
            lane.waiting[queue] -= taken
            gone += taken
        lane.send(now, messages)
        for limit in lane.limits:
            self._limits[limit] = self._limits[limit].after(now + _TICK, messages)
        return last


def _one_by_one(lanes: Sequence[_Lane], wanted: Sequence[int], free: dict[int, int], now: float) -> Sequence[int]:
    """How many messages of each lane leave where they do not all find a place: who comes first has it."""
    granted = [0] * len(lanes)
    due = [(lane.slot(now, 0), lane.place, index) for index, lane in enumerate(lanes)]
    heapify(due)
    while due:
        _, place, index = due[0]
        lane = lanes[index]
        if granted[index] == wanted[index] or any(not free[limit] for limit in lane.limits):
            heappop(due)
            continue
        granted[index] += 1
        for limit in lane.limits:
            free[limit] -= 1
        heapreplace(due, (lane.slot(now, granted[index]), place, index))
    return granted


def _sharing(lanes: Sequence[_Lane]) -> Iterable[Sequence[_Lane]]:
    """The lanes in groups that share no limit with each other."""
    groups: list[tuple[set[int], list[_Lane]]] = []
    for lane in lanes:
        limits, together = set(lane.limits), [lane]
        for group in [each for each in groups if each[0] & limits]:
            groups.remove(group)
            limits |= group[0]
            together = [*group[1], *together]
        groups.append((limits, together))
    return [sorted(together, key=lambda lane: lane.place) for _, together in groups]
