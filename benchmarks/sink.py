"""The gateway's stand-in: one process that answers every POST alike and counts, for as little CPU as Python allows.

`GET /` returns the counts since the last `DELETE /`. Started as `python -m benchmarks.sink FILE`, it writes its port
to FILE.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
import urllib.request
from pathlib import Path
from typing import cast

import msgspec
import uvloop

from benchmarks.processes import BenchmarkError

URL_VARIABLE = "BENCHMARK_SINK_URL"
"""The environment variable that tells the processes of a stand where its sink is."""
REPLY = b'{"sent":true,"id":"3EB0C7A1D2F4"}'
_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
_ANSWER = _HEAD % len(REPLY) + REPLY


class Counts(msgspec.Struct):
    """What came in. `first` and `last` are moments of the machine's monotonic clock, in seconds."""

    requests: int = 0
    first: float = 0.0
    last: float = 0.0

    @property
    def rate(self) -> float:
        """Requests a second from the first to the last."""
        return (self.requests - 1) / (self.last - self.first)


class SinkClient:
    """The bench's side of a sink."""

    def __init__(self, port: int) -> None:
        self.base_url = f"http://127.0.0.1:{port}"

    def reset(self) -> None:
        """Count from zero."""
        self._ask("DELETE")

    def counts(self, expected: int | None = None) -> Counts:
        """What came in since. Raises BenchmarkError unless that is as many requests as `expected`."""
        counts = msgspec.json.decode(self._ask("GET"), type=Counts)
        if expected is not None and counts.requests != expected:
            raise BenchmarkError(f"{counts.requests} requests arrived instead of {expected}")
        return counts

    def _ask(self, method: str) -> bytes:
        with urllib.request.urlopen(urllib.request.Request(f"{self.base_url}/", method=method)) as reply:
            return cast(bytes, reply.read())


class _Connection(asyncio.Protocol):
    counts = Counts()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.WriteTransport, transport)
        self._pending = b""

    def data_received(self, data: bytes) -> None:
        pending = self._pending + data
        while (end := pending.find(b"\r\n\r\n")) >= 0:
            if not pending.startswith(b"POST"):
                self._transport.write(self._control(pending))
                self._transport.close()
                return
            head = pending[:end].lower()
            length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
            if len(pending) < end + 4 + length:
                break
            pending = pending[end + 4 + length :]
            self._count()
            self._transport.write(_ANSWER)
        self._pending = pending

    def _count(self) -> None:
        counts = _Connection.counts
        counts.last = time.monotonic()
        counts.first = counts.first or counts.last
        counts.requests += 1

    def _control(self, request: bytes) -> bytes:
        if request.startswith(b"DELETE"):
            _Connection.counts = Counts()
        body = msgspec.json.encode(_Connection.counts)
        return _HEAD % len(body) + body


async def _serve(port_file: Path) -> None:
    server = await asyncio.get_running_loop().create_server(_Connection, "127.0.0.1", 0, backlog=1024)
    draft = port_file.with_suffix(f".{os.getpid()}")
    draft.write_text(str(server.sockets[0].getsockname()[1]))
    draft.rename(port_file)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve(Path(sys.argv[1])))
