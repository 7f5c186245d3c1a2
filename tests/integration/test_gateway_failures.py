"""What the transport does when the connection fails, over real sockets.

Each server counts the requests that it has read whole. Two things are proven: a send is `not_sent` only where no byte
of it reached the server, and no request is ever repeated.
"""

from __future__ import annotations

import asyncio
import datetime
import ipaddress
import json
import random
import socket
import ssl
import struct
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from math import inf
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from broadcaster.domain.outcomes import Outcome, Verdict
from broadcaster.domain.states import LaneHealth
from broadcaster.gateway import BodyGate, EncodedFile, TimedGate, WAChatPro, open_transport

CONNECT_TIMEOUT = 0.3
TIMEOUT = 0.8
ACCEPTED = b'HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n{"sent":true}'
BIG_FILE = EncodedFile.from_bytes(bytes(8_000_000))

GATED = pytest.mark.parametrize("make_gate", [lambda: None, lambda: TimedGate(inf, time.monotonic)], ids=["", "gated"])
"""Plainly, and as workers send."""

Read, Write = asyncio.StreamReader, asyncio.StreamWriter
Behaviour = Callable[["Gateway", Read, Write], Awaitable[None]]


class Gateway:
    """A server on a loopback port that treats every connection as `behaviour` says."""

    def __init__(self, behaviour: Behaviour) -> None:
        self.behaviour = behaviour
        self.connections = 0
        self.bytes_read = 0
        self.requests: list[bytes] = []
        self.closing = asyncio.Event()
        self.port = 0
        self._open: dict[asyncio.Task[None], asyncio.WriteTransport] = {}

    async def read_request(self, reader: Read) -> bytes:
        """Read one request whole, count it, and return its body."""
        head = await reader.readuntil(b"\r\n\r\n")
        self.bytes_read += len(head)
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        body = await reader.readexactly(length)
        self.requests.append(body)
        return body

    async def handle(self, reader: Read, writer: Write) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._open[task] = writer.transport
        try:
            await self.behaviour(self, reader, writer)
            writer.close()
            await writer.wait_closed()
        except (ConnectionError, asyncio.IncompleteReadError):
            writer.transport.abort()
        finally:
            del self._open[task]

    async def close(self) -> None:
        """End what is still open, and wait for it."""
        self.closing.set()
        for transport in self._open.values():
            transport.abort()
        if self._open:
            await asyncio.wait(self._open)


def reset(writer: Write) -> None:
    """Close with RST instead of FIN."""
    raw = writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


@asynccontextmanager
async def serving(behaviour: Behaviour, tls: ssl.SSLContext | None = None) -> AsyncIterator[Gateway]:
    gateway = Gateway(behaviour)
    server = await asyncio.start_server(gateway.handle, "127.0.0.1", 0, ssl=tls, limit=1 << 20)
    gateway.port = server.sockets[0].getsockname()[1]
    try:
        yield gateway
    finally:
        server.close()
        await gateway.close()


@asynccontextmanager
async def connected(port: int, *, scheme: str = "http", host: str = "127.0.0.1") -> AsyncIterator[WAChatPro]:
    async with open_transport(connect_timeout=CONNECT_TIMEOUT) as transport:
        yield WAChatPro("key", f"{scheme}://{host}:{port}", transport=transport, timeout=TIMEOUT)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


# How a server may fail a request.


async def close_at_once(gateway: Gateway, reader: Read, writer: Write) -> None:
    pass


async def reset_before_reading(gateway: Gateway, reader: Read, writer: Write) -> None:
    reset(writer)


async def reset_in_the_body(gateway: Gateway, reader: Read, writer: Write) -> None:
    gateway.bytes_read += len(await reader.readexactly(10))
    reset(writer)


async def close_after_reading(gateway: Gateway, reader: Read, writer: Write) -> None:
    await gateway.read_request(reader)


async def reset_after_reading(gateway: Gateway, reader: Read, writer: Write) -> None:
    await gateway.read_request(reader)
    reset(writer)


async def hang(gateway: Gateway, reader: Read, writer: Write) -> None:
    await gateway.read_request(reader)
    await gateway.closing.wait()


