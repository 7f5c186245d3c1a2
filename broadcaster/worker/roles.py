"""The roles of a stack, each as one blocking call: worker, beat, Flower."""

from __future__ import annotations

import os
import socket
import warnings
from typing import Any

from celery import signals
from celery.apps.worker import install_worker_term_handler
from celery.exceptions import CPendingDeprecationWarning, SecurityWarning
from celery.worker.control import Panel

from broadcaster.errors import UnavailableError
from broadcaster.settings import Settings
from broadcaster.worker import transport
from broadcaster.worker.app import SENDS, TICKS, app
from broadcaster.worker.logs import configure_logs
from broadcaster.worker.memory import keep_memory_level
from broadcaster.worker.readiness import announce_ready
from broadcaster.worker.runtime import Runtime
from broadcaster.worker.tasks import attach
from broadcaster.worker.watch import Watch

COMMANDS = [name for name, about in Panel.meta.items() if about.type == "control"]
"""Remote control that changes a worker: to stop consuming, or altogether. Redis is not to be obeyed, only asked."""
STOP_MARGIN = 15.0
"""Seconds beyond the request timeout in which a worker has stopped, if it stops at all."""


def run_worker(settings: Settings) -> None:
    """Work until SIGTERM or SIGINT; then finish what is in flight and give the rest back.

    Raises BroadcasterError when the database cannot be used as it is.
    """
    _configure(settings)
    transport.install()
    for command in COMMANDS:
        del Panel.data[command]
    runtime = Runtime(settings)
    attach(runtime)
    signals.worker_ready.connect(_take_interrupts)
    signals.worker_ready.connect(_announce)
    worker = app.Worker(
        # Unlike the host's name, this tells the workers of one machine apart.
        hostname=f"worker-{os.getpid()}@{socket.gethostname()}",
        queues=[TICKS, SENDS],
        # Wake-ups are worthless when stale. Purging them here, rather than letting them expire, compares no two
        # machines' clocks; whatever was still wanted is published again within two seconds.
        purge=True,
        without_gossip=True,
        without_mingle=True,
        quiet=True,
    )
    watch = Watch(app, patience=settings.request_timeout_seconds + STOP_MARGIN)
    watch.start()
    try:
        worker.start()
    finally:
        runtime.close()
        watch.stop()
    if worker.exitcode:
        raise UnavailableError("the worker gave up: what it met is above this line")


def run_beat(settings: Settings) -> None:
    """Fire the ticks until stopped. Any number of beats may run: every tick is an idempotent scan."""
    _configure(settings)
    signals.beat_init.connect(_announce)
    # What beat could remember across restarts does not matter to ticks, so it keeps no file.
    app.Beat(scheduler="celery.beat:Scheduler", loglevel=settings.log_level, quiet=True).run()


def _configure(settings: Settings) -> None:
    configure_logs(settings)
    keep_memory_level()
    # Celery's advice against root is about pickle, and only JSON is accepted here; its announcement for version 6 is
    # about tasks that are acknowledged late, and there are none.
    warnings.simplefilter("ignore", SecurityWarning)
    warnings.simplefilter("ignore", CPendingDeprecationWarning)
    # A receiver of this signal keeps Celery from setting up logging itself.
    signals.setup_logging.connect(_ours)


def _ours(**_: Any) -> None:
    pass


def _take_interrupts(sender: Any, **_: Any) -> None:
    """Ctrl-C is SIGTERM: Celery's own handler fails the exit code, and drops what is in flight at the second one."""
    install_worker_term_handler(sender.controller, sig="SIGINT")


def _announce(**_: Any) -> None:
    announce_ready()
