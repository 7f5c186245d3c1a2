"""Reports: milliseconds of what operators ask about a campaign of eleven million messages.

Ten million are pending and one million failed, for twenty reasons on a hundred instances. The time is that of the
service behind the command, the start of the command's process left out. The counters that it reads are compared with
a recount.
"""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.large import REPORTS, compare
from benchmarks.results import Row


def measure(quick: bool) -> Sequence[Row]:
    """Ratios are to a campaign of eleven thousand."""
    few, many = compare(quick)
    rows = []
    for name in REPORTS:
        small = Row(name, [1000 * each for each in few.reports[name]], "ms")
        large = Row(name, [1000 * each for each in many.reports[name]], "ms")
        rows.append(large.at_most(50).against(small, "11 k"))
    return rows
