"""The upper bound: the same requests by the same HTTP client from as short a loop as there can be."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import repeat
from time import monotonic

import uvloop

from benchmarks.contenders import messages as each_message
from benchmarks.meter import Run, metered, own_process
from benchmarks.sink import REPLY
from benchmarks.stand import Stand
from broadcaster.gateway import Wire, open_transport
from broadcaster.gateway.client import SEND_REPLY_BYTES
from broadcaster.gateway.wire import CONTENT_TYPES, encode_call

_TIMEOUT = 30.0


@dataclass(frozen=True, slots=True)
class Bare:
    """So many requests in flight, with texts or with one file."""

    in_flight: int
    file: bool = False

    @property
    def label(self) -> str:
        """For the report."""
        return f"bare loop of the HTTP client, {self.in_flight} in flight"

    def run(self, stand: Stand, messages: int) -> Run:
        """From the first request to the last reply. The bytes are made beforehand."""
        url = f"{stand.sink.base_url}/wa/{'sendfile' if self.file else 'send'}"
        bodies = repeat(_file_call(), messages) if self.file else iter(_text_calls(messages))
        with metered(stand, own_process(), messages) as run:
            started = monotonic()
            uvloop.run(self._post_all(url, bodies))
            run.rate = messages / (monotonic() - started)
        return run

    async def _post_all(self, url: str, bodies: Iterator[bytes]) -> None:
        async with open_transport() as transport:

            async def post_in_turn() -> None:
                for body in bodies:
                    reply = await transport.post(
                        url, CONTENT_TYPES[Wire.JSON], body, within=_TIMEOUT, limit=SEND_REPLY_BYTES
                    )
                    assert reply.body == REPLY

            await asyncio.gather(*(post_in_turn() for _ in range(self.in_flight)))


def _text_calls(messages: int) -> Sequence[bytes]:
    return [
        encode_call(
            Wire.JSON,
            {"key": each_message.KEY, "phone": each_message.phone(number), "body": each_message.body(number)},
        )
        for number in range(1, messages + 1)
    ]


def _file_call() -> bytes:
    file = base64.b64encode(each_message.FILE).decode()
    call = {"key": each_message.KEY, "phone": each_message.phone(1), "body": file, "filename": each_message.FILENAME}
    return encode_call(Wire.JSON, call)
