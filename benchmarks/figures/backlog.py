"""Flat in backlog: milliseconds of a claim and of a dispatch tick, with 10 k and with 10 M messages pending.

A claim brings 100 messages of 10 lanes out of 100; a tick wakes all 100. Wall time as a client on the same machine
sees it.
"""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.large import Times, compare
from benchmarks.results import Row


def measure(quick: bool) -> Sequence[Row]:
    """Ratios are to the small backlog."""
    few, many = compare(quick)

    def row(what: str, times: Times, seconds: Sequence[float]) -> Row:
        return Row(f"{what}, {times.pending:,} pending", [1000 * each for each in seconds], "ms")

    claim, dispatch = row("claim", few, few.claim), row("dispatch", few, few.dispatch)
    return [
        claim,
        row("claim", many, many.claim).against(claim, "10 k").at_most(1.25),
        dispatch,
        row("dispatch", many, many.dispatch).against(dispatch, "10 k").at_most(1.25),
    ]
