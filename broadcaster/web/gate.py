"""Who comes in: by a known name, from our own pages, signed in. And the headers that limit what a page may do."""

from __future__ import annotations

from contextlib import suppress
from hmac import compare_digest
from ipaddress import ip_address
from typing import Any
from urllib.parse import quote, urlsplit

import structlog
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from broadcaster.db.faults import without_values
from broadcaster.web.sign_ins import SignIns

log = structlog.get_logger()

SIGN_IN = "/sign-in"
METRICS = "/metrics"
STREAM = "text/event-stream"
"""What a page's script asks for, at the page's own URL."""
_OPEN = (SIGN_IN, METRICS, "/healthcheck")
_OPEN_FILES = "/static/"
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}
"""Headers of every reply that has none of its own by that name."""


class Gate:
    """Stands before all pages (ASGI). What it has not let in reaches none of them."""

    def __init__(
        self, app: ASGIApp, *, sign_ins: SignIns, cookie: str, own_name: str | None, metrics_token: str | None
    ) -> None:
        """`cookie` is the name of the one with the sign-in's token, `own_name` the host by which people come."""
        self._app, self._sign_ins, self._cookie, self._own_name = app, sign_ins, cookie, own_name
        self._metrics_token = metrics_token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = False

        async def guarded(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        request = Request(scope)
        scope.setdefault("state", {})["sign_in"] = self._sign_ins.find(request.cookies.get(self._cookie))
        refusal = self._refusal(request)
        try:
            await (self._app if refusal is None else refusal)(scope, receive, guarded)
        except Exception as error:  # noqa: BLE001 - nobody is shown a traceback, and no log the values of rows
            log.error("a page failed", path=scope["path"], error=without_values(error))
            if not begun:
                await _FAILED(scope, receive, guarded)

    def _refusal(self, request: Request) -> Response | None:
        is_scrape = request.url.path == METRICS and brings_token(request, self._metrics_token)
        if not is_scrape and not self._is_known(request.headers.get("host", "")):
            # Else a site whose name was made to lead here would be asked in our place (DNS rebinding).
            return PlainTextResponse("this host name is not known here: set BROADCASTER_WEB_URL to its URL\n", 400)
        if request.method == "POST" and _is_foreign(request):
            return PlainTextResponse("this form is not from here: open the page again\n", 403)
        if request.scope["state"]["sign_in"] is not None or _is_open(request.url.path):
            return None
        if STREAM in request.headers.get("accept", ""):
            return PlainTextResponse("sign in first\n", 401)
        back = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        to = f"?to={quote(back)}" if request.method == "GET" and back != "/" else ""
        return RedirectResponse(SIGN_IN + to, 303)

    def _is_known(self, host: str) -> bool:
        """Whether a name of ours, or an address: no other site can have that for a name."""
        with suppress(ValueError):
            name = urlsplit(f"//{host}").hostname or ""
            if name in {"localhost", self._own_name}:
                return True
            ip_address(name)
            return True
        return False


def local_path(text: str) -> str:
    """The text, if it is a path here, and otherwise the first page."""
    is_local = text.startswith("/") and not text.startswith(("//", "/\\")) and text.isprintable()
    return text if is_local else "/"


def brings_token(request: Request, token: str | None) -> bool:
    """Whether it has the token for the figures. Where there is none, nobody has it."""
    brought = request.headers.get("authorization", "").encode()
    return token is not None and compare_digest(brought, f"Bearer {token}".encode())


def _is_open(path: str) -> bool:
    return path in _OPEN or path.startswith(_OPEN_FILES)


def _is_foreign(request: Request) -> bool:
    """Whether another site's page sends it. Browsers say whose page it is."""
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site is not None:
        return site not in {"same-origin", "none"}
    return origin is not None and urlsplit(origin).netloc != request.headers.get("host")


_FAILED: Any = PlainTextResponse("this page failed: please report it; the log of `web` says what happened\n", 500)
