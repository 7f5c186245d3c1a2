"""Failovers that are to come, as plans reckon with them and tell of them. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby

import msgspec

from broadcaster.domain.dealing import LaneRates
from broadcaster.domain.lanes_now import LaneNow, moment_of_seconds
from broadcaster.domain.plan_terms import Move


@dataclass(frozen=True, slots=True)
class FailoverRule:
    """After which time others of a campaign's lanes send what one in trouble has pending of it."""

    after: timedelta
    weights: LaneRates
    """Its lanes (ids), each with the weight by which it shares messages; None: by its rate."""
    away: frozenset[int] = frozenset()
    """The lanes whose part goes to others already: they get nothing."""
    stays: Mapping[int, int] = field(default_factory=dict)
    """How many messages of a lane are to people who keep it."""

    def begins_at(self, lane: LaneNow, starts_at: datetime) -> datetime:
        """When what the lane, which is in trouble, has pending of the campaign goes to others."""
        assert lane.trouble_since is not None
        return starts_at if lane.id in self.away else max(starts_at, lane.trouble_since + self.after)

    def takers(self, lanes: Sequence[LaneNow], used: Collection[int]) -> Sequence[tuple[int, LaneNow]]:
        """Which lanes get a part, with their places: those of the campaign that are well, also if only now `used`."""
        own = {*self.weights, *used} - self.away
        return [(place, lane) for place, lane in enumerate(lanes) if lane.id in own and not lane.is_stopped]

    def weight(self, lane: LaneNow) -> float | None:
        """By which a lane shares; one that is new to the campaign by the mean of the others' weights."""
        if lane.id in self.weights:
            return self.weights[lane.id] or lane.rate
        given = [weight for weight in self.weights.values() if weight is not None]
        return sum(given) / len(given) if given else lane.rate


class PlannedMove(msgspec.Struct, frozen=True):
    """So many messages go from an instance in trouble to another one."""

    at: datetime
    from_instance: str
    to_instance: str
    messages: int


def planned_moves(moves: Sequence[Move], lanes: Sequence[LaneNow], campaign: int) -> Sequence[PlannedMove]:
    """Those of a campaign, the first first."""
    told = [
        PlannedMove(moment_of_seconds(each.at), lanes[each.giver].instance, lanes[each.taker].instance, each.messages)
        for each in moves
        if each.campaign == campaign
    ]
    return sorted(told, key=lambda each: (each.at, each.from_instance, each.to_instance))


def together(moves: Sequence[PlannedMove]) -> Iterator[Sequence[PlannedMove]]:
    """What leaves one instance at one moment."""
    for _, of_one in groupby(moves, key=lambda each: (each.at, each.from_instance)):
        yield list(of_one)
