"""What makes a worker or a beat ours, whoever starts it: receivers of Celery's signals.

So `celery -A broadcaster worker` is what `broadcaster worker` is, with Celery's own options. Celery imports this
module in its workers and beats, before it sends the first signal. It logs exceptions of receivers and goes on, but
SystemExit ends the process.
"""

from __future__ import annotations

import logging
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

from broadcaster.errors import BroadcasterError, UsageError
from broadcaster.worker import redis_transport
from broadcaster.worker.app import SENDS, TICKS, settings
from broadcaster.worker.logs import configure_logs
from broadcaster.worker.memory import keep_memory_level
from broadcaster.worker.readiness import announce_ready
from broadcaster.worker.runtime import Runtime
from broadcaster.worker.tasks import attach
from broadcaster.worker.watch import Watch

CONTROL_COMMANDS = [name for name, about in Panel.meta.items() if about.type == "control"]
"""Remote control that changes a worker: to stop consuming, or altogether. Redis is not to be obeyed, only asked."""
STOP_MARGIN = 15.0
"""Seconds beyond the request timeout in which a worker has stopped, if it stops at all."""
_DEFAULT_LEVEL = logging.WARNING
"""What `celery` gives where nobody says `--loglevel`."""


@contextmanager
def ending_with_a_line() -> Iterator[None]:
    """End the process where a BroadcasterError is raised within; its cause is that error."""
    try:
        yield
    except BroadcasterError as error:
        raise SystemExit(f"error: {error}") from error


@signals.celeryd_init.connect
def _prepare_worker(conf: Any, **_: Any) -> None:
    """Before the worker makes anything: the first connection decides upon the transport of all."""
    _ignore_warnings()
    redis_transport.install()
    for command in CONTROL_COMMANDS:
        Panel.data.pop(command, None)
    # Only here: beat and the command line publish ticks, and may publish no events (deploy/redis-users.acl).
    conf.task_send_sent_event = True


@signals.worker_init.connect
def _open_runtime(sender: Any, **_: Any) -> None:
    """Once its options are known. They are Celery's own where it was started as `celery worker`."""
    with ending_with_a_line():
        _refuse_what_cannot_work(sender)
        _configure_logs(sender.loglevel, sender.logfile)
        keep_memory_level()
        # Wake-ups are worthless when stale. Purging them here, rather than letting them expire, compares no two
        # machines' clocks; whatever was still wanted is published again within two seconds.
        sender.purge = True
        sender.options.update(without_gossip=True, without_mingle=True)
        if not isinstance(sender.concurrency, int):  # `--concurrency auto` is about processors, and threads wait
            sender.concurrency = settings.worker_threads
        runtime = Runtime(msgspec.structs.replace(settings, worker_threads=sender.concurrency))
    attach(runtime)
    watch = Watch(sender.app, sender.concurrency, patience=settings.request_timeout_seconds + STOP_MARGIN)
    watch.start()

    def close(**_: Any) -> None:
        try:
            runtime.close()
        finally:
            watch.stop()

    signals.worker_shutdown.connect(close, weak=False)


@signals.worker_ready.connect
def _answer_signals(sender: Any, **_: Any) -> None:
    """Ctrl-C and SIGQUIT are SIGTERM: Celery's own handlers drop what is in flight."""
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
    """A receiver of this signal keeps Celery from setting up logging itself."""
    with ending_with_a_line():
        _configure_logs(loglevel, logfile)


def _configure_logs(level: Any, file: str | None) -> None:
    wanted = mlevel(level)
    configure_logs(settings, level=None if wanted == _DEFAULT_LEVEL else wanted, file=file)


def _refuse_what_cannot_work(worker: Any) -> None:
    """Raises UsageError for options of `celery worker` with which nothing, or not everything, would be done."""
    if worker.pool_cls not in (TaskPool, "threads"):
        raise UsageError("--pool: tasks wait for what they send, in threads; leave the option out")
    if worker.options.get("autoscale"):
        raise UsageError("--autoscale: waiting threads cost next to nothing; say --concurrency, or leave it out")
    if worker.options.get("beat"):
        raise UsageError("--beat: beat has a process of its own: `celery -A broadcaster beat`")
    queues = set(worker.app.amqp.queues.consume_from)
    if not queues or queues - {TICKS, SENDS}:
        raise UsageError(f"--queues: there are {TICKS} and {SENDS}, and a worker takes one or both of them")


def _ignore_warnings() -> None:
    # Celery's advice against root is about pickle, and only JSON is accepted here; its announcement for version 6 is
    # about tasks that are acknowledged late, and there are none.
    warnings.simplefilter("ignore", SecurityWarning)
    warnings.simplefilter("ignore", CPendingDeprecationWarning)
