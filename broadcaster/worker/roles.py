"""The roles worker and beat, each as one blocking call. `hooks` makes them ours."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from broadcaster.errors import BroadcasterError, UnavailableError
from broadcaster.worker.app import app


def run_worker() -> None:
    """Work until SIGTERM or SIGINT. Then finish what is in flight and give the rest back.

    Raises BroadcasterError if the database cannot be used as it is.
    """
    with _plain_errors():
        # Unlike the host's name, this differs between the workers of one machine.
        worker = app.Worker(hostname=f"worker-{os.getpid()}@{socket.gethostname()}", quiet=True)
        worker.start()
    if worker.exitcode:
        raise UnavailableError("the worker gave up: the reason is above this line")


def run_beat() -> None:
    """Fire the ticks until stopped. Any number of beats may run: every tick is an idempotent scan."""
    with _plain_errors():
        app.Beat(quiet=True).run()


@contextmanager
def _plain_errors() -> Iterator[None]:
    """If a hook ended the process because of an error, raise that error itself."""
    try:
        yield
    except SystemExit as ended:
        if isinstance(ended.__cause__, BroadcasterError):
            raise ended.__cause__ from None
        raise
