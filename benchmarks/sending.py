"""Ours, the naive baseline and the bare loop against one sink, taking turns so that drift meets all of them alike."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache

from benchmarks.contenders.bare import Bare
from benchmarks.contenders.naive import Naive
from benchmarks.contenders.ours import Ours
from benchmarks.meter import Run
from benchmarks.results import Row
from benchmarks.stand import Stand, open_stand

MAIN = Ours(workers=1, instances=4, in_flight=32)
TWO_WORKERS = Ours(workers=2, instances=4, in_flight=32)
FULL = Ours(workers=2, instances=4, in_flight=128)
"""With enough in flight to keep both cores busy: with less, workers wait for replies and commits."""
OURS = (MAIN, Ours(workers=1, instances=1, in_flight=64), TWO_WORKERS, FULL)
PREFORK = Naive("prefork", os.cpu_count() or 1)
NAIVE = (PREFORK, Naive("threads", 16))
BARE = Bare(in_flight=FULL.instances * FULL.in_flight)

Contender = Ours | Naive | Bare
Runs = Mapping[Contender, list[Run]]


@cache
def compare(quick: bool) -> Runs:
    """Every contender's runs, one a round. Measured once: several figures are views of it."""
    rounds, many, few = (1, 8_000, 1_000) if quick else (3, 40_000, 3_000)
    with open_stand() as stand:
        turns = {each: few if isinstance(each, Naive) else many for each in (*NAIVE, *OURS, BARE)}
        return take_turns(stand, turns, rounds)


def take_turns(stand: Stand, turns: Mapping[Contender, int], rounds: int) -> Runs:
    """So many rounds, in each of which every contender sends so many messages."""
    runs: dict[Contender, list[Run]] = {each: [] for each in turns}
    for _ in range(rounds):
        for each, messages in turns.items():
            runs[each].append(each.run(stand, messages))
    return runs


def rate(runs: Runs, each: Contender) -> Row:
    """A contender's messages a second."""
    return Row(each.label, [run.rate for run in runs[each]], "messages/s")
