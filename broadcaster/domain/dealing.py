"""How lanes share the recipients of a campaign, and how long they take. Pure.

`deal_snapshot.sql` deals the members of an audience by the same weights.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from heapq import heapify, heapreplace
from itertools import islice, repeat
from math import floor
from types import MappingProxyType
from typing import NamedTuple

from broadcaster.domain.pacing import pace


class Limit(NamedTuple):
    """What a lane may send: messages per second (None: it has no limit), and how many of them at once."""

    rate: float | None
    burst: int


Limits = Mapping[int, Limit]
"""Lanes (ids), each with its limit."""


def deal(limits: Limits) -> Iterator[int]:
    """Lanes without end, in proportion to their rates and evenly spread: all are done at about the same time."""
    if len(limits) == 1:
        return repeat(next(iter(limits)))
    return _deal(_weights(limits), {})


def seconds_to_send(total: int, limits: Limits, waiting: Mapping[int, int] = MappingProxyType({})) -> float | None:
    """How many seconds sending so many messages takes at least: as long as the slowest lane needs for its share.

    `waiting` is what lanes have to send besides. A lane that has rested begins with its burst. Lanes without a limit
    have their share, and need no time that can be told. None where no time can be told at all.
    """
    weights = _weights(limits)
    whole = sum(weights.values())
    shares = Counter({lane: floor(total * weight / whole) for lane, weight in weights.items()})
    shares.update(islice(_deal(weights, dict(shares)), total - shares.total()))
    limited = [
        (shares[lane] + waiting.get(lane, 0), limit)
        for lane, limit in limits.items()
        if shares[lane] and limit.rate is not None
    ]
    return max((_seconds(share, limit) for share, limit in limited), default=None)


class OpenPart(NamedTuple):
    """What a lane has left to send of a campaign."""

    messages: int
    interval: float
    """Seconds from one message to the next; 0: it has no limit."""
    rests: float
    """For how many seconds it sends nothing yet: the gateway asked for it, or all of them are tried again later."""
    is_stopped: bool
    """Nobody knows until when: it is paused, refused or down."""


def seconds_left(parts: Sequence[OpenPart], rate: float) -> float | None:
    """How many seconds sending the rest of a campaign takes, if all goes on as it does.

    No less than the limit of each lane allows, and no less than at `rate`: messages a second that have become final
    lately (0: it is not known). That is lower where messages are tried again, or where other campaigns are sent
    beside. None where it cannot be told.
    """
    parts = [part for part in parts if part.messages]
    if not parts or any(part.is_stopped for part in parts) or not (rate or all(part.interval for part in parts)):
        return None
    by_limits = max(part.rests + part.messages * part.interval for part in parts)
    return max(by_limits, sum(part.messages for part in parts) / rate if rate else 0.0)


def _seconds(messages: int, limit: Limit) -> float:
    """How long the pace makes the last of so many messages wait, if all are due now."""
    kept = pace(*limit)
    return max(0.0, (messages - 1) * kept.interval - kept.tolerance)


def _weights(limits: Limits) -> dict[int, float]:
    """What each lane counts: its rate, and without a limit more than any other."""
    limited = [limit.rate for limit in limits.values() if limit.rate is not None]
    unlimited = max([100.0, *(10 * rate for rate in limited)])
    return {lane: limit.rate or unlimited for lane, limit in limits.items()}


def _deal(weights: Mapping[int, float], shares: Mapping[int, int]) -> Iterator[int]:
    """Each message goes to the lane that is done with it first. `shares` is what the lanes have already."""
    following = {lane: shares.get(lane, 0) + 1 for lane in weights}
    done_at = [(number / weights[lane], lane, number) for lane, number in following.items()]
    heapify(done_at)
    while True:
        _, lane, number = done_at[0]
        yield lane
        heapreplace(done_at, ((number + 1) / weights[lane], lane, number + 1))
