"""Measures one turn of a contender: how fast, and at whose cost."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from benchmarks.processes import cpu_seconds, family_memory
from benchmarks.sink import expect
from benchmarks.stand import Stand


@dataclass(slots=True)
class Run:
    """One turn. Rates are messages a second, CPU is seconds a message, memory is bytes."""

    rate: float = 0.0
    """From the first message to the last, by the contender's own record."""
    cpu: float = 0.0
    """Of the sending processes."""
    postgres_cpu: float = 0.0
    sink_cpu: float = 0.0
    wal: float = 0.0
    """Bytes a message that Postgres wrote ahead."""
    memory: int = 0
    """The most that the sending processes held, added up."""


@contextmanager
def metered(stand: Stand, senders: Sequence[int], messages: int) -> Iterator[Run]:
    """Measure the block, in which the processes `senders` send `messages`; the run is filled in at its end.

    Raises BenchmarkError if anything but `messages` requests arrived.
    """
    run = Run()
    measured = {"cpu": senders, "postgres_cpu": [stand.postgres_pid], "sink_cpu": [stand.sink.pid]}
    stand.sink.reset()
    before = {name: cpu_seconds(pids) for name, pids in measured.items()}
    wal = _written_ahead(stand)
    yield run
    for name, pids in measured.items():
        setattr(run, name, (cpu_seconds(pids) - before[name]) / messages)
    run.wal = (_written_ahead(stand) - wal) / messages
    expect(stand.sink, messages)
    run.memory = family_memory(senders)


def _written_ahead(stand: Stand) -> int:
    return int(stand.scalar("SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')"))


def own_process() -> list[int]:
    """For a contender that runs in the bench itself."""
    return [os.getpid()]
