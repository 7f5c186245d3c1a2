"""A worker that is asked to stop while it sends: what is in flight finishes, everything else is given back."""

from __future__ import annotations

import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from broadcaster.services.campaigns.campaign_reports import campaign_summary
from broadcaster.simulator import Simulator
from broadcaster.simulator.fault_plan import FaultPlan, FaultRule
from tests.support.cli import RunCli
from tests.support.stack import Stack, running_stack, wait_for

PHONES = [f"1202555{n:04d}" for n in range(100, 200)]
LATENCY = 2.0
REQUEST_TIMEOUT = 30.0


@pytest.fixture
def stack(tmp_path: Path, environ: dict[str, str]) -> Iterator[Stack]:
    environ["BROADCASTER_REQUEST_TIMEOUT_SECONDS"] = str(REQUEST_TIMEOUT)
    with running_stack(tmp_path, environ) as running:
        yield running


@pytest.mark.parametrize(
    "signals", [[signal.SIGTERM], [signal.SIGTERM, signal.SIGTERM], [signal.SIGINT, signal.SIGINT]]
)
def test_a_stopped_worker_finishes_what_is_in_flight_and_gives_the_rest_back(
    run_cli: RunCli,
    simulator: Simulator,
    stack: Stack,
    engine: Engine,
    tmp_path: Path,
    signals: list[signal.Signals],
) -> None:
    options = ("--key-stdin", "--base-url", simulator.base_url, "--rate", "unlimited", "--max-in-flight", "8")
    assert run_cli("instance", "add", "main", *options, stdin="a-key").code == 0
    simulator.gateway.faults = FaultPlan([FaultRule(kind="latency", seconds=LATENCY)])
    recipients = tmp_path / "recipients.csv"
    recipients.write_text("phone\n" + "".join(f"+{phone}\n" for phone in PHONES))
    arguments = ("--instance", "main", "--recipients", recipients, "--text", "Hi")
    assert run_cli("campaign", "submit", "news", *arguments).code == 0
    stack.start("beat")
    worker = stack.start("worker")
    wait_for(lambda: campaign_summary(engine, "news").sending == 8, "requests in flight")

    for signum in signals:
        worker.process.send_signal(signum)
    asked = time.monotonic()
    assert worker.process.wait(REQUEST_TIMEOUT + 5) == 0
    assert time.monotonic() - asked < REQUEST_TIMEOUT / 2

    after = campaign_summary(engine, "news")
    accepted = Counter(entry.phone for entry in simulator.ledger.entries if entry.accepted)
    assert max(accepted.values()) == 1
    assert after.sent == len(accepted)
    assert (after.sending, after.in_doubt) == (0, 0)
    assert after.pending == len(PHONES) - len(accepted) > 0

    simulator.gateway.faults = FaultPlan([])
    stack.start("worker")
    wait_for(lambda: campaign_summary(engine, "news").state == "finished", "the rest")
    assert Counter(entry.phone for entry in simulator.ledger.entries if entry.accepted) == Counter(PHONES)
