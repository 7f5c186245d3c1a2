"""How lanes share what a campaign has to send: each gets what it can send until all of them are done at once. Pure.

Lanes that differ in their rates alone share by these. Where one of them is counted over spans, has hours or rests, the
plan says how many messages each can send by when (`sending_plan`). docs/decisions/0039-several-senders.md has the
reasons.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count

from msgspec.structs import replace as changed

from broadcaster.domain.dealing import Dealing, LaneRates, unlimited_rate
from broadcaster.domain.lanes_now import LaneNow
from broadcaster.domain.opening_hours import NOBODY
from broadcaster.domain.plan_terms import OpenSpan
from broadcaster.domain.planned_parts import PlannedPart
from broadcaster.domain.plans import HORIZON
from broadcaster.domain.surroundings import Surroundings

_FIRST_LOOK = 900.0
"""Seconds that are looked ahead at first,"""
_FURTHER = 4.0
"""and so many times as far as long as that does not suffice."""
_FIRST_PIECE = 1.0
"""Seconds. Of what leaves within one piece of time it is not looked when, and each piece is a"""
_LONGER = 0.05
"""part of the time before it."""
_MARGIN = timedelta(minutes=1)
"""What a lane would send so shortly before its windows close is not dealt to it: it sends somewhat later than planned,
since time passes between a deal and the first claim, and what is left would wait until the windows open again."""
_ENOUGH = 1_000_000_000
"""Messages: more than any campaign has."""


def dealing_of(
    around: Surroundings, rates: LaneRates, like: PlannedPart, starts_at: datetime | None = None
) -> Dealing:
    """How these lanes share messages `like` that, from then on and beside all others; `starts_at`: None is now.

    What is in trouble or paused counts as well: failovers and operators see to that. A canary and people who wait
    play no part, nor does what chance and the gateway make of a rate.
    """
    lanes = [lane for lane in around.lanes if lane.id in rates]
    if len(lanes) < 2 or not any(lane.limits or lane.hours or lane.pause > 0 for lane in lanes):
        return Dealing(rates)
    begins = max(around.now, starts_at or around.now)
    like = replace(like, group=NOBODY, slice=0, not_before=begins, rule=None, first_free_at=None, people=0)
    alone = _at_their_rates(around, rates)
    return Dealing(rates, _Replayed(_pieces(alone, rates, like, begins)))


class _Replayed:
    """What an iterator has, for as many who look as want it."""

    def __init__(self, found: Iterator[Mapping[int, int]]) -> None:
        self._found = found
        self._known: list[Mapping[int, int]] = []

    def __iter__(self) -> Iterator[Mapping[int, int]]:
        for place in count():
            if place == len(self._known):
                following = next(self._found, None)
                if following is None:
                    return
                self._known.append(following)
            yield self._known[place]


def _at_their_rates(around: Surroundings, rates: LaneRates) -> Surroundings:
    unlimited = unlimited_rate(rates)

    def of_lane(lane: LaneNow) -> LaneNow:
        known = {"tolerance": 0.0, "debt": 0.0, "rests": max(0.0, lane.pause), "latency": None, "tried": 0, "again": 0}
        interval = lane.interval or (1.0 / unlimited if lane.id in rates else 0.0)
        return changed(lane, interval=interval, is_stopped=False, trouble_since=None, **known)

    lanes = [of_lane(lane) for lane in around.lanes]
    return replace(around, lanes=lanes, margin=_MARGIN, failovers={}, people=None)


def _pieces(
    around: Surroundings, lanes: LaneRates, like: PlannedPart, begins: datetime
) -> Iterator[Mapping[int, int]]:
    """How many messages leave through each lane in one piece of time after the other."""
    start, known, look = begins.timestamp(), 0.0, _FIRST_LOOK
    edges = _edges(start)
    while known < HORIZON:
        look = min(look, HORIZON)
        until = begins + timedelta(seconds=look) + around.reserve
        parts = [replace(like, lane_id=lane, messages=_ENOUGH, expires_at=until) for lane in lanes]
        beside = [replace(part, expires_at=min(until, part.expires_at or until)) for part in around.beside]
        plan = replace(around, beside=beside).sending(parts, lambda moment: _piece(edges, moment))
        found: dict[float, Counter[int]] = {}
        for piece, place, leaving in plan.of(like.campaign):
            if start + known <= piece:
                found.setdefault(piece, Counter())[around.lanes[place].id] += leaving.messages
        yield from (found[piece] for piece in sorted(found))
        known, look = look, look * _FURTHER


def _edges(start: float) -> list[float]:
    """When pieces of time end."""
    edges, ahead = [start], _FIRST_PIECE
    looks = [_FIRST_LOOK]
    while looks[-1] < HORIZON:
        looks.append(min(HORIZON, looks[-1] * _FURTHER))
    while ahead < HORIZON:
        edges.append(start + ahead)
        ahead *= 1 + _LONGER
    return sorted({*edges, *(start + look for look in looks)})


def _piece(edges: list[float], moment: float) -> OpenSpan:
    place = bisect_right(edges, moment)
    begins = edges[place - 1] if place else float("-inf")
    return OpenSpan(begins, edges[place] if place < len(edges) else float("inf"))
