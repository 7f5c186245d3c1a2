"""Start-up: seconds from nothing to a stack that works.

Servers, schema, a worker that answers and a beat; first on an empty home, then again on the same.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from benchmarks.results import Row
from benchmarks.stand import Stand, temporary_directory


def measure(quick: bool) -> Sequence[Row]:
    """Ratios are to the first start."""
    first: list[float] = []
    again: list[float] = []
    for _ in range(1 if quick else 3):
        with temporary_directory() as directory:
            for seconds in (first, again):
                began = time.monotonic()
                with Stand(directory).opened() as stand, stand.workers(1):
                    seconds.append(time.monotonic() - began)
    baseline = Row("first start, with initdb and migrations", first, "s")
    return [baseline, Row("start on an existing home", again, "s").against(baseline, "first")]
