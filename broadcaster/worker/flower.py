"""Flower, the web view of workers and tasks, inside this process: no secret of it is ever in an argv."""

from __future__ import annotations

import gc
import os
import signal
import socket
from typing import Any

from flower.options import options
from flower.urls import settings as web_settings
from tornado.httpserver import HTTPServer
from tornado.ioloop import IOLoop, PeriodicCallback

from broadcaster.errors import UnavailableError
from broadcaster.settings import Settings
from broadcaster.worker.app import app
from broadcaster.worker.flower_credentials import LISTENER, flower_credentials
from broadcaster.worker.flower_door import GuardedFlower
from broadcaster.worker.logs import configure_logs
from broadcaster.worker.memory import keep_memory_level
from broadcaster.worker.readiness import announce_ready

MOST_TASKS = 1_000
"""In its list; each takes 7 to 45 KB of memory, by how many instances are in its result."""
_FORGET_WORKER_SECONDS = 600
_COLLECT_SECONDS = 60
"""Tasks that fall off the list refer to themselves, 2 KB each, and so few come that the collector would leave them."""


def run_flower(settings: Settings) -> None:
    """Serve Flower, behind basic authentication and only to look at, until SIGTERM or SIGINT.

    `/metrics` and `/healthcheck` answer everybody: Flower has it so, for monitoring; they name workers and tasks only.

    Raises UnavailableError if it cannot listen where it is told to, SettingsError for unusable credentials.
    """
    configure_logs(settings)
    keep_memory_level()
    credentials = flower_credentials(settings)
    _set_options(
        address=settings.flower_bind,
        port=settings.flower_port,
        basic_auth=[f"{credentials.user}:{credentials.password}"],
        # Flower's own commands would go around the accounts that Postgres keeps.
        read_only=True,
        persistent=False,
        max_tasks=MOST_TASKS,
        purge_offline_workers=_FORGET_WORKER_SECONDS,
        tasks_columns="name,state,args,result,received,runtime,worker",
    )
    flower = GuardedFlower(credentials, capp=app, options=options, io_loop=IOLoop.current(), **web_settings)
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, lambda *_: flower.io_loop.add_callback_from_signal(flower.stop))
    try:
        _listen(flower)
    except OSError as error:
        raise UnavailableError(
            f"Flower cannot listen on {settings.flower_bind}:{settings.flower_port}: {error.strerror}; "
            "set BROADCASTER_FLOWER_PORT to a free port"
        ) from None
    PeriodicCallback(_collect, 1000 * _COLLECT_SECONDS).start()
    flower.io_loop.add_callback(announce_ready)
    flower.start()


def _listen(flower: GuardedFlower) -> None:
    """On the socket that was handed to this process, or on one of its own.

    Raises OSError.
    """
    handed = os.environ.get(LISTENER)
    if handed:
        HTTPServer(flower).add_socket(socket.socket(fileno=int(handed)))
    else:
        flower.start_http_server()


def _collect() -> None:
    gc.collect()


def _set_options(**values: Any) -> None:
    """Flower reads its options from a global of Tornado, also while it imports parts of itself."""
    for name, value in values.items():
        setattr(options, name, value)
