"""What Celery's worker prints past the log: a line of the log like any other."""

from __future__ import annotations

import logging
import os
from functools import partial
from typing import Any

import structlog
from celery import Celery
from celery.apps import worker as celery_worker

log = structlog.get_logger(__name__)


def keep_in_log(worker: Any) -> None:
    """Log what a worker would print as it starts and stops. Its logs are set up already."""
    celery_worker.safe_say = _log_in_handler
    worker.purge_messages = partial(_drop_stale_wake_ups, worker.app)


def _drop_stale_wake_ups(app: Celery) -> None:
    with app.connection_for_write() as connection:
        dropped = app.control.purge(connection=connection)
    if dropped:
        log.info("dropped the wake-ups of before this start: what is still due is woken again", wake_ups=dropped)


def _log_in_handler(words: str, _: object) -> None:
    """For handlers of signals: they may have interrupted a line, so this one bypasses its buffer."""
    record = logging.LogRecord("celery", logging.INFO, __file__, 0, words, None, None)
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.StreamHandler) and record.levelno >= logging.getLogger().level:
            os.write(handler.stream.fileno(), f"{handler.format(record)}\n".encode())
