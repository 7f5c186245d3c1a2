"""`celery -A broadcaster …`: what people who know Celery type works as our own commands do."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from sqlalchemy import Engine

from broadcaster.services.campaigns.campaign_reports import campaign_summary
from broadcaster.settings import Settings
from broadcaster.simulator import Simulator
from broadcaster.worker.app import SEND, SENDS, TICKS
from tests.support.cli import CliResult, RunCli, assert_done, celery, run
from tests.support.home import free_port
from tests.support.servers import TestServers, clean_environment, redis_client
from tests.support.stack import Stack, running_stack, wait_for

LOGIN = ("ops", "the-password")
HOSTILE = "import os\nopen(os.path.join(os.path.dirname(__file__), 'was-here'), 'w').close()\nraise SystemExit(3)\n"


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """An empty one, for commands to run in."""
    made = tmp_path / "empty"
    made.mkdir()
    return made


@pytest.fixture
def stack(run_cli: RunCli, simulator: Simulator, directory: Path, environ: dict[str, str]) -> Iterator[Stack]:
    """Runs in the directory. There is an instance to send through."""
    options = ("--key-stdin", "--base-url", simulator.base_url, "--rate", "unlimited")
    assert_done(run_cli("instance", "add", "main", *options, stdin="a-key"))
    with running_stack(directory, environ) as running:
        yield running


def ask(environ: dict[str, str], directory: Path, *arguments: str) -> CliResult:
    return run(celery("-C", *arguments), cwd=directory, environ=environ, stdin=b"", timeout=60)


def submit(run_cli: RunCli, name: str) -> None:
    arguments = ("--instance", "main", "--recipients", "-", "--text", "Hi")
    assert_done(run_cli("campaign", "submit", name, *arguments, stdin="phone\n+12025550101\n"))


def is_finished(engine: Engine, name: str) -> bool:
    return bool(campaign_summary(engine, name).state == "finished")


def workers_that_hold(settings: Settings) -> list[Path]:
    return list((settings.home / "workers").glob("*.worker"))


def test_a_worker_and_a_beat_send_a_campaign_and_leave_nothing_behind(
    run_cli: RunCli, engine: Engine, settings: Settings, stack: Stack, simulator: Simulator, directory: Path
) -> None:
    beat = stack.start("beat", by=celery)
    worker = stack.start("worker", by=celery)
    assert len(workers_that_hold(settings)) == 1
    submit(run_cli, "news")
    wait_for(lambda: is_finished(engine, "news"), "the campaign", 30)
    assert [entry.body for entry in simulator.ledger.entries] == ["Hi"]
    assert [role.stop() for role in (worker, beat)] == [0, 0]
    assert workers_that_hold(settings) == []
    assert sorted(path.suffix for path in directory.iterdir()) == [".log", ".log"]
    assert "Traceback" not in worker.log.read_text() + beat.log.read_text()


def test_questions_are_answered_and_commands_are_not_obeyed(
    stack: Stack, environ: dict[str, str], directory: Path
) -> None:
    worker = stack.start("worker", "--hostname", "one@here", by=celery)
    pong = ask(environ, directory, "inspect", "ping")
    assert pong.code == 0
    assert "one@here: OK" in pong.stdout
    assert "1 node online" in assert_done(ask(environ, directory, "status")).stdout
    queues = assert_done(ask(environ, directory, "inspect", "--json", "active_queues")).json["one@here"]
    assert {queue["name"] for queue in queues} == {TICKS, SENDS}
    assert ask(environ, directory, "control", "shutdown").code == 69
    assert worker.process.poll() is None


def test_the_options_of_a_celery_worker_are_honoured(stack: Stack, environ: dict[str, str], directory: Path) -> None:
    options = ("--concurrency", "7", "--queues", SENDS, "--loglevel", "DEBUG", "--logfile", "worker.log")
    worker = stack.start("worker", *options, by=celery, ready=False)
    log = directory / "worker.log"
    wait_for(lambda: log.exists() and "ready." in log.read_text(), "the worker's start")
    [stats] = assert_done(ask(environ, directory, "inspect", "--json", "stats")).json.values()
    assert stats["pool"]["max-concurrency"] == 7
    [queues] = assert_done(ask(environ, directory, "inspect", "--json", "active_queues")).json.values()
    assert [queue["name"] for queue in queues] == [SENDS]
    assert "debug" in log.read_text()
    assert worker.stop() == 0


def test_an_exporter_sees_what_is_sent_into_the_queue_of_sends_and_no_ticks(
    run_cli: RunCli, engine: Engine, settings: Settings, stack: Stack
) -> None:
    with redis_client(settings) as redis, redis.pubsub(ignore_subscribe_messages=True) as events:
        events.psubscribe("/*.celeryev/task.sent")
        stack.start("worker", by=celery)
        stack.start("beat", by=celery)
        submit(run_cli, "news")
        first = events.get_message(timeout=30) or events.get_message(timeout=30)
        wait_for(lambda: is_finished(engine, "news"), "the campaign", 30)
        messages = [first, *iter(events.get_message, None)]
    seen = [json.loads(b64decode(json.loads(message["data"])["body"])) for message in messages if message]
    assert {(event["name"], event["queue"]) for event in seen} == {(SEND, SENDS)}


def test_flower_has_our_password_and_address_and_is_only_to_look_at(stack: Stack, directory: Path) -> None:
    (directory / "flowerconfig.py").write_text("basic_auth = []\nread_only = False\n")
    ours, given = free_port(), free_port()
    variables = {"BROADCASTER_FLOWER_BASIC_AUTH": ":".join(LOGIN), "BROADCASTER_FLOWER_PORT": str(ours)}
    stack.start("worker", by=celery)
    for port, options in ((ours, ()), (given, (f"--port={given}", "--url_prefix=watch"))):
        url = f"http://127.0.0.1:{port}{'/watch' if options else ''}"
        flower = stack.start("flower", *options, by=celery, **variables)
        wait_for(lambda url=url: answers(url), "Flower")
        assert httpx.get(f"{url}/workers").status_code == 401
        assert "frame-ancestors 'none'" in httpx.get(f"{url}/workers").headers["Content-Security-Policy"]
        assert httpx.get(f"{url}/workers", auth=LOGIN).status_code == 200
        assert httpx.post(f"{url}/api/worker/shutdown/x", auth=LOGIN).status_code == 403
        assert flower.stop() == 0


def answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/healthcheck").status_code == 200
    except httpx.TransportError:
        return False


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("worker", "--pool", "solo"), "--pool: "),
        (("worker", "--pool", "prefork"), "--pool: "),
        (("worker", "-Pprefork"), "--pool: "),
        (("worker", "--autoscale", "9,3"), "--autoscale: "),
        (("worker", "--beat"), "`celery -A broadcaster beat`"),
        (("worker", "--queues", "ticks,send"), "there are ticks and sends"),
        (("worker", "--exclude-queues", "ticks,sends"), "there are ticks and sends"),
        (("flower", "--read_only=false"), "--read_only: "),
        (("flower", "--port=abc"), "does not take: "),
        (("flower", "--auth=.*@example.com"), "--auth: "),
        (("flower", "--basic_auth=a:b,c:d"), "--basic_auth: "),
        (("flower", "--basic_auth=a"), "--basic_auth: must be user:password"),
    ],
)
def test_options_with_which_it_would_not_work_or_be_open_are_refused_in_one_line(
    environ: dict[str, str], directory: Path, arguments: tuple[str, ...], said: str
) -> None:
    assert_ended(ask(environ, directory, *arguments), said)


def test_settings_that_cannot_be_used_are_said_in_one_line(environ: dict[str, str], directory: Path) -> None:
    environ["BROADCASTER_WORKER_THREADS"] = "many"
    for command in (("worker",), ("beat",), ("flower",), ("inspect", "ping")):
        assert_ended(ask(environ, directory, *command), "BROADCASTER_WORKER_THREADS")
    environ["BROADCASTER_WORKER_THREADS"] = "2"
    environ["BROADCASTER_LOG_LEVEL"] = "LOUD"
    for command in (("worker",), ("beat",), ("flower",)):
        assert_ended(ask(environ, directory, *command), "BROADCASTER_LOG_LEVEL")


def test_a_database_that_cannot_be_used_is_said_in_one_line(servers: TestServers, directory: Path) -> None:
    with servers.environment(migrated=False) as variables:
        environ = clean_environment() | variables
        assert_ended(ask(environ, directory, "worker"), "run `broadcaster db upgrade`")


def assert_ended(result: CliResult, said: str) -> None:
    assert result.code == 1, result
    assert result.stderr.startswith("error: "), result
    assert said in result.stderr
    assert result.stderr.count("\n") == 1, result.stderr


def test_nothing_of_the_current_directory_runs(environ: dict[str, str], directory: Path) -> None:
    for name in ("celeryconfig", "flowerconfig", "msgspec", "sqlalchemy", "structlog", "broadcaster_app"):
        (directory / f"{name}.py").write_text(HOSTILE)
    for command in (("worker", "--pool", "solo"), ("flower", "--read_only=false"), ("inspect", "ping")):
        assert ask(environ, directory, *command).code in (1, 69)
    assert not (directory / "was-here").exists()
