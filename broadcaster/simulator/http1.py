"""Just enough HTTP/1.1 for a gateway: parses strict request heads and writes plain responses. Pure: no I/O."""

from __future__ import annotations

import re
from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import parse_qsl

import msgspec

MAX_HEAD_BYTES = 64 * 1024
MAX_BODY_BYTES = 256 * 1024 * 1024

_REQUEST_LINE = re.compile(rb"([A-Z]+) (/[!-~]*) HTTP/1\.([01])")
_HEADER = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*(.*?)[ \t]*")
_PHRASES = {status.value: status.phrase for status in HTTPStatus}
_ONLY_ONCE = frozenset({"content-length", "content-type", "host", "transfer-encoding"})


class BadRequestError(Exception):
    """The bytes are not a request that this server takes. The connection closes after the reply."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class Head(msgspec.Struct, frozen=True):
    """The request line and headers. Header names are lower case; `length` is the body's size in bytes."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    length: int
    keep_alive: bool


class Request(msgspec.Struct, frozen=True):
    """One complete request. `time_ns` and `monotonic_ns` are when its last byte was read."""

    head: Head
    body: bytes
    peer: str
    time_ns: int
    monotonic_ns: int

    @property
    def parameters(self) -> dict[str, str]:
        """The query string, decoded."""
        return dict(parse_qsl(self.head.query, keep_blank_values=True))


class Response(msgspec.Struct, frozen=True):
    """A response. `render_response` adds the framing headers."""

    status: int
    body: bytes
    content_type: str = "application/json"
    headers: Mapping[str, str] = {}


def parse_head(raw: bytes) -> Head:
    """Parse everything before the empty line.

    Raises BadRequestError for anything that RFC 9112 calls invalid, and for a body without Content-Length (411).
    """
    lines = raw.split(b"\r\n")
    match = _REQUEST_LINE.fullmatch(lines[0])
    if match is None:
        raise BadRequestError(400, "malformed request line")
    headers = _parse_headers(lines[1:])
    recent = match[3] == b"1"
    if recent and "host" not in headers:
        raise BadRequestError(400, "no Host header")
    if "transfer-encoding" in headers:
        raise BadRequestError(411, "Content-Length is required; transfer codings are not taken")
    path, _, query = match[2].decode("ascii").partition("?")
    connection = headers.get("connection", "").lower()
    return Head(
        method=match[1].decode("ascii"),
        path=path,
        query=query,
        headers=headers,
        length=_length(headers.get("content-length", "0")),
        keep_alive=connection != "close" if recent else connection == "keep-alive",
    )


def render_response(response: Response, *, keep_alive: bool = True, with_body: bool = True) -> bytes:
    """The bytes of a response."""
    extra = "".join(f"{name}: {value}\r\n" for name, value in response.headers.items())
    if not keep_alive:
        extra += "Connection: close\r\n"
    head = (
        f"HTTP/1.1 {response.status} {phrase(response.status)}\r\nContent-Type: {response.content_type}\r\n"
        f"Content-Length: {len(response.body)}\r\n{extra}\r\n"
    ).encode("latin-1")
    return head + response.body if with_body else head


def phrase(status: int) -> str:
    """The reason phrase of a status."""
    return _PHRASES.get(status, "Unassigned")


def _parse_headers(lines: list[bytes]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for line in lines:
        match = _HEADER.fullmatch(line)
        if match is None:
            raise BadRequestError(400, "malformed header")
        name, value = match[1].decode("ascii").lower(), match[2].decode("latin-1")
        if name in headers:
            if name in _ONLY_ONCE:
                raise BadRequestError(400, f"more than one {name} header")
            value = f"{headers[name]}, {value}"
        headers[name] = value
    return headers


def _length(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise BadRequestError(400, "malformed Content-Length")
    length = int(text) if len(text) < 20 else MAX_BODY_BYTES + 1
    if length > MAX_BODY_BYTES:
        raise BadRequestError(413, f"the body may have at most {MAX_BODY_BYTES} bytes")
    return length
