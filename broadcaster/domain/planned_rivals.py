"""Campaigns that may be sent to the same people at once: which of them comes first, while they are planned. Pure.

Whose message comes first gets the person. Each campaign is sent in the order of its list, as paces and limits let it,
and passes by what is held.
A lane whose pace is slow claims message by message: who is ahead stays ahead, since what is held has had its turn. One
that claims many at once deals them to campaigns like cards, and each gets some. So it is told, by groups of people,
which campaign comes first to each.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from heapq import heapify, heappop, heappush
from math import inf

from broadcaster.domain.pacing import CLAIM_LEAD
from broadcaster.domain.planned_lanes import LaneAhead
from broadcaster.domain.planned_limits import LimitAhead

_FASTEST = 0.001
"""Seconds from one message to the next of a lane that has no pace."""
_ENOUGH = 1_000_000_000
"""Messages: more than any campaign has."""
_SHORTEST = 60.0
"""Seconds from one look at who comes first to the next, at least."""


@dataclass(slots=True, eq=False)
class Theirs:
    """What a queue has for a group of people."""

    lane: LaneAhead
    place: int
    was_put_off: bool = False
    yields: bool = False
    """Whether another message to these people, if it leaves now, holds this one."""

    @property
    def campaign(self) -> int:
        """Whose it is."""
        return self.lane.queues[self.place].campaign

    @property
    def priority(self) -> int:
        """Of its campaign."""
        return self.lane.queues[self.place].priority

    @property
    def people(self) -> int:
        """The key of the group."""
        return self.lane.queues[self.place].people

    @property
    def turn(self) -> tuple[float, float, int]:
        """The higher priority comes first, then who is due first."""
        queue = self.lane.queues[self.place]
        return -queue.priority, queue.not_before, queue.campaign

    @property
    def messages(self) -> int:
        """How many it has left."""
        return self.lane.waiting[self.place]

    @property
    def takes(self) -> bool:
        """Whether it is there for what comes from a lane in trouble."""
        return not self.lane.queues[self.place].messages

    def has_begun(self, now: float) -> bool:
        """Whether it is due, and the turn of its slice and of its campaign."""
        return self.lane.queues[self.place].not_before <= now and self.lane.gate(self.place) <= now


class Rivals:
    """Which campaign comes first to each group of people whom several may be sent to at once."""

    def __init__(self, limits: Mapping[int, LimitAhead]) -> None:
        self._limits = limits
        self._first: dict[int, int] = {}
        self._contested: dict[int, Sequence[Theirs]] = {}

    def first(self, people: int) -> int | None:
        """The campaign that comes first to these people; None: whose turn it is."""
        return self._first.get(people)

    @property
    def contested(self) -> Collection[int]:
        """The groups of which several campaigns may get people, as of the last `deal`."""
        return self._contested.keys()

    def deal(self, open_ones: Mapping[int, Sequence[Theirs]], now: float) -> set[int]:
        """Say anew who comes first, by what of rivals may leave now to each group; returns for which that changed."""
        self._contested = {
            people: theirs for people, theirs in open_ones.items() if len({each.campaign for each in theirs}) > 1
        }
        before = dict(self._first)
        for people in open_ones:
            self._first.pop(people, None)
        self._first |= _race(self._contested, self._limits, now)
        return {people for people in open_ones if self._first.get(people) != before.get(people)}

    def changes(self, now: float) -> Iterator[float]:
        """When one of them may have no more of these people left that it comes first to."""
        led: Counter[tuple[int, int]] = Counter()
        lanes: dict[int, LaneAhead] = {}
        for people, theirs in self._contested.items():
            for each in theirs:
                if each.campaign == self._first[people]:
                    led[each.lane.place, each.campaign] += each.messages
                    lanes[each.lane.place] = each.lane
        for (place, _), own in led.items():
            beside = sum(min(own, messages) for (other, _), messages in led.items() if other == place)
            yield max(now + _SHORTEST, lanes[place].slot(now, beside))


@dataclass(slots=True, eq=False)
class _Runner:
    """A campaign that is sent through a lane, from one of its queues to the next."""

    campaign: int
    turn: tuple[float, float, int]
    begins: float
    """When its next message may leave."""
    interval: float
    """Seconds for a message,"""
    places: int
    """while its limits have a place: for so many."""
    free_at: float
    """From then on they have more,"""
    counted_interval: float
    """one in so many seconds."""
    queues: Iterator[tuple[int, Theirs | None]]
    """How many messages each has, and what that is for people whom several campaigns may be sent to."""

    def after(self, moment: float, messages: int) -> float:
        """When the next one may leave after so many, the first of which leaves at this moment."""
        at_once = min(messages, self.places)
        self.places -= at_once
        moment += at_once * self.interval
        if self.places:
            return moment
        return max(moment, self.free_at) + (messages - at_once) * self.counted_interval


def _race(contested: Mapping[int, Sequence[Theirs]], limits: Mapping[int, LimitAhead], now: float) -> dict[int, int]:
    """Which campaign comes first to each of these groups of people, where each is sent in the order of its list.

    What another one has come to first is left for later by those whom that holds, and takes them no time.
    """
    first: dict[int, int] = {}
    runners = [(each.begins, each.turn, place, each) for place, each in enumerate(_runners(contested, limits, now))]
    heapify(runners)
    while runners:
        moment, turn, place, runner = heappop(runners)
        for messages, theirs in runner.queues:
            leader = runner.campaign if theirs is None else first.setdefault(theirs.people, runner.campaign)
            if theirs is None or leader == runner.campaign or not theirs.yields:
                heappush(runners, (runner.after(moment, messages), turn, place, runner))
                break
    # None of the others has its turn on any lane.
    in_turn = {people: min(rivals, key=lambda each: each.turn).campaign for people, rivals in contested.items()}
    return {**in_turn, **first}


def _runners(
    contested: Mapping[int, Sequence[Theirs]], limits: Mapping[int, LimitAhead], now: float
) -> Iterator[_Runner]:
    """Those campaigns that have their turns on a lane, each with its pace there."""
    by_lane: dict[LaneAhead, dict[int, Theirs]] = defaultdict(dict)
    for theirs in contested.values():
        # Of those who wait for one person the higher priority comes first, through whatever instance.
        least = max((each.priority for each in theirs if each.was_put_off), default=-inf)
        for each in theirs:
            if each.priority >= least:
                by_lane[each.lane][each.place] = each
    for lane, of_lane in by_lane.items():
        highest = max(each.priority for each in of_lane.values())
        turns: dict[int, tuple[float, float, int]] = {}
        for each in of_lane.values():
            if each.priority == highest:
                turns[each.campaign] = min(each.turn, turns.get(each.campaign, each.turn))
        campaigns = [min(turns, key=turns.__getitem__)] if lane.interval > CLAIM_LEAD else list(turns)
        interval = max(lane.interval, _FASTEST) * len(campaigns)
        for campaign in campaigns:
            counting = [limits[key] for key in lane.limits_of(campaign)]
            places = min((each.free(now) for each in counting), default=_ENOUGH)
            runner = _Runner(
                campaign=campaign,
                turn=turns[campaign],
                begins=lane.slot(now, 0),
                interval=interval,
                places=-(-places // len(campaigns)),
                free_at=max((each.next_place_at(now) for each in counting), default=now),
                counted_interval=max([interval, *(each.interval * len(campaigns) for each in counting)]),
                queues=iter(_in_order(lane, campaign, of_lane, now)),
            )
            yield replace(runner, begins=runner.after(runner.begins, 0))


def _in_order(
    lane: LaneAhead, campaign: int, contested: Mapping[int, Theirs], now: float
) -> Sequence[tuple[int, Theirs | None]]:
    """What the lane has of the campaign that may leave now, in the order in which that does."""
    found = []
    for place, queue in enumerate(lane.queues):
        if queue.campaign == campaign and lane.waiting[place]:
            opening = lane.opening(place, now)
            if place in contested or opening.begins <= now < opening.ends:
                found.append((opening.ends, place))
    return [(lane.waiting[place], contested.get(place)) for _, place in sorted(found)]
