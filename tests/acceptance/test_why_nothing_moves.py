"""Where nothing moves, `status`, `show`, `report` and `watch` say why, since when, and which command helps."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from broadcaster.simulator import FaultPlan, InstanceConfig, Simulator, SimulatorConfig, background, parse_fault
from tests.support.cli import CliResult, RunCli, assert_done
from tests.support.home import Home, temporary_home
from tests.support.stack import Stack, running_stack, wait_for

PHONES = "".join(f"62812{n:07d}\n" for n in range(12))
TIME = r"(?:now|\w{3} \d{4}-\d\d-\d\d \d\d:\d\d(?::\d\d)? \S+)"


@pytest.fixture
def gateway() -> Iterator[Simulator]:
    with background(SimulatorConfig(instances=(InstanceConfig(name="main", key="right"),))) as running:
        yield running


@pytest.fixture
def stack(tmp_path: Path, environ: dict[str, str]) -> Iterator[Stack]:
    with running_stack(tmp_path, environ) as running:
        yield running


@pytest.fixture
def working(stack: Stack) -> Stack:
    stack.start("worker")
    stack.start("beat")
    return stack


def add_instance(run_cli: Callable[..., CliResult], gateway: Simulator, key: str = "right", *faults: str) -> None:
    gateway.gateway.faults = FaultPlan([parse_fault(fault) for fault in faults])
    options = ("--key-stdin", "--base-url", gateway.base_url, "--rate", "unlimited")
    assert_done(run_cli("instance", "add", "main", *options, stdin=key))


def submit(run_cli: Callable[..., CliResult], phones: str = PHONES) -> None:
    options = ("--instance", "main", "--recipients", "-", "--text", "Hi")
    assert_done(run_cli("campaign", "submit", "news", *options, stdin=f"phone\n{phones}"))


def standing_still(run_cli: Callable[..., CliResult]) -> dict[str, dict[str, Any]]:
    """What `status` tells of, by its cause, once the campaign is among it."""
    found: list[dict[str, Any]] = []

    def campaign_stands() -> bool:
        found[:] = run_cli("status", "--json").json["standing_still"]
        return any(each["what"] == "campaign" for each in found)

    wait_for(campaign_stands, "the campaign to stand still")
    return {each["cause"]: each for each in found}


def assert_said_everywhere(run_cli: Callable[..., CliResult], sentence: str) -> None:
    """One line, as status, show, report and watch write it, which leaves out the name; and nothing more is to come."""
    for command in (["status"], ["campaign", "show", "news"], ["campaign", "report", "news"]):
        lines = run_cli(*command).stdout.splitlines()
        assert [line for line in lines if re.fullmatch(sentence, line)], (command, lines)
    watched = run_cli("campaign", "watch", "news", "--timeout", "0")
    assert watched.code == 1, "it would go on watching"
    own = sentence.replace("campaign news ", "it ", 1) if sentence.startswith("campaign news ") else sentence
    assert re.search(own, watched.stdout), watched.stdout
    shown = run_cli("campaign", "show", "news", "--json").json["standing_still"]
    assert shown
    assert {"what", "name", "why", "since", "next_try", "command"} <= shown[0].keys()
    assert run_cli("campaign", "report", "news", "--json").json["standing_still"]


def assert_finishes(run_cli: Callable[..., CliResult]) -> None:
    assert run_cli("campaign", "watch", "news", "--timeout", "60").code == 0
    assert run_cli("campaign", "show", "news", "--json").json["standing_still"] == []


def test_a_key_that_is_refused_goes_on_with_the_command_that_is_told(
    run_cli: RunCli, gateway: Simulator, working: Stack
) -> None:
    add_instance(run_cli, gateway, "wrong")
    submit(run_cli)
    found = standing_still(run_cli)
    assert found.keys() == {"refused", "instances"}
    sentence = (
        rf"instance main is stopped since {TIME}: .*key.*; 12 messages wait: "
        r"give the new key, then it goes on: `broadcaster instance set main --key-stdin`"
    )
    assert_said_everywhere(run_cli, sentence)
    doctor = run_cli("doctor", "--json")
    assert {check["check"] for check in doctor.json["checks"] if check["level"] == "bad"} == {"instances"}
    command = found["refused"]["command"].removeprefix("broadcaster ").split()
    assert_done(run_cli(*command, stdin="right"))
    assert_finishes(run_cli)


def test_an_instance_that_is_down_is_tried_again_and_goes_on_by_itself(
    run_cli: RunCli, gateway: Simulator, working: Stack
) -> None:
    add_instance(run_cli, gateway, "right", "kind=not_running")
    submit(run_cli)
    found = standing_still(run_cli)
    assert found["down"]["next_try"] > found["down"]["since"]
    sentence = (
        rf"instance main is down since {TIME}: .+; next try {TIME}; \d+ messages wait: "
        r"see `broadcaster instance check main`"
    )
    assert_said_everywhere(run_cli, sentence)
    gateway.gateway.faults = FaultPlan()
    assert_finishes(run_cli)


def test_an_instance_that_has_to_rest_says_until_when(run_cli: RunCli, gateway: Simulator, working: Stack) -> None:
    add_instance(run_cli, gateway, "right", "kind=http_429,retry_after=300")
    submit(run_cli)
    assert standing_still(run_cli).keys() == {"throttled", "instances"}
    sentence = (
        rf"instance main has to rest since {TIME}: HTTP 429.*; it goes on at {TIME}; 12 messages wait: "
        r"if that happens often, send slower: `broadcaster instance set main --rate 20/min`"
    )
    assert_said_everywhere(run_cli, sentence)


def test_what_an_operator_paused_says_how_to_go_on(run_cli: RunCli, gateway: Simulator, working: Stack) -> None:
    add_instance(run_cli, gateway)
    assert_done(run_cli("instance", "pause", "main"))
    submit(run_cli)
    assert standing_still(run_cli).keys() == {"paused", "instances"}
    said = rf"instance main is paused by an operator since {TIME}; 12 messages wait: go on with"
    assert_said_everywhere(run_cli, rf"{said} `broadcaster instance resume main`")
    assert_done(run_cli("campaign", "pause", "news"))
    assert_done(run_cli("instance", "resume", "main"))
    said = "campaign news is paused by an operator; 12 messages wait: go on with"
    assert_said_everywhere(run_cli, rf"{said} `broadcaster campaign resume news`")
    assert_done(run_cli("campaign", "resume", "news"))
    assert_finishes(run_cli)


def test_messages_that_are_all_in_doubt_say_until_when_they_are_read_back(
    run_cli: RunCli, gateway: Simulator, working: Stack
) -> None:
    add_instance(run_cli, gateway, "right", "kind=html,endpoint=/wa/send")
    submit(run_cli, phones=PHONES[: 2 * 13])
    wait_for(lambda: run_cli("campaign", "show", "news", "--json").json["in_doubt"] == 2, "all to be in doubt")
    found = standing_still(run_cli)
    assert (found["in_doubt"]["waiting"], found["in_doubt"]["until"] > found["in_doubt"]["since"]) == (2, True)
    sentence = (
        rf"campaign news has 2 messages in doubt since {TIME}: their chats are read back; next reading {TIME}; "
        rf"those still in doubt by their deadlines become unknown, the last of them at {TIME}: "
        r"decide yourself with `broadcaster campaign settle news`"
    )
    assert_said_everywhere(run_cli, sentence)


def test_a_worker_or_a_beat_that_does_not_run_is_missed(run_cli: RunCli, gateway: Simulator, stack: Stack) -> None:
    add_instance(run_cli, gateway)
    submit(run_cli)
    missed = r"no worker or no beat runs; 12 messages wait: find out what is missing with `broadcaster doctor`"
    wait_for(lambda: bool(run_cli("status", "--json").json["standing_still"]), "the campaign to be late")
    assert_said_everywhere(run_cli, rf"campaign news stands still: {missed}")
    stack.start("worker")
    assert standing_still(run_cli).keys() == {"not_running"}
    stack.start("beat")
    assert_finishes(run_cli)


def test_a_server_that_is_away_is_named_and_what_it_would_tell_is_not_known() -> None:
    with temporary_home() as home, background() as gateway:
        assert_done(home.run("up", "--detach"))
        add_instance(home.run, gateway)
        assert_done(home.run("instance", "pause", "main"))
        submit(home.run)
        assert_redis_is_missed(home)
        assert_postgres_is_missed(home)


def assert_redis_is_missed(home: Home) -> None:
    with frozen(home, "redis"):
        wait_for(lambda: "redis_away" in standing_still(home.run), "Redis to be missed")
        said = home.run("status")
        assert (said.code, said.stderr) == (1, "")
        sentence = (
            rf"campaign news stands still since {TIME}: Redis is away; nothing is lost; 12 messages wait: "
            r"find out what is missing with `broadcaster doctor`"
        )
        assert re.fullmatch(sentence, said.stdout.splitlines()[-1]), said.stdout


def assert_postgres_is_missed(home: Home) -> None:
    with frozen(home, "postgres"):
        for options in ((), ("--json",)):
            said = home.run("status", *options)
            assert said.code == 1
            assert said.stderr.count("\n") == 1
            assert "is not known: Postgres is away" in said.stderr
        assert said.json["standing_still"] is said.json["ticks"] is None


@contextmanager
def frozen(home: Home, name: str) -> Iterator[None]:
    """A server that is there and does not answer."""
    process = home.processes()[name]
    process.send(signal.SIGSTOP)
    try:
        yield
    finally:
        process.send(signal.SIGCONT)
