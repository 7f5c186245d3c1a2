"""The main job through the real command line: real processes, a gateway with faults, and its ledger as the judge."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from broadcaster.domain.pacing import worst_excess
from broadcaster.simulator import InstanceConfig, Simulator, SimulatorConfig, background, parse_fault
from broadcaster.simulator.fault_plan import FaultPlan
from tests.support.cli import RunCli
from tests.support.stack import Stack, running_stack, wait_for

RECIPIENTS = 2_000
LIMITS = {"a": ("200/s", 20), "b": ("100/s", 10), "c": ("60/s", 6), "d": ("40/s", 4), "e": ("25/s", 2)}
UNUSABLE = {f"62812{n:07d}" for n in range(0, RECIPIENTS, 100)}
FAULTS = [
    *(f"kind=invalid_number,phone={phone}" for phone in sorted(UNUSABLE)),
    "kind=http_429,probability=0.004,retry_after=1",
    "kind=http_503,probability=0.002,retry_after=1",
    "kind=not_running,nth=40,instance=b",
    "kind=http_500_after_accept,probability=0.01",
    "kind=drop_after_accept,probability=0.01",
    "kind=drop_before_accept,probability=0.01",
    "kind=html,probability=0.005",
    "kind=latency,probability=0.05,seconds=0.2",
]


@pytest.fixture
def gateway() -> Iterator[Simulator]:
    instances = tuple(InstanceConfig(name=name, key=f"key-{name}", shape="rotate") for name in LIMITS)
    with background(SimulatorConfig(instances=instances)) as running:
        yield running


@pytest.fixture
def stack(tmp_path: Path, environ: dict[str, str]) -> Iterator[Stack]:
    with running_stack(tmp_path, environ) as running:
        yield running


def write_recipients(path: Path, count: int) -> Path:
    path.write_text("phone,name\n" + "".join(f"+62 812-{n:07d},Name {n}\n" for n in range(count)))
    return path


def still_open(run_cli: RunCli, name: str) -> int:
    """Messages of the campaign on which workers still have something to do."""
    shown = run_cli("campaign", "show", name, "--json").json
    return int(shown["pending"] + shown["sending"])


def test_two_thousand_recipients_over_five_instances_with_faults_each_get_at_most_one(
    run_cli: RunCli, gateway: Simulator, stack: Stack, engine: Engine, tmp_path: Path
) -> None:
    for name, (rate, burst) in LIMITS.items():
        options = ("--base-url", gateway.base_url, "--rate", rate, "--burst", str(burst), "--max-in-flight", "8")
        assert run_cli("instance", "add", name, "--key-stdin", *options, stdin=f"key-{name}").code == 0
    gateway.gateway.faults = FaultPlan([parse_fault(fault) for fault in FAULTS], seed=7)
    for _ in range(2):
        stack.start("worker")
        stack.start("beat")
    recipients = write_recipients(tmp_path / "recipients.csv", RECIPIENTS)
    chosen = [option for name in LIMITS for option in ("--instance", name)]
    submitted = run_cli(
        "campaign", "submit", "launch", *chosen, "--recipients", recipients, "--text", "Hi {{ name }}", "--json"
    )
    assert submitted.code == 0, submitted.stderr

    wait_for(lambda: still_open(run_cli, "launch") == 0, "the campaign", timeout=120)

    shown = run_cli("campaign", "show", "launch", "--json").json
    assert shown["total"] == RECIPIENTS
    assert shown["total"] == sum(shown[state] for state in ("sent", "failed", "in_doubt"))
    assert shown["failed"] == len(UNUSABLE)
    assert 0 < shown["in_doubt"] < RECIPIENTS / 10

    with engine.begin() as connection:
        states = {row.phone: row.state for row in connection.execute(text("SELECT phone, state FROM messages"))}
    assert_ledger_agrees(gateway, states)
    assert_limits_held(gateway)


def assert_ledger_agrees(gateway: Simulator, states: Mapping[str, str]) -> None:
    """Recipient by recipient: never twice, never lost."""
    accepted = Counter(entry.phone for entry in gateway.ledger.entries if entry.accepted)
    bodies = {entry.phone: entry.body for entry in gateway.ledger.entries if entry.accepted}
    assert max(accepted.values()) == 1
    by_state = defaultdict(set)
    for phone, state in states.items():
        by_state[state].add(phone)
    assert by_state["failed"] == UNUSABLE
    assert by_state["sent"] <= set(accepted)
    assert set(accepted) - by_state["sent"] <= by_state["in_doubt"]
    assert all(body == f"Hi Name {int(phone[5:])}" for phone, body in bodies.items())


def assert_limits_held(gateway: Simulator) -> None:
    """Invariant I5 at the gateway, for every instance and every window."""
    moments = defaultdict(list)
    for entry in gateway.ledger.entries:
        if entry.accepted:
            moments[entry.instance].append(entry.monotonic_ns / 1e9)
    for name, (rate, burst) in LIMITS.items():
        assert worst_excess(sorted(moments[name]), float(rate.removesuffix("/s")), burst) <= 1e-6, name


def test_pause_and_cancel_hold_all_but_what_is_in_flight_and_resume_sends_again(
    run_cli: RunCli, gateway: Simulator, stack: Stack, tmp_path: Path
) -> None:
    assert (
        run_cli(
            "instance",
            "add",
            "a",
            "--key-stdin",
            "--base-url",
            gateway.base_url,
            "--rate",
            "50/s",
            "--max-in-flight",
            "4",
            stdin="key-a",
        ).code
        == 0
    )
    stack.start("worker")
    stack.start("beat")
    recipients = write_recipients(tmp_path / "recipients.csv", 1_000)
    assert run_cli("campaign", "submit", "c", "--instance", "a", "--recipients", recipients, "--text", "Hi").code == 0
    wait_for(lambda: len(gateway.ledger.entries) >= 50, "the first messages")

    assert run_cli("campaign", "pause", "c").code == 0
    seen = len(gateway.ledger.entries)
    paused = run_cli("campaign", "show", "c", "--json").json
    assert paused["state"] == "paused"
    assert len(gateway.ledger.entries) <= seen + 4

    assert run_cli("campaign", "resume", "c").code == 0
    wait_for(lambda: len(gateway.ledger.entries) >= seen + 30, "sending again")

    assert run_cli("campaign", "cancel", "c", "--yes").code == 0
    seen = len(gateway.ledger.entries)
    wait_for(lambda: still_open(run_cli, "c") == 0, "the requests in flight")
    assert len(gateway.ledger.entries) <= seen + 4
    cancelled = run_cli("campaign", "show", "c", "--json").json
    assert cancelled["state"] == "cancelled"
    assert cancelled["sent"] == len(gateway.ledger.entries)
    assert cancelled["sent"] + cancelled["cancelled"] == 1_000


def test_a_worker_that_is_told_to_stop_finishes_what_is_in_flight_and_gives_the_rest_back(
    run_cli: RunCli, gateway: Simulator, stack: Stack, tmp_path: Path
) -> None:
    assert (
        run_cli(
            "instance",
            "add",
            "a",
            "--key-stdin",
            "--base-url",
            gateway.base_url,
            "--max-in-flight",
            "8",
            "--rate",
            "unlimited",
            stdin="key-a",
        ).code
        == 0
    )
    gateway.gateway.faults = FaultPlan([parse_fault("kind=latency,seconds=0.3")])
    stack.start("beat")
    worker = stack.start("worker")
    recipients = write_recipients(tmp_path / "recipients.csv", 500)
    assert run_cli("campaign", "submit", "c", "--instance", "a", "--recipients", recipients, "--text", "Hi").code == 0
    wait_for(lambda: len(gateway.ledger.entries) >= 30, "the first messages")

    assert worker.stop() == 0

    shown = run_cli("campaign", "show", "c", "--json").json
    assert shown["sending"] == shown["in_doubt"] == 0
    assert shown["sent"] == len(gateway.ledger.entries)
    gateway.gateway.faults = FaultPlan()
    stack.start("worker")
    wait_for(lambda: still_open(run_cli, "c") == 0, "the rest")
    assert run_cli("campaign", "show", "c", "--json").json["sent"] == 500
    assert max(Counter(entry.phone for entry in gateway.ledger.entries).values()) == 1
