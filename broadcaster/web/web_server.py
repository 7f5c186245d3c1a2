"""Serves the view in the browser until SIGTERM or SIGINT."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from ipaddress import ip_address
from pathlib import Path
from types import FrameType

import uvicorn

from broadcaster.db.engine import open_engine
from broadcaster.errors import SettingsError, UnavailableError
from broadcaster.secret_files import read_secret
from broadcaster.services.standstill import Surroundings
from broadcaster.settings import Settings
from broadcaster.web.application import build_app, page_templates
from broadcaster.web.surface import Surface
from broadcaster.web.web_password import web_password

READING_SESSION = {"default_transaction_read_only": "on", "statement_timeout": "9000"}
"""Of sessions that pages are read in: they change nothing, and take no longer than anybody waits (milliseconds)."""
_LEAVE_SECONDS = 3
"""How long requests have to end when it stops."""


def serve_web(
    settings: Settings,
    *,
    surroundings: Surroundings,
    nudge: Callable[[], object],
    ready: Callable[[], None],
) -> None:
    """Serve it at the configured address. `ready` is called once it listens.

    `surroundings` adds to what a page says of ticks that are not done; `nudge` lets the workers look at once.

    Raises UnavailableError if it cannot listen, SettingsError for a password or a token that cannot be used.
    """
    password, token = web_password(settings), _metrics_token(settings.web_metrics_token_file)
    listener = _listen(settings)
    engine = open_engine(settings, session=READING_SESSION)
    surface = Surface(settings, engine, page_templates(settings), surroundings, nudge)
    config = uvicorn.Config(
        build_app(surface, password, token),
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        # Who asks is who connects: of a header anybody could say it.
        proxy_headers=False,
        lifespan="off",
        timeout_graceful_shutdown=_LEAVE_SECONDS,
    )
    try:
        with closing(listener):
            _Server(config, surface.stopping, ready).run([listener])
    finally:
        surface.readings.close()
        engine.dispose()


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, stopping: asyncio.Event, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._stopping, self._ready = stopping, ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._ready()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop by them, and exit as after any other end: the original gives itself the signal once more."""
        loop = asyncio.get_running_loop()
        for signum in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(signum, self.handle_exit, signum, None)
        yield

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        super().handle_exit(sig, frame)
        self._stopping.set()


def _listen(settings: Settings) -> socket.socket:
    try:
        address = ip_address(settings.web_bind)
    except ValueError:
        raise SettingsError(
            f"BROADCASTER_WEB_BIND: {settings.web_bind!r} is no IP address, such as 127.0.0.1"
        ) from None
    try:
        return socket.create_server(
            (settings.web_bind, settings.web_port), family=socket.AF_INET6 if address.version == 6 else socket.AF_INET
        )
    except OSError as error:
        raise UnavailableError(
            f"the view in the browser cannot listen on {settings.web_bind}:{settings.web_port}: {error.strerror}; "
            "set BROADCASTER_WEB_PORT to a free port"
        ) from None


def _metrics_token(file: Path | None) -> str | None:
    if file is None:
        return None
    try:
        token = read_secret(file)
    except OSError as error:
        raise SettingsError(f"BROADCASTER_WEB_METRICS_TOKEN_FILE: {file}: {error.strerror}") from None
    if not token:
        raise SettingsError(f"BROADCASTER_WEB_METRICS_TOKEN_FILE: {file} is empty: write a token into it")
    return token
