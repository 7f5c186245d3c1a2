"""Guards Flower with a brake on wrong passwords, and with headers that limit what its pages may do in a browser."""

from __future__ import annotations

import hmac
from base64 import b64decode
from math import ceil
from typing import Any

import structlog
from flower.app import Flower
from tornado.httputil import HTTPHeaders, HTTPServerRequest
from tornado.web import OutputTransform, RequestHandler

from broadcaster.domain.password_brake import Brake
from broadcaster.worker.flower_credentials import FlowerCredentials

log = structlog.get_logger()

_INLINE = "'sha256-A0YIP5A+DKoseGAUTHRoMPDkKPK5cKzfYH3mjcCKtj8='"
"""The hash of the only inline script of Flower's pages: it refreshes the list of workers."""
_ASK = "WWW-Authenticate", 'Basic realm="flower"'
HEADERS = {
    "Content-Security-Policy": (
        f"default-src 'none'; script-src 'self' {_INLINE}; style-src 'self'; style-src-attr 'unsafe-inline'; "
        "img-src 'self' data:; font-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
"""Headers of every reply. Flower's pages work under them: they were looked at in a browser (see
tests/integration/test_flower_door.py)."""


class GuardedFlower(Flower):  # type: ignore[misc]  # it ships no types
    """Flower behind the brake. Flower still checks the password itself."""

    def __init__(self, credentials: FlowerCredentials, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._expected = f"{credentials.user}:{credentials.password}".encode()
        self._brake = Brake()
        self.add_transform(_WithHeaders)

    def find_handler(self, request: HTTPServerRequest, **arguments: Any) -> Any:
        """The handler of a request or of its refusal. Flower itself answers a request without a password."""
        given = request.headers.get("Authorization")
        # Flower asks for the password on its pages only.
        is_open = given is None and not request.path.rstrip("/").endswith("/metrics")
        refusal = None if is_open else self._refusal(given, str(request.remote_ip))
        if refusal is not None:
            return self.get_handler_delegate(request, Refusal, refusal)
        return super().find_handler(request, **arguments)

    def _refusal(self, given: str | None, address: str) -> dict[str, Any] | None:
        """The arguments of a refusal; None: the password is right."""
        if given is None:
            return {"status": 401, "header": _ASK}
        wait = self._brake.wait(address)
        if wait > 0:
            return {"status": 429, "header": ("Retry-After", str(ceil(wait)))}
        if hmac.compare_digest(_credentials(given), self._expected):
            self._brake.right(address)
            return None
        self._brake.wrong(address)
        log.warning("a wrong password for Flower", address=address)
        return {"status": 401, "header": _ASK}


class Refusal(RequestHandler):
    """Refuses a request, whatever its method."""

    def initialize(self, status: int, header: tuple[str, str]) -> None:
        self._status, self._header = status, header

    def check_xsrf_cookie(self) -> None:
        """No check is needed: nothing is done for anybody."""

    def prepare(self) -> None:
        self.set_status(self._status)
        self.set_header(*self._header)
        self.finish("Access denied" if self._status == 401 else "Too many wrong passwords")


class _WithHeaders(OutputTransform):
    def transform_first_chunk(
        self, status_code: int, headers: HTTPHeaders, chunk: bytes, finishing: bool
    ) -> tuple[int, HTTPHeaders, bytes]:
        for name, value in HEADERS.items():
            headers[name] = value
        return status_code, headers, chunk


def _credentials(header: str) -> bytes:
    """The credentials in a header of basic authentication; empty for any other header."""
    scheme, _, encoded = header.partition(" ")
    try:
        return b64decode(encoded.strip(), validate=True) if scheme.lower() == "basic" else b""
    except ValueError:
        return b""
