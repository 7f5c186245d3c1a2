"""Sends requests: one pool of connections for all instances of a process.

docs/decisions/0002-http-transport.md says why this library, with figures.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from types import TracebackType
from typing import Protocol, Self

import httpx
from pyreqwest.client import Client, ClientBuilder
from pyreqwest.http import Url

from broadcaster.gateway.gates import BodyGate, Pieces
from broadcaster.gateway.wire import Body

# Shorter than the five seconds after which common servers close an idle connection. A request that crosses the closing
# on the wire is in doubt, and a new connection is much cheaper than a doubt.
IDLE_SECONDS = 4.0

# After a reply, the library's own thread reads the end of a streamed body from Python, and gives no event when it has.
# If the interpreter ends at that moment, it aborts ("PyGILState_Release: thread state must be current"): 1 of 10
# processes that left right after a file. The thread needs microseconds; after 20 ms none of 400 aborted.
SETTLE_SECONDS = 0.05


@dataclass(slots=True)
class Reply:
    """A reply: its status, its headers and its body, cut to the requested length."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    is_whole: bool


class Transport(Protocol):
    """What the client needs of HTTP: one POST, once."""

    async def post(
        self, url: str, content_type: str, body: Body, *, within: float, limit: int, gate: BodyGate | None = None
    ) -> Reply:
        """Send one request once, follow no redirect, and read at most `limit` bytes of the reply's body.

        `within` is the most seconds from the call to the last byte. Nothing of the body leaves before it has passed
        `gate`, which is asked when there is a connection; None: it leaves. Raises exceptions that
        `classify_exception` knows, and anything where the gate refuses.
        """

    async def aclose(self) -> None:
        """Close every connection; requests in flight fail."""


class PooledTransport:
    """The transport that all clients of a worker process share, on one event loop. Make one with `open_transport`."""

    __slots__ = ("_client", "_timeouts", "_urls")

    def __init__(self, client: Client) -> None:
        self._client = client
        self._urls: dict[str, Url] = {}
        self._timeouts: dict[float, timedelta] = {}

    async def post(
        self, url: str, content_type: str, body: Body, *, within: float, limit: int, gate: BodyGate | None = None
    ) -> Reply:
        """As `Transport.post`."""
        request = self._client.post(self._url(url)).timeout(self._timeout(within))
        content = _content(body, gate)
        if isinstance(content, bytes):
            request = request.header("content-type", content_type).body_bytes(content)
        else:
            headers = (("content-type", content_type), ("content-length", _length(body)))
            request = request.headers(headers).body_stream(content)
        async with request.build_streamed() as response:
            read = await response.body_reader.read(limit + 1)
            found = b"" if read is None else bytes(read)
            return Reply(response.status, response.headers, found[:limit], len(found) <= limit)

    async def aclose(self) -> None:
        """Close every connection; requests in flight fail."""
        await self._client.close()
        await asyncio.sleep(SETTLE_SECONDS)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def _url(self, url: str) -> Url:
        if url not in self._urls:
            self._urls[url] = Url(url)
        return self._urls[url]

    def _timeout(self, seconds: float) -> timedelta:
        if seconds not in self._timeouts:
            self._timeouts[seconds] = timedelta(seconds=seconds)
        return self._timeouts[seconds]


def open_transport(
    connect_timeout: float = 10.0,
    max_connections: int | None = None,
    pool_timeout: float = 10.0,
    *,
    trust_env: bool = False,
) -> PooledTransport:
    """A pool of connections.

    `connect_timeout` covers name resolution, TCP and TLS, in seconds. Keep it below the clients' `timeout`: without a
    gate only a timeout while connecting proves that nothing was sent. `max_connections` bounds the requests in flight
    of the whole process (None: only the instances' limits do). A request that waits longer than `pool_timeout` seconds
    for a connection is not sent. Certificates are verified against the system's store. `trust_env` obeys HTTP_PROXY
    and the like. By default only the gateway sees the key and answers.
    """
    builder = (
        ClientBuilder()
        .user_agent("broadcaster")
        .connect_timeout(timedelta(seconds=connect_timeout))
        .pool_idle_timeout(timedelta(seconds=IDLE_SECONDS))
        .follow_redirects(False)
        .referer(False)
        .http1_only()
        .brotli(False)
        .zstd(False)
        .deflate(False)
    )
    if max_connections is not None:
        builder = builder.max_connections(max_connections).pool_timeout(timedelta(seconds=pool_timeout))
    if not trust_env:
        builder = builder.no_proxy()
    return PooledTransport(builder.build())


class HttpxTransport:
    """Any httpx transport as a `Transport`: `httpx.MockTransport` in tests, httpx's own if speed does not matter.

    Its exceptions are trusted. A transport that raises ConnectTimeout after the request has left, as httpx-aiohttp
    does, causes doubled messages.
    """

    __slots__ = ("_inner",)

    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        self._inner = inner

    async def post(
        self, url: str, content_type: str, body: Body, *, within: float, limit: int, gate: BodyGate | None = None
    ) -> Reply:
        """As `Transport.post`."""
        headers = {"content-type": content_type, "user-agent": "broadcaster"}
        content = _content(body, gate)
        if not isinstance(content, bytes):
            headers["content-length"] = _length(body)
        sent = content if isinstance(content, bytes) else _bytes(content)
        waits = httpx.Timeout(within).as_dict()
        request = httpx.Request("POST", url, headers=headers, content=sent, extensions={"timeout": waits})
        async with asyncio.timeout(within):
            response = await self._inner.handle_async_request(request)
            try:
                content_read = await _read(response, limit + 1)
            finally:
                await response.aclose()
        return Reply(response.status_code, response.headers, content_read[:limit], len(content_read) <= limit)

    async def aclose(self) -> None:
        """Close the inner transport."""
        await self._inner.aclose()


def _content(body: Body, gate: BodyGate | None) -> bytes | Pieces:
    """What to send: whole only where no gate wants to be asked for it."""
    if gate is not None:
        return gate.lead(body)
    return body if isinstance(body, bytes) else iter(body)


def _length(body: Body) -> str:
    return str(len(body) if isinstance(body, bytes) else sum(map(len, body)))


async def _bytes(pieces: Pieces) -> AsyncIterator[bytes]:
    if isinstance(pieces, AsyncIterator):
        async for piece in pieces:
            yield bytes(piece)
        return
    for piece in pieces:
        yield bytes(piece)


async def _read(response: httpx.Response, limit: int) -> bytes:
    read = bytearray()
    async for chunk in response.aiter_bytes():
        read += chunk
        if len(read) >= limit:
            break
    return bytes(read)
