"""Redis with the users of deploy/redis-users.acl: everything works under them, and each can do its own only."""

from __future__ import annotations

import json
import subprocess
import sys
from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from sqlalchemy import Engine

from broadcaster.services.campaigns.campaign_reports import campaign_summary
from broadcaster.simulator import Simulator
from tests.support.cli import RunCli, assert_done, celery
from tests.support.cli import command as ours
from tests.support.home import free_port
from tests.support.redis_with_users import ROLES, RedisWithUsers, redis_with_users
from tests.support.reference import ROOT
from tests.support.stack import running_stack, wait_for
from tests.support.web_view import make_change, running_web

FOR_NOBODY = [
    "FLUSHALL",
    "FLUSHDB",
    "CONFIG GET *",
    "CONFIG SET dir /tmp",
    "KEYS *",
    "SCAN 0",
    "EVAL return(1) 0",
    "SCRIPT LOAD return(1)",
    "FUNCTION LIST",
    "MODULE LIST",
    "ACL LIST",
    "ACL WHOAMI",
    "DEBUG JMAP",
    "SHUTDOWN NOSAVE",
    "REPLICAOF 127.0.0.1 1",
    "SAVE",
    "MONITOR",
    "CLIENT KILL ID 1",
    "CLIENT PAUSE 1000",
    "SELECT 1",
    "GET ticks",
    "SET elsewhere x",
    "SET ticks x",
    "RENAME ticks elsewhere",
    "LPUSH elsewhere x",
    "PUBLISH elsewhere x",
    "PSUBSCRIBE *",
]
FOR_SOME = {
    "LPUSH ticks x": {"worker", "beat", "operator"},
    "LPUSH sends x": {"worker", "operator"},
    "BRPOP ticks 1": {"worker"},
    "DEL ticks": {"worker"},
    "LLEN ticks": set(ROLES),
    "SET broadcaster:doctor x": {"worker", "operator"},
    "LPUSH some.reply.celery.pidbox x": {"worker"},
    "BRPOP some.reply.celery.pidbox 1": {"worker", "flower", "operator"},
    "PUBLISH /0.celery.pidbox x": {"worker", "flower", "operator"},
    "PUBLISH /0.celeryev/worker.offline x": {"worker"},
    "SADD _kombu.binding.reply.celery.pidbox x": {"worker", "flower", "operator"},
    "CLIENT LIST": {"worker", "beat"},
}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisWithUsers]:
    with redis_with_users(tmp_path) as running:
        yield running


def asked(server: RedisWithUsers, user: str, command: str) -> str:
    """What Redis would answer: OK, or why not. Nothing is done."""
    with server.client("admin") as admin:
        return str(admin.execute_command("ACL DRYRUN", user, *command.split()))


def may(server: RedisWithUsers, user: str, command: str) -> bool:
    return asked(server, user, command) == "OK"


def test_what_nobody_needs_is_forbidden_to_everybody(server: RedisWithUsers) -> None:
    for command in FOR_NOBODY:
        assert [user for user in (*ROLES, "health") if may(server, user, command)] == [], command
    with server.client("beat") as beat, pytest.raises(redis.exceptions.NoPermissionError):
        beat.flushall()


def test_a_role_may_not_what_only_another_one_needs(server: RedisWithUsers) -> None:
    for command, roles in FOR_SOME.items():
        assert {user for user in ROLES if may(server, user, command)} == roles, command


def test_without_a_password_nobody_gets_further_than_to_ask_whether_redis_is_up(server: RedisWithUsers) -> None:
    with redis.Redis(port=server.port, username="health", password="any") as health:
        assert health.ping()
        with pytest.raises(redis.exceptions.NoPermissionError):
            health.llen("ticks")
    for user, password in {"default": "", "worker": "beat-password"}.items():
        # Refused once is refused: by default a client waits, and asks again.
        stranger = redis.Redis(port=server.port, username=user, password=password, retry=Retry(NoBackoff(), 0))
        with stranger, pytest.raises(redis.exceptions.AuthenticationError):
            stranger.ping()


def test_a_user_without_a_password_of_its_own_is_not_there(tmp_path: Path) -> None:
    with redis_with_users(tmp_path, roles=("worker",)) as server, server.client("admin") as admin:
        assert set(admin.acl_users()) == {"default", "health", "worker", "admin"}
        assert "worker-password" not in "".join(path.read_text() for path in tmp_path.glob("tmp.*"))


