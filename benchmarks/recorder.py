"""A sink that keeps the moment of every message by the key that its request carried, not of chats that are read.

`GET /` returns what came since the last `DELETE /`. Started as `python -m benchmarks.recorder FILE`, it writes its
port to FILE.
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import ClassVar, cast

import msgspec
import uvloop

from benchmarks.sink import REPLY, ask

Moments = dict[str, list[float]]
"""By instance key: when its requests had come in, in seconds of the machine's monotonic clock."""

_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
_ANSWER = _HEAD % len(REPLY) + REPLY
_KEY = re.compile(rb'"key":"([^"]*)"')
_SEND = re.compile(rb"POST \S*/wa/send")


class Recorder:
    """The bench's side of it."""

    def __init__(self, port: int, pid: int) -> None:
        self.base_url = f"http://127.0.0.1:{port}"
        self.pid = pid

    def reset(self) -> None:
        """Forget what came in."""
        ask(f"{self.base_url}/", "DELETE")

    def requests(self) -> int:
        """How many came in since."""
        return sum(map(len, self.moments().values()))

    def moments(self) -> Moments:
        """When they came in."""
        return msgspec.json.decode(ask(f"{self.base_url}/"), type=Moments)


class _Connection(asyncio.Protocol):
    moments: ClassVar[defaultdict[bytes, list[float]]] = defaultdict(list)

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
            if _SEND.match(pending):
                key = _KEY.search(pending, end)
                self.moments[key[1] if key else b""].append(time.monotonic())
            pending = pending[end + 4 + length :]
            self._transport.write(_ANSWER)
        self._pending = pending

    def _control(self, request: bytes) -> bytes:
        if request.startswith(b"DELETE"):
            self.moments.clear()
        body = msgspec.json.encode({key.decode(): moments for key, moments in self.moments.items()})
        return _HEAD % len(body) + body


async def _serve(port_file: Path) -> None:
    server = await asyncio.get_running_loop().create_server(_Connection, "127.0.0.1", 0, backlog=1024)
    draft = port_file.with_suffix(f".{os.getpid()}")
    draft.write_text(str(server.sockets[0].getsockname()[1]))
    draft.rename(port_file)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve(Path(sys.argv[1])))
