"""How lanes share the recipients of a campaign, and groups a part of its messages. Pure.

`planned_shares.py` says by when each lane can send which part of it. `deal_snapshot.sql` deals the members of an
audience by such shares, and `share_pending.sql` what moves.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from heapq import heapify, heapreplace
from itertools import accumulate, islice, pairwise, repeat
from math import floor, inf
from typing import TypeVar

K = TypeVar("K")

LaneRates = Mapping[int, float | None]
"""Lanes (ids), each with its messages per second; None: it has no limit."""


def deal(rates: LaneRates) -> Iterator[int]:
    """Lanes without end, in proportion to their rates and evenly spread: all are done at about the same time."""
    if len(rates) == 1:
        return repeat(next(iter(rates)))
    return _deal(_weights(rates), {})


def shares_of(total: int, rates: LaneRates) -> Mapping[int, int]:
    """How many of so many messages each lane gets (`deal`)."""
    weights = _weights(rates)
    whole = sum(weights.values())
    shares = Counter({lane: floor(total * weight / whole) for lane, weight in weights.items()})
    shares.update(islice(_deal(weights, dict(shares)), total - shares.total()))
    return shares


@dataclass(frozen=True, slots=True)
class Dealing:
    """How messages are dealt to lanes, whatever their number: each to the lane that can send it first."""

    rates: LaneRates
    """By which they are dealt after the `pieces`. A lane may have a weight in place of its rate."""
    pieces: Iterable[Mapping[int, int]] = ()
    """How many messages each lane can send in pieces of time that follow each other; none: it can keep its rate."""

    def lanes(self) -> Iterator[int]:
        """The lane of each message, without end."""
        for piece in self.pieces:
            yield from islice(deal(piece), sum(piece.values()))
        yield from deal(self.rates)

    def shares(self, total: int) -> Mapping[int, int]:
        """How many of so many messages each lane gets, also those that get none."""
        shares, left = Counter(dict.fromkeys(self.rates, 0)), total
        for piece in self.pieces:
            shares.update(piece if sum(piece.values()) <= left else shares_of(left, piece))
            left = total - shares.total()
            if not left:
                break
        shares.update(shares_of(left, self.rates))
        return shares


def is_worth_moving(there: Mapping[int, int], shares: Mapping[int, int]) -> bool:
    """Whether lanes have so many messages, by lane, that others should have.

    That is more than one of a hundred, or more than one of ten of what a lane has: it may be closed for long before it
    has sent these.
    """
    surplus = {lane: messages - shares.get(lane, 0) for lane, messages in there.items()}
    moved = sum(max(0, more) for more in surplus.values())
    return moved > max(1, sum(there.values()) // 100) or any(
        more > there[lane] // 10 for lane, more in surplus.items()
    )


def apportioned(total: int, held: Mapping[K, int]) -> dict[K, int]:
    """How many of so many messages come from each, in proportion to what it holds: no more than all."""
    whole = sum(held.values())
    taken = [number * min(total, whole) // max(1, whole) for number in accumulate(held.values(), initial=0)]
    return {each: after - before for each, (before, after) in zip(held, pairwise(taken), strict=True)}


def dealt_to_room(
    messages: int, there: Mapping[int, int], rates: LaneRates, speeds: LaneRates, delays: Mapping[int, float]
) -> Mapping[int, int]:
    """How many of so many messages each lane gets that has `there` already: all have their shares then, if they can.

    Shares go by `rates`, which may be weights, and each lane is so many seconds late (`delays`): at the pace to which
    `speeds` (messages a second) come together, all that have begun are done at once. `share_pending.sql` does the
    same, but for a message or two.
    """
    total = messages + sum(there.values())
    return filled_up(messages, there, shares_of(total, _after_delays(total, _paces(rates, speeds), delays)))


def filled_up(messages: int, there: Mapping[int, int], shares: Mapping[int, int]) -> Mapping[int, int]:
    """How many of so many messages each lane gets that has `there` already, where all have these shares in the end."""
    room = {lane: float(share - there[lane]) for lane, share in shares.items() if share > there[lane]}
    return shares_of(messages, room) if room else {}


def _paces(rates: LaneRates, speeds: LaneRates) -> dict[int, float]:
    """Messages a second of each lane, in proportion to `rates`, as many of all as `speeds` come to."""
    weights, whole = _weights(rates), sum(_weights(speeds).values())
    each = whole / sum(weights.values())
    return {lane: weight * each for lane, weight in weights.items()}


def _after_delays(total: int, paces: Mapping[int, float], delays: Mapping[int, float]) -> dict[int, float]:
    """What each lane counts that has begun when all are done; without delays in proportion to its pace."""
    begun, ahead, ends = 0.0, 0.0, inf
    for lane in sorted(paces, key=lambda lane: delays[lane]):
        begun += paces[lane]
        ahead += paces[lane] * delays[lane]
        ends = min(ends, (total + ahead) / begun)
    return {lane: pace * (ends - delays[lane]) for lane, pace in paces.items() if ends > delays[lane]}


def _weights(rates: LaneRates) -> dict[int, float]:
    """What each lane counts: its rate, and without a limit more than any other. One with 0 gets nothing."""
    unlimited = unlimited_rate(rates)
    return {lane: unlimited if rate is None else rate for lane, rate in rates.items() if rate != 0}


def unlimited_rate(rates: LaneRates) -> float:
    """What a lane without a limit counts beside these, in messages a second."""
    return max([100.0, *(10 * rate for rate in rates.values() if rate is not None)])


def _deal(weights: Mapping[int, float], shares: Mapping[int, int]) -> Iterator[int]:
    """Each message goes to the lane that is done with it first. `shares` is what the lanes have already."""
    following = {lane: shares.get(lane, 0) + 1 for lane in weights}
    done_at = [(number / weights[lane], lane, number) for lane, number in following.items()]
    heapify(done_at)
    while True:
        _, lane, number = done_at[0]
        yield lane
        heapreplace(done_at, ((number + 1) / weights[lane], lane, number + 1))
