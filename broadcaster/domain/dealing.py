"""How lanes share the recipients of a campaign. Pure.

`deal_snapshot.sql` deals the members of an audience by the same weights, and `share_pending.sql` what moves.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from heapq import heapify, heapreplace
from itertools import islice, repeat
from math import floor

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


def dealt_to_room(messages: int, there: Mapping[int, int], rates: LaneRates) -> Mapping[int, int]:
    """How many of so many messages each lane gets that has `there` already: all have their shares then, if they can.

    `share_pending.sql` does the same, but for a message or two.
    """
    shares = shares_of(messages + sum(there.values()), rates)
    room = {lane: float(share - there[lane]) for lane, share in shares.items() if share > there[lane]}
    return shares_of(messages, room) if room else {}


def _weights(rates: LaneRates) -> dict[int, float]:
    """What each lane counts: its rate, and without a limit more than any other."""
    limited = [rate for rate in rates.values() if rate is not None]
    unlimited = max([100.0, *(10 * rate for rate in limited)])
    return {lane: rate or unlimited for lane, rate in rates.items()}


def _deal(weights: Mapping[int, float], shares: Mapping[int, int]) -> Iterator[int]:
    """Each message goes to the lane that is done with it first. `shares` is what the lanes have already."""
    following = {lane: shares.get(lane, 0) + 1 for lane in weights}
    done_at = [(number / weights[lane], lane, number) for lane, number in following.items()]
    heapify(done_at)
    while True:
        _, lane, number = done_at[0]
        yield lane
        heapreplace(done_at, ((number + 1) / weights[lane], lane, number + 1))
