"""Messages in doubt resolve by themselves, with a real worker and beat, and the gateway's ledger as the judge."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from broadcaster.simulator import FaultPlan, Simulator, parse_fault
from tests.support.cli import RunCli, assert_done
from tests.support.stack import running_stack, wait_for

FAULTS = ("kind=drop_after_accept,nth=5,count=1", "kind=drop_before_accept,nth=9,count=1")
HURRY = {"BROADCASTER_DOUBT_SETTLE_SECONDS": "1", "BROADCASTER_DOUBT_POLL_SECONDS": "0.5"}


def test_a_lost_reply_and_a_lost_request_end_as_one_message_each(
    run_cli: RunCli, simulator: Simulator, tmp_path: Path, environ: dict[str, str]
) -> None:
    assert_done(run_cli("instance", "add", "a", "--key", "k", "--rate", "unlimited", "--base-url", simulator.base_url))
    simulator.gateway.faults = FaultPlan([parse_fault(fault) for fault in FAULTS])
    arguments = ("--instance", "a", "--recipients", "-", "--text", "Hi")
    rows = "".join(f"62812{n:07d}\n" for n in range(20))
    assert_done(run_cli("campaign", "submit", "c", *arguments, stdin=f"phone\n{rows}"))

    def state() -> str:
        return str(run_cli("campaign", "show", "c", "--json").json["state"])

    with running_stack(tmp_path, {**environ, **HURRY}) as stack:
        stack.start("worker")
        stack.start("beat")
        wait_for(lambda: state() == "finished", "every message to be final", timeout=60)

    assert run_cli("campaign", "show", "c", "--json").json["sent"] == 20
    accepted = Counter(entry.phone for entry in simulator.ledger.entries if entry.accepted)
    assert sorted(accepted.values()) == [1] * 20
