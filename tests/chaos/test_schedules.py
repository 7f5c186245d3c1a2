"""Beats killed while a schedule is due every two seconds, with the gateway's ledger as the judge."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from broadcaster.domain.schedules import PUNCTUAL
from broadcaster.services.campaigns.new_content import text_content
from broadcaster.services.schedules.editing import add_schedule
from tests.support.chaos import Chaos, Finding, short_and_full
from tests.support.schedules import add_audience, new_schedule
from tests.support.stack import Role, wait_for

EVERY = timedelta(seconds=2)
MEMBERS = 3
LATEST = 1.5
"""Seconds between due and sent, for 99 of 100 messages."""


class Beats:
    """Two beats that can be killed, and started again until they fire."""

    def __init__(self, chaos: Chaos, directory: Path) -> None:
        self._chaos = chaos
        self._directory = directory
        self.roles = [self._start() for _ in range(2)]

    def kill(self, *numbers: int) -> None:
        """SIGKILL them all, and only then start each again."""
        for number in numbers:
            self.roles[number].kill()
        for number in numbers:
            self.roles[number] = self._start()

    def _start(self) -> Role:
        path = str(self._directory / "ready")
        with _notices(path) as ready:
            role = self._chaos.stack.start("beat", NOTIFY_SOCKET=path)
            assert ready.recv(64) == b"READY=1"
        return role


@contextmanager
def _notices(path: str) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notices:
        notices.bind(path)
        notices.settimeout(30)
        try:
            yield notices
        finally:
            Path(path).unlink()


def begin(chaos: Chaos, count: int) -> datetime:
    """A worker, and a schedule of `count` occurrences; returns when the first is due."""
    chaos.shop.add("a")
    add_audience(chaos.shop, "people", MEMBERS)
    chaos.workers = chaos.start_workers(1)
    [[now]] = chaos.shop.sql("SELECT now()")
    assert isinstance(now, datetime)
    first = now.replace(microsecond=0) + EVERY
    content = text_content("number {{ occurrence_number }}")
    add_schedule(
        chaos.shop.engine,
        new_schedule("often", every=f"{EVERY.seconds}s", from_at=first, count=count, content=content),
    )
    return first


def judge(chaos: Chaos, first: datetime, count: int) -> list[float]:
    """Every occurrence exactly once and none early; returns by how many seconds the messages were late, ascending."""
    wait_for(lambda: chaos.accepted() >= count * MEMBERS, "the last occurrence")
    rows = chaos.shop.sql("SELECT due_at, number, state::text FROM occurrences ORDER BY due_at")
    assert rows == [(first + number * EVERY, number + 1, "started") for number in range(count)]
    entries = [entry for entry in chaos.shop.gateway.ledger.entries if entry.accepted]
    planned = sorted(f"number {number + 1}" for number in range(count) for _ in range(MEMBERS))
    assert sorted(entry.body for entry in entries) == planned
    assert len({(entry.phone, entry.body) for entry in entries}) == count * MEMBERS
    due = {f"number {number + 1}": first + number * EVERY for number in range(count)}
    late = sorted(
        (datetime.fromtimestamp(entry.time_ns / 1e9, UTC) - due[entry.body]).total_seconds() for entry in entries
    )
    assert late[0] >= 0, "early"
    return late


@short_and_full(8, 30)
def test_two_beats_killed_at_random_start_every_occurrence_once_and_on_time(
    chaos: Chaos, tmp_path: Path, runs: int
) -> None:
    beats = Beats(chaos, tmp_path)
    first = begin(chaos, runs)
    ends = first + (runs - 1) * EVERY
    kills = 0
    while datetime.now(UTC) < ends:
        time.sleep(chaos.random.uniform(0.0, 2.0))  # at any moment
        beats.kill(chaos.random.randrange(2))
        kills += 1
    late = judge(chaos, first, runs)
    assert late[len(late) * 99 // 100] <= LATEST, late[-10:]
    chaos.findings.append(Finding("kill -9 one of 2 beats with a schedule due", kills, 0, 0, 0, 0, late[-1]))


@pytest.mark.chaos
def test_both_beats_killed_at_once_lose_and_double_no_occurrence(chaos: Chaos, tmp_path: Path) -> None:
    count, kills = 20, 5
    beats = Beats(chaos, tmp_path)
    first = begin(chaos, count)
    for _ in range(kills):
        time.sleep(chaos.random.uniform(1.0, 5.0))  # at any moment
        beats.kill(0, 1)
    late = judge(chaos, first, count)
    assert late[-1] <= PUNCTUAL.total_seconds()
    chaos.findings.append(Finding("kill -9 both beats with a schedule due", kills, 0, 0, 0, 0, late[-1]))
