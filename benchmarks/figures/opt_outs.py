"""Opt-outs: milliseconds of a claim of 100 messages, with nobody and with a million people opted out.

By turns in one run, on two databases that differ in nothing else. Wall time as a client on the same machine sees it.
"""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.large import compare_opt_outs
from benchmarks.results import Row


def measure(quick: bool) -> Sequence[Row]:
    """The ratio is to a claim where nobody has opted out."""
    none, million = compare_opt_outs(quick)
    nobody = Row("claim, nobody has opted out", [1000 * each for each in none], "ms")
    listed = Row("claim, 1,000,000 opt-outs", [1000 * each for each in million], "ms")
    return [nobody, listed.against(nobody, "nobody").at_most(1.05)]
