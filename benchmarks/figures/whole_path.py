"""Whole path: messages a second, from the first outcome to the last.

From pending rows to committed outcomes, beside a naive Celery app that sends the same texts through the same
Postgres, Redis and sink.
"""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.results import Row
from benchmarks.sending import MAIN, NAIVE, OURS, TWO_WORKERS, compare, rate


def measure(quick: bool) -> Sequence[Row]:
    """Ratios are to the faster of the naive pools; the last row's is to one worker."""
    runs = compare(quick)
    naive = [rate(runs, each) for each in NAIVE]
    best = max(naive, key=lambda row: row.value)
    rows = [row.against(best, "naive") for row in naive]
    rows += [rate(runs, each).against(best, "naive").at_least(18 if each == MAIN else 10) for each in OURS]
    return [*rows, rate(runs, TWO_WORKERS).against(rate(runs, MAIN), "1 worker").at_least(1)]
