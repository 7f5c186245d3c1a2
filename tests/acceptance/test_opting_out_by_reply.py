"""People who write while a campaign runs, workers that are killed, and the gateway's ledger as the judge."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from broadcaster.simulator import Simulator, SimulatorConfig, background
from tests.support.cli import RunCli, assert_done
from tests.support.people import person_writes
from tests.support.stack import running_stack, wait_for

POLL = 5.0
RECIPIENTS, RATE = 2_000, 100


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    """One that shows with each chat whose its latest message is."""
    with background(SimulatorConfig(shape="serialized")) as running:
        yield running


def phone(n: int) -> str:
    return f"62812{n:07d}"


def test_who_writes_a_word_in_a_running_campaign_gets_nothing_one_second_after_it_is_taken_in(
    run_cli: RunCli, engine: Engine, simulator: Simulator, tmp_path: Path, environ: dict[str, str]
) -> None:
    url = simulator.base_url
    assert_done(run_cli("instance", "add", "a", "--key", "k", "--rate", f"{RATE}/s", "--base-url", url))
    assert_done(run_cli("instance", "set", "a", "--read-replies", f"{POLL:g}s"))
    [instance] = _names(simulator, run_cli)
    person_writes(url, instance, phone(0), "before anything was read")
    written: Counter[tuple[str, str]] = Counter()

    def rows(statement: str) -> list[tuple[object, ...]]:
        with engine.begin() as connection:
            return [tuple(row) for row in connection.execute(text(statement))]

    def write(n: int, *bodies: str) -> None:
        person_writes(url, instance, phone(n), *bodies)
        written.update((phone(n), body) for body in bodies)

    with running_stack(tmp_path, environ) as stack:
        workers = [stack.start("worker"), stack.start("worker")]
        stack.start("beat")
        wait_for(lambda: rows("SELECT since FROM inboxes") not in ([], [(None,)]), "the first reading")
        people = "".join(f"{phone(n)}\n" for n in range(RECIPIENTS))
        options = ("--instance", "a", "--recipients", "-", "--text", "Hi")
        assert_done(run_cli("campaign", "submit", "c", *options, stdin=f"phone\n{people}"))
        wait_for(lambda: simulator.ledger.accepted() > RATE, "a second's worth")
        for n in range(RECIPIENTS - 10, RECIPIENTS):
            write(n, "STOP")
        for n in range(30):
            write(n, "hello", "are you there", "hello")
        workers[0].kill()
        stack.start("worker")
        wait_for(lambda: len(rows("SELECT FROM inbound_messages")) >= 50, "some of them to be read", timeout=60)
        workers[1].kill()
        finished = "SELECT FROM campaigns WHERE state = 'finished'"
        wait_for(lambda: rows(finished) != [], "every message to be final", timeout=120)
        for n in range(5):
            write(n, "thank you")
        wait_for(lambda: len(rows("SELECT FROM inbound_messages")) >= written.total(), "everything", timeout=60)

    stopped = dict(rows("SELECT phone, stopped_at FROM opt_outs"))
    assert len(stopped) == 10
    for entry in simulator.ledger.entries:
        moment = stopped.get(entry.phone)
        if entry.accepted and isinstance(moment, datetime):
            assert entry.time_ns / 1e9 <= moment.timestamp() + 1, entry
    skipped = rows("SELECT count(*) FROM messages WHERE state = 'skipped'")
    assert skipped == [(10,)], "they were at the end of the list"
    assert Counter(rows("SELECT phone, body FROM inbound_messages")) == written
    assert run_cli("campaign", "report", "c", "--json").json["answered"] == 30


def test_a_word_is_heard_within_a_poll_and_a_second(
    run_cli: RunCli, engine: Engine, simulator: Simulator, tmp_path: Path, environ: dict[str, str]
) -> None:
    url = simulator.base_url
    assert_done(run_cli("instance", "add", "a", "--key", "k", "--base-url", url))
    assert_done(run_cli("instance", "set", "a", "--read-replies", f"{POLL:g}s"))
    [instance] = _names(simulator, run_cli)
    took = []

    def stopped(n: int) -> list[datetime]:
        with engine.begin() as connection:
            found = connection.execute(
                text("SELECT stopped_at FROM opt_outs WHERE phone = :phone"), {"phone": phone(n)}
            )
            return list(found.scalars())

    with running_stack(tmp_path, environ) as stack:
        stack.start("worker")
        stack.start("beat")
        person_writes(url, instance, phone(99), "old")
        with engine.begin() as connection:
            wait_for(lambda: bool(connection.scalar(text("SELECT max(polls) > 1 FROM inboxes"))), "a reading")
        for n in range(4):
            person_writes(url, instance, phone(n), "STOP")
            wrote = next(each for each in reversed(simulator.ledger.entries) if each.phone == phone(n)).time_ns / 1e9
            wait_for(lambda n=n: stopped(n) != [], "the opt-out", timeout=30)  # type: ignore[misc]
            took.append(stopped(n)[0].timestamp() - wrote)
    assert max(took) <= POLL + 1, took


def _names(simulator: Simulator, run_cli: RunCli) -> list[str]:
    """What the gateway calls the instance."""
    assert_done(run_cli("instance", "check", "a"))
    return sorted({entry.instance for entry in simulator.ledger.entries})
