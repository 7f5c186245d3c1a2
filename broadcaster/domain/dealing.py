"""How lanes share the recipients of a campaign, and how long they take. Pure.

`deal_snapshot.sql` deals the members of an audience by the same weights.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from heapq import heapify, heapreplace
from itertools import islice, repeat
from math import floor

Rates = Mapping[int, float | None]
"""Lanes (ids), each with its messages per second; None: it has no limit."""


def deal(rates: Rates) -> Iterator[int]:
    """Lanes without end, in proportion to their rates and evenly spread: all are done at about the same time."""
    if len(rates) == 1:
        return repeat(next(iter(rates)))
    return _deal(_weights(rates), {})


def seconds_to_send(total: int, rates: Rates) -> float | None:
    """How many seconds sending so many messages takes at least: as long as the slowest lane needs for its share.

    Lanes without a limit have their share, and need no time that can be told. None where no time can be told at all.
    """
    weights = _weights(rates)
    whole = sum(weights.values())
    shares = Counter({lane: floor(total * weight / whole) for lane, weight in weights.items()})
    shares.update(islice(_deal(weights, dict(shares)), total - shares.total()))
    return max((shares[lane] * (1 / rate) for lane, rate in rates.items() if rate is not None), default=0.0) or None


def _weights(rates: Rates) -> dict[int, float]:
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
