"""Canaries, limits that stop by themselves, and who is left out: commands, two workers, and the gateway's ledger."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from broadcaster.simulator import Simulator, SimulatorConfig, background, parse_fault
from broadcaster.simulator.fault_plan import FaultPlan
from tests.support.cli import RunCli, add_fast_instances, assert_done
from tests.support.people import person_writes
from tests.support.stack import Stack, running_stack, wait_for

RECIPIENTS = 400
AFTER = 3
"""Seconds between a slice and the next one."""
OPTIONS = ("--instance", "a", "--recipients", "-", "--text", "Hi")
REFUSED = 'kind=reply,count=30,body={"sent":false,"message":"number is not registered on WhatsApp"}'


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with background(SimulatorConfig(shape="serialized")) as running:
        yield running


@pytest.fixture
def stack(
    run_cli: RunCli, simulator: Simulator, tmp_path: Path, environ: dict[str, str], engine: Engine
) -> Iterator[Stack]:
    """Two workers, and two instances at 100 a second each."""
    add_fast_instances(run_cli, simulator.base_url, "a", "b")
    with running_stack(tmp_path, environ) as running:
        running.start("worker")
        running.start("worker")
        running.start("beat")
        yield running


def phone(n: int) -> str:
    return f"62812{n:07d}"


def people(count: int, first: int = 0) -> str:
    return "phone\n" + "".join(f"{phone(n)}\n" for n in range(first, first + count))


def sql(engine: Engine, statement: str) -> list[tuple[Any, ...]]:
    with engine.begin() as connection:
        return [tuple(row) for row in connection.execute(text(statement))]


def wait_for_state(engine: Engine, name: str, state: str) -> None:
    found = f"SELECT FROM campaigns WHERE name = '{name}' AND state = '{state}'"
    wait_for(lambda: sql(engine, found) != [], f"{name} to be {state}", timeout=90)


@pytest.mark.usefixtures("stack")
def test_a_canary_opens_slice_by_slice_and_stops_where_it_does_not_hold(
    run_cli: RunCli, engine: Engine, simulator: Simulator
) -> None:
    canary = (*OPTIONS, "--instance", "b", "--canary", "5%,25%", "--after", f"{AFTER}s")
    assert "canary of 5%, 25%" in assert_done(run_cli("campaign", "submit", "c", *canary, stdin=people(400))).stdout
    wait_for(lambda: simulator.ledger.accepted() > 0, "the first slice", timeout=60)
    wait_for(lambda: "slice 1 of 3, up to 5%" in run_cli("campaign", "show", "c").stdout, "the slice to be shown")
    wait_for_state(engine, "c", "finished")

    slices: list[list[float]] = [[], [], []]
    for entry in simulator.ledger.entries:
        if entry.accepted:
            [(number,)] = sql(
                engine,
                "SELECT width_bucket(canary_turn(seq), ARRAY[0.05, 0.25]::float8[]) FROM messages"
                f" WHERE phone = '{entry.phone}'",
            )
            slices[number].append(entry.time_ns / 1e9)
    assert sum(map(len, slices)) == RECIPIENTS
    for before, following in pairwise(slices):
        assert min(following) >= max(before) + AFTER, "nothing of a slice is accepted before it opens"

    simulator.gateway.faults = FaultPlan([parse_fault(REFUSED)])
    held = ("--stop-above", "failures=20%", "--stop-from", "10")
    assert_done(run_cli("campaign", "submit", "d", *canary, *held, stdin=people(400, 1000)))
    wait_for_state(engine, "d", "paused")
    wait_for(lambda: sql(engine, "SELECT FROM messages WHERE state = 'sending'") == [], "what was in flight")
    shown = assert_done(run_cli("campaign", "show", "d", "--json")).json
    assert (shown["open_slices"], shown["sent"], shown["pending"]) == (1, 0, RECIPIENTS - shown["failed"])
    assert shown["failed"] <= len(slices[0]), "nobody but the first slice"
    figures = re.fullmatch(
        r"stopped by its own limit: (failed: (\d+) of \2 \(100%\), above 20%)", shown["state_reason"]
    )
    assert figures is not None
    for command in (("status",), ("campaign", "show", "d"), ("campaign", "report", "d")):
        assert figures[1] in run_cli(*command).stdout
    assert "has paused itself" in run_cli("status").stdout
    assert "campaign resume d" in run_cli("campaign", "show", "d").stdout
    entries = run_cli("audit", "--object", "campaign", "d", "--json").json
    assert [each["operator"] for each in entries][-1] == "broadcaster"
    simulator.gateway.faults = FaultPlan([])
    assert_done(run_cli("campaign", "resume", "d"))
    wait_for_state(engine, "d", "finished")
    assert run_cli("campaign", "show", "d", "--json").json["sent"] == RECIPIENTS - shown["failed"]


@pytest.mark.usefixtures("stack")
def test_opt_outs_stop_a_campaign_and_who_never_answers_or_is_not_known_is_left_out(
    run_cli: RunCli, engine: Engine, simulator: Simulator
) -> None:
    assert_done(run_cli("instance", "set", "a", "--read-replies", "5s", "--rate", "20/s"))
    assert_done(run_cli("instance", "check", "a"))
    [instance] = {entry.instance for entry in simulator.ledger.entries}
    person_writes(simulator.base_url, instance, phone(9_999), "before anything was read")
    wait_for(lambda: sql(engine, "SELECT since FROM inboxes") not in ([], [(None,)]), "the first reading", timeout=60)
    stops = ("--stop-above", "optouts=2%", "--stop-from", "20")
    assert_done(run_cli("campaign", "submit", "c", *OPTIONS, *stops, stdin=people(RECIPIENTS)))
    wait_for(lambda: simulator.ledger.accepted() >= 20, "the first messages", timeout=60)
    wrote = [entry.phone for entry in simulator.ledger.entries if entry.accepted][:20]
    for each in wrote:
        person_writes(simulator.base_url, instance, each, "STOP")
    wait_for_state(engine, "c", "paused")
    shown = run_cli("campaign", "show", "c", "--json").json
    assert shown["pending"] > 0
    assert shown["state_reason"].startswith("stopped by its own limit: opted out: ")
    assert run_cli("status").stdout.count("opted out: ") == 1
    wait_for(lambda: sql(engine, "SELECT count(*) FROM opt_outs") == [(20,)], "every STOP to be read", timeout=60)
    assert_done(run_cli("campaign", "cancel", "c", "--yes"))

    late = "SELECT FROM messages WHERE state = 'sending' OR (state = 'sent' AND changed_at > now() - interval '1 s')"
    wait_for(lambda: sql(engine, late) == [], "the time in which an answer counts as none")
    shown = run_cli("campaign", "show", "c", "--json").json
    silent = shown["sent"] - 20
    options = ("--max-unanswered", "1", "--after", "1s")
    dry = assert_done(run_cli("campaign", "submit", "d", *OPTIONS, *options, "--dry-run", "--json", stdin=people(400)))
    assert (dry.json["unanswered"], dry.json["opted_out"]) == (silent, 20)
    assert_done(run_cli("campaign", "submit", "d", *OPTIONS, *options, stdin=people(shown["sent"] + 5)))
    wait_for_state(engine, "d", "finished")
    reasons = {
        each["reason"]: each["messages"] for each in run_cli("campaign", "report", "d", "--json").json["failures"]
    }
    assert reasons == {"unanswered": silent, "opted_out": 20}
    assert run_cli("campaign", "show", "d", "--json").json["sent"] == 5

    person_writes(simulator.base_url, instance, phone(5_000), "who are you?")
    wait_for(
        lambda: sql(engine, f"SELECT FROM known_phones WHERE phone = '{phone(5_000)}'") != [], "the word", timeout=60
    )
    strangers = (*OPTIONS, "--only-known")
    submitted = assert_done(run_cli("campaign", "submit", "e", *strangers, "--json", stdin=people(10, 4_995)))
    assert submitted.json["not_known"] == 9
    wait_for_state(engine, "e", "finished")
    assert run_cli("campaign", "show", "e", "--json").json["sent"] == 1
    assert_done(run_cli("audience", "sync", "contacts", "--instance", "a"))
    dry = assert_done(run_cli("campaign", "submit", "f", *strangers, "--dry-run", "--json", stdin=people(400)))
    assert dry.json["not_known"] == 400 - shown["sent"] - 5, "the gateway lists whom it has a chat with"
