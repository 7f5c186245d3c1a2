"""Which HTTP transport: requests a second and CPU a request, side by side against a light local sink.

    python benchmarks/transport.py [--requests 5000] [--in-flight 32 64] [--rounds 5]

The sink is a process of its own. The contenders take turns, and of each the round that cost the least CPU is shown:
the one that the rest of the machine disturbed least. CPU is the client process's, all threads, kernel time included.
Rates drift from machine to machine and from run to run; the ratios hold.
httpx-aiohttp is no dependency of the project: install it to see its row.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import multiprocessing.connection
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from importlib.util import find_spec
from typing import cast

import httpx
import uvloop
from pyreqwest.client import ClientBuilder
from pyreqwest.compatibility.httpx import HttpxTransport as PyreqwestCompatibility

from broadcaster.domain.outcomes import Outcome
from broadcaster.gateway import WAChatPro, Wire, open_transport
from broadcaster.gateway.client import SEND_REPLY_BYTES
from broadcaster.gateway.wire import CONTENT_TYPES, encode_call

KEY = "3f9c0d5a-benchmark-key"
PHONE = "4915112345678"
TEXT = "Good morning! Your order 10-4711 has left our warehouse and arrives on Thursday. "
REPLY_BODY = b'{"status":"success","message":"queued","id":"true_4915112345678@c.us_3EB0C7A1D2"}'
REPLY = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (
    len(REPLY_BODY),
    REPLY_BODY,
)
REQUEST_BODY = encode_call(Wire.JSON, {"key": KEY, "phone": PHONE, "body": TEXT})
HEADERS = {"content-type": CONTENT_TYPES[Wire.JSON]}
TIMEOUT = 30.0

Call = Callable[[], Awaitable[None]]


class Sink(asyncio.Protocol):
    """Answers every request alike, as soon as its last byte is in."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.WriteTransport, transport)
        self._pending = b""

    def data_received(self, data: bytes) -> None:
        pending = self._pending + data
        while (end := pending.find(b"\r\n\r\n")) >= 0:
            head = pending[:end].lower()
            length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
            if len(pending) < end + 4 + length:
                break
            pending = pending[end + 4 + length :]
            self._transport.write(REPLY)
        self._pending = pending


def run_sink(ready: multiprocessing.connection.Connection) -> None:
    async def serve() -> None:
        server = await asyncio.get_running_loop().create_server(Sink, "127.0.0.1", 0)
        ready.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    uvloop.run(serve())


async def httpx_pool(base_url: str, stack: AsyncExitStack) -> Call:
    client = await stack.enter_async_context(httpx.AsyncClient(timeout=TIMEOUT, limits=httpx.Limits()))
    url = f"{base_url}/wa/send"

    async def call() -> None:
        reply = await client.post(url, content=REQUEST_BODY, headers=HEADERS)
        assert reply.content == REPLY_BODY

    return call


def through_httpx(transport: httpx.AsyncBaseTransport, base_url: str) -> Call:
    url = httpx.URL(f"{base_url}/wa/send")
    waits = {"timeout": httpx.Timeout(TIMEOUT).as_dict()}

    async def call() -> None:
        request = httpx.Request("POST", url, headers=HEADERS, content=REQUEST_BODY, extensions=waits)
        reply = await transport.handle_async_request(request)
        assert await reply.aread() == REPLY_BODY
        await reply.aclose()

    return call


async def httpx_aiohttp(base_url: str, stack: AsyncExitStack) -> Call:
    from httpx_aiohttp import AiohttpTransport  # noqa: PLC0415 - only where it is installed

    transport = AiohttpTransport(limits=httpx.Limits(max_connections=None))
    return through_httpx(await stack.enter_async_context(transport), base_url)


async def pyreqwest_compatibility(base_url: str, stack: AsyncExitStack) -> Call:
    return through_httpx(await stack.enter_async_context(PyreqwestCompatibility()), base_url)


