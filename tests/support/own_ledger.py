"""A ledger that shares no code with what is tested: a proxy before the gateway notes what was accepted, and when.

    with own_ledger(shop.gateway.base_url) as ledger:
        shop.front = ledger.base_url    # instances that are added from now on send to it
        …
        ledger.most_in_any_window(3600)

Time goes by the machine's monotonic clock, and by each step forward of the database's (`skip`): an hour that the
database believes to have passed counts as an hour. One back takes nothing back: nobody's sending becomes longer ago.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar, NamedTuple
from urllib.parse import urlsplit


class Accepted(NamedTuple):
    """One message that the gateway has taken."""

    key: str
    phone: str
    moment: float


class OwnLedger:
    """What was accepted, in the order of its moments. Made by `own_ledger`."""

    def __init__(self, gateway: str) -> None:
        self.base_url = ""
        self.accepted: list[Accepted] = []
        self.gateway = urlsplit(gateway).netloc
        self._skipped = 0.0
        self._under_way = 0
        self._changed = threading.Condition()

    def skip(self, seconds: float) -> None:
        """The database's clock has been stepped by so much."""
        with self._changed:
            self._skipped += max(0.0, seconds)

    def most_in_any_window(self, seconds: float, of: Callable[[Accepted], bool] = lambda _: True) -> int:
        """Counted anew for each window of so many seconds that begins with an accepted message."""
        moments = [each.moment for each in self.accepted if of(each)]
        return max(
            (sum(begin <= moment < begin + seconds for moment in moments) for begin in moments),
            default=0,
        )

    def wait_until(self, condition: Callable[[], bool], timeout: float = 60.0) -> None:
        """Until it holds, looked at whenever a request comes or has been answered."""
        with self._changed:
            assert self._changed.wait_for(condition, timeout), f"gave up after {timeout} s"

    def comes(self, within: float) -> bool:
        """Wait for a request, for so many seconds at most; whether there is one under way."""
        with self._changed:
            return self._changed.wait_for(lambda: not self.is_idle, within)

    @property
    def is_idle(self) -> bool:
        """Whether nothing that has come is still on its way: those who sent it may be dead."""
        return self._under_way == 0

    def pass_on(self, path: str, body: bytes, content_type: str) -> tuple[int, bytes]:
        """Let the gateway answer, and note it where it has taken a message."""
        with self._changed:
            self._under_way += 1
            self._changed.notify_all()
        try:
            connection = HTTPConnection(self.gateway, timeout=30)
            connection.request("POST", path, body, {"Content-Type": content_type})
            reply = connection.getresponse()
            told = reply.read()
            connection.close()
            with self._changed:
                if path == "/wa/send" and reply.status == 200 and b'"sent":true' in told.replace(b" ", b""):
                    asked = json.loads(body)
                    moment = time.monotonic() + self._skipped
                    self.accepted.append(Accepted(asked["key"], asked["phone"], moment))
            return reply.status, told
        finally:
            with self._changed:
                self._under_way -= 1
                self._changed.notify_all()


@contextmanager
def own_ledger(gateway: str) -> Iterator[OwnLedger]:
    """A ledger before the gateway with this URL."""
    ledger = OwnLedger(gateway)

    class Handler(BaseHTTPRequestHandler):
        protocol_version: ClassVar[str] = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status, reply = ledger.pass_on(self.path, body, self.headers["Content-Type"])
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(reply)))
            self.end_headers()
            self.wfile.write(reply)

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            """Whoever asked is dead: that is what is tested."""

    with Server(("127.0.0.1", 0), Handler) as server:
        ledger.base_url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield ledger
        finally:
            server.shutdown()
            thread.join()
