"""Caps over campaigns, with two workers of which one is killed: the gateway's ledger is the judge."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from broadcaster.simulator import Simulator, SimulatorConfig, background
from tests.support.cli import RunCli, add_fast_instances, assert_done
from tests.support.stack import Stack, running_stack, wait_for

PEOPLE, MOST, SPAN = 300, 2, 3600
ENDED = "SELECT count(*) FROM messages WHERE state IN ('sending', 'in_doubt') OR (state = 'pending' AND {due})"


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with background(SimulatorConfig(shape="serialized")) as running:
        yield running


@pytest.fixture
def stack(
    run_cli: RunCli, simulator: Simulator, tmp_path: Path, environ: dict[str, str], engine: Engine
) -> Iterator[Stack]:
    """Two instances at 100 a second each, and no worker yet."""
    add_fast_instances(run_cli, simulator.base_url, "a", "b")
    with running_stack(tmp_path, environ) as running:
        yield running


def sql(engine: Engine, statement: str) -> list[tuple[Any, ...]]:
    with engine.begin() as connection:
        return [tuple(row) for row in connection.execute(text(statement))]


def submit(run_cli: RunCli, name: str, instance: str, *options: str) -> None:
    people = "phone\n" + "".join(f"62812{n:07d}\n" for n in range(PEOPLE))
    arguments = ("--instance", instance, "--recipients", "-", "--text", f"Hi from {name}", *options)
    assert_done(run_cli("campaign", "submit", name, *arguments, stdin=people))


def test_nobody_gets_more_than_a_cap_allows_from_all_campaigns_though_a_worker_is_killed(
    run_cli: RunCli, engine: Engine, simulator: Simulator, stack: Stack
) -> None:
    assert_done(run_cli("limit", "person", f"{MOST}/h"))
    for name, instance in (("one", "a"), ("two", "b"), ("three", "a"), ("four", "b")):
        submit(run_cli, name, instance)
    killed = stack.start("worker")
    stack.start("worker")
    stack.start("beat")
    accepted = simulator.ledger
    wait_for(lambda: len(accepted.entries) > PEOPLE // 2, "some were accepted", timeout=60)
    killed.kill()
    waiting = ENDED.format(due="next_attempt_at <= now()")
    wait_for(lambda: sql(engine, waiting) == [(0,)], "nothing is due or under way", timeout=120)
    moments: dict[str, list[float]] = defaultdict(list)
    for entry in accepted.entries:
        if entry.accepted:
            moments[entry.phone].append(entry.time_ns / 1e9)
    for phone, each in moments.items():
        for first in each:
            assert sum(first <= other < first + SPAN for other in each) <= MOST, phone
    states = Counter(
        {str(state): n for state, n in sql(engine, "SELECT state::text, count(*) FROM messages GROUP BY 1")}
    )
    assert states["sent"] == sum(map(len, moments.values()))
    assert states["sent"] + states["unknown"] == PEOPLE * MOST
    assert states["pending"] == PEOPLE * 2
    assert_done(
        run_cli(
            "campaign",
            "submit",
            "outage",
            "--instance",
            "a",
            "--recipients",
            "-",
            "--text",
            "Down",
            "--beyond-caps",
            stdin="phone\n628120000000\n",
        )
    )
    wait_for(lambda: sql(engine, "SELECT state::text FROM campaigns WHERE name = 'outage'") == [("finished",)], "it")
    assert "beyond caps" in assert_done(run_cli("campaign", "show", "outage")).stdout
