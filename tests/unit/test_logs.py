"""What the roles write to their logs."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import msgspec
import pytest
import structlog

from broadcaster.errors import SettingsError
from broadcaster.settings import Settings
from broadcaster.worker.app import SEND
from broadcaster.worker.logs import TICK_TASKS, configure_logs


@pytest.fixture
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(home=tmp_path_factory.getbasetemp(), log_json=True)


@pytest.fixture(autouse=True)
def logging_of_the_session() -> Iterator[None]:
    """Logging is global: put it back as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
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
    configure_logs(settings)
    for tick in TICK_TASKS:
        celery_says(logging.INFO, tick, return_value="None")
    assert lines(capsys) == []
    celery_says(logging.INFO, SEND, return_value="{}")
    celery_says(logging.INFO, min(TICK_TASKS), exc="Postgres is not usable")
    celery_says(logging.ERROR, min(TICK_TASKS), exc="a bug")
    assert [msgspec.json.decode(line)["level"] for line in lines(capsys)] == ["info", "info", "error"]


def test_requests_leave_no_line(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs(settings)
    logging.getLogger("httpx").info("HTTP Request: POST https://gateway/?key=secret")
    assert lines(capsys) == []


@pytest.mark.parametrize("log_json", [False, True])
def test_a_logged_exception_shows_no_local_variables(
    settings: Settings, log_json: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logs(msgspec.structs.replace(settings, log_json=log_json))
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
    configure_logs(settings)
    structlog.get_logger().warning("cannot claim", error="OperationalError")
    [line] = lines(capsys)
    document = msgspec.json.decode(line)
    assert document.pop("timestamp").endswith("Z")
    assert document == {"event": "cannot claim", "error": "OperationalError", "level": "warning"}


def test_a_level_holds_for_both_kinds_of_loggers(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs(msgspec.structs.replace(settings, log_level="warning"))
    structlog.get_logger().info("no")
    logging.getLogger("celery").info("no")
    assert lines(capsys) == []


def test_a_level_that_does_not_exist_is_refused(settings: Settings) -> None:
    with pytest.raises(SettingsError, match="BROADCASTER_LOG_LEVEL: 'LOUD' is not"):
        configure_logs(msgspec.structs.replace(settings, log_level="LOUD"))
