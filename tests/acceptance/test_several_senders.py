"""Several instances of a campaign while it is sent: one goes down, is well again, retires. The ledger judges."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from broadcaster.simulator import InstanceConfig, Simulator, SimulatorConfig, background, parse_fault
from broadcaster.simulator.fault_plan import FaultPlan
from tests.support.cli import RunCli, assert_done, assert_refused
from tests.support.stack import Role, Stack, running_stack, wait_for

INSTANCES = ("a", "b", "c")
RATE = 25
SOON = {"BROADCASTER_DOUBT_SETTLE_SECONDS": "1", "BROADCASTER_DOUBT_POLL_SECONDS": "1"}
DOWN = "kind=not_running,instance=b"
OPTIONS = ("--recipients", "-", "--text", "Hi")


@pytest.fixture
def gateway() -> Iterator[Simulator]:
    instances = tuple(InstanceConfig(name=name, key=f"key-{name}") for name in INSTANCES)
    with background(SimulatorConfig(instances=instances)) as running:
        yield running


@pytest.fixture
def stack(run_cli: RunCli, gateway: Simulator, tmp_path: Path, environ: dict[str, str]) -> Iterator[Stack]:
    for name in INSTANCES:
        options = ("--base-url", gateway.base_url, "--rate", f"{RATE}/s", "--max-in-flight", "8")
        assert_done(run_cli("instance", "add", name, "--key-stdin", *options, stdin=f"key-{name}"))
    with running_stack(tmp_path, environ) as running:
        yield running


@pytest.fixture
def workers(stack: Stack) -> list[Role]:
    """Two, and a beat."""
    started = [stack.start("worker", **SOON) for _ in range(2)]
    stack.start("beat", **SOON)
    return started


def people(count: int, first: int = 0) -> str:
    return "phone\n" + "".join(f"62812{n:07d}\n" for n in range(first, first + count))


def submit(run_cli: RunCli, name: str, recipients: str, *options: str) -> str:
    """A campaign over those of the options, or over all instances; returns what the command says."""
    through = () if "--instance" in options else [each for one in INSTANCES for each in ("--instance", one)]
    done = run_cli("campaign", "submit", name, *through, *OPTIONS, *options, stdin=recipients)
    assert done.code == 0, done.stderr
    return done.stdout


def sql(engine: Engine, statement: str) -> list[tuple[Any, ...]]:
    with engine.begin() as connection:
        return [tuple(row) for row in connection.execute(text(statement))]


def accepted(gateway: Simulator) -> Counter[str]:
    return Counter(entry.phone for entry in gateway.ledger.entries if entry.accepted)


def accepted_by(gateway: Simulator, instance: str) -> int:
    return sum(entry.accepted and entry.instance == instance for entry in gateway.ledger.entries)


def wait_for_end(run_cli: RunCli, engine: Engine, name: str, count: int) -> dict[str, Any]:
    """Wait until the campaign is finished with all of them sent; returns what `campaign report` says."""
    found = f"SELECT FROM campaigns WHERE name = '{name}' AND state = 'finished'"
    wait_for(lambda: sql(engine, found) != [], f"{name} to be finished", timeout=90)
    report: dict[str, Any] = assert_done(run_cli("campaign", "report", name, "--json")).json
    assert (report["total"], report["sent"]) == (count, count)
    assert sum(lane["sent"] for lane in report["lanes"]) == count
    return report


def test_others_send_what_one_cannot_each_once_through_a_kill_and_it_gets_its_part_back(
    run_cli: RunCli, gateway: Simulator, stack: Stack, workers: list[Role], engine: Engine
) -> None:
    assert "failover after 2s" in submit(run_cli, "x", people(400), "--failover-after", "2s")
    wait_for(lambda: accepted(gateway).total() >= 100, "the first messages")
    gateway.gateway.faults = FaultPlan([parse_fault(DOWN)])
    wait_for(lambda: sql(engine, "SELECT FROM lane_moves") != [], "the failover", timeout=60)
    shown = run_cli("campaign", "show", "x")
    assert "failover: what instance b has of campaign x goes through the others since " in shown.stdout
    checks = {each["check"]: each for each in run_cli("doctor", "--json").json["checks"]}
    assert checks["failovers"]["detail"].startswith("others send what b has of campaign x since ")
    workers[0].kill()
    stack.start("worker", **SOON)

    report = wait_for_end(run_cli, engine, "x", 400)
    assert set(accepted(gateway).values()) == {1}
    assert len(accepted(gateway)) == 400
    moves = {(each["from_instance"], each["to_instance"], each["reason"]) for each in report["moves"]}
    assert {("b", "a", "failover"), ("b", "c", "failover")} <= moves
    assert [lane["sent"] for lane in report["lanes"] if lane["instance"] == "b"] == [accepted_by(gateway, "b")]
    told = run_cli("instance", "show", "b", "--json").json["moves"]
    assert sum(each["messages"] for each in told) == sum(each["messages"] for each in report["moves"])
    assert "it was in trouble" in run_cli("campaign", "report", "x").stdout

    # It is down when the next one starts, and well again in its middle.
    before = accepted_by(gateway, "b")
    submit(run_cli, "y", people(900, 1000), "--failover-after", "1s")
    wait_for(lambda: sql(engine, "SELECT FROM failovers WHERE campaign_id = 2") != [], "its failover")
    assert accepted_by(gateway, "b") == before
    gateway.gateway.faults = FaultPlan([])
    wait_for(lambda: sql(engine, "SELECT FROM lane_moves WHERE reason = 'back'") != [], "its return", timeout=60)
    wait_for_end(run_cli, engine, "y", 900)
    assert set(accepted(gateway).values()) == {1}
    assert accepted_by(gateway, "b") > before + 10
    checks = {each["check"]: each for each in run_cli("doctor", "--json").json["checks"]}
    assert checks["failovers"]["level"] == "ok"


@pytest.mark.usefixtures("workers")
def test_an_instance_that_retires_gives_what_it_has_to_others(
    run_cli: RunCli, gateway: Simulator, engine: Engine
) -> None:
    submit(run_cli, "x", people(400), "--instance", "a=1", "--instance", "b=3")
    submit(run_cli, "alone", people(5, 1000), "--instance", "b", "--draft")
    assert_refused(run_cli("instance", "retire", "b", "--yes"), "campaign 'alone'", "--to NAME", "nothing was changed")
    wait_for(lambda: accepted_by(gateway, "b") >= 20, "the first messages")
    tried = assert_done(run_cli("instance", "retire", "b", "--to", "c", "--dry-run", "--json")).json
    [running] = [each for each in tried["campaigns"] if each["campaign"] == "x"]
    assert list(running["takers"]) == ["c"]
    assert running["seconds_before"] > 2
    assert running["seconds_after"] > 2
    assert "instance b is as it was" in run_cli("instance", "retire", "b", "--to", "c", "--dry-run").stdout
    assert_refused(run_cli("instance", "retire", "b", "--to", "c"), "--yes", "--dry-run", code=2)
    assert sql(engine, "SELECT count(*) FROM lane_moves") == [(0,)]

    assert (
        "instance b is retired; moved: "
        in assert_done(run_cli("instance", "retire", "b", "--to", "c", "--yes")).stdout
    )
    wait_for(lambda: sql(engine, "SELECT FROM messages WHERE state = 'sending' AND lane_id = 2") == [], "what left")
    sent = accepted_by(gateway, "b")
    refused = run_cli("campaign", "submit", "y", "--instance", "b", *OPTIONS, stdin=people(1))
    assert_refused(refused, "instance 'b' is retired", "broadcaster instance resume b")
    report = wait_for_end(run_cli, engine, "x", 400)
    assert accepted_by(gateway, "b") == sent
    assert {(each["from_instance"], each["reason"]) for each in report["moves"]} == {("b", "retired")}
    assert_done(run_cli("campaign", "start", "alone"))
    wait_for_end(run_cli, engine, "alone", 5)
    assert set(accepted(gateway).values()) == {1}
    assert "retired by an operator" in run_cli("instance", "show", "b").stdout

    assert_done(run_cli("instance", "resume", "b"))
    submit(run_cli, "y", people(3, 2000), "--instance", "b")
    wait_for_end(run_cli, engine, "y", 3)
    assert accepted_by(gateway, "b") == sent + 3


@pytest.mark.usefixtures("workers")
def test_people_keep_their_instance_from_one_campaign_to_the_next(
    run_cli: RunCli, gateway: Simulator, engine: Engine
) -> None:
    submit(run_cli, "first", people(40))
    wait_for_end(run_cli, engine, "first", 40)
    through = {entry.phone: entry.instance for entry in gateway.ledger.entries if entry.accepted}
    counts = Counter(through.values())
    told = ", ".join(f"{name} {counts[name]}" for name in INSTANCES)
    tried = submit(run_cli, "second", people(50), "--sticky", "--dry-run")
    assert f"people who keep the instance that talked to them last: {told}" in tried
    assert told in submit(run_cli, "second", people(50), "--sticky")
    wait_for_end(run_cli, engine, "second", 50)
    again = [entry for entry in gateway.ledger.entries if entry.accepted][40:]
    assert all(entry.instance == through.get(entry.phone, entry.instance) for entry in again)
    assert "people keep their instance" in run_cli("campaign", "show", "second").stdout
