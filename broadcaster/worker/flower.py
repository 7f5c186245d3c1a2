"""Runs Flower, the web view of workers and tasks, inside this process, so that no secret is ever in an argv."""

from __future__ import annotations

import gc
import os
import signal
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import structlog
from flower.command import apply_env_options, apply_options, extract_settings
from flower.options import options
from flower.urls import settings as web_settings
from pytz import all_timezones_set
from tornado.httpserver import HTTPServer
from tornado.ioloop import IOLoop, PeriodicCallback
from tornado.options import Error

from broadcaster.door_urls import web_url
from broadcaster.doors_in_clear import flower_in_clear
from broadcaster.errors import UnavailableError, UsageError
from broadcaster.time_zones import shown_zone
from broadcaster.worker.app import app, settings
from broadcaster.worker.flower_credentials import LISTENER, FlowerCredentials, flower_credentials
from broadcaster.worker.flower_door import GuardedFlower
from broadcaster.worker.flower_templates import LinkedTemplates
from broadcaster.worker.logs import configure_logs
from broadcaster.worker.memory import keep_memory_level
from broadcaster.worker.readiness import announce_ready

MOST_TASKS = 1_000
"""The most tasks in Flower's list. Each takes 7 to 45 KB of memory, depending on the instances in its result."""
_FORGET_WORKER_SECONDS = 600
_COLLECT_SECONDS = 60
"""Seconds between garbage collections. A task that falls off the list refers to itself (2 KB), and tasks are so few
that Python would not collect by itself."""


def run_flower(arguments: Sequence[str] | None = None) -> None:
    """Serve Flower, read-only and behind basic authentication, until SIGTERM or SIGINT.

    `arguments` are Flower's own options, such as `--port=5556`. Unless they are None, its variables (`FLOWER_PORT`)
    count too. `/healthcheck` answers without a password, and says nothing but that it is there.

    Raises UnavailableError if it cannot listen at its address, SettingsError for unusable credentials, UsageError for
    options that would let in others.
    """
    configure_logs(settings, "flower")
    keep_memory_level()
    # Here only, where it says by whose clocks moments are shown: beat reckons its intervals in UTC.
    app.conf.timezone = _zone_of_pages()
    _set_options(
        address=settings.flower_bind,
        port=settings.flower_port,
        # Commands given in Flower would change workers without a trace in Postgres.
        read_only=True,
        # It would tell workers every few seconds to publish events. Ours always do, and they obey nobody.
        enable_events=False,
        persistent=False,
        max_tasks=MOST_TASKS,
        purge_offline_workers=_FORGET_WORKER_SECONDS,
        tasks_columns="name,state,args,result,received,runtime,worker",
        # Flower must not add logs to ours, nor obey a flowerconfig.py in the current directory.
        logging="none",
        conf=os.devnull,
    )
    if arguments is not None:
        try:
            apply_env_options()
            apply_options("flower", arguments)
            extract_settings()
        except (Error, KeyError, ValueError) as error:
            raise UsageError(f"flower: one of its options has a value that it does not take: {error}") from None
    credentials = _credentials()
    _set_options(basic_auth=[f"{credentials.user}:{credentials.password}"])
    templates = LinkedTemplates(Path(web_settings["template_path"]), web_url(settings))
    pages = {**web_settings, "template_loader": templates}
    flower = GuardedFlower(credentials, capp=app, options=options, io_loop=IOLoop.current(), **pages)
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, lambda *_: flower.io_loop.add_callback_from_signal(flower.stop))
    try:
        _listen(flower)
    except OSError as error:
        raise UnavailableError(
            f"Flower cannot listen on {options.address}:{options.port}: {error.strerror}; "
            "set BROADCASTER_FLOWER_PORT to a free port"
        ) from None
    in_clear = None if os.environ.get(LISTENER) else flower_in_clear(options.address, options.port)
    if in_clear is not None:
        structlog.get_logger().warning(in_clear)
    PeriodicCallback(_collect, 1000 * _COLLECT_SECONDS).start()
    flower.io_loop.add_callback(announce_ready)
    flower.start()


def _credentials() -> FlowerCredentials:
    """The credentials from Flower's options, or ours. Raises UsageError if the options would let in others."""
    if not options.read_only:
        raise UsageError("--read_only: Flower is only to look at; leave the option out")
    if options.auth or options.auth_provider:
        raise UsageError("--auth: Flower is behind a user and a password; set BROADCASTER_FLOWER_BASIC_AUTH")
    if not options.basic_auth:
        return flower_credentials(settings)
    if len(options.basic_auth) > 1:
        raise UsageError("--basic_auth: Flower has one user; give one user:password")
    return FlowerCredentials.parse(options.basic_auth[0], "--basic_auth")


def _zone_of_pages() -> str:
    """The zone by whose clocks moments are shown; UTC where its pages know no such name, as of a copied localtime."""
    name = str(shown_zone())
    return name if name in all_timezones_set else "UTC"


def _listen(flower: GuardedFlower) -> None:
    """Listen on the socket that was handed to this process, or on a new one.

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
    """Flower reads its options from a global of Tornado, even while it imports its own parts."""
    for name, value in values.items():
        setattr(options, name, value)
