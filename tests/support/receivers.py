"""Those who are told what happens: a web server and a mail server of the tests' own, on the loopback interface."""

from __future__ import annotations

import socketserver
import ssl
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import msgspec


@dataclass(frozen=True)
class Posted:
    """One request that arrived."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def document(self) -> Any:
        return msgspec.json.decode(self.body)


@dataclass
class WebReceiver:
    """Answers every POST with `status`, and keeps what came."""

    port: int = 0
    posted: list[Posted] = field(default_factory=list)
    status: int = 204
    location: str | None = None
    said: bytes = b""
    arrived: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)
    """While it is not set, nothing is answered."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hooks/T0SECRET"


@contextmanager
def web_receiver(context: ssl.SSLContext | None = None) -> Iterator[WebReceiver]:
    """A web server in a thread, over TLS with a `context`."""
    receiver = WebReceiver()
    receiver.released.set()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            receiver.posted.append(Posted(self.path, headers, body))
            receiver.arrived.set()
            receiver.released.wait(60)
            self.send_response(receiver.status)
            if receiver.location is not None:
                self.send_header("Location", receiver.location)
            if receiver.status != 204:
                self.send_header("Content-Length", str(len(receiver.said)))
            self.end_headers()
            if receiver.status != 204:
                self.wfile.write(receiver.said)

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        # Those who have gone away while they waited are no news.
        def handle_error(self, *_: object) -> None:
            pass

    with _served(Server(("127.0.0.1", 0), Handler), context) as port:
        receiver.port = port
        try:
            yield receiver
        finally:
            receiver.released.set()


@dataclass
class MailReceiver:
    """A mail server that keeps what it is given."""

    port: int = 0
    mails: list[EmailMessage] = field(default_factory=list)
    envelopes: list[tuple[str, list[str]]] = field(default_factory=list)
    """From whom, and to whom."""
    refusal: str | None = None
    """What it says to every recipient; None: it takes all."""
    offers: tuple[str, ...] = ()
    """What it says that it can do."""
    heard: list[str] = field(default_factory=list)
    """Every line of the conversations, but not the mails."""

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"


@contextmanager
def mail_receiver() -> Iterator[MailReceiver]:
    """An SMTP server in a thread (RFC 5321, as far as a client needs that hands over one mail)."""
    receiver = MailReceiver()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            sender, recipients = "", []
            self._say("220 mail.test")
            while line := self.rfile.readline().decode().rstrip("\r\n"):
                receiver.heard.append(line)
                word = line.upper()
                if word.startswith("EHLO"):
                    lines = ["mail.test", *receiver.offers]
                    for each in lines[:-1]:
                        self._say(f"250-{each}")
                    self._say(f"250 {lines[-1]}")
                elif word.startswith("MAIL FROM:"):
                    sender = line[10:].partition(">")[0].lstrip("<")
                    self._say("250 ok")
                elif word.startswith("RCPT TO:"):
                    recipients.append(line[8:].partition(">")[0].lstrip("<"))
                    self._say(receiver.refusal or "250 ok")
                elif word == "DATA":
                    self._say("354 go on")
                    receiver.mails.append(message_from_bytes(self._read_mail(), policy=default))  # type: ignore[arg-type]
                    receiver.envelopes.append((sender, recipients))
                    self._say("250 taken")
                elif word == "QUIT":
                    self._say("221 bye")
                    return
                else:
                    self._say("250 ok")

        def _say(self, line: str) -> None:
            self.wfile.write(f"{line}\r\n".encode())

        def _read_mail(self) -> bytes:
            lines = []
            while (line := self.rfile.readline()) != b".\r\n":
                lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
            return b"".join(lines)

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

    with _served(Server(("127.0.0.1", 0), Handler), None) as port:
        receiver.port = port
        yield receiver


@contextmanager
def talking_server(replies: Sequence[bytes], drop: bytes | None) -> Iterator[int]:
    """A server in a thread that says these, the first at once and then one for whatever it hears, unseen.

    Then it says `drop` again and again, or with None hangs up. Yields its port.
    """

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with suppress(OSError):
                for number, reply in enumerate(replies):
                    if number and not self._hears():
                        return
                    self.request.sendall(reply)
                if drop is None:
                    self._hears()
                while drop is not None:
                    self.request.sendall(drop)
                    time.sleep(0.1)  # the dripping itself

        def _hears(self) -> bool:
            heard = self.request.recv(100_000)
            # A mail is heard to its end.
            while heard and not heard.endswith(b"\r\n"):
                heard = self.request.recv(100_000)
            return bool(heard)

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        block_on_close = False

    with _served(Server(("127.0.0.1", 0), Handler), None) as port:
        yield port


@contextmanager
def _served(server: socketserver.TCPServer, context: ssl.SSLContext | None) -> Iterator[int]:
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield int(server.server_address[1])
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
