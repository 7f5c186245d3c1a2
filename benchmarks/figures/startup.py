"""Start-up: seconds that `broadcaster up --detach` takes.

It returns once Postgres, Redis, the schema, a worker, beat and Flower are ready; first on an empty home, then again on
the same.
"""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.results import Row
from benchmarks.stand import Stand, temporary_directory


def measure(quick: bool) -> Sequence[Row]:
    """Ratios are to the first start."""
    first: list[float] = []
    again: list[float] = []
    for _ in range(1 if quick else 3):
        with temporary_directory() as directory:
            stand = Stand(directory)
            for seconds in (first, again):
                seconds.append(_start_and_stop(stand))
    baseline = Row("first start, with initdb and migrations", first, "s")
    return [baseline, Row("start on an existing home", again, "s").against(baseline, "first")]


def _start_and_stop(stand: Stand) -> float:
    try:
        with stand.broadcaster("up", "--detach") as up:
            return up.wait().seconds
    finally:
        with stand.broadcaster("down") as down:
            down.wait()