async def pyreqwest_alone(base_url: str, stack: AsyncExitStack) -> Call:
    client = await stack.enter_async_context(ClientBuilder().timeout(timedelta(seconds=TIMEOUT)).build())
    url = f"{base_url}/wa/send"

    async def call() -> None:
        reply = await client.post(url).headers(HEADERS).body_bytes(REQUEST_BODY).build().send()
        assert await reply.bytes() == REPLY_BODY

    return call


async def pooled_transport(base_url: str, stack: AsyncExitStack) -> Call:
    transport = await stack.enter_async_context(open_transport())
    url = f"{base_url}/wa/send"

    async def call() -> None:
        reply = await transport.post(
            url, HEADERS["content-type"], REQUEST_BODY, within=TIMEOUT, limit=SEND_REPLY_BYTES
        )
        assert reply.body == REPLY_BODY

    return call


async def whole_client(base_url: str, stack: AsyncExitStack) -> Call:
    transport = await stack.enter_async_context(open_transport())
    client = WAChatPro(KEY, base_url, transport=transport, timeout=TIMEOUT)

    async def call() -> None:
        verdict = await client.send(PHONE, TEXT)
        assert verdict.outcome is Outcome.ACCEPTED

    return call


CONTENDERS = {
    "httpx.AsyncClient, its own pool": httpx_pool,
    **({"httpx-aiohttp transport, called directly": httpx_aiohttp} if find_spec("httpx_aiohttp") else {}),
    "pyreqwest's own httpx transport, called directly": pyreqwest_compatibility,
    "pyreqwest alone": pyreqwest_alone,
    "PooledTransport.post (ours)": pooled_transport,
    "WAChatPro.send (ours: encode, post, classify)": whole_client,
}


@dataclass
class Figures:
    rate: float
    cpu: float
    loop: float


async def measure(call: Call, requests: int, in_flight: int) -> Figures:
    async def drain(turns: list[None]) -> None:
        while turns:
            turns.pop()
            await call()

    async def run(count: int) -> None:
        turns = [None] * count
        await asyncio.gather(*(drain(turns) for _ in range(in_flight)))

    await run(requests // 5)
    began, cpu, loop = time.perf_counter(), time.process_time(), time.thread_time()
    await run(requests)
    return Figures(
        rate=requests / (time.perf_counter() - began),
        cpu=(time.process_time() - cpu) / requests * 1e6,
        loop=(time.thread_time() - loop) / requests * 1e6,
    )


async def compare(base_url: str, requests: int, in_flight: list[int], rounds: int) -> None:
    print("| transport | in flight | requests/s | CPU µs a request | of it on the loop | × httpx |")
    print("|---|---|---|---|---|---|")
    for width in in_flight:
        best: dict[str, Figures] = {}
        for _ in range(rounds):
            for name, make in CONTENDERS.items():
                async with AsyncExitStack() as stack:
                    call = await make(base_url, stack)
                    # httpx is so much slower that a fraction of the requests takes as long.
                    figures = await measure(call, requests // 10 if make is httpx_pool else requests, width)
                if name not in best or figures.cpu < best[name].cpu:
                    best[name] = figures
        baseline = next(iter(best.values())).rate
        for name, figures in best.items():
            print(
                f"| {name} | {width} | {figures.rate:,.0f} | {figures.cpu:.0f} | {figures.loop:.0f} "
                f"| {figures.rate / baseline:.0f} |",
                flush=True,
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=5_000)
    parser.add_argument("--in-flight", type=int, nargs="+", default=[32, 64])
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    ready, child = multiprocessing.Pipe()
    sink = multiprocessing.get_context("spawn").Process(target=run_sink, args=(child,), daemon=True)
    sink.start()
    try:
        uvloop.run(compare(f"http://127.0.0.1:{ready.recv()}", options.requests, options.in_flight, options.rounds))
    finally:
        sink.terminate()
        sink.join()


if __name__ == "__main__":
    main()
