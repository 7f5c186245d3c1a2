"""A campaign that is changed in the middle of its run, with the gateway's ledger as the judge."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from broadcaster.simulator import InstanceConfig, Simulator, SimulatorConfig, background, parse_fault
from broadcaster.simulator.fault_plan import FaultPlan
from tests.support.cli import RunCli, assert_done
from tests.support.stack import Stack, running_stack, wait_for

RECIPIENTS = 800
INSTANCES = ("a", "b", "c")
FAULTS = (
    "kind=latency,seconds=0.05,endpoint=/wa/send",  # so that something is in flight at any moment
    "kind=drop_after_accept,probability=0.02,endpoint=/wa/send",  # doubts, read back after the change
    # What comes back is sent with the new text. Not through `a`: what it left open is soon proved to be absent only
    # where it sends on.
    *(f"kind=http_503,instance={each},probability=0.02,retry_after=1,endpoint=/wa/send" for each in "bc"),
)
SOON = {"BROADCASTER_DOUBT_SETTLE_SECONDS": "1", "BROADCASTER_DOUBT_POLL_SECONDS": "1"}
TEXTS = {"1": "Old", "2": "New"}


@pytest.fixture
def gateway() -> Iterator[Simulator]:
    with background(
        SimulatorConfig(instances=tuple(InstanceConfig(name=name, key=f"key-{name}") for name in INSTANCES))
    ) as running:
        running.gateway.faults = FaultPlan([parse_fault(fault) for fault in FAULTS], seed=7)
        yield running


@pytest.fixture
def stack(tmp_path: Path, environ: dict[str, str]) -> Iterator[Stack]:
    with running_stack(tmp_path, environ) as running:
        yield running


def test_each_gets_the_old_or_the_new_text_once_and_the_export_says_which(
    run_cli: RunCli, gateway: Simulator, stack: Stack, engine: Engine, tmp_path: Path
) -> None:
    for name in INSTANCES:
        options = ("--base-url", gateway.base_url, "--rate", "unlimited", "--max-in-flight", "8")
        assert_done(run_cli("instance", "add", name, "--key-stdin", *options, stdin=f"key-{name}"))
    for role in ("worker", "worker", "beat"):
        stack.start(role, **SOON)
    people = tmp_path / "people.csv"
    people.write_text("phone,name\n" + "".join(f"+62 812-{n:07d},N{n}\n" for n in range(RECIPIENTS)))
    chosen = ("--instance", "a", "--instance", "b", "--recipients", people)
    assert run_cli("campaign", "submit", "c", *chosen, "--text", "Old {{ name }}").code == 0
    wait_for(lambda: len(gateway.ledger.entries) >= RECIPIENTS / 5, "the first messages")

    assert_done(run_cli("campaign", "pause", "c"))
    changed = run_cli(
        "campaign", "set", "c", "--text", "New {{ name }}", "--instance", "b", "--instance", "c", "--json"
    )
    assert assert_done(changed).json["content_version"] == 2
    with engine.begin() as connection:
        found = connection.execute(text("SELECT phone, lane_id, state FROM messages WHERE content_version = 1")).all()
        [retired] = connection.scalars(text("SELECT id FROM instances WHERE name = 'a'"))
    claimed_before = {phone for phone, _, _ in found}
    through_a = {phone for phone, lane, _ in found if lane == retired}
    assert 0 < len(claimed_before) < RECIPIENTS
    assert_done(run_cli("campaign", "resume", "c"))

    def shown() -> str:
        return str(run_cli("campaign", "show", "c", "--json").json["state"])

    wait_for(lambda: shown() == "finished", "the end", 180)
    entries = [entry for entry in gateway.ledger.entries if entry.accepted]
    accepted = Counter(entry.phone for entry in entries)
    assert (len(accepted), set(accepted.values())) == (RECIPIENTS, {1}), "nobody is lost, nobody doubled"
    exported = assert_done(run_cli("campaign", "export", "c")).stdout
    versions = {row["phone"]: row["content_version"] for row in csv.DictReader(io.StringIO(exported))}
    got = {entry.phone: entry.body for entry in entries}
    assert got == {phone: f"{TEXTS[version]} N{int(phone[5:])}" for phone, version in versions.items()}
    old = {phone for phone, body in got.items() if body.startswith("Old")}
    assert old <= claimed_before, "what was claimed after the change is sent with the new text"
    assert {entry.phone for entry in entries if entry.instance == "a"} <= through_a
    assert any(entry.instance == "c" for entry in entries)
    report = assert_done(run_cli("campaign", "report", "c", "--json")).json
    assert [each["sent"] for each in report["contents"]] == [len(old), RECIPIENTS - len(old)]
    with engine.begin() as connection:
        read_back = "SELECT count(*) FROM doubts WHERE resolved_as = 'found'"
        assert connection.scalar(text(read_back)) > 0, "also what was read back after the change, by the old text"