@pytest.mark.parametrize("by", [ours, celery])
def test_a_campaign_is_sent_watched_and_diagnosed_under_these_users(
    run_cli: RunCli,
    simulator: Simulator,
    engine: Engine,
    environ: dict[str, str],
    server: RedisWithUsers,
    tmp_path: Path,
    by: Callable[..., list[str]],
) -> None:
    environ["BROADCASTER_REDIS_URL"] = server.url("operator")
    options = ("--key-stdin", "--base-url", simulator.base_url, "--rate", "unlimited")
    assert_done(run_cli("instance", "add", "main", *options, stdin="a-key"))
    port = free_port()
    with running_stack(tmp_path, environ) as stack:
        worker = stack.start("worker", by=by, BROADCASTER_REDIS_URL=server.url("worker"))
        # It fires everything at once: a worker that starts later waits ten seconds for some of it.
        beat = stack.start("beat", by=by, BROADCASTER_REDIS_URL=server.url("beat"))
        login = {"BROADCASTER_FLOWER_BASIC_AUTH": "a:b", "BROADCASTER_FLOWER_PORT": str(port)}
        flower = stack.start("flower", by=by, BROADCASTER_REDIS_URL=server.url("flower"), **login)
        for role in ("operator", "worker"):  # the command line on its own, and beside a worker
            arguments = ("--instance", "main", "--recipients", "-", "--text", "Hi")
            url = {"BROADCASTER_REDIS_URL": server.url(role)}
            assert_done(run_cli("campaign", "submit", role, *arguments, stdin="phone\n+12025550101\n", environ=url))
            wait_for(lambda role=role: campaign_summary(engine, role).sent == 1, f"{role} to be sent", 30)
            wait_for(lambda url=url: run_cli("doctor", environ=url).code == 0, "doctor to find nothing")
        for role in ("worker", "beat"):
            assert health_of(role, server.url(role)) == (0, "")
        wait_for(lambda: names_in_flower(port) != [], "Flower to see the worker")
        assert "active_queues" in look(port, "/api/workers?refresh=1")
        wait_for(lambda: queues_in_flower(port) != [], "Flower to know the queues")
        lengths = queues_in_flower(port)
        assert {queue["name"] for queue in lengths} == {"ticks", "sends"}
        assert [role.stop() for role in (flower, worker, beat)] == [0, 0, 0]
    assert server.refusals() == []


def test_the_view_in_the_browser_needs_no_more_than_to_ask_whether_it_is_up(
    run_cli: RunCli, engine: Engine, environ: dict[str, str], server: RedisWithUsers, tmp_path: Path
) -> None:
    """As docker-compose.yml has it. What is changed there, workers see at their next tick."""
    assert_done(run_cli("instance", "add", "main", "--key-stdin", "--rate", "unlimited", stdin="a-key"))
    arguments = ("--instance", "main", "--recipients", "-", "--text", "Hi")
    assert_done(run_cli("campaign", "submit", "spring", *arguments, stdin="phone\n+12025550101\n"))
    urls = {
        what: f"redis://health@127.0.0.1:{port}/0" for what, port in {"up": server.port, "away": free_port()}.items()
    }
    with running_stack(tmp_path, environ) as stack:
        for what, url in urls.items():
            with running_web(stack, "--allow-changes", BROADCASTER_REDIS_URL=url) as view:
                visitor = view.visitor()
                says_so = "Redis is away" in visitor.get("/").text
                assert says_so == (what == "away")
                for change, state in (("pause", "paused"), ("resume", "running")):
                    assert make_change(visitor, "spring", change).status_code == 303
                    assert campaign_summary(engine, "spring").state == state


def health_of(role: str, url: str) -> tuple[int, str]:
    script = [sys.executable, ROOT / "deploy" / "healthcheck.py", role]
    done = subprocess.run(
        script, env={"BROADCASTER_REDIS_URL": url}, capture_output=True, text=True, timeout=60, check=False
    )
    return done.returncode, done.stderr


def names_in_flower(port: int) -> list[str]:
    try:
        return list(json.loads(look(port, "/api/workers")))
    except OSError:
        return []


def queues_in_flower(port: int) -> list[dict[str, Any]]:
    """None, too, where it has not asked Redis yet."""
    try:
        return list(json.loads(look(port, "/api/queues/length"))["active_queues"])
    except OSError:
        return []


def look(port: int, path: str) -> str:
    login = b64encode(b"a:b").decode()
    request = Request(f"http://127.0.0.1:{port}{path}", headers={"Authorization": f"Basic {login}"})
    with urlopen(request, timeout=30) as reply:
        return str(reply.read().decode())
