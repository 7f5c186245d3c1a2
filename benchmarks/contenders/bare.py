"""The upper bound: the same requests by the same HTTP client from as short a loop as there can be."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

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
    """So many requests in flight."""

    in_flight: int

    @property
    def label(self) -> str:
        """For the report."""
        return f"bare loop of the HTTP client, {self.in_flight} in flight"

    def run(self, stand: Stand, messages: int) -> Run:
        """From the first request to the last."""
        bodies = [
            encode_call(
                Wire.JSON,
                {"key": each_message.KEY, "phone": each_message.phone(number), "body": each_message.body(number)},
            )
            for number in range(1, messages + 1)
        ]
        with metered(stand, own_process(), messages) as run:
            uvloop.run(self._post_all(f"{stand.sink.base_url}/wa/send", bodies))
        return run

    async def _post_all(self, url: str, bodies: list[bytes]) -> None:
        left = iter(bodies)
        async with open_transport() as transport:

            async def post_in_turn() -> None:
                for body in left:
                    reply = await transport.post(
                        url, CONTENT_TYPES[Wire.JSON], body, within=_TIMEOUT, limit=SEND_REPLY_BYTES
                    )
                    assert reply.body == REPLY

            await asyncio.gather(*(post_in_turn() for _ in range(self.in_flight)))
