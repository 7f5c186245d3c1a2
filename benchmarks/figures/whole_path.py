"""Whole path: messages a second, from the first request to the last.

From pending rows to committed outcomes, beside a naive Celery app that sends the same texts through the same
Postgres, Redis and sink.
"""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.results import Row
from benchmarks.sending import NAIVE, OURS, compare


def measure(quick: bool) -> Sequence[Row]:
    """Ratios are to the faster of the naive pools."""
    runs = compare(quick)
    naive = [Row(each.label, [run.rate for run in runs[each]], "messages/s") for each in NAIVE]
    best = max(naive, key=lambda row: row.value)
    ours = [Row(each.label, [run.rate for run in runs[each]], "messages/s") for each in OURS]
    in_sql = [
        Row(f"{each.label}, by the rows in Postgres", [run.rate_in_sql for run in runs[each]], "messages/s")
        for each in OURS
    ]
    return [row.against(best, "naive") for row in (*naive, *ours, *in_sql)]
