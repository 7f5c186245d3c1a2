"""The transport when nothing fails: what it sends, what it reads, and what it leaves alone."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from broadcaster.domain.outcomes import Outcome
from broadcaster.domain.states import LaneHealth
from broadcaster.gateway import EncodedFile, GatewayError, PooledTransport, WAChatPro, Wire, open_transport

ACCEPTED = b'{"sent":true}'


def reply(body: bytes = ACCEPTED, status: str = "200 OK", headers: str = "") -> bytes:
    return f"HTTP/1.1 {status}\r\n{headers}Content-Length: {len(body)}\r\n\r\n".encode() + body


@dataclass
class Gateway:
    """A server that answers each request with what `answer` makes of its number."""

    answer: Callable[[int], bytes]
    port: int = 0
    connections: int = 0
    requests: list[tuple[bytes, bytes]] = field(default_factory=list)
    handlers: dict[asyncio.Task[None], asyncio.WriteTransport] = field(default_factory=dict)

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self.handlers[task] = writer.transport
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
                self.requests.append((head, await reader.readexactly(length)))
                writer.write(self.answer(len(self.requests)))
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            writer.transport.abort()
        finally:
            del self.handlers[task]

    async def close(self) -> None:
        """End what is still open, and wait for it."""
        for transport in self.handlers.values():
            transport.abort()
        if self.handlers:
            await asyncio.wait(self.handlers)

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@asynccontextmanager
async def serving(answer: Callable[[int], bytes]) -> AsyncIterator[Gateway]:
    gateway = Gateway(answer)
    server = await asyncio.start_server(gateway.handle, "127.0.0.1", 0)
    gateway.port = server.sockets[0].getsockname()[1]
    try:
        yield gateway
    finally:
        server.close()
        await gateway.close()


@asynccontextmanager
async def connected(gateway: Gateway) -> AsyncIterator[WAChatPro]:
    async with open_transport() as transport:
        yield WAChatPro("key", gateway.base_url, transport=transport, timeout=10)


def test_a_request_is_plain_and_small() -> None:
    async def scenario() -> None:
        async with serving(lambda _: reply()) as gateway, connected(gateway) as client:
            assert (await client.send("49151", "hello")).outcome is Outcome.ACCEPTED
        ((head, body),) = gateway.requests
        lines = head.decode().strip().split("\r\n")
        assert lines[0] == "POST /wa/send HTTP/1.1"
        assert sorted(lines[1:]) == [
            "Accept-Encoding: gzip",
            "Accept: */*",
            f"Content-Length: {len(body)}",
            "Content-Type: application/json",
            f"Host: 127.0.0.1:{gateway.port}",
            "User-Agent: broadcaster",
        ]

    asyncio.run(scenario())


def test_instances_share_connections_one_request_at_a_time_on_each() -> None:
    async def scenario() -> None:
        async with serving(lambda _: reply()) as gateway, open_transport() as transport:
            clients = [WAChatPro(f"key {number}", gateway.base_url, transport=transport) for number in range(10)]
            for client in clients:
                assert (await client.send("49151", "hello")).outcome is Outcome.ACCEPTED
            assert gateway.connections == 1
            await asyncio.gather(*(client.send("49151", "hello") for client in clients))
            assert gateway.connections <= 10
            assert len(gateway.requests) == 20

    asyncio.run(scenario())


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"])
def test_a_redirect_is_not_followed(status: str) -> None:
    async def scenario() -> None:
        elsewhere = reply(b"", status, "Location: /wa/elsewhere\r\n")
        async with serving(lambda _: elsewhere) as gateway, connected(gateway) as client:
            verdict = await client.send("49151", "hello")
            expected = (
                (Outcome.NOT_SENT, LaneHealth.DOWN) if status.startswith(("307", "308")) else (Outcome.UNKNOWN, None)
            )
            assert (verdict.outcome, verdict.health) == expected
            assert len(gateway.requests) == 1

    asyncio.run(scenario())


def test_a_cookie_is_not_kept() -> None:
    async def scenario() -> None:
        async with (
            serving(lambda _: reply(headers="Set-Cookie: session=1; Path=/\r\n")) as gateway,
            connected(gateway) as client,
        ):
            await client.send("49151", "one")
            await client.send("49151", "two")
            assert all(b"cookie" not in head.lower() for head, _ in gateway.requests)

    asyncio.run(scenario())


def test_an_interim_response_is_not_the_reply() -> None:
    async def scenario() -> None:
        answer = b"HTTP/1.1 102 Processing\r\n\r\n" + reply()
        async with serving(lambda _: answer) as gateway, connected(gateway) as client:
            assert (await client.send("49151", "hello")).outcome is Outcome.ACCEPTED

    asyncio.run(scenario())


@pytest.mark.parametrize(("trust_env", "through_proxy"), [(False, False), (True, True)])
def test_a_proxy_of_the_environment_is_used_only_on_request(
    monkeypatch: pytest.MonkeyPatch, trust_env: bool, through_proxy: bool
) -> None:
    async def scenario() -> None:
        async with serving(lambda _: reply()) as gateway, serving(lambda _: reply()) as proxy:
            for name in ("NO_PROXY", "no_proxy", "http_proxy", "ALL_PROXY", "all_proxy"):
                monkeypatch.delenv(name, raising=False)
            monkeypatch.setenv("HTTP_PROXY", proxy.base_url)
            async with open_transport(trust_env=trust_env) as transport:
                await WAChatPro("key", gateway.base_url, transport=transport).send("49151", "hello")
            assert bool(proxy.requests) is through_proxy
            assert bool(gateway.requests) is not through_proxy

    asyncio.run(scenario())


@pytest.mark.parametrize("length", ["Content-Length: 10000000\r\n", "", "Transfer-Encoding: chunked\r\n"])
def test_of_an_endless_reply_only_the_beginning_is_read(length: str) -> None:
    sent = 0
    refused = asyncio.Event()

    async def pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await reader.readuntil(b"}")
        writer.write(f"HTTP/1.1 200 OK\r\n{length}\r\n".encode())
        piece = b"x" * 65536
        if "chunked" in length:
            piece = b"10000\r\n" + piece + b"\r\n"
        try:
            for _ in range(160):
                writer.write(piece)
                await writer.drain()
                sent += len(piece)
        except ConnectionError:
            refused.set()
        finally:
            writer.close()

    async def scenario() -> None:
        server = await asyncio.start_server(pour, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with open_transport() as transport:
            client = WAChatPro("key", f"http://127.0.0.1:{port}", transport=transport, timeout=10)
            verdict = await client.send("49151", "hello")
            assert verdict.outcome is Outcome.UNKNOWN
            assert verdict.reply == "x" * 2048
            await asyncio.wait_for(refused.wait(), 10)
        server.close()

    asyncio.run(scenario())
    assert sent < 10_000_000


def test_a_list_of_four_megabytes_is_read_and_a_longer_one_refused() -> None:
    item = b'{"id":"4915112345678@c.us"}'
    most = b"[" + b",".join([item] * 140_000) + b"]"
    answers = [reply(most), reply(b"[" + b",".join([item] * 160_000) + b"]")]

    async def scenario() -> None:
        async with serving(lambda number: answers[number - 1]) as gateway, connected(gateway) as client:
            assert len(await client.contacts()) == 140_000
            with pytest.raises(GatewayError, match="too long"):
                await client.contacts()

    asyncio.run(scenario())


@pytest.mark.parametrize("wire", Wire)
def test_a_file_goes_out_under_one_content_length(wire: Wire) -> None:
    file = EncodedFile.from_bytes(bytes(range(256)) * 8000)

    async def scenario() -> None:
        async with serving(lambda _: reply()) as gateway, open_transport() as transport:
            client = WAChatPro("key", gateway.base_url, transport=transport, wire=wire)
            verdicts = await asyncio.gather(*(client.send_file(str(n), file, "a.bin", "Look") for n in range(8)))
            assert {verdict.outcome for verdict in verdicts} == {Outcome.ACCEPTED}
            for head, body in gateway.requests:
                assert b"transfer-encoding" not in head.lower()
                assert b"".join(file.pieces(wire)) in body

    asyncio.run(scenario())


FILES = """
import asyncio, resource, sys
from broadcaster.gateway import EncodedFile, WAChatPro, Wire, open_transport

