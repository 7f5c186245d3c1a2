"""`broadcaster top`: everything that is sent now, on a terminal, once, and for programs."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
from collections.abc import Iterator, Mapping

import msgspec
import pytest
from sqlalchemy import Engine

from broadcaster.settings import Settings
from tests.support.cli import RunCli, assert_done, assert_refused, command
from tests.support.servers import TestServers
from tests.support.shop import Shop, drain, open_shop
from tests.support.stack import wait_for


@pytest.fixture
def shop(engine: Engine, settings: Settings) -> Iterator[Shop]:
    with open_shop(engine, settings) as opened:
        opened.add("a", "20/min")
        opened.add("b")
        opened.add("idle")
        opened.submit("spring", 30, "a")
        opened.submit("[red]autumn[/]", 40, "b", first=1000)
        yield opened


def test_it_shows_campaigns_and_instances_that_have_something_to_do(run_cli: RunCli, shop: Shop) -> None:
    assert_done(run_cli("instance", "pause", "b"))
    shown = assert_done(run_cli("top", "--once")).stdout
    lines = [" ".join(line.split()) for line in shown.splitlines()]
    assert lines[0] == "2 campaigns are running, at 0/s in all; 1 instance has nothing to send"
    assert any(line.startswith("spring running 0 30 0 0/s") for line in lines)
    assert any(line.startswith("[red]autumn[/] running 0 40") for line in lines)  # a name is no markup
    # Those that are not well come first.
    first, second = (line for line in lines if line.endswith(("20/min", "unlimited")))
    assert first == "b paused 40 0 0 0/s unlimited"
    assert second == "a ok 30 0 0 0/min 20/min"
    assert "instance b is paused" in shown


@pytest.mark.parametrize(("columns", "last"), [(40, "OPEN"), (60, "ENDS"), (80, "ENDS")])
def test_a_narrow_terminal_leaves_columns_out_and_cuts_nothing_but_names(
    run_cli: RunCli, shop: Shop, columns: int, last: str
) -> None:
    names = {
        "spring": "reminder of the autumn appointments " * 2 + "a",
        "[red]autumn[/]": "تذكير المرضى بالمواعيد في العيادة",
    }
    for old, new in names.items():
        shop.sql("UPDATE campaigns SET name = :new WHERE name = :old", old=old, new=new)
    shop.sql("UPDATE instances SET name = :new WHERE name = 'a'", new="an instance of a clinic with a long name")
    shown = assert_done(run_cli("top", "--once", environ={"COLUMNS": str(columns)})).stdout
    tables = shown.split("\n\n")[1:3]
    assert max(len(line) for table in tables for line in table.splitlines()) <= columns
    for table, headers in zip(tables, (["CAMPAIGN", "SENT", last], ["INSTANCE", "HEALTH", "PENDING"]), strict=True):
        first, *lines = table.splitlines()
        assert [each for each in first.split() if each in headers] == headers and "…" not in first
        for line in lines:
            assert "…" not in line.partition("  ")[2]
    assert "reminder of" in shown and "an instance" in shown


def test_a_draft_is_nothing_that_waits_to_be_sent(run_cli: RunCli, shop: Shop) -> None:
    recipients = "phone\n" + "".join(f"62812111{number:04d}\n" for number in range(50))
    made = ("campaign", "submit", "an idea", "--instance", "idle", "--recipients", "-", "--text", "Hi", "--draft")
    assert_done(run_cli(*made, stdin=recipients))
    assert "1 instance has nothing to send" in assert_done(run_cli("top", "--once")).stdout

    def pending() -> int:
        listed = assert_done(run_cli("instance", "list", "--json")).json
        return int(next(each["pending"] for each in listed if each["name"] == "idle"))

    assert pending() == 0
    figures = assert_done(run_cli("metrics")).stdout
    assert 'broadcaster_messages{instance_name="idle",state="pending"} 0.0' in figures
    assert_done(run_cli("campaign", "start", "an idea"))
    assert pending() == 50


def test_programs_get_the_same_with_the_rate_of_the_last_second(
    run_cli: RunCli, shop: Shop, environ: Mapping[str, str]
) -> None:
    with subprocess.Popen(command("top", "--every", "0.5", "--json"), env=environ, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        before = msgspec.json.decode(process.stdout.readline())
        assert (before["rate_per_second"], before["idle_instances"]) == (0.0, 1)
        assert {each["name"]: each["pending"] for each in before["instances"]} == {"a": 30, "b": 40}
        drain(shop)
        rates: list[float] = []

        def has_seen() -> bool:
            found = msgspec.json.decode(process.stdout.readline() if process.stdout else b"{}")
            rates.append(found["rate_per_second"])
            return not any(each["name"] == "b" for each in found["instances"])

        wait_for(has_seen, "a look after it was sent")
        assert any(each["name"] == "spring" for each in before["campaigns"])
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)
        assert process.returncode == 130


def test_it_outlives_an_absence_of_postgres(
    servers: TestServers, engine: Engine, shop: Shop, environ: Mapping[str, str]
) -> None:
    with subprocess.Popen(command("top", "--every", "0.5", "--json"), env=environ, stdout=subprocess.PIPE) as process:
        out = process.stdout
        assert out is not None

        def look() -> dict[str, object]:
            found: dict[str, object] = msgspec.json.decode(out.readline())
            return found

        assert look()["trying_again"] is None
        with servers.without(engine):
            wait_for(lambda: "Postgres is not usable" in str(look()["trying_again"]), "word of the absence")
        wait_for(lambda: look()["trying_again"] is None, "word of the return")
        process.kill()


def test_without_postgres_it_does_not_begin(run_cli: RunCli, servers: TestServers, engine: Engine) -> None:
    with servers.without(engine):
        assert_refused(run_cli("top", "--once"), "Postgres is not usable")


def test_a_terminal_is_drawn_anew_and_left_as_it_was(shop: Shop, environ: Mapping[str, str]) -> None:
    outside, inside = pty.openpty()
    terminal = {**environ, "TERM": "xterm", "COLUMNS": "80", "LINES": "24"}
    with subprocess.Popen(command("top", "--every", "0.5"), env=terminal, stdin=inside, stdout=inside) as process:
        os.close(inside)
        shown = b""

        def has_drawn() -> bool:
            nonlocal shown
            shown += os.read(outside, 65_536)
            return b"spring" in shown

        wait_for(has_drawn, "the first look")
        process.send_signal(signal.SIGINT)
        try:
            while more := os.read(outside, 65_536):
                shown += more
        except OSError:
            pass  # the other side is closed
        assert process.wait(20) == 130
    os.close(outside)
    assert shown.index(b"\x1b[?1049h") < shown.index(b"spring") < shown.index(b"\x1b[?1049l")