async def never_read(gateway: Gateway, reader: Read, writer: Write) -> None:
    await gateway.closing.wait()


def reply_then_close(reply: bytes) -> Behaviour:
    async def behaviour(gateway: Gateway, reader: Read, writer: Write) -> None:
        await gateway.read_request(reader)
        writer.write(reply)
        await writer.drain()

    return behaviour


def reply_then_hang(reply: bytes) -> Behaviour:
    async def behaviour(gateway: Gateway, reader: Read, writer: Write) -> None:
        await gateway.read_request(reader)
        writer.write(reply)
        await gateway.closing.wait()

    return behaviour


async def drip(gateway: Gateway, reader: Read, writer: Write) -> None:
    """A byte at a time: no single wait is long, the whole is."""
    await gateway.read_request(reader)
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    for _ in range(1000):
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.02)  # no wait is long enough to be noticed


HALF_REPLIES = {
    "nothing but a newline": b"\r\n",
    "half a status line": b"HTTP/1.1 20",
    "half a header": b"HTTP/1.1 200 OK\r\nContent-Le",
    "headers without the body": b"HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n",
    "half a body": b'HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n{"sent"',
    "half a chunk": b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nd\r\n{"sent"',
}
GARBAGE = {
    "no HTTP": b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
    "a wrong length": b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n{}",
    "a bad chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    "a body that is not gzip": b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nabcd",
    "endless headers": b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 5000,
}
AFTER_IT_BEGAN: dict[str, Behaviour] = {
    "closed at once": close_at_once,
    "reset in the body": reset_in_the_body,
    "closed after reading": close_after_reading,
    "reset after reading": reset_after_reading,
    "no reply": hang,
    "request never read": never_read,
    "reply drips": drip,
    **{f"closed after {name}": reply_then_close(reply) for name, reply in HALF_REPLIES.items()},
    **{f"hung after {name}": reply_then_hang(reply) for name, reply in HALF_REPLIES.items()},
    **{name: reply_then_hang(reply) for name, reply in GARBAGE.items()},
}


@pytest.mark.parametrize("name", AFTER_IT_BEGAN)
@GATED
def test_every_failure_after_the_request_began_is_unknown_and_not_repeated(
    name: str, make_gate: Callable[[], BodyGate | None]
) -> None:
    async def scenario() -> None:
        async with serving(AFTER_IT_BEGAN[name]) as gateway, connected(gateway.port) as client:
            gate = make_gate()
            verdict = await client.send("49151", "hello", gate=gate)
            if name == "closed at once" and gate is not None and verdict.outcome is Outcome.NOT_SENT:
                assert gateway.requests == [], "the connection was gone before anybody asked for the body"
            else:
                assert (verdict.outcome, verdict.health) == (Outcome.UNKNOWN, None), verdict
            assert len(gateway.requests) <= 1
            assert gateway.connections == 1

    asyncio.run(scenario())


def test_a_connection_reset_before_anything_was_read_is_not_repeated() -> None:
    """The reset may be there before the client has written (not sent) or after (unknown): both are true."""

    async def scenario() -> None:
        async with serving(reset_before_reading) as gateway, connected(gateway.port) as client:
            verdict = await client.send("49151", "hello")
            assert verdict.outcome in (Outcome.UNKNOWN, Outcome.NOT_SENT), verdict
            assert gateway.connections == 1
            assert gateway.requests == []

    asyncio.run(scenario())


@pytest.mark.parametrize("name", ["closed at once", "reset in the body", "request never read", "reset after reading"])
@GATED
def test_a_failure_in_the_middle_of_a_large_file_is_unknown_and_not_repeated(
    name: str, make_gate: Callable[[], BodyGate | None]
) -> None:
    async def scenario() -> None:
        async with serving(AFTER_IT_BEGAN[name]) as gateway, connected(gateway.port) as client:
            verdict = await client.send_file("49151", BIG_FILE, "a.bin", gate=make_gate())
            assert (verdict.outcome, verdict.health) == (Outcome.UNKNOWN, None), verdict
            assert gateway.connections == 1

    asyncio.run(scenario())


def assert_down(verdict: Verdict) -> None:
    assert (verdict.outcome, verdict.health) == (Outcome.NOT_SENT, LaneHealth.DOWN), verdict


def test_a_refused_connection_is_not_sent() -> None:
    async def scenario() -> None:
        async with connected(free_port()) as client:
            assert_down(await client.send("49151", "hello"))
            assert_down(await client.send_file("49151", BIG_FILE, "a.bin"))

    asyncio.run(scenario())


def test_a_name_that_does_not_resolve_is_not_sent() -> None:
    async def scenario() -> None:
        async with open_transport(connect_timeout=5) as transport:
            client = WAChatPro("key", "http://gateway.invalid", transport=transport)
            assert_down(await client.send("49151", "hello"))

    asyncio.run(scenario())


def test_a_connection_that_does_not_come_about_in_time_is_not_sent() -> None:
    async def scenario() -> None:
        with socket.socket() as listener, socket.socket() as first, socket.socket() as second:
            # A backlog that is full: the kernel lets further attempts to connect wait.
            listener.bind(("127.0.0.1", 0))
            listener.listen(0)
            for blocker in (first, second):
                blocker.setblocking(False)
                blocker.connect_ex(listener.getsockname())
            async with connected(listener.getsockname()[1]) as client:
                assert_down(await client.send("49151", "hello"))

    asyncio.run(scenario())


def test_a_place_in_the_pool_that_does_not_come_free_is_not_sent_and_says_nothing_of_the_instance() -> None:
    async def scenario() -> None:
        async with (
            serving(hang) as gateway,
            open_transport(CONNECT_TIMEOUT, max_connections=1, pool_timeout=0.1) as transport,
        ):
            client = WAChatPro("key", f"http://127.0.0.1:{gateway.port}", transport=transport, timeout=TIMEOUT)
            verdicts = await asyncio.gather(client.send("1", "a"), client.send("2", "b"))
            assert {(verdict.outcome, verdict.health) for verdict in verdicts} == {
                (Outcome.UNKNOWN, None),
                (Outcome.NOT_SENT, None),
            }
            assert len(gateway.requests) == 1

    asyncio.run(scenario())


def test_closing_the_transport_makes_requests_in_flight_unknown() -> None:
    async def scenario() -> None:
        async with serving(hang) as gateway, connected(gateway.port) as client:
            task = asyncio.create_task(client.send("49151", "hello"))
            while not gateway.requests:  # noqa: ASYNC110 - the other side's progress; nothing to await
                await asyncio.sleep(0.005)  # the other side's progress
            await client.aclose()
            assert (await task).outcome is Outcome.UNKNOWN

    asyncio.run(scenario())


# TLS


async def speak_garbage(gateway: Gateway, reader: Read, writer: Write) -> None:
    await reader.read(10)
    writer.write(b"220 mail.test ESMTP\r\n" * 10)
    await gateway.closing.wait()


@pytest.mark.parametrize("behaviour", [speak_garbage, never_read, close_at_once, reset_before_reading])
def test_a_tls_handshake_that_fails_is_not_sent(behaviour: Behaviour) -> None:
    async def scenario() -> None:
        async with serving(behaviour) as gateway, connected(gateway.port, scheme="https") as client:
            assert_down(await client.send("49151", "hello"))

    asyncio.run(scenario())


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate for 127.0.0.1 with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "gateway.test")])
    now = datetime.datetime.now(datetime.UTC)
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(address, critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "gateway.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + signed.public_bytes(serialization.Encoding.PEM))
    return path


def tls_of(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def test_a_certificate_that_nobody_vouches_for_is_not_sent_to(certificate: Path) -> None:
    async def scenario() -> None:
        async with (
            serving(reply_then_close(ACCEPTED), tls_of(certificate)) as gateway,
            connected(gateway.port, scheme="https") as client,
        ):
            assert_down(await client.send("49151", "hello"))
            assert gateway.requests == []

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("behaviour", "outcome"),
    [(reply_then_hang(ACCEPTED), Outcome.ACCEPTED), (reset_after_reading, Outcome.UNKNOWN), (hang, Outcome.UNKNOWN)],
)
def test_after_the_tls_handshake_only_the_reply_counts(
    certificate: Path, monkeypatch: pytest.MonkeyPatch, behaviour: Behaviour, outcome: Outcome
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)

    async def scenario() -> None:
        async with (
            serving(behaviour, tls_of(certificate)) as gateway,
            connected(gateway.port, scheme="https") as client,
        ):
            assert (await client.send("49151", "hello")).outcome is outcome
            assert len(gateway.requests) == 1

    asyncio.run(scenario())


# Connections that are used again


def on_the_second_request(fail: Behaviour) -> Behaviour:
    """Answer the first request of a connection, fail the second."""

    async def behaviour(gateway: Gateway, reader: Read, writer: Write) -> None:
        await gateway.read_request(reader)
        writer.write(ACCEPTED)
        await fail(gateway, reader, writer)

    return behaviour


@pytest.mark.parametrize("fail", [close_after_reading, reset_after_reading, reset_in_the_body, hang])
@GATED
def test_a_request_on_a_reused_connection_that_dies_is_unknown_and_not_repeated(
    fail: Behaviour, make_gate: Callable[[], BodyGate | None]
) -> None:
    async def scenario() -> None:
        async with serving(on_the_second_request(fail)) as gateway, connected(gateway.port) as client:
            assert (await client.send("1", "first")).outcome is Outcome.ACCEPTED
            verdict = await client.send("2", "second", gate=make_gate())
            assert (verdict.outcome, verdict.health) == (Outcome.UNKNOWN, None), verdict
            assert gateway.connections == 1
            assert len(gateway.requests) <= 2

    asyncio.run(scenario())


@GATED
def test_an_idle_connection_that_the_server_has_closed_is_replaced(make_gate: Callable[[], BodyGate | None]) -> None:
    async def scenario() -> None:
        async with serving(reply_then_close(ACCEPTED)) as gateway, connected(gateway.port) as client:
            for count in range(1, 6):
                assert (await client.send("1", "hello", gate=make_gate())).outcome is Outcome.ACCEPTED
                assert len(gateway.requests) == count
                await asyncio.sleep(0.02)  # the closing travels to the client meanwhile

    asyncio.run(scenario())


@GATED
def test_under_every_kind_of_failure_no_request_is_ever_seen_twice(make_gate: Callable[[], BodyGate | None]) -> None:
    """A ledger: what the server read against what the verdicts say, with reused connections closing at any moment."""
    dice = random.Random(20240607)
    fates = [ACCEPTED] * 6 + [b"close", b"reset", b"answer and close", b"answer and reset", b"half"]

    async def moody(gateway: Gateway, reader: Read, writer: Write) -> None:
        while True:
            if dice.random() < 0.1:
                reset(writer)
                return
            await gateway.read_request(reader)
            fate = dice.choice(fates)
            if fate in (ACCEPTED, b"answer and close", b"answer and reset"):
                writer.write(ACCEPTED)
            if fate == b"half":
                writer.write(ACCEPTED[:-5])
            if fate in (b"reset", b"answer and reset"):
                await writer.drain()
                reset(writer)
            if fate != ACCEPTED:
                return

    async def scenario() -> None:
        async with serving(moody) as gateway, connected(gateway.port) as client:
            verdicts: dict[str, Verdict] = {}
            texts = iter(range(1500))

            async def drain() -> None:
                for number in texts:
                    verdicts[str(number)] = await client.send("49151", str(number), gate=make_gate())

            await asyncio.gather(*(drain() for _ in range(16)))
        seen = Counter(json.loads(body)["body"] for body in gateway.requests)
        assert max(seen.values()) == 1
        by_outcome = Counter(verdict.outcome for verdict in verdicts.values())
        assert by_outcome[Outcome.ACCEPTED] > 500
        assert by_outcome[Outcome.UNKNOWN] > 100
        for text, verdict in verdicts.items():
            if verdict.outcome is Outcome.ACCEPTED:
                assert seen[text] == 1
            if verdict.outcome is Outcome.NOT_SENT:
                assert seen[text] == 0

    asyncio.run(scenario())
