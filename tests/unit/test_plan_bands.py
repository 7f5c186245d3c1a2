"""The band of a plan's end: nine of ten times, whatever chance does, it ends within."""

from __future__ import annotations

import random
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush, heapreplace
from statistics import fmean, variance
from zoneinfo import ZoneInfo

import pytest

from broadcaster.domain.decisions import RETRY_BASE, RETRY_CAP, backoff
from broadcaster.domain.lanes_now import LaneNow
from broadcaster.domain.planned_parts import PlannedPart
from broadcaster.domain.surroundings import Surroundings

NOW = datetime(2027, 1, 4, 9, 0, tzinfo=UTC)
RUNS = 400
MOST_TRIES = 4
"""More than the first."""
SEEN = 500
"""Attempts by which a lane is known."""


@dataclass
class Gateway:
    """What chance does to the requests of a lane."""

    chance: random.Random
    share: float
    """Of attempts that are to be made again."""
    latency: tuple[float, float]
    """Seconds: the shortest, and of what is longer the mean."""
    seconds: list[float] = field(default_factory=list)
    again: list[bool] = field(default_factory=list)

    def reply(self) -> tuple[float, bool]:
        self.seconds.append(self.latency[0] + self.chance.expovariate(1 / self.latency[1]))
        self.again.append(self.chance.random() < self.share)
        return self.seconds[-1], self.again[-1]


def sent_in(gateway: Gateway, gap: tuple[float, float], places: int, messages: int) -> float:
    """Seconds until the last of so many messages is accepted, one after the other as gaps and places let them."""
    fresh, again = deque([0.0] * messages), list[tuple[float, int]]()
    free, clock, ends = [0.0] * places, 0.0, 0.0
    while fresh or again:
        due, tries = heappop(again) if again and (not fresh or again[0][0] <= clock) else (fresh.popleft(), 0)
        start = max(clock, due, free[0])
        clock = start + gateway.chance.uniform(*gap)
        seconds, is_again = gateway.reply()
        heapreplace(free, start + seconds)
        ends = max(ends, start + seconds)
        if is_again and tries < MOST_TRIES:
            heappush(
                again, (start + seconds + backoff(RETRY_BASE, RETRY_CAP, tries, gateway.chance.random()), tries + 1)
            )
    return ends


def known(gateway: Gateway, gap: tuple[float, float], places: int) -> Surroundings:
    """The lane as its latest attempts tell it, as `lanes_to_plan.sql` does."""
    seconds, again = gateway.seconds[-SEEN:], gateway.again[-SEEN:]
    tenth = len(seconds) // 10
    lane = LaneNow(
        id=1,
        instance="a",
        interval=fmean(gap),
        variance=(gap[1] - gap[0]) ** 2 / 12,
        tolerance=0.0,
        burst=1,
        debt=0.0,
        rests=0.0,
        is_stopped=False,
        max_in_flight=places,
        tried=len(again),
        again=sum(again),
        latency=fmean(seconds),
        latency_variance=variance(seconds),
        latency_drift=variance(fmean(seconds[first : first + tenth]) for first in range(0, 10 * tenth, tenth)),
        hours=None,
        limits=(),
        now=NOW,
    )
    return Surroundings(now=NOW, lanes=[lane], limits=[], reserve=timedelta(0), zone=ZoneInfo("UTC"))


@pytest.mark.parametrize(
    ("share", "latency", "gap", "places", "messages"),
    [
        (0.1, (0.05, 0.1), (1.0, 1.0), 4, 300),
        (0.02, (0.05, 0.1), (3.0, 3.0), 4, 2_000),
        (0.05, (0.2, 0.8), (0.0, 0.0), 4, 400),
        (0.0, (0.2, 0.3), (0.0, 0.0), 2, 600),
        (0.0, (0.05, 0.1), (20.0, 60.0), 1, 200),
        (0.15, (0.05, 0.1), (20.0, 60.0), 1, 100),
        (0.2, (0.02, 0.05), (0.05, 0.05), 8, 60),
        (0.3, (0.5, 1.0), (0.2, 0.4), 4, 1_000),
    ],
)
def test_nine_of_ten_ends_lie_within_the_band(
    share: float, latency: tuple[float, float], gap: tuple[float, float], places: int, messages: int
) -> None:
    within = 0
    for seed in range(RUNS):
        gateway = Gateway(random.Random(seed), share, latency)
        sent_in(gateway, gap, places, SEEN)
        plan = known(gateway, gap, places).plan([PlannedPart(lane_id=1, messages=messages)])
        ended_at = NOW + timedelta(seconds=sent_in(gateway, gap, places, messages))
        assert plan.earliest_at
        assert plan.latest_at
        within += plan.earliest_at <= ended_at <= plan.latest_at
    assert within / RUNS >= 0.9
