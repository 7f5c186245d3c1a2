"""What the roles write to their logs."""

from __future__ import annotations

import ast
import asyncio
import logging
import re
import threading
import traceback
from collections.abc import Iterator
from pathlib import Path

import msgspec
import psycopg
import pytest
import structlog
from billiard.einfo import ExceptionInfo
from celery import Celery, signals
from celery.app.trace import build_tracer
from sqlalchemy.exc import IntegrityError

import broadcaster
from broadcaster.errors import UnavailableError
from broadcaster.services.sending.drain_report import DrainReport
from broadcaster.settings import Settings
from broadcaster.worker import hooks, tasks
from broadcaster.worker.app import SEND, app
from broadcaster.worker.logs import TICK_TASKS, configure_logs
from broadcaster.worker.own_task import OwnTask, TaskError
from tests.support.reference import ROOT


@pytest.fixture
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(home=tmp_path_factory.getbasetemp(), log_json=True)


@pytest.fixture(autouse=True)
def logging_of_the_session() -> Iterator[None]:
    """Logging is global: put it back as it was."""
    root = logging.getLogger()
    handlers, level, hook = root.handlers[:], root.level, threading.excepthook
    yield
    threading.excepthook = hook
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().err.splitlines()


def celery_says(level: int, task: str, **context: str) -> None:
    """As Celery does it: the task's context is the mapping of arguments."""
    told = {"name": task, "id": "1", **context}
    logging.getLogger("celery.app.trace").log(level, "Task %(name)s[%(id)s] is done", told)


