"""A new version takes over while the old one is sending. A row of docs/reliability.md."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pytest
from sqlalchemy import text

from tests.support.chaos import Chaos
from tests.support.cli import command
from tests.support.next_version import COLUMNS, INDEX, copy_next_version
from tests.support.stack import Role, wait_for


def refusal(worker: Role) -> str:
    """What a worker that does not start says."""
    wait_for(lambda: worker.process.poll() is not None, "the refusal")
    assert worker.process.returncode == 1
    return worker.log.read_text()


@pytest.mark.chaos
def test_old_and_new_workers_side_by_side_during_a_migration_lose_and_double_nothing(
    chaos: Chaos, tmp_path: Path
) -> None:
    path = tmp_path / "next"
    copy_next_version(path)
    new = {"PYTHONPATH": str(path)}
    chaos.begin(6000)
    said = refusal(chaos.stack.start("worker", ready=False, **new))
    assert said.startswith("error: the database schema is at ")
    assert said.endswith(f"this version wants {INDEX}: run `broadcaster db upgrade`\n")

    with chaos.shop.engine.begin() as reader:
        reader.execute(text("SELECT count(*) FROM messages"))
        upgrade = subprocess.Popen(
            command("db", "upgrade"), env={**chaos.environ, **new}, cwd=tmp_path, stdout=subprocess.PIPE, text=True
        )
        # It does not get its locks, and what is being sent goes on.
        time.sleep(2)  # several tries of its own
        for _ in range(2):
            chaos.wait_accepted(100, timeout=5)
        assert upgrade.poll() is None
    assert upgrade.communicate(timeout=60) == (f"upgraded: {COLUMNS}, {INDEX}\n", None)
    assert chaos.recovered(time.monotonic()) <= 2

    said = refusal(chaos.stack.start("worker", ready=False))
    assert said.startswith(f"error: the database schema is at {INDEX}, which this version (")
    assert said.count("\n") == 1
    old_workers, old_beats = chaos.workers, chaos.beats
    chaos.workers = chaos.start_workers(2, **new)
    chaos.beats = [chaos.stack.start("beat", **new)]
    for role in (*old_workers, *old_beats):
        chaos.wait_accepted(100)
        assert role.stop() == 0
    chaos.recovered(time.monotonic())
    assert chaos.unsent()
    chaos.finish("old and new workers side by side during a migration", most_in_doubt=0)
