"""Ends a worker that no longer takes waiting tasks from Redis, so that its supervisor starts another one."""

from __future__ import annotations

import os
import signal
import threading
from time import monotonic
from typing import Any

import structlog
from celery import Celery, signals
from celery.worker import state
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

log = structlog.get_logger()

LONGEST_SILENCE = 30.0
"""A worker is ended after this many seconds without a task while tasks wait. Workers share beat's four ticks a
second."""
_EVERY = 5.0
"""Seconds between two checks."""


class DeafnessWatch:
    """Watches from a thread of its own, because the thread that takes tasks may hang."""

    def __init__(self, app: Celery, threads: int, patience: float) -> None:
        """`threads` is how many tasks the worker takes at once, `patience` how many seconds it has to stop."""
        self._app = app
        self._threads = threads
        self._patience = patience
        self._heard = monotonic()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)

    def start(self) -> None:
        """Watch from now until `stop`."""
        signals.task_received.connect(self._hear)
        self._thread.start()

    def stop(self) -> None:
        self._ended.set()

    def _hear(self, **_: Any) -> None:
        self._heard = monotonic()

    def _run(self) -> None:
        every = min(_EVERY, LONGEST_SILENCE / 2)
        while not self._ended.wait(every):
            if state.should_stop is not None:
                return  # it takes no tasks because it was told to end
            if monotonic() - self._heard > LONGEST_SILENCE and self._are_tasks_left() and not self._is_busy():
                log.error(
                    "this worker takes no tasks any more, though there are some: it ends", silent=LONGEST_SILENCE
                )
                os.kill(os.getpid(), signal.SIGTERM)
                if not self._ended.wait(self._patience):
                    os._exit(1)
                return

    def _is_busy(self) -> bool:
        """Whether the worker runs as many tasks as it can."""
        return len(state.reserved_requests) >= self._threads

    def _are_tasks_left(self) -> bool:
        try:
            with self._app.connection_for_read() as connection:
                redis: Any = connection.default_channel.client
                return any(redis.llen(queue) for queue in self._app.amqp.queues.consume_from)
        except (OperationalError, RedisError, OSError):
            return False  # nobody knows: Redis itself is away
