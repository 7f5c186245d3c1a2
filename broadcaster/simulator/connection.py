"""One client connection. Only this module decides when bytes are read, written and cut off."""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from typing import Protocol, cast

from broadcaster.simulator import http1
from broadcaster.simulator.http1 import BadRequestError, Head, Request, Response

_READ_AHEAD_BYTES = 1024 * 1024
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Application(Protocol):
    """What answers the requests of a connection."""

    def refuses_to_read(self) -> bool:
        """Asked at the first byte of every request. True resets the connection at once."""

    def answer(self, exchange: Exchange) -> None:
        """Answer through the exchange, now or later."""


class Exchange:
    """One request and the one answer that it gets: `respond`, `drip` or `reset`, once.

    Answering a client that has gone is no error: the gateway cannot know.
    """

    def __init__(self, connection: Connection, request: Request) -> None:
        self._connection = connection
        self.request = request

    def respond(self, response: Response) -> None:
        """Send the response and go on to the next request."""
        self._connection.write(self._render(response))
        self._connection.finish(self)

    def reset(self) -> None:
        """Cut the connection with a TCP RST, without an answer."""
        self._connection.reset()

    async def gone(self) -> None:
        """Wait until the client has closed its end of the connection."""
        await self._connection.gone()

    async def drip(self, response: Response, seconds: float) -> None:
        """Send the response byte by byte, evenly over `seconds`."""
        raw = self._render(response)
        for position in range(len(raw)):
            self._connection.write(raw[position : position + 1])
            await asyncio.sleep(seconds / len(raw))
        self._connection.finish(self)

    def _render(self, response: Response) -> bytes:
        head = self.request.head
        return http1.render_response(response, keep_alive=head.keep_alive, with_body=head.method != "HEAD")


class Connection(asyncio.Protocol):
    """HTTP/1.1 over one socket: keep-alive, pipelined requests answered strictly in order, one at a time."""

    def __init__(self, application: Application, connections: set[Connection]) -> None:
        self._application = application
        self._connections = connections
        self._transport: asyncio.Transport | None = None
        self._peer = ""
        self._buffer = bytearray()
        self._searched = 0
        self._head: Head | None = None
        self._begun = False
        self._exchange: Exchange | None = None
        self._half_closed = False
        self._writable = True
        self._advancing = False
        self._gone: asyncio.Event | None = None

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # A cast, because uvloop's transports do not inherit from asyncio's.
        self._transport = cast(asyncio.Transport, transport)
        peername = transport.get_extra_info("peername")
        self._peer = peername[0] if peername else ""
        self._connections.add(self)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if self._exchange is None:
            self._advance()
        elif len(self._buffer) > _READ_AHEAD_BYTES and self._transport is not None:
            self._transport.pause_reading()

    def eof_received(self) -> bool:
        self._half_closed = True
        self._note_that_it_is_gone()
        return self._exchange is not None

    def pause_writing(self) -> None:
        self._writable = False

    def resume_writing(self) -> None:
        self._writable = True
        self._advance()

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._connections.discard(self)
        self._note_that_it_is_gone()

    # for the exchange and the server

    def write(self, raw: bytes) -> None:
        if self._transport is not None:
            self._transport.write(raw)

    def finish(self, exchange: Exchange) -> None:
        self._exchange = None
        if self._transport is None:
            return
        if not exchange.request.head.keep_alive:
            self._transport.close()
            return
        self._transport.resume_reading()
        self._advance()
        if self._half_closed and self._exchange is None and self._transport is not None:
            self._transport.close()

    async def gone(self) -> None:
        if self._transport is None or self._half_closed:
            return
        self._gone = self._gone or asyncio.Event()
        await self._gone.wait()

    def _note_that_it_is_gone(self) -> None:
        if self._gone is not None:
            self._gone.set()

    def reset(self) -> None:
        """Close with a RST: a linger time of zero discards unsent bytes and skips the FIN."""
        if self._transport is None:
            return
        sock = self._transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.abort()

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()
            self._transport = None

    # requests out of the buffer

    def _advance(self) -> None:
        # An answer given inside `answer` returns here through `finish`. The loop then goes on, without recursion.
        if self._advancing:
            return
        self._advancing = True
        try:
            while self._exchange is None and self._writable and self._transport is not None:
                request = self._next_request()
                if request is None:
                    return
                self._exchange = Exchange(self, request)
                self._application.answer(self._exchange)
        except BadRequestError as error:
            self._refuse(error)
        finally:
            self._advancing = False

    def _next_request(self) -> Request | None:
        if not self._buffer:
            return None
        if not self._begun:
            self._begun = True
            if self._application.refuses_to_read():
                self.reset()
                return None
        if self._head is None:
            self._head = self._next_head()
        head = self._head
        if head is None or len(self._buffer) < head.length:
            return None
        body = bytes(memoryview(self._buffer)[: head.length])
        del self._buffer[: head.length]
        self._head, self._begun = None, False
        return Request(head, body, self._peer, time.time_ns(), time.monotonic_ns())

    def _next_head(self) -> Head | None:
        end = self._buffer.find(b"\r\n\r\n", self._searched)
        if end < 0:
            if len(self._buffer) > http1.MAX_HEAD_BYTES:
                raise BadRequestError(431, f"the head may have at most {http1.MAX_HEAD_BYTES} bytes")
            self._searched = max(0, len(self._buffer) - 3)
            return None
        head = http1.parse_head(bytes(self._buffer[:end]))
        del self._buffer[: end + 4]
        self._searched = 0
        if head.headers.get("expect", "").lower() == "100-continue" and len(self._buffer) < head.length:
            self.write(_CONTINUE)
        return head

    def _refuse(self, error: BadRequestError) -> None:
        body = b'{"status":"error","message":"%s"}' % error.message.encode()
        self.write(http1.render_response(Response(error.status, body), keep_alive=False))
        if self._transport is not None:
            self._transport.close()
