"""What a plan is made of: lanes, what they have to send, their limits, and the slices of canaries. Pure.

All moments are in seconds since 1970.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import NamedTuple

from broadcaster.domain.pacing import Pace
from broadcaster.domain.span_limits import RollingCount


class OpenSpan(NamedTuple):
    """From when until before when messages may start."""

    begins: float
    ends: float


Days = Callable[[float], OpenSpan]
"""The day of a moment, or another piece of time by which a plan is told."""

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
    campaign: int = 0
    """Of a lane's queues that are open, those of one campaign go one after the other: first which closes first."""
    priority: int = 0
    """Campaigns of a higher one go first; those of the same take turns."""
    slice: int = 0
    """In which slice of its campaign's canary they are, counted from the one that is open."""
    limits: Sequence[int] = ()
    """The keys of the limits that count for its campaign: the same for all of its queues."""
    people: int = 0
    """The key of the group of people whom they go to (`planned_people`); 0: nobody knows who they are."""
    is_under_way: bool = False
    """Whether they are being sent: they leave at once, and the lane's clock and limits have counted them."""


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


@dataclass(frozen=True, slots=True)
class PlannedLimit:
    """A limit over a span, with what counts for it already. One of a ramp climbs after a span in which it was used."""

    count: RollingCount
    steps: tuple[int, ...] = ()
    """How many messages it allows at each step that is yet to come."""
    climbs_at: float = inf
    """When it is due for the first of them."""


@dataclass(frozen=True, slots=True)
class Slices:
    """How the slices of a campaign's canary follow each other."""

    after: float
    """A slice opens so many seconds after the one before has left."""
    next_at: float | None = None
    """When the one after the open one does; None: it has not left yet."""


@dataclass(frozen=True, slots=True)
class Succession:
    """Campaigns of which none is sent while something of an earlier one is left: those of a schedule."""

    campaigns: Sequence[tuple[int, float]]
    """Each with the moment at which it is due, in that order; minus infinity: it is sent already."""
    is_skipped: bool
    """Whether one that is due too early is left out; otherwise it waits."""
    most: int | None = None
    """So many of those that are not sent yet are sent, and all after them are left out; None: any number."""


@dataclass(frozen=True, slots=True)
class Taker:
    """A lane that is well, and gets a part of what another one has pending of a campaign."""

    place: int
    weight: float | None
    """By which it shares the campaign's messages; None: it has no limit."""
    rate: float | None
    """Messages a second; None: the same."""
    queues: Mapping[int, int]
    """By the places of the other lane's queues, those of its own that take what is in these."""
    opening: Callable[[float], OpenSpan] = always_open
    """When it may send, whatever the hours of the campaign are."""


@dataclass(frozen=True, slots=True)
class Failover:
    """A lane in trouble, and the lanes that get what it has pending of a campaign."""

    campaign: int
    place: int
    begins_at: float
    """From then on, while one of those may send."""
    takers: Sequence[Taker]
    keeps_one: bool = False
    """Whether it keeps a message while others have any: only that shows that it is well again."""
    stays: int = 0
    """How many of its messages do not move."""
    expires_at: float = inf
    """When the campaign does."""
    shares: Callable[[float, int, Collection[int]], Mapping[int, int]] | None = None
    """How many of so many messages each of these lanes (places) gets at a moment; None: as their weights are."""


@dataclass(frozen=True, slots=True)
class Move:
    """So many messages of a campaign go from one lane to another, told by their places."""

    at: float
    campaign: int
    giver: int
    taker: int
    messages: int
