"""Files: messages a second with a file of 200 KB in each, beside a bare loop that posts prebuilt bytes.

A file is stored once and encoded once per worker; each request carries it as base64, 267 KB.
"""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.contenders.bare import Bare
from benchmarks.contenders.ours import Ours
from benchmarks.results import Row
from benchmarks.sending import rate, take_turns
from benchmarks.stand import open_stand

OURS = Ours(workers=1, instances=4, in_flight=32, file=True)
BARE = Bare(in_flight=OURS.instances * OURS.in_flight, file=True)


def measure(quick: bool) -> Sequence[Row]:
    """The ratio is to the bare loop, so below 1."""
    rounds, messages = (1, 1_000) if quick else (3, 8_000)
    with open_stand() as stand:
        runs = take_turns(stand, {OURS: messages, BARE: messages}, rounds)
    bare = rate(runs, BARE)

    def cpu(each: Bare | Ours) -> Row:
        return Row(f"CPU of the {each.label}", [run.cpu * 1e6 for run in runs[each]], "µs/message")

    return [
        bare.against(bare, "bare"),
        rate(runs, OURS).against(bare, "bare").at_least(0.6),
        cpu(BARE),
        cpu(OURS),
    ]
