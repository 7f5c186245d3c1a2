"""The view in the browser as an ASGI application: which URL is which page, and what an error looks like."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from hashlib import sha256
from http import HTTPStatus
from importlib.resources import files
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from jinja2 import Environment
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

import broadcaster
from broadcaster.domain.masking import masked, with_masked_phones
from broadcaster.errors import (
    BroadcasterError,
    ConflictError,
    NotFoundError,
    UnavailableError,
)
from broadcaster.pages.environment import page_environment, stylesheet
from broadcaster.pages.languages import language_of
from broadcaster.pages.own_words import in_own_words
from broadcaster.services.figures import exposition
from broadcaster.settings import Settings
from broadcaster.time_zones import shown_zone
from broadcaster.web.campaign_changes import ask_before_change, make_change
from broadcaster.web.campaign_pages import download_report, live_campaign, live_campaigns, show_report
from broadcaster.web.gate import METRICS, SIGN_IN, Gate, brings_token
from broadcaster.web.instance_page import live_instance
from broadcaster.web.live_page import LivePage
from broadcaster.web.other_pages import live_instances, live_replies, live_schedule, live_schedules
from broadcaster.web.sign_in_pages import SignInDesk
from broadcaster.web.surface import Surface, sign_in_of

_PAGES = {
    "/": LivePage("campaigns.html", live_campaigns, "show", "find"),
    "/campaign": LivePage("campaign.html", live_campaign, "name", "done"),
    "/instances": LivePage("instances.html", live_instances, "find"),
    "/instance": LivePage("instance.html", live_instance, "name"),
    "/schedules": LivePage("schedules.html", live_schedules),
    "/schedule": LivePage("schedule.html", live_schedule, "name"),
    "/replies": LivePage("replies.html", live_replies, "campaign", "undecided"),
}
_STATUS = {NotFoundError: 404, ConflictError: 409, UnavailableError: 503}
_RETRY_SECONDS = 5
"""After so long a page that Postgres could not be read for is loaded again."""
_FOR_EVER = "public, max-age=31536000, immutable"
"""A file's URL has its digest."""


def build_app(surface: Surface, password: str, metrics_token: str | None) -> Starlette:
    """The application. `password` opens it, `metrics_token` the figures (None: as `_may_scrape` says)."""
    settings = surface.settings
    own = urlsplit(settings.web_url or "")
    cookie = f"broadcaster_{settings.web_port}"
    desk = SignInDesk(surface, password, cookie, own.scheme == "https")
    routes = [Route(path, partial(page.answer, surface)) for path, page in _PAGES.items()]
    routes += [
        Route("/report", partial(show_report, surface)),
        Route("/report.html", partial(download_report, surface)),
        Route("/campaign/change", partial(ask_before_change, surface)),
        Route("/campaign/change", partial(make_change, surface), methods=["POST"]),
        Route(SIGN_IN, desk.ask),
        Route(SIGN_IN, desk.answer, methods=["POST"]),
        Route("/sign-out", desk.end, methods=["POST"]),
        Route(METRICS, partial(_figures, surface, metrics_token)),
        Route("/healthcheck", _health),
        *(Route(path, _file(content, kind)) for path, content, kind in _FILES.values()),
    ]
    told = partial(_told, surface)
    return Starlette(
        routes=routes,
        middleware=[
            Middleware(
                Gate, sign_ins=surface.sign_ins, cookie=cookie, own_name=own.hostname, metrics_token=metrics_token
            )
        ],
        exception_handlers={BroadcasterError: told, HTTPException: told},
    )


def page_templates(settings: Settings) -> Environment:
    """The templates of all pages. Raises what `language_of` does."""
    templates = page_environment(language_of(settings, shown_zone()), __package__ or "")
    templates.globals |= {
        "stylesheet": _FILES["web.css"][0],
        "script": _FILES["live.js"][0],
        "allows_changes": settings.web_allow_changes,
        "version": broadcaster.__version__,
    }
    templates.filters |= {"masked": masked, "without_phones": with_masked_phones}
    return templates


def _file_of(name: str, content: str, kind: str) -> tuple[str, bytes, str]:
    digest = sha256(content.encode()).hexdigest()[:12]
    stem, _, ending = name.rpartition(".")
    return f"/static/{stem}-{digest}.{ending}", content.encode(), kind


def _own_file(name: str) -> str:
    return (files(__package__ or "") / "static" / name).read_text(encoding="utf-8")


_FILES = {
    "web.css": _file_of("web.css", stylesheet() + _own_file("web.css"), "text/css"),
    "live.js": _file_of("live.js", _own_file("live.js"), "text/javascript"),
}
"""By name: the URL, the content, its type."""


def _file(content: bytes, kind: str) -> Callable[[Request], Awaitable[Response]]:
    async def answer(_request: Request) -> Response:
        return Response(content, media_type=kind, headers={"Cache-Control": _FOR_EVER})

    return answer


async def _health(_request: Request) -> Response:
    """That it is there, and nothing else, to anybody who may reach it."""
    return PlainTextResponse("OK")


async def _figures(surface: Surface, token: str | None, request: Request) -> Response:
    """What `broadcaster metrics` prints."""
    if not _may_scrape(surface.settings, token, request):
        return PlainTextResponse("bring the token: Authorization: Bearer …\n", 401, {"WWW-Authenticate": "Bearer"})
    figures = await surface.readings.read("figures", exposition, surface.engine, surface.settings)
    return Response(figures, media_type=CONTENT_TYPE_LATEST)


def _may_scrape(settings: Settings, token: str | None, request: Request) -> bool:
    """Whoever brings the token or is signed in; where there is none, whoever is on this machine, as with `metrics`."""
    if sign_in_of(request) is not None:
        return True
    if token is None:
        return ip_address(settings.web_bind).is_loopback
    return brings_token(request, token)


async def _told(surface: Surface, request: Request, error: Exception) -> Response:
    """What went wrong, as a page: in plain words of the language, without a traceback."""
    if isinstance(error, HTTPException):
        status, headers = error.status_code, dict(error.headers or {})
        is_ours = error.detail != HTTPStatus(status).phrase
        said = surface.language.gettext(error.detail) if is_ours else ""
    else:
        status = next((code for kind, code in _STATUS.items() if isinstance(error, kind)), 400)
        said, headers = in_own_words(str(error), surface.language), {}
    if status == 503:
        headers["Retry-After"] = str(_RETRY_SECONDS)
    if sign_in_of(request) is None:
        return PlainTextResponse(f"{said or HTTPStatus(status).phrase}\n", status, headers)
    data: dict[str, Any] = {"status": status, "said": said, "again_after": _RETRY_SECONDS if status == 503 else 0}
    return surface.page(request, "error.html", data, status, headers)
