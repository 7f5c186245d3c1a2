"""Ours, the naive baseline and the bare loop against one sink, taking turns so that drift meets all of them alike."""

from __future__ import annotations

import os
from functools import cache

from benchmarks.contenders.bare import Bare
from benchmarks.contenders.naive import Naive
from benchmarks.contenders.ours import Ours
from benchmarks.meter import Run
from benchmarks.stand import open_stand

MAIN = Ours(workers=1, instances=4, in_flight=32)
OURS = (MAIN, Ours(workers=1, instances=1, in_flight=64), Ours(workers=2, instances=4, in_flight=32))
PREFORK = Naive("prefork", os.cpu_count() or 1)
NAIVE = (PREFORK, Naive("threads", 16))
BARE = Bare(in_flight=MAIN.instances * MAIN.in_flight)

Contender = Ours | Naive | Bare


@cache
def compare(quick: bool) -> dict[Contender, list[Run]]:
    """Every contender's runs, one a round. Measured once: several figures are views of it."""
    rounds, many, few = (1, 8_000, 1_000) if quick else (3, 40_000, 3_000)
    runs: dict[Contender, list[Run]] = {each: [] for each in (*NAIVE, *OURS, BARE)}
    with open_stand() as stand:
        for _ in range(rounds):
            for contender, so_far in runs.items():
                so_far.append(contender.run(stand, few if isinstance(contender, Naive) else many))
    return runs
