"""Pages that stay up to date while somebody looks, by server-sent events (https://html.spec.whatwg.org/#server-sent-events).

A page asks for its own URL as a stream of events. Each of them is its live part as it is now, in HTML.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse

from broadcaster.errors import BroadcasterError
from broadcaster.web.gate import STREAM
from broadcaster.web.surface import Surface, asked_for, sign_in_of

LOOK_SECONDS = 1.2
"""A little longer than a reading is fresh, so that each look finds a newer one."""
_SILENCE_SECONDS = 15.0
"""After so long without a change a comment is sent, by which a proxy sees that the stream is alive."""
MOST_STREAMS = 300
_LIVE = "live"
"""The block of templates, and the event."""


@dataclass(frozen=True, slots=True)
class _Shown:
    data: Mapping[str, Any]
    live: str


class LivePage:
    """One kind of page: what it is made of, and which part of it stays up to date."""

    streams = 0
    """How many are open now, of all pages."""

    def __init__(
        self, template: str, read: Callable[[Surface, Mapping[str, str]], Awaitable[dict[str, Any]]], *asks: str
    ) -> None:
        """`read` gets what the URL says of `asks`, and returns what the template shows."""
        self._template, self._read, self._asks = template, read, asks

    async def answer(self, surface: Surface, request: Request) -> Response:
        """The page, or its live part again and again."""
        asked = asked_for(request, *self._asks)
        look = partial(surface.readings.make, (self._template, *asked.values()), partial(self._make, surface, asked))
        if STREAM not in request.headers.get("accept", ""):
            shown = await look()
            return surface.page(request, self._template, shown.data)
        if LivePage.streams >= MOST_STREAMS:
            return PlainTextResponse("too many pages are open\n", 503)
        return StreamingResponse(
            self._events(surface, request, look), media_type=STREAM, headers={"X-Accel-Buffering": "no"}
        )

    async def _make(self, surface: Surface, asked: Mapping[str, str]) -> _Shown:
        data = {**asked, **await self._read(surface, asked)}
        template = surface.templates.get_template(self._template)
        return _Shown(data, "".join(template.blocks[_LIVE](template.new_context(data))))

    async def _events(
        self, surface: Surface, request: Request, look: Callable[[], Awaitable[_Shown]]
    ) -> AsyncIterator[str]:
        sign_in, last, silent = sign_in_of(request), "", 0.0
        LivePage.streams += 1
        try:
            while sign_in is not None and surface.sign_ins.find(sign_in.token) and not surface.stopping.is_set():
                try:
                    event = _event(_LIVE, (await look()).live)
                except BroadcasterError as error:
                    event = _event("away", str(error))
                silent = silent + LOOK_SECONDS if event == last else 0.0
                if event != last:
                    yield event
                elif silent >= _SILENCE_SECONDS:
                    silent = 0.0
                    yield ":\n\n"
                last = event
                try:
                    await asyncio.wait_for(surface.stopping.wait(), LOOK_SECONDS)
                except TimeoutError:
                    continue
        finally:
            LivePage.streams -= 1


def _event(name: str, text: str) -> str:
    return f"event: {name}\n" + "".join(f"data: {line}\n" for line in text.splitlines()) + "\n"
