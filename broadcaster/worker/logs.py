"""Sets up the logs of the roles: one line for each event, for people on a terminal, or else as JSON.

A line has its role, what the event says of itself, and, where a task of Celery's was under way, that task and its id.
docs/monitoring.md has the names. Of errors it has the way through the code, and nothing of the rows (invariant I8).
"""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Mapping
from logging.handlers import WatchedFileHandler
from traceback import format_tb
from types import TracebackType

import structlog
from structlog.typing import EventDict, Processor

from broadcaster.db.faults import without_values
from broadcaster.settings import Settings
from broadcaster.worker.app import BEAT

TICK_TASKS = frozenset(entry["task"] for entry in BEAT.values())

# At INFO these loggers write a line for each request, each tick and each received task.
_QUIET = ("httpx", "httpcore", "celery.beat", "celery.worker.strategy", "tornado.access", "alembic")


def configure_logs(settings: Settings, role: str, *, level: int | None = None, file: str | None = None) -> None:
    """Send all log records of this process, including the libraries', to stderr or to `file`.

    `role` is what the process is, for each line. `level` is a level of `logging`; None: the configured one.
    """
    level = level or logging.getLevelNamesMapping()[settings.log_level.upper()]

    def add_role(_: object, __: str, event: EventDict) -> EventDict:
        event["role"] = role
        return event

    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        add_role,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    handler = WatchedFileHandler(file) if file else logging.StreamHandler(sys.stderr)
    handler.addFilter(_is_worth_a_line)
    is_seen = file is None and sys.stderr.isatty()
    rendering = _rendering(settings.log_json if settings.log_json is not None else not is_seen, colors=is_seen)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendering],
        )
    )
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    threading.excepthook = _log_end_of_thread


def _rendering(as_json: bool, *, colors: bool) -> list[Processor]:
    renderer: Processor = (
        structlog.processors.JSONRenderer()
        if as_json
        else structlog.dev.ConsoleRenderer(colors=colors, exception_formatter=structlog.dev.plain_traceback)
    )
    return [structlog.processors.ExceptionRenderer(_told), renderer]


def _told(exc_info: tuple[type[BaseException], BaseException, TracebackType | None]) -> str:
    """Where an error came from and what it says, without local variables, values of rows, or the errors before it."""
    _, error, traceback = exc_info
    return "".join(["Traceback (most recent call last):\n", *format_tb(traceback), without_values(error)])


def _log_end_of_thread(ended: threading.ExceptHookArgs) -> None:
    name = None if ended.thread is None else ended.thread.name
    structlog.get_logger().error("a thread has ended", thread=name, exc_info=ended.exc_value)


def _is_worth_a_line(record: logging.LogRecord) -> bool:
    """Whether to log a record. Only Celery's lines about successful ticks are left out: several come each second."""
    told = record.args
    return not (isinstance(told, Mapping) and told.get("name") in TICK_TASKS and "return_value" in told)
