"""`broadcaster instance check --to`, with a worker, a beat and a simulated gateway."""

from __future__ import annotations

import os
import pty
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from broadcaster.simulator import InstanceConfig, Simulator, SimulatorConfig, background, parse_fault
from broadcaster.simulator.config import parse_listing
from broadcaster.simulator.fault_plan import FaultPlan
from tests.support.cli import RunCli, assert_done, assert_refused, command
from tests.support.commands import assert_runnable
from tests.support.stack import running_stack

PHONE, MEXICAN = "628123456789", "525512345678"
GATEWAYS = (
    InstanceConfig(name="plain", key="key-plain"),
    InstanceConfig(
        name="strange",
        key="key-strange",
        shape="status",
        listing=parse_listing("aliases=mexico,texts=drop_variation+strip_markup+escape_html+fold_space,lag=1"),
    ),
    InstanceConfig(name="blind", key="key-blind", shape="ok", listing=parse_listing("hides=everything")),
    InstanceConfig(name="timeless", key="key-timeless", shape="ok", listing=parse_listing("omits=times+ids")),
)


@pytest.fixture
def gateway(run_cli: RunCli) -> Iterator[Simulator]:
    """A gateway with four instances, which are added."""
    with background(SimulatorConfig(instances=GATEWAYS)) as running:
        for each in GATEWAYS:
            added = run_cli(
                "instance", "add", each.name, "--key", each.key, "--rate", "unlimited", "--base-url", running.base_url
            )
            assert_done(added)
        yield running


def fields(told: str) -> dict[str, str]:
    """The named values under each other."""
    pairs = (line.partition("  ") for line in told.splitlines())
    return {name: value.strip() for name, _, value in pairs if value}


def test_a_message_shows_what_a_gateway_makes_of_it(
    run_cli: RunCli, gateway: Simulator, environ: dict[str, str], tmp_path: Path, engine: Engine
) -> None:
    check = ("instance", "check")
    with running_stack(tmp_path, environ) as stack:
        stack.start("worker")
        stack.start("beat")
        plain = assert_done(run_cli(*check, "plain", "--to", "+62 812-3456-789"))
        strange = assert_done(run_cli(*check, "strange", "--to", MEXICAN, "--yes", "--json")).json
        blind = run_cli(*check, "blind", "--to", PHONE, "--timeout", "2")
        timeless = assert_done(run_cli(*check, "timeless", "--to", PHONE, "--json")).json
        gateway.gateway.faults = FaultPlan([parse_fault("kind=no_whatsapp,endpoint=/wa/send")])
        refused = run_cli(*check, "plain", "--to", PHONE, "--yes")
        gateway.gateway.faults = FaultPlan([parse_fault("kind=http_500_after_accept,endpoint=/wa/send")])
        unknown = run_cli(*check, "plain", "--to", PHONE)
        gateway.gateway.faults = FaultPlan([parse_fault("kind=drop_after_accept,endpoint=/wa/send")])
        silent = run_cli(*check, "plain", "--to", PHONE)
    told = fields(plain.stdout)
    [first] = [entry for entry in gateway.ledger.entries if entry.instance == "plain" and entry.accepted][:1]
    assert (first.phone, first.body.startswith("[TEST] ")) == (PHONE, True)
    assert [part for part in ("❤️", "“curly”", "*bold*", "ü", "<b>", "\n\n") if part not in first.body] == []
    assert '"sent":true' in told["reply"]
    assert told["read as"] == "taken: the message counts as sent"
    assert told["under number"] == PHONE
    assert told["under id"] == f"{first.gateway_id}: the one of the reply"
    assert told["text"] == "came back as it was sent"
    assert "proposal: take only true for a yes from now on. The gateway said yes by sent = true" in plain.stdout
    assert (
        'changed; if you agree: `echo \'{"yes_words": ["true"]}\' | broadcaster instance rules plain set -`'
        in plain.stdout
    )

    shown = strange["trial"]["shown"]
    assert (strange["passed"], strange["trial"]["outcome"]) == (True, "accepted")
    assert shown["forms"] == ["5215512345678"]
    assert 1 <= strange["trial"]["shown_after_seconds"] < 20
    assert {each["what"] for each in shown["changes"]} == {"emoji", "quotes", "markup", "signs", "line breaks"}
    assert shown["is_recognised"] is True
    with engine.connect() as connection:
        rules = dict(connection.execute(text("SELECT name, reply_rules FROM instances")).all())
        proven = connection.scalars(text("SELECT number_class FROM looks WHERE is_shown")).all()
        pending = connection.scalar(text("SELECT count(*) FROM messages WHERE state = 'pending'"))
    assert rules == {"plain": None, "strange": {"yes_words": ["success"]}, "blind": None, "timeless": None}
    assert "MX" in proven
    assert pending == 0

    assert "did not show it within 2 s: look at the phone" in blind.stderr
    assert (blind.code, "is not proven" in blind.stdout) == (1, True)
    assert timeless["trial"]["shown"]["missing"] == ["time", "id"]
    assert timeless["trial"]["shown"]["is_recognised"] is False
    assert (refused.code, refused.stderr.count("\n")) == (1, 1)
    assert "did not take the message" in refused.stderr
    assert "says yes in the reply" in refused.stdout
    assert "the message was sent, as its chat shows, and the reply does not say so" in unknown.stderr
    assert (silent.code, "and its chat shows the message: it was sent" in silent.stdout) == (0, True)
    assert fields(silent.stdout)["under id"].endswith(": the reply gave none")
    for each in (plain, blind, refused, unknown, silent):
        assert_runnable(each.stdout + each.stderr)
    assert assert_done(run_cli("campaign", "list", "--json")).json == []


