"""Distance from the bound: the whole path beside a bare loop of the same HTTP client.

The loop posts the same bytes to the same sink and keeps no record of anything.
"""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.results import Row
from benchmarks.sending import BARE, OURS, compare


def measure(quick: bool) -> Sequence[Row]:
    """Ratios are to the bare loop, so below 1."""
    runs = compare(quick)
    bare = Row(BARE.label, [run.rate for run in runs[BARE]], "messages/s")
    ours = [Row(each.label, [run.rate for run in runs[each]], "messages/s") for each in OURS]
    return [row.against(bare, "bare") for row in (bare, *ours)]
