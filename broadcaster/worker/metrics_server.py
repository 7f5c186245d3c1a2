"""Serves figures over HTTP for Prometheus to scrape, until SIGTERM or SIGINT."""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable, Iterable
from contextlib import closing
from hmac import compare_digest
from ipaddress import ip_address
from socketserver import ThreadingMixIn
from threading import Thread
from typing import TYPE_CHECKING, Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from prometheus_client import CONTENT_TYPE_LATEST

from broadcaster.db.reading import Reader
from broadcaster.errors import BroadcasterError, UnavailableError, UsageError
from broadcaster.services.figures import exposition
from broadcaster.settings import Settings
from broadcaster.worker.readiness import announce_ready

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

_SLOWEST_REQUEST = 10.0
"""Seconds that a client may take to say what it wants."""
_CHALLENGE = ("WWW-Authenticate", "Bearer")


def serve_metrics(
    settings: Settings, host: str, port: int, token: str | None, listening: Callable[[str], None]
) -> None:
    """Serve `/metrics` at this address. `token` is the bearer token that scrapes must bring; None: nobody needs one.

    `listening` is told the URL; with port 0 the system picks a free one.

    Raises UsageError without a token at an address that is not this machine's own alone, UnavailableError if it cannot
    listen.
    """
    try:
        address = ip_address(host)
    except ValueError:
        raise UsageError(f"--listen: {host!r} is no IP address: write it like 127.0.0.1:9464 or [::1]:9464") from None
    if token is None and not address.is_loopback:
        raise UsageError(
            f"--listen: others reach {host}, so scrapes need a token there: add --token-file FILE, or use 127.0.0.1"
        )
    kind = _Server if address.version == 4 else _Server6
    try:
        server = kind((host, port), _SilentHandler)
    except OSError as error:
        raise UnavailableError(f"cannot listen at {host} port {port}: {error.strerror}") from None
    server.set_app(_application(settings, token))
    with closing(server.socket):
        for signum in (signal.SIGTERM, signal.SIGINT):
            # `shutdown` waits for the loop, which this thread runs.
            signal.signal(signum, lambda *_: Thread(target=server.shutdown).start())
        at = f"[{host}]" if address.version == 6 else host
        listening(f"http://{at}:{server.server_port}/metrics")
        announce_ready()
        server.serve_forever()


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Server6(_Server):
    address_family = socket.AF_INET6


class _SilentHandler(WSGIRequestHandler):
    timeout = _SLOWEST_REQUEST

    def log_message(self, *arguments: Any) -> None:
        """A line for each scrape tells nothing."""


def _application(settings: Settings, token: str | None) -> Callable[[WSGIEnvironment, StartResponse], Iterable[bytes]]:
    def answer(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        if token is not None and not _brings(environ, token):
            return _say(start, "401 Unauthorized", "bring the token: Authorization: Bearer …", _CHALLENGE)
        if environ["PATH_INFO"] != "/metrics":
            return _say(start, "404 Not Found", "the figures are at /metrics")
        if environ["REQUEST_METHOD"] not in {"GET", "HEAD"}:
            return _say(start, "405 Method Not Allowed", "ask with GET")
        try:
            with closing(Reader(settings)) as source:
                figures = exposition(source, settings)
        except BroadcasterError as error:
            return _say(start, "503 Service Unavailable", str(error))
        start("200 OK", [("Content-Type", CONTENT_TYPE_LATEST), ("Content-Length", str(len(figures)))])
        return [figures]

    return answer


def _brings(environ: WSGIEnvironment, token: str) -> bool:
    said = str(environ.get("HTTP_AUTHORIZATION", ""))
    return compare_digest(said.encode(), f"Bearer {token}".encode())


def _say(start: StartResponse, status: str, line: str, *headers: tuple[str, str]) -> Iterable[bytes]:
    body = f"{line}\n".encode()
    start(status, [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(body))), *headers])
    return [body]
