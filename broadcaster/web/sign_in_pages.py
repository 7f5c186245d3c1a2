"""Signing in and out."""

from __future__ import annotations

from dataclasses import dataclass, field
from hmac import compare_digest
from math import ceil

import structlog
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from broadcaster.domain.names import check_name
from broadcaster.domain.password_brake import Brake
from broadcaster.errors import UsageError
from broadcaster.web.gate import SIGN_IN, local_path
from broadcaster.web.sign_ins import LONGEST_SECONDS
from broadcaster.web.surface import Surface, form_of, sign_in_of

log = structlog.get_logger()

_NOBODY = "somebody"
"""Who it is where nothing can be changed: nobody is asked."""


@dataclass(frozen=True, slots=True)
class SignInDesk:
    """Looks at passwords, and slows down the guessing of them."""

    surface: Surface
    password: str = field(repr=False)
    cookie: str
    is_secure: bool
    """Whether browsers shall send the cookie by TLS alone."""
    brake: Brake = field(default_factory=Brake)

    async def ask(self, request: Request) -> Response:
        """The form, or the first page for whoever is signed in."""
        if sign_in_of(request) is not None:
            return RedirectResponse(local_path(request.query_params.get("to", "/")), 303)
        return self._form(request)

    async def answer(self, request: Request) -> Response:
        """Let somebody in who knows the password."""
        form = await form_of(request)
        address = request.client.host if request.client else ""
        wait = self.brake.wait(address)
        if wait > 0:
            return self._form(request, "brake", 429, {"Retry-After": str(ceil(wait))}, seconds=ceil(wait))
        if not compare_digest(form.get("password", "").encode(), self.password.encode()):
            self.brake.wrong(address)
            log.warning("a wrong password for the view in the browser", address=address)
            return self._form(request, "wrong", 401)
        self.brake.right(address)
        operator = form.get("operator", "").strip() if self.surface.settings.web_allow_changes else _NOBODY
        try:
            check_name(operator, "your")
        except UsageError:
            return self._form(request, "nameless", 400)
        begun = self.surface.sign_ins.begin(operator)
        reply = RedirectResponse(local_path(request.query_params.get("to", "/")), 303)
        reply.set_cookie(
            self.cookie,
            begun.token,
            max_age=int(LONGEST_SECONDS),
            httponly=True,
            samesite="strict",
            secure=self.is_secure,
        )
        return reply

    async def end(self, request: Request) -> Response:
        """Sign out, for good."""
        sign_in = sign_in_of(request)
        if sign_in is not None:
            self.surface.sign_ins.end(sign_in)
        reply = RedirectResponse(SIGN_IN, 303)
        reply.delete_cookie(self.cookie, httponly=True, samesite="strict", secure=self.is_secure)
        return reply

    def _form(
        self,
        request: Request,
        fault: str = "",
        status: int = 200,
        headers: dict[str, str] | None = None,
        *,
        seconds: int = 0,
    ) -> Response:
        data = {"fault": fault, "seconds": seconds, "to": request.query_params.get("to", "")}
        return self.surface.page(request, "sign_in.html", data, status, headers)