def test_ticks_that_went_well_leave_no_line_and_those_that_failed_do(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logs(settings, "worker")
    for tick in TICK_TASKS:
        celery_says(logging.INFO, tick, return_value="None")
    assert lines(capsys) == []
    celery_says(logging.INFO, SEND, return_value="{}")
    celery_says(logging.INFO, min(TICK_TASKS), exc="Postgres is not usable")
    celery_says(logging.ERROR, min(TICK_TASKS), exc="a bug")
    assert [msgspec.json.decode(line)["level"] for line in lines(capsys)] == ["info", "info", "error"]


def test_requests_leave_no_line(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs(settings, "worker")
    logging.getLogger("httpx").info("HTTP Request: POST https://gateway/?key=secret")
    assert lines(capsys) == []


@pytest.mark.parametrize("log_json", [False, True])
def test_a_logged_exception_shows_no_local_variables(
    settings: Settings, log_json: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logs(msgspec.structs.replace(settings, log_json=log_json), "worker")
    key = "-".join(["secret", "key"])
    try:
        raise ValueError(f"a key of {len(key)} characters")
    except ValueError:
        structlog.get_logger().exception("it failed")
        logging.getLogger("celery").exception("that too")
    written = capsys.readouterr().err
    assert written.count("a key of 10 characters") == 2
    assert "secret-key" not in written


def test_json_lines_hold_what_was_bound(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs(settings, "worker")
    structlog.get_logger().warning("cannot claim", error="OperationalError")
    [line] = lines(capsys)
    document = msgspec.json.decode(line)
    assert document.pop("timestamp").endswith("Z")
    told = {"event": "cannot claim", "error": "OperationalError", "level": "warning", "role": "worker"}
    assert document == told


def test_the_task_that_is_under_way_is_in_every_line_until_it_has_ended(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also in those of the loop that the task's thread waits for."""
    assert hooks.CONTROL_COMMANDS  # it is imported: its receivers are there
    configure_logs(settings, "worker")

    async def work() -> None:
        structlog.get_logger().warning("cannot release")
        logging.getLogger("celery").warning("something else")

    signals.task_prerun.send(sender=tasks.send, task_id="1")
    asyncio.run(work())
    signals.task_postrun.send(sender=tasks.send, task_id="1")
    structlog.get_logger().warning("later")
    told = [(each.get("task"), each.get("task_id")) for each in map(msgspec.json.decode, lines(capsys))]
    assert told == [(SEND, "1"), (SEND, "1"), (None, None)]


PHONE = "6281234567801"


def failing() -> None:
    """As SQLAlchemy does: the parameters are in the text."""
    try:
        raise psycopg.errors.UniqueViolation("duplicate key")
    except psycopg.Error as error:
        raise IntegrityError("INSERT INTO x", {"phone": PHONE}, error) from error


@pytest.mark.parametrize("log_json", [False, True])
def test_a_logged_error_has_no_values_of_rows(
    settings: Settings, log_json: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logs(msgspec.structs.replace(settings, log_json=log_json), "worker")
    thread = threading.Thread(target=failing, name="a-thread")
    thread.start()
    thread.join()
    try:
        failing()
    except IntegrityError:
        structlog.get_logger().exception("it failed")
        logging.getLogger("celery").exception("that too")
    written = capsys.readouterr().err
    assert written.count("UniqueViolation: duplicate key") == 3
    assert (written.count("in failing"), "a-thread" in written) == (3, True)
    assert PHONE not in written


@pytest.mark.parametrize("unavailable", [False, True])
def test_what_a_task_raises_shows_no_values_of_rows(unavailable: bool) -> None:
    """Celery writes it, and the errors before it, into its log and into events."""

    def run() -> None:
        try:
            failing()
        except IntegrityError as error:
            if unavailable:
                raise UnavailableError("Postgres is not usable") from error
            raise

    task = Celery("broken", set_as_current=False, task_cls=OwnTask).task(shared=False)(run)
    with pytest.raises(UnavailableError if unavailable else TaskError) as caught:
        task()
    written = "".join(traceback.format_exception(caught.value))
    assert PHONE not in written
    assert ("UniqueViolation: duplicate key" in written) is not unavailable
    assert "in run" in written


def test_that_postgres_is_away_is_expected_of_every_task() -> None:
    ours = [each for each in app.tasks.values() if isinstance(each, OwnTask) and each.name.startswith("broadcaster.")]
    assert len(ours) > 10
    assert [each.name for each in ours if not issubclass(UnavailableError, each.throws)] == []

    def run() -> None:
        raise psycopg.errors.AdminShutdown("terminating connection due to administrator command")

    task = Celery("broken", set_as_current=False, task_cls=OwnTask).task(shared=False)(run)
    with pytest.raises(task.throws, match="Postgres is not usable: terminating connection"):
        task()


def test_what_a_task_throws_is_raised_as_it_is_without_phones() -> None:
    report = DrainReport(troubles={"main": f"is throttled: too many requests for {PHONE}"})

    def run() -> None:
        raise tasks.InstanceTroubleError(report.told_troubles())

    task = Celery("broken", set_as_current=False, task_cls=OwnTask).task(shared=False, throws=tasks.send.throws)(run)
    with pytest.raises(tasks.InstanceTroubleError, match="main is throttled: too many requests for 6281") as caught:
        task()
    assert PHONE not in str(caught.value)


def test_trouble_of_an_instance_is_a_failure_in_one_line_without_a_traceback() -> None:
    report = DrainReport(
        counts={"main": {"claimed": 4, "sent": 3, "in_doubt": 1}},
        campaigns=["spring"],
        troubles={"main": "is down: connection refused"},
    )
    app = Celery("broken", set_as_current=False, task_cls=OwnTask)

    @app.task(shared=False, throws=tasks.send.throws)
    def run() -> None:
        raise tasks.InstanceTroubleError(report.told_troubles())

    @app.task(shared=False)
    def fails() -> None:
        failing()

    line = "main is down: connection refused; main: 4 claimed, 3 sent, 1 in doubt; campaigns: spring"
    shown = build_tracer(run.name, run, app=app)("1", (), {}, {"id": "1"}).retval
    assert isinstance(shown, ExceptionInfo)
    assert (repr(shown.exception), shown.traceback) == (line, "")
    assert "in fails" in build_tracer(fails.name, fails, app=app)("2", (), {}, {"id": "2"}).retval.traceback


@pytest.mark.parametrize(("terminal", "is_json"), [(False, True), (True, False)])
def test_it_is_json_unless_people_see_it(
    settings: Settings,
    terminal: bool,
    is_json: bool,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: terminal, raising=False)
    configure_logs(msgspec.structs.replace(settings, log_json=None), "worker")
    structlog.get_logger().warning("cannot claim")
    [line] = lines(capsys)
    assert line.startswith("{") is is_json


def test_every_name_in_a_log_is_explained() -> None:
    """One thing has one name, whatever logs it: docs/monitoring.md lists them."""
    [logs] = re.findall(
        r"^## Logs$(.*?)(?=^## |\Z)",
        (ROOT / "docs" / "monitoring.md").read_text(encoding="utf-8"),
        re.DOTALL | re.MULTILINE,
    )
    explained = set(re.findall(r"^\| `(\w+)`", logs, re.MULTILINE))
    assert names_in_logs() - explained == set()


def names_in_logs() -> set[str]:
    found = set()
    for path in Path(broadcaster.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("log."):
                found |= {each.arg for each in node.keywords if each.arg}
    return found - {"exc_info"}


def test_a_level_holds_for_both_kinds_of_loggers(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs(msgspec.structs.replace(settings, log_level="warning"), "worker")
    structlog.get_logger().info("no")
    logging.getLogger("celery").info("no")
    assert lines(capsys) == []
