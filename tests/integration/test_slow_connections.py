"""Where a connection takes long: nothing leaves that may not leave any more, and nothing is in doubt for it."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from math import inf
from pathlib import Path

import pytest

from broadcaster.domain.contents import Content
from broadcaster.domain.outcomes import Outcome, Verdict
from broadcaster.domain.states import LaneHealth
from broadcaster.gateway import AskingGate, BodyGate, EncodedFile, TimedGate, WAChatPro, open_transport
from broadcaster.services import dispatch
from broadcaster.services.campaigns.new_content import file_content, text_content
from broadcaster.services.consent.block_list import block_phones
from tests.support.shop import Shop, drain
from tests.support.tls import Authority, slow_in_front_of, tls_in_front_of

ANN, BOB = "628120000000", "628120000001"
ACCEPTED = b'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 13\r\n\r\n{"sent":true}'
FILE = EncodedFile.from_bytes(bytes(1_000_000))


@dataclass
class Queue:
    """A server whose accept queue is full until it is opened: the kernel lets nobody connect before."""

    listener: socket.socket
    blockers: list[socket.socket] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.listener.getsockname()[1]}"

    async def open(self) -> None:
        """Who waits gets in with its next try, which the kernel makes 1, 3 and 7 s after the first."""
        for blocker in self.blockers:
            blocker.close()
        self.listener.setblocking(False)
        await asyncio.start_server(self._answer, sock=self.listener, limit=1 << 22)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with closing(writer):
            try:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
                self.bodies.append(await reader.readexactly(length))
            except asyncio.IncompleteReadError as cut:
                if cut.partial and not cut.partial.startswith(b"POST"):
                    self.bodies.append(cut.partial)
                return
            writer.write(ACCEPTED)


@contextmanager
def full_queue() -> Iterator[Queue]:
    with socket.socket() as listener, socket.socket() as first, socket.socket() as second:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for blocker in (first, second):
            blocker.setblocking(False)
            blocker.connect_ex(listener.getsockname())
        yield Queue(listener, [first, second])


async def send(client: WAChatPro, kind: str, gate: BodyGate) -> Verdict:
    if kind == "a file":
        return await client.send_file(ANN, FILE, "a.bin", gate=gate)
    return await client.send(ANN, "hello", gate=gate)


@contextmanager
def open_soon(queue: Queue) -> Iterator[None]:
    """It is full for 0.5 s more."""
    opening = asyncio.get_running_loop().call_later(0.5, lambda: asyncio.ensure_future(queue.open()))
    try:
        yield
    finally:
        opening.cancel()


def asking(why: str | None) -> BodyGate:
    async def ask() -> str | None:
        return why

    return AskingGate(ask)


GATES: dict[str, tuple[Callable[[], BodyGate], str | None]] = {
    "in time": (lambda: TimedGate(inf, time.monotonic), None),
    "too late": (lambda: TimedGate(time.monotonic() + 0.3, time.monotonic), "held back: connecting took too long"),
    "allowed": (lambda: asking(None), None),
    "forbidden": (lambda: asking("opted out"), "opted out"),
}


@pytest.mark.parametrize("kind", ["a text", "a file"])
@pytest.mark.parametrize("name", GATES)
def test_a_gate_is_asked_when_there_is_a_connection(name: str, kind: str) -> None:
    make, refused = GATES[name]

    async def scenario() -> None:
        with full_queue() as queue:
            async with open_transport() as transport:
                client = WAChatPro("key", queue.base_url, transport=transport)
                with open_soon(queue):
                    verdict = await send(client, kind, make())
            if refused is None:
                assert verdict.outcome is Outcome.ACCEPTED
                assert len(queue.bodies) == 1
            else:
                assert (verdict.outcome, verdict.health, verdict.reason) == (Outcome.NOT_SENT, None, refused)
                assert queue.bodies == []

    asyncio.run(scenario())


@pytest.mark.parametrize("kind", ["a text", "a file"])
@pytest.mark.parametrize("name", ["in time", "allowed"])
def test_nothing_leaves_of_a_request_that_was_given_up_while_it_connected(name: str, kind: str) -> None:
    """The library does not end it: it connects, and would send."""

    async def scenario() -> None:
        with full_queue() as queue:
            async with open_transport() as transport:
                client = WAChatPro("key", queue.base_url, transport=transport)
                given_up = asyncio.create_task(send(client, kind, GATES[name][0]()))
                await asyncio.sleep(0.3)  # the library tells nobody that it connects
                given_up.cancel()
                await asyncio.gather(given_up, return_exceptions=True)
                await queue.open()
                await asyncio.sleep(1.5)  # longer than until the kernel tries again
            assert queue.bodies == []

    asyncio.run(scenario())


@pytest.mark.parametrize("kind", ["a text", "a file"])
def test_a_request_that_ends_before_its_connection_is_there_is_not_sent(kind: str) -> None:
    """Also where the request may take less long than connecting: nothing of it was asked for."""

    async def scenario() -> None:
        with full_queue() as queue:
            async with open_transport(connect_timeout=10) as transport:
                client = WAChatPro("key", queue.base_url, transport=transport, timeout=0.3)
                verdict = await send(client, kind, TimedGate(inf, time.monotonic))
                assert (verdict.outcome, verdict.health) == (Outcome.NOT_SENT, LaneHealth.DOWN)
                await queue.open()
                await asyncio.sleep(1.5)  # longer than until the kernel tries again
            assert queue.bodies == []

    asyncio.run(scenario())


# The send path, before a gateway whose TLS handshakes take 1.5 s


@contextmanager
def slow_gateway(shop: Shop, arrived: Callable[[], None], where: Path, patch: pytest.MonkeyPatch) -> Iterator[None]:
    authority = Authority(where, "authority")
    context = authority.server_context("localhost")
    patch.setenv("SSL_CERT_FILE", str(authority.path))
    port = int(shop.gateway.base_url.rpartition(":")[2])
    with tls_in_front_of(port, context) as tls, slow_in_front_of(tls, 1.5, arrived) as slow:
        shop.front = f"https://localhost:{slow}"
        shop.add("a", max_in_flight=2)
        yield


def contents(where: Path) -> dict[str, Content]:
    file = where / "a.bin"
    file.write_bytes(bytes(100_000))
    return {"a text": text_content("Hi {{ name }}"), "a file": file_content(file, 1_000_000)}


@pytest.mark.parametrize("kind", ["a text", "a file"])
def test_whoever_opts_out_while_a_request_connects_gets_nothing_and_everybody_else_one(
    shop: Shop, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def arrived() -> None:
        block_phones(shop.engine, [ANN], reason="asked")

    with slow_gateway(shop, arrived, tmp_path, monkeypatch):
        shop.submit("c", 2, "a", content=contents(tmp_path)[kind])
        drain(shop)
        outcomes = shop.sql("SELECT outcome::text, reason FROM attempts WHERE outcome <> 'accepted'")
        assert outcomes == [("not_sent", "held back: its phone has opted out")]
        shop.sql("UPDATE messages SET next_attempt_at = now() WHERE state = 'pending'")
        shop.sql("UPDATE campaign_lanes SET next_due_at = now()")
        drain(shop)
        assert shop.states("c") == {"sent": 1, "skipped": 1}
        assert [entry.phone for entry in shop.gateway.ledger.entries] == [BOB]
        dispatch.finish_campaigns(shop.engine)
        assert shop.state("c") == "finished"
