"""Files: messages a second with a file of 200 KB in each, beside a bare loop that posts prebuilt bytes.

A file is stored once and encoded once per worker; each request carries it as base64, 267 KB.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from benchmarks.results import Row
from benchmarks.sending import BARE, FULL, MAIN, Contender, rate, take_turns
from benchmarks.stand import open_stand

ONE_WORKER, BOTH_CORES, BARE_LOOP = (replace(each, file=True) for each in (MAIN, FULL, BARE))


def measure(quick: bool) -> Sequence[Row]:
    """The ratio is to the bare loop, so below 1."""
    rounds, messages = (1, 1_000) if quick else (3, 8_000)
    with open_stand() as stand:
        runs = take_turns(stand, dict.fromkeys((ONE_WORKER, BOTH_CORES, BARE_LOOP), messages), rounds)
    bare = rate(runs, BARE_LOOP)

    def cpu(each: Contender) -> Row:
        return Row(f"CPU of the {each.label}", [run.cpu * 1e6 for run in runs[each]], "µs/message")

    return [
        bare.against(bare, "bare"),
        rate(runs, ONE_WORKER).against(bare, "bare"),
        rate(runs, BOTH_CORES).against(bare, "bare").at_least(0.6),
        cpu(BARE_LOOP),
        cpu(ONE_WORKER),
    ]
