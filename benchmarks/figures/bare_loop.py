"""Distance from the bound: the whole path beside a bare loop of the same HTTP client.

The loop posts the same bytes to the same sink and keeps no record of anything.
"""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.results import Row
from benchmarks.sending import BARE, FULL, MAIN, OURS, compare, rate


def measure(quick: bool) -> Sequence[Row]:
    """Ratios are to the bare loop, so below 1."""
    runs = compare(quick)
    bare = rate(runs, BARE)
    rows = {each: rate(runs, each).against(bare, "bare") for each in OURS}
    rows[FULL] = rows[FULL].at_least(0.55)
    rows[MAIN] = rows[MAIN].at_least(0.4)
    return [bare.against(bare, "bare"), *rows.values()]
