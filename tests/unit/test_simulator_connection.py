import asyncio

import pytest

from broadcaster.simulator.connection import Connection, Exchange
from broadcaster.simulator.http1 import Response


class Echo:
    """Answers every request with its own body."""

    def refuses_to_read(self) -> bool:
        return False

    def answer(self, exchange: Exchange) -> None:
        exchange.respond(Response(200, exchange.request.body))


class Recorder(asyncio.Transport):
    """A transport that keeps what is written to it."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += bytes(data)

    def resume_reading(self) -> None:
        pass


REQUESTS = b"".join(
    b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
    for body in (b"one", b"", b"\r\n\r\n", b"four")
)


@pytest.mark.parametrize("size", [1, 2, 3, 7, len(REQUESTS)])
def test_requests_are_understood_however_their_bytes_arrive(size: int) -> None:
    connection, transport = Connection(Echo(), set()), Recorder()
    connection.connection_made(transport)

    for position in range(0, len(REQUESTS), size):
        connection.data_received(REQUESTS[position : position + size])

    replies = [reply.partition(b"\r\n\r\n")[2] for reply in transport.written.split(b"HTTP/1.1 200 OK\r\n")[1:]]
    assert replies == [b"one", b"", b"\r\n\r\n", b"four"]