def test_without_a_worker_the_message_is_cancelled_in_one_line(run_cli: RunCli, gateway: Simulator) -> None:
    result = run_cli("instance", "check", "plain", "--to", PHONE, "--timeout", "0.5")
    assert (result.code, result.stderr.count("\n")) == (1, 1)
    assert "no worker took the message within 0.5 s, and it is cancelled: is one running?" in result.stderr
    assert [entry for entry in gateway.ledger.entries if entry.endpoint == "/wa/send"] == []
    kept = run_cli("instance", "remove", "plain")
    assert_refused(
        kept, f"used by 1 test message, the latest to {PHONE} (of `instance check --to`", "is kept: pause it"
    )


def test_what_cannot_send_is_sent_nothing(run_cli: RunCli, gateway: Simulator, engine: Engine) -> None:
    assert_done(run_cli("instance", "pause", "plain"))
    result = run_cli("instance", "check", "plain", "--to", PHONE)
    assert (result.code, "`broadcaster instance resume plain`" in result.stderr) == (1, True)
    gateway.gateway.faults = FaultPlan([parse_fault("kind=not_running")])
    assert run_cli("instance", "check", "strange", "--to", PHONE).code == 1
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM messages")) == 0


def test_a_phone_that_is_none_and_yes_without_a_phone_are_refused(run_cli: RunCli, gateway: Simulator) -> None:
    assert_refused(run_cli("instance", "check", "plain", "--to", "12"), "--to '12'", code=2)
    assert_refused(run_cli("instance", "check", "plain", "--yes"), "--yes: rules are proposed only with --to", code=2)


@pytest.mark.parametrize(("answer", "kept"), [("y", {"yes_words": ["true"]}), ("n", None)])
def test_at_a_terminal_a_person_is_asked(
    gateway: Simulator, environ: dict[str, str], tmp_path: Path, engine: Engine, answer: str, kept: object
) -> None:
    with running_stack(tmp_path, environ) as stack:
        stack.start("worker")
        stack.start("beat")
        outside, inside = pty.openpty()
        asking = command("instance", "check", "plain", "--to", PHONE)
        with subprocess.Popen(asking, env=environ, stdin=inside, stdout=inside, stderr=inside) as process:
            os.close(inside)
            shown = b""
            with suppress(OSError):
                while part := os.read(outside, 4096):
                    shown += part
                    if b"[y/N]" in part:
                        os.write(outside, f"{answer}\n".encode())
            process.wait(timeout=60)
        os.close(outside)
    assert process.returncode == 0, shown
    assert b"Read the replies of plain so from now on?" in shown
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT reply_rules FROM instances WHERE name = 'plain'")) == kept