async def swallow(reader, writer):
    head = await reader.readuntil(b"\\r\\n\\r\\n")
    left = int(head.lower().partition(b"content-length:")[2].partition(b"\\r\\n")[0])
    while left:
        left -= len(await reader.read(65536))
    writer.write(b'HTTP/1.1 200 OK\\r\\nConnection: close\\r\\nContent-Length: 13\\r\\n\\r\\n{"sent":true}')
    await writer.drain()
    writer.close()

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // (1024 if sys.platform != "darwin" else 1024 ** 2)

async def main(wire, count, size):
    server = await asyncio.start_server(swallow, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    file = EncodedFile.from_bytes(bytes(size))
    file.pieces(wire)
    async with open_transport() as transport:
        client = WAChatPro("key", f"http://127.0.0.1:{port}", transport=transport, wire=wire)
        before = peak()
        verdicts = await asyncio.gather(*(client.send_file("49", file, "a.bin") for _ in range(count)))
        assert {verdict.outcome.value for verdict in verdicts} == {"accepted"}, verdicts
        print(peak() - before)

asyncio.run(main(Wire(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))
"""


@pytest.mark.parametrize("wire", Wire)
def test_sixteen_large_files_in_flight_share_one_copy(wire: Wire) -> None:
    """Copied, they would take 16 × 21 MB more."""
    done = subprocess.run(
        [sys.executable, "-c", FILES, wire, "16", "16000000"], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 64


def test_a_process_that_ends_right_after_a_file_ends_well() -> None:
    """Unless closing waits, the library's thread reads the body's end while the interpreter ends: 1 of 10 aborts."""
    command = [sys.executable, "-c", FILES, Wire.FORM, "2", "60000"]
    for _ in range(5):
        beside = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(8)]
        assert [(process.communicate(timeout=60)[1], process.returncode) for process in beside] == [(b"", 0)] * 8


def test_a_transport_is_closed_by_its_context() -> None:
    async def scenario() -> None:
        async with serving(lambda _: reply()) as gateway:
            async with open_transport() as transport:
                client = WAChatPro("key", gateway.base_url, transport=transport)
                assert isinstance(transport, PooledTransport)
            assert (await client.send("49151", "hello")).outcome is Outcome.UNKNOWN
            assert gateway.requests == []

    asyncio.run(scenario())


def test_a_client_without_a_transport_opens_and_closes_its_own() -> None:
    async def scenario() -> None:
        async with serving(lambda _: reply()) as gateway:
            async with WAChatPro("key", gateway.base_url) as client:
                assert (await client.send("49151", "hello")).outcome is Outcome.ACCEPTED
            assert (await client.send("49151", "hello")).outcome is Outcome.UNKNOWN
            assert len(gateway.requests) == 1

    asyncio.run(scenario())
