"""Somebody else writes to Redis: whatever that is, a worker goes on working, and what is to be sent is sent once."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from broadcaster.services.campaigns.campaign_reports import campaign_summary
from broadcaster.settings import Settings
from broadcaster.simulator import Simulator
from broadcaster.worker.app import make_app
from tests.support import deaf_worker
from tests.support.cli import RunCli, assert_done, celery
from tests.support.cli import command as ours
from tests.support.servers import redis_client
from tests.support.stack import Stack, running_stack, wait_for
from tests.unit.test_envelopes import MALFORMED

COMMANDS: dict[str, dict[str, Any]] = {
    "cancel_consumer": {"queue": "ticks"},
    "shutdown": {},
    "pool_shrink": {"n": 100},
    "rate_limit": {"task_name": "broadcaster.send", "rate_limit": "1/h"},
    "time_limit": {"task_name": "broadcaster.send", "hard": 1},
    "disable_events": {},
}
BOTH_WAYS = pytest.mark.parametrize("by", [ours, celery])
"""`broadcaster worker` and `celery -A broadcaster worker`."""


@pytest.fixture
def stack(run_cli: RunCli, simulator: Simulator, tmp_path: Path, environ: dict[str, str]) -> Iterator[Stack]:
    """A beat; the test starts its worker."""
    options = ("--key-stdin", "--base-url", simulator.base_url, "--rate", "unlimited")
    assert_done(run_cli("instance", "add", "main", *options, stdin="a-key"))
    with running_stack(tmp_path, environ) as running:
        running.start("beat")
        yield running


def assert_sends(run_cli: RunCli, engine: Engine, name: str) -> None:
    arguments = ("--instance", "main", "--recipients", "-", "--text", "Hi")
    assert_done(run_cli("campaign", "submit", name, *arguments, stdin="phone\n+12025550101\n"))
    wait_for(lambda: campaign_summary(engine, name).sent == 1, f"{name} to be sent", 30)


@BOTH_WAYS
def test_what_is_not_ours_is_dropped_and_the_worker_goes_on(
    run_cli: RunCli,
    simulator: Simulator,
    engine: Engine,
    settings: Settings,
    stack: Stack,
    by: Callable[..., list[str]],
) -> None:
    worker = stack.start("worker", by=by)
    junk = [b"\xff\x00 no JSON", b"[" * 100_000, *(json.dumps(each).encode() for each in MALFORMED.values())]
    with redis_client(settings) as redis:
        for _ in range(3):
            redis.lpush("sends", *junk)
            redis.lpush("ticks", *junk)
        redis.hset("unacked", "tag", b"no JSON")
        redis.zadd("unacked_index", {"tag": 1})
        wait_for(lambda: not redis.exists("sends"), "the junk to be read")
    assert_sends(run_cli, engine, "after")
    assert len(simulator.gateway.ledger.entries) == 1
    assert worker.process.poll() is None
    assert "Traceback" not in worker.log.read_text()


def test_a_key_of_the_wrong_type_holds_a_worker_up_only_while_it_is_there(
    run_cli: RunCli, engine: Engine, settings: Settings, stack: Stack
) -> None:
    worker = stack.start("worker")
    with redis_client(settings) as redis:
        redis.delete("ticks", "sends")
        redis.set("ticks", "x", ex=5)
        wait_for(lambda: redis.type("ticks") != b"string", "the key to go")
    assert_sends(run_cli, engine, "after")
    assert worker.process.poll() is None


def test_a_key_in_the_place_of_a_table_of_bindings_lets_nobody_give_up(
    run_cli: RunCli, engine: Engine, settings: Settings, environ: dict[str, str], simulator: Simulator, tmp_path: Path
) -> None:
    exchanges = ("ticks", "sends", "celery.pidbox", "reply.celery.pidbox", "celeryev")
    with redis_client(settings) as redis:
        for exchange in exchanges:
            redis.mset({f"_kombu.binding.{exchange}": "x", f"_kombu.binding_permanent.{exchange}": "x"})
    options = ("--key-stdin", "--base-url", simulator.base_url, "--rate", "unlimited")
    assert_done(run_cli("instance", "add", "main", *options, stdin="a-key"))
    with running_stack(tmp_path, environ) as running:
        beat, worker = running.start("beat"), running.start("worker")
        assert_sends(run_cli, engine, "after")
        assert [role.stop() for role in (worker, beat)] == [0, 0]


@BOTH_WAYS
def test_a_worker_answers_questions_and_obeys_nobody(
    run_cli: RunCli, engine: Engine, settings: Settings, stack: Stack, by: Callable[..., list[str]]
) -> None:
    worker = stack.start("worker", by=by)
    app = make_app(settings)
    for command, arguments in COMMANDS.items():
        assert app.control.broadcast(command, arguments=arguments, reply=True, timeout=0.5) == []
    question = b64encode(b'{"method": 7, "destination": "x"}').decode()
    with redis_client(settings) as redis:
        redis.publish("/0.celery.pidbox", json.dumps({"body": question, "properties": None}))
    assert_sends(run_cli, engine, "after")
    assert app.control.inspect(timeout=5).stats()
    assert worker.process.poll() is None


def test_a_worker_that_takes_no_tasks_any_more_ends(stack: Stack) -> None:
    worker = stack.start("worker", program=Path(deaf_worker.__file__))
    assert worker.process.wait(30) == 0
    assert "takes no tasks any more" in worker.log.read_text()
