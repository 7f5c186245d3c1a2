"""A limit while a plan is made: what counts for it, how many places it has, and how its ramp climbs. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import floor, inf

from broadcaster.domain.plan_terms import PlannedLimit
from broadcaster.domain.planned_lanes import Share

TICK = 1e-6
"""Limits are looked at so much later, so that a moment that was rounded lies behind the edge that it means."""


class LimitAhead:
    """A limit, from one moment of a plan to the next."""

    def __init__(self, planned: PlannedLimit) -> None:
        self._count = planned.count
        self._steps = list(planned.steps)
        self.climbs_at = planned.climbs_at if planned.steps else inf
        """When it is due for the next step of its ramp."""

    @property
    def interval(self) -> float:
        """Seconds from one message that it allows to the next, were they even."""
        return self._count.limit.span / self._count.limit.most

    def free(self, now: float) -> int:
        """How many places it has. One that is due to climb does so with the next message, and has one until then."""
        free = max(0, self._count.limit.most - self._count.taken(now + TICK))
        return min(free, 1) if self.climbs_at <= now else free

    def free_at(self, now: float) -> float:
        """Of one that is full at this moment: when it has a place again."""
        return min(self._count.free_at(), max(now, self.climbs_at))

    def next_place_at(self, now: float) -> float:
        """When it has a place more than now."""
        return self.frees_at(now) if self.free(now) else self.free_at(now)

    def frees_at(self, now: float) -> float:
        """Until then it has no more places than now, whatever leaves; no later than now: that may change with each."""
        return min(self._count.frees_at(now + TICK), self.climbs_at)

    def climb(self, now: float) -> None:
        """Go up the steps of its ramp that are due by now, each as soon as something counts for it."""
        while self.climbs_at <= now:
            if not self._count.taken(self.climbs_at + TICK):
                self.climbs_at = now
                if not self._count.taken(now + TICK):
                    return
            limit = self._count.limit._replace(most=self._steps.pop(0))
            self.climbs_at = self.climbs_at + limit.span if self._steps else inf
            self._count = replace(self._count, limit=limit)

    def take(self, now: float, leaving: Sequence[Share]) -> None:
        """These messages leave, from `now` on, as the paces of their lanes let them."""
        if self.climbs_at <= now:
            # It climbs with the first of them, which may leave later than it was due, though within the same bucket.
            self.climbs_at = min((share.first(now) for share in leaving if share.all), default=self.climbs_at)
        count, last = self._count, max(share.last(now) for share in leaving)
        bucket = count.limit.bucket
        if floor((now + TICK) / bucket) == floor((last + TICK) / bucket):
            self._count = count.after(now + TICK, sum(share.all for share in leaving))
            return
        edge = now
        # What is older than that will not count any more once the last one has left.
        kept = last - count.limit.span - count.grace - 2 * bucket
        done, claims = 0, []
        if kept > now:
            edge = floor(kept / bucket) * bucket
            done = sum(share.before(now, edge - TICK) for share in leaving)
        while edge <= last:
            since, edge = edge, (floor((edge + TICK) / bucket) + 1) * bucket
            gone = sum(share.before(now, edge - TICK) for share in leaving)
            if gone > done:
                claims.append((since + TICK, gone - done))
                done = gone
        self._count = count.after_each(claims) if claims else count
