"""Sets up the logs of the roles: one line for each event, for people or as JSON."""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping
from logging.handlers import WatchedFileHandler

import structlog
from structlog.typing import Processor

from broadcaster.errors import SettingsError
from broadcaster.settings import Settings
from broadcaster.worker.app import BEAT

TICK_TASKS = frozenset(entry["task"] for entry in BEAT.values())

# At INFO these loggers write a line for each request, each tick and each received task.
_QUIET = ("httpx", "httpcore", "celery.beat", "celery.worker.strategy", "tornado.access", "alembic")


def configure_logs(settings: Settings, *, level: int | None = None, file: str | None = None) -> None:
    """Send all log records of this process, including the libraries', to stderr or to `file`.

    `level` is a level of `logging`; None: the configured one.

    Raises SettingsError for a level that does not exist.
    """
    level = level or logging.getLevelNamesMapping().get(settings.log_level.upper())
    if level is None:
        raise SettingsError(f"BROADCASTER_LOG_LEVEL: {settings.log_level!r} is not DEBUG, INFO, WARNING or ERROR")
    shared: list[Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    handler = WatchedFileHandler(file) if file else logging.StreamHandler(sys.stderr)
    handler.addFilter(_is_worth_a_line)
    rendering = _rendering(settings.log_json, colors=file is None and sys.stderr.isatty())
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


def _rendering(as_json: bool, *, colors: bool) -> list[Processor]:
    if as_json:
        return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    # The default traceback shows local variables, which may be secrets (invariant I8).
    plain = structlog.dev.plain_traceback
    return [structlog.dev.ConsoleRenderer(colors=colors, exception_formatter=plain)]


def _is_worth_a_line(record: logging.LogRecord) -> bool:
    """Whether to log a record. Only Celery's lines about successful ticks are left out: several come each second."""
    told = record.args
    return not (isinstance(told, Mapping) and told.get("name") in TICK_TASKS and "return_value" in told)
