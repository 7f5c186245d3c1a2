"""Receivers of Celery's signals that make any worker or beat ours, whoever starts it.

So `celery -A broadcaster worker` does the same as `broadcaster worker`, with Celery's own options. Celery imports this
module in workers and beats before the first signal. It logs a receiver's exception and goes on; only SystemExit ends
the process.
"""

from __future__ import annotations

import logging
import re
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
from celery import signals
from celery.apps.worker import install_worker_term_handler
from celery.concurrency.thread import TaskPool
from celery.exceptions import CPendingDeprecationWarning, SecurityWarning
from celery.utils.log import mlevel
from celery.worker.control import Panel
from structlog.contextvars import bind_contextvars, clear_contextvars

from broadcaster.errors import BroadcasterError, UsageError
from broadcaster.worker import redis_transport
from broadcaster.worker.app import SENDS, TICKS, settings
from broadcaster.worker.celery_words import keep_in_log
from broadcaster.worker.deafness import DeafnessWatch
from broadcaster.worker.logs import configure_logs
from broadcaster.worker.memory import keep_memory_level
from broadcaster.worker.readiness import announce_ready
from broadcaster.worker.runtime import Runtime
from broadcaster.worker.tasks import attach

CONTROL_COMMANDS = [name for name, about in Panel.meta.items() if about.type == "control"]
"""Remote control commands that change or stop a worker. Workers answer questions from Redis but obey no commands."""
STOP_MARGIN = 15.0
"""A worker stops within the request timeout and this many seconds, if it stops at all."""
_ASKED_FOR_PREFORK = re.compile(r" (?:--pool[= ]|-P[= ]?)prefork(?: |$)")
_DEFAULT_LEVEL = logging.WARNING
"""The level that `celery` passes without `--loglevel`."""
_role = ["beat"]
"""What this process is: a worker says so before it logs anything."""


@contextmanager
def ending_with_a_line() -> Iterator[None]:
    """End the process if the block raises a BroadcasterError, which becomes the cause of the SystemExit."""
    try:
        yield
    except BroadcasterError as error:
        raise SystemExit(f"error: {error}") from error


@signals.celeryd_init.connect
def _prepare_worker(conf: Any, **_: Any) -> None:
    """Runs before the worker makes anything: its first connection decides which transport all of them use."""
    _role[:] = ["worker"]
    _ignore_warnings()
    redis_transport.install()
    for command in CONTROL_COMMANDS:
        Panel.data.pop(command, None)
    # Only workers: beat and the command line may not publish events (deploy/redis-users.acl).
    conf.task_send_sent_event = True


@signals.worker_init.connect
def _open_runtime(sender: Any, **_: Any) -> None:
    """Runs once the worker's options are known. Under `celery worker` they are Celery's own."""
    with ending_with_a_line():
        _refuse_what_cannot_work(sender)
        _configure_logs(sender.loglevel, sender.logfile)
        keep_in_log(sender)
        keep_memory_level()
        # Stale wake-ups are worthless. Purging them here, unlike an expiry, needs no agreement of two machines'
        # clocks. A wake-up that is still wanted is published again within two seconds.
        sender.purge = True
        sender.options.update(without_gossip=True, without_mingle=True)
        if not isinstance(sender.concurrency, int):  # `--concurrency auto` counts processors; threads wait
            sender.concurrency = settings.worker_threads
        runtime = Runtime(msgspec.structs.replace(settings, worker_threads=sender.concurrency))
    attach(runtime)
    watch = DeafnessWatch(sender.app, sender.concurrency, patience=settings.request_timeout_seconds + STOP_MARGIN)
    watch.start()

    def close(**_: Any) -> None:
        try:
            runtime.close()
        finally:
            watch.stop()

    signals.worker_shutdown.connect(close, weak=False)


@signals.worker_ready.connect
def _answer_signals(sender: Any, **_: Any) -> None:
    """Treat Ctrl-C and SIGQUIT as SIGTERM: Celery's own handlers would drop what is in flight."""
    for signum in ("SIGINT", "SIGQUIT"):
        install_worker_term_handler(sender.controller, sig=signum)
    announce_ready()


@signals.beat_init.connect
def _settle_beat(**_: Any) -> None:
    _ignore_warnings()
    keep_memory_level()
    announce_ready()


@signals.setup_logging.connect
def _configure_logs_as_asked(loglevel: int, logfile: str | None, **_: Any) -> None:
    """Because this signal has a receiver, Celery does not set up logging itself."""
    with ending_with_a_line():
        _configure_logs(loglevel, logfile)


def _configure_logs(level: Any, file: str | None) -> None:
    wanted = mlevel(level)
    configure_logs(settings, _role[0], level=None if wanted == _DEFAULT_LEVEL else wanted, file=file)


@signals.task_prerun.connect
def _name_task(sender: Any, task_id: str, **_: Any) -> None:
    """Whatever is logged for the task's sake has its name, also from the loop that its thread waits for."""
    bind_contextvars(task=sender.name, task_id=task_id)


@signals.task_postrun.connect
def _leave_task(**_: Any) -> None:
    clear_contextvars()


def _refuse_what_cannot_work(worker: Any) -> None:
    """Raises UsageError for options of `celery worker` that would leave work undone."""
    # Celery's own default is `prefork`, and becomes ours: only the command line shows that somebody asked for it.
    asked = _ASKED_FOR_PREFORK.search(" ".join(sys.argv))
    if asked or worker.pool_cls not in (TaskPool, "threads"):
        raise UsageError("--pool: tasks wait for what they send, in threads; leave the option out")
    if worker.options.get("autoscale"):
        raise UsageError("--autoscale: waiting threads cost next to nothing; say --concurrency, or leave it out")
    if worker.options.get("beat"):
        raise UsageError("--beat: beat has a process of its own: `celery -A broadcaster beat`")
    queues = set(worker.app.amqp.queues.consume_from)
    if not queues or queues - {TICKS, SENDS}:
        raise UsageError(f"--queues: there are {TICKS} and {SENDS}, and a worker takes one or both of them")


def _ignore_warnings() -> None:
    # Celery warns against root because of pickle, but only JSON is accepted here. Its warning about version 6 concerns
    # late acknowledgement, which no task uses.
    warnings.simplefilter("ignore", SecurityWarning)
    warnings.simplefilter("ignore", CPendingDeprecationWarning)
