"""Cost of a message: CPU and memory while the whole path is measured.

CPU is user and system time by the kernel's accounts, start-up not included; memory is the most that was resident.
"""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.results import Row
from benchmarks.sending import BARE, MAIN, PREFORK, Contender, compare


def measure(quick: bool) -> Sequence[Row]:
    """Ratios are to the naive app's figure of the same kind."""
    runs = compare(quick)

    def cpu(each: Contender) -> Row:
        return Row(f"CPU of the workers: {each.label}", [run.cpu * 1e6 for run in runs[each]], "µs/message")

    def postgres(each: Contender) -> Row:
        return Row(f"CPU of Postgres: {each.label}", [run.postgres_cpu * 1e6 for run in runs[each]], "µs/message")

    def memory(each: Contender) -> Row:
        return Row(f"memory of the workers: {each.label}", [run.memory / 2**20 for run in runs[each]], "MiB")

    def sink(each: Contender) -> Row:
        return Row(f"CPU of the sink: {each.label}", [run.sink_cpu * 1e6 for run in runs[each]], "µs/message")

    def wal(each: Contender) -> Row:
        return Row(f"WAL: {each.label}", [run.wal for run in runs[each]], "bytes/message")

    rows = [
        row.against(kind(PREFORK), "naive")
        for kind, ours in (
            (cpu, cpu(MAIN).at_most(80)),
            (postgres, postgres(MAIN).at_most(50)),
            (memory, memory(MAIN)),
            (wal, wal(MAIN).at_most(1200)),
        )
        for row in (kind(PREFORK), ours)
    ]
    bare = Row(f"CPU of the {BARE.label}", [run.cpu * 1e6 for run in runs[BARE]], "µs/message")
    return [*rows, bare.against(cpu(PREFORK), "naive"), sink(MAIN)]
