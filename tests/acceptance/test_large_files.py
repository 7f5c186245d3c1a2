"""A large file to many recipients: encoded once, streamed from one copy."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.cli import RunCli
from tests.support.stack import running_stack, wait_for

FILE_BYTES = 16 * 1024 * 1024
RECIPIENTS = 100
IN_FLIGHT = 16
MOST_GROWTH = 150 * 1024 * 1024
"""One encoded file is 22 MB; a copy for each request in flight would be 360 MB."""


class Sink(asyncio.Protocol):
    """Takes requests of any size and keeps nothing of them."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._head = b""
        self._left = 0

    def data_received(self, data: bytes) -> None:
        if not self._left:
            self._head += data
            head, found, body = self._head.partition(b"\r\n\r\n")
            if not found:
                return
            length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
            assert length, "a request must say its length"
            self._left, self._head = int(length[1]), b""
            data = body
        self._left -= len(data)
        if self._left == 0:
            reply = b'{"sent":true,"id":"1"}'
            self._transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(reply), reply))  # type: ignore[attr-defined]  # a TCP transport


@pytest.fixture
def sink() -> Iterator[str]:
    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(loop.create_server(Sink, "127.0.0.1", 0))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    host, port = server.sockets[0].getsockname()
    yield f"http://{host}:{port}"
    server.close()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def resident_bytes(pid: int, field: str) -> int:
    """VmRSS (now) or VmHWM (the most so far) of a process."""
    found = re.search(rf"{field}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found
    return int(found[1]) * 1024


@pytest.mark.parametrize("wire", ["json", "form"])
def test_a_16_mb_file_to_many_recipients_keeps_the_workers_memory_flat(
    wire: str, sink: str, run_cli: RunCli, environ: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "catalogue.pdf").write_bytes(b"%PDF" + bytes(range(256)) * (FILE_BYTES // 256))
    (tmp_path / "recipients.csv").write_text("phone\n" + "".join(f"62812{n:07d}\n" for n in range(RECIPIENTS)))
    options = ("--key-stdin", "--base-url", sink, "--wire", wire, "--max-in-flight", str(IN_FLIGHT))
    options += ("--rate", "unlimited")
    assert run_cli("instance", "add", "a", *options, stdin="key").code == 0
    with running_stack(tmp_path, environ) as stack:
        worker = stack.start("worker")
        before = resident_bytes(worker.process.pid, "VmRSS")
        stack.start("beat")
        content = ("--file", "catalogue.pdf", "--caption", "Our catalogue")
        submitted = run_cli("campaign", "submit", "c", "--instance", "a", "--recipients", "recipients.csv", *content)
        assert submitted.code == 0, submitted.stderr
        wait_for(lambda: run_cli("campaign", "show", "c", "--json").json["state"] == "finished", "the campaign")
        assert run_cli("campaign", "show", "c", "--json").json["sent"] == RECIPIENTS
        assert resident_bytes(worker.process.pid, "VmHWM") - before < MOST_GROWTH
