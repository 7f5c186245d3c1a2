"""What all pages of the view share, and how a page is made."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from math import inf
from time import monotonic
from typing import Any, TypeVar, cast
from urllib.parse import parse_qsl

from jinja2 import Environment
from sqlalchemy import Engine
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse

from broadcaster.domain.meter import Meter, SpeedLimit, said_speed
from broadcaster.domain.standstill import Standstill
from broadcaster.pages.languages import Language
from broadcaster.services.standstill import Surroundings, find_standstills
from broadcaster.settings import Settings
from broadcaster.web.readings import Readings
from broadcaster.web.refusals import NO_FORM, NO_NAME, TOO_LONG_A_FORM
from broadcaster.web.sign_ins import SignIn, SignIns

T = TypeVar("T")

MOST_METERS = 2_000
MOST_TROUBLES = 1_000
_IDLE_SECONDS = 30.0
"""A meter that nobody has asked for so long begins anew."""
_LONGEST_FORM = 4_096
_LONGEST_ASKED = 200
"""Bytes of a form, and characters of what a URL asks for: no name is longer."""


@dataclass(frozen=True, slots=True)
class Surface:
    """The settings, what is read, and what pages are made with."""

    settings: Settings
    engine: Engine
    """Its sessions cannot write."""
    templates: Environment
    surroundings: Surroundings
    """Adds to a scene what the database cannot tell."""
    nudge: Callable[[], object]
    """Lets the workers look at once."""
    readings: Readings = field(default_factory=Readings)
    sign_ins: SignIns = field(default_factory=SignIns)
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once the server is asked to stop: streams end then."""
    _meters: OrderedDict[Hashable, tuple[Meter, float, float | None]] = field(default_factory=OrderedDict)

    @property
    def language(self) -> Language:
        """In which pages are written."""
        return cast("Language", self.templates.globals["language"])

    async def timed(self, key: Hashable, function: Callable[..., T], *arguments: Any) -> tuple[float, T]:
        """What `readings.read` returns, and when that was read, as `speed` takes it."""
        return await self.readings.read(key, _timed, function, *arguments)

    def speed(
        self, key: Hashable, at: float, count: int, limit: SpeedLimit | None, beside: float | None = None
    ) -> str | None:
        """How fast the count of this `key` grows lately, of readings `at` several moments; None: it is the first.

        `limit` is what the paces permit; None: there is none. It is told in the unit of the rate `beside` it.
        """
        meter, last, rate = self._meters.pop(key, (Meter(), -inf, None))
        if at - last > _IDLE_SECONDS:
            meter, rate = Meter(), None
            meter.rate(at, count, limit)
        elif at > last:
            rate = meter.rate(at, count, limit)
        self._meters[key] = (meter, at, rate)
        while len(self._meters) > MOST_METERS:
            self._meters.popitem(last=False)
        return None if rate is None else said_speed(rate, beside)

    async def troubles(self) -> Sequence[Standstill]:
        """What does not move: at most MOST_TROUBLES."""
        return await self.readings.read("troubles", self._find_troubles)

    def _find_troubles(self) -> list[Standstill]:
        found = find_standstills(self.engine, self.settings, surroundings=self.surroundings)
        return list(islice(found, MOST_TROUBLES))

    def page(
        self,
        request: Request,
        template: str,
        data: Mapping[str, Any],
        status: int = 200,
        headers: Mapping[str, str] | None = None,
    ) -> HTMLResponse:
        """The template as a page for whoever asks."""
        text = self.templates.get_template(template).render(data, sign_in=sign_in_of(request), path=request.url.path)
        return HTMLResponse(text, status, headers)


def _timed(function: Callable[..., T], *arguments: Any) -> tuple[float, T]:
    return monotonic(), function(*arguments)


def sign_in_of(request: Request) -> SignIn | None:
    """Who asks; None: nobody who is signed in."""
    found: SignIn | None = request.scope.get("state", {}).get("sign_in")
    return found


def asked_for(request: Request, *names: str) -> dict[str, str]:
    """What the URL says of these, or nothing. Raises HTTPException where that is too long to be anything."""
    asked = {name: request.query_params.get(name, "").strip() for name in names}
    if any(len(each) > _LONGEST_ASKED or "\0" in each for each in asked.values()):
        raise HTTPException(400, NO_NAME)
    return asked


async def form_of(request: Request) -> dict[str, str]:
    """What a form says. Raises HTTPException where that is no form of ours."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LONGEST_FORM:
            raise HTTPException(413, TOO_LONG_A_FORM)
    try:
        form = dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=10))
    except ValueError:
        raise HTTPException(400, NO_FORM) from None
    if any("\0" in each for each in form.values()):
        raise HTTPException(400, NO_FORM)
    return form
