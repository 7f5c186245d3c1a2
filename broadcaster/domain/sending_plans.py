"""What a plan says of what lanes have to send: how many leave when, expire, or wait for what. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from broadcaster.domain.plan_terms import Move, PlannedLane
from broadcaster.domain.planned_people import PeopleHeld


class Hold(StrEnum):
    """What keeps messages from leaving."""

    START = "start"
    """A start, a rest or another try that is yet to come."""
    WINDOW = "window"
    LIMIT = "limit"
    CANARY = "canary"
    OTHERS = "others"
    """Another campaign, of a higher priority."""
    EARLIER = "earlier"
    """The campaign before it of its schedule."""


@dataclass(slots=True)
class Held:
    """What one thing that kept a campaign from sending came to."""

    times: int = 0
    """How often it was interrupted by that, once it had begun."""
    seconds: float = 0.0
    """For how long it was kept, in all."""


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
    """How many have not left within the horizon, nor expired, by queue."""
    pieces: int = 0
    """In how many pieces of time it was reckoned."""
    skipped: set[int] = field(default_factory=set)
    """The campaigns that are left out, since those before them are still sent when they are due."""
    people: PeopleHeld = field(default_factory=PeopleHeld)
    """How many messages were kept from people who had had others."""
    held: dict[tuple[int, Hold, int], Held] = field(default_factory=dict)
    """What campaigns wait for: by campaign, and with LIMIT and OTHERS by the key of the limit and the campaign."""
    held_in_vain: dict[tuple[int, Hold, int], Held] = field(default_factory=dict)
    """The same of those of which something left, once all that was left expired before it could."""
    moves: list[Move] = field(default_factory=list)
    """What goes from lanes in trouble to others, in the order of time for each campaign."""

    def of(self, campaign: int) -> Iterator[tuple[float, int, Leaving]]:
        """What leaves of one campaign, with the days and the places of the lanes."""
        for (day, lane, queue), each in self.leaving.items():
            if self.lanes[lane].queues[queue].campaign == campaign:
                yield day, lane, each

    def begins_at(self, campaign: int = 0) -> float | None:
        """When the first message of the campaign leaves; None: none does."""
        return min((each.first for *_, each in self.of(campaign)), default=None)

    def ends_at(self, campaign: int = 0, tries: Callable[[int, Leaving], float] = lambda *_: 0.0) -> float | None:
        """When its last message leaves; None: some do not within the horizon, or there are none.

        `tries`: for how many seconds those of a lane and a day are tried again after the last of them has left.
        """
        ends = (each.last + tries(lane, each) for _, lane, each in self.of(campaign))
        return None if self.remaining(campaign) else max(ends, default=None)

    def remaining(self, campaign: int = 0) -> int:
        """How many of its messages do not leave within the horizon, and do not expire."""
        return self.remaining_by_lane(campaign).total()

    def remaining_by_lane(self, campaign: int = 0) -> Counter[int]:
        """The same by the place of their lane."""
        return self._by_lane(self.left, campaign)

    def expiring(self, campaign: int = 0) -> int:
        """How many of its messages expire."""
        return self.expiring_by_lane(campaign).total()

    def expiring_by_lane(self, campaign: int = 0) -> Counter[int]:
        """The same by the place of their lane."""
        return self._by_lane(self.expired, campaign)

    def _by_lane(self, counts: Mapping[tuple[int, int], int], campaign: int) -> Counter[int]:
        found = Counter[int]()
        for (lane, queue), count in counts.items():
            if self._campaign(lane, queue) == campaign:
                found[lane] += count
        return found

    def _campaign(self, lane: int, queue: int) -> int:
        return self.lanes[lane].queues[queue].campaign
