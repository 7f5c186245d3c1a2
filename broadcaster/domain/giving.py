"""Which lanes give what they have pending of a campaign to others, and which get it. Pure.

`share_pending.sql` decides the same, as of the moment at which it moves.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar

import msgspec

from broadcaster.domain.sharing import MoveReason
from broadcaster.domain.states import LaneHealth


class Taking(Protocol):
    """A lane that may get what another one of its campaign has pending."""

    @property
    def is_well(self) -> bool:
        """Whether nothing but time keeps it from sending."""

    @property
    def delay(self) -> float:
        """In how many seconds it may send."""


Taker = TypeVar("Taker", bound=Taking)


def takers_of(others: Sequence[Taker], time_left: float | None) -> Sequence[Taker]:
    """Who of these gets what is pending: who is well and may send before the campaign expires, where there is one.

    `time_left`: in how many seconds it does; None: never.
    """
    well = [each for each in others if each.is_well]
    in_time = [each for each in well if time_left is None or each.delay < time_left]
    return in_time or well or others


class SharingLane(msgspec.Struct, frozen=True):
    """A lane of a campaign of which something may move."""

    campaign_id: int
    id: int
    pending: int
    weight: float | None
    health: LaneHealth
    gives: MoveReason | None
    """Why it gives away what it has pending; None: it keeps that."""
    delay: float
    """In how many seconds it may send."""
    time_left: float | None
    """In how many seconds the campaign expires; None: never."""

    @property
    def is_well(self) -> bool:
        """Whether nothing but time keeps it from sending."""
        return self.health.is_well


def takers_and_given(lanes: Sequence[SharingLane]) -> tuple[Sequence[SharingLane], int]:
    """Which of the lanes of one campaign get something, and how many messages the others give away, at most."""
    takers = takers_of([each for each in lanes if each.gives is None], lanes[0].time_left)
    some_may_send = any(each.is_well and not each.delay for each in takers)
    in_trouble = sum(each.gives is MoveReason.FAILOVER and each.pending > 0 for each in lanes)
    others_have_some = sum(each.pending for each in lanes) > in_trouble

    def given(lane: SharingLane) -> int:
        if lane.gives is None or (lane.gives is MoveReason.FAILOVER and not some_may_send):
            return 0
        keeps_one = lane.gives is MoveReason.FAILOVER and lane.health is LaneHealth.DOWN and others_have_some
        return max(0, lane.pending - keeps_one)

    return takers, sum(map(given, lanes))
