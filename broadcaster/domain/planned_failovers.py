"""Failovers while a plan is made: what a lane in trouble has pending goes to lanes that are well. Pure.

As `begin_failovers.sql` begins them and `share_pending.sql` deals.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import inf

from broadcaster.domain.dealing import apportioned, dealt_to_room, filled_up
from broadcaster.domain.plan_terms import Failover, Move, Taker
from broadcaster.domain.planned_lanes import LaneAhead
from broadcaster.domain.planned_limits import LimitAhead

_SHORTEST_WAIT = 60.0
"""Seconds from one look at whether others have something left to the next, at least."""


class FailoversAhead:
    """What moves when, while lanes are planned."""

    def __init__(
        self, lanes: Sequence[LaneAhead], failovers: Sequence[Failover], limits: Mapping[int, LimitAhead]
    ) -> None:
        self._lanes = {lane.place: lane for lane in lanes}
        self._failovers = [each for each in failovers if each.place in self._lanes]
        self._limits = limits

    def move(self, now: float) -> Iterator[Move]:
        """Let move what does so by now."""
        for each in self._failovers:
            if each.begins_at <= now and (messages := self._moving(each, now)):
                delays = self._delays(each, now)
                if min(delays.values()) <= 0:
                    yield from self._give(each, messages, delays, now)

    def next_move(self, now: float) -> float:
        """Before that nothing moves, unless the others have nothing left; infinity: nothing does."""
        pending = [each for each in self._failovers if self._pending(each)]
        begin = [each.begins_at for each in pending if each.begins_at > now]
        opens = [
            now + min(self._delays(each, now).values())
            for each in pending
            if each.begins_at <= now and self._moving(each, now)
        ]
        return min((moment for moment in (*begin, *opens) if moment > now), default=inf)

    def changes(self, now: float) -> Iterator[float]:
        """Nothing moves before."""
        for each in self._failovers:
            if each.keeps_one and each.begins_at <= now and self._pending(each):
                # Were nothing else sent through them, the others would have nothing left then.
                left = [
                    (lane, lane.left_of({each.campaign})) for lane in self._lanes.values() if lane.place != each.place
                ]
                ends = [lane.slot(now, messages - 1) for lane, messages in left if messages]
                yield max([now + _SHORTEST_WAIT, *ends])
        yield self.next_move(now)

    def _pending(self, each: Failover) -> int:
        return self._lanes[each.place].left_of({each.campaign})

    def _moving(self, each: Failover, now: float) -> int:
        """How many of its messages do not stay, as long as the others have as many."""
        pending = self._pending(each)
        rivals = [other for other in self._failovers if other.campaign == each.campaign and other.begins_at <= now]
        in_trouble = sum(self._pending(other) > 0 for other in rivals)
        others_have_some = sum(lane.left_of({each.campaign}) for lane in self._lanes.values()) > in_trouble
        return max(0, pending - max(each.stays, each.keeps_one and others_have_some))

    def _delays(self, each: Failover, now: float) -> dict[int, float]:
        """In how many seconds each of the others may send."""
        return {taker.place: self._delay(taker, now) for taker in each.takers}

    def _delay(self, taker: Taker, now: float) -> float:
        lane = self._lanes[taker.place]
        full = [self._limits[key].free_at(now) for key in lane.limits if not self._limits[key].free(now)]
        return max(0.0, taker.opening(now).begins - now, *(moment - now for moment in (lane.not_before, *full)))

    def _give(self, each: Failover, messages: int, delays: Mapping[int, float], now: float) -> Iterator[Move]:
        lane = self._lanes[each.place]
        in_time = {place: delay for place, delay in delays.items() if delay < each.expires_at - now} or delays
        takers = [taker for taker in each.takers if taker.place in in_time]
        there = {taker.place: self._lanes[taker.place].left_of({each.campaign}) for taker in takers}
        if each.shares is not None and len(takers) > 1:
            shares = filled_up(messages, there, each.shares(now, messages + sum(there.values()), in_time))
        else:
            shares = dealt_to_room(
                messages,
                there,
                rates={taker.place: taker.weight for taker in takers},
                speeds={taker.place: taker.rate for taker in takers},
                delays=in_time,
            )
        own = [
            place for place, queue in enumerate(lane.queues) if queue.campaign == each.campaign and lane.waiting[place]
        ]
        left = apportioned(messages, {place: lane.waiting[place] for place in own})
        for taker in takers:
            if share := shares.get(taker.place, 0):
                for place, number in apportioned(share, left).items():
                    left[place] -= number
                    lane.waiting[place] -= number
                    self._lanes[taker.place].waiting[taker.queues[place]] += number
                yield Move(now, each.campaign, lane.place, taker.place, share)
