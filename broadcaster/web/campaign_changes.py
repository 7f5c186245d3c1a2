"""What can be done about a campaign here: pause, resume, cancel, by the command line's services and in its trail."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hmac import compare_digest
from types import MappingProxyType
from urllib.parse import urlencode

import structlog
from sqlalchemy import Engine
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from broadcaster.db.engine import open_engine
from broadcaster.db.operator_session import operator_session
from broadcaster.errors import ConflictError
from broadcaster.services.campaigns.campaign_reports import campaign_summary, what_cancelling_does
from broadcaster.services.campaigns.lifecycle import Moved, cancel_campaign, pause_campaign, resume_campaign
from broadcaster.settings import Settings
from broadcaster.web.campaign_pages import changes_of
from broadcaster.web.refusals import NO_SUCH_CHANGE, NOT_IN_THIS_STATE, OLD_FORM, ONLY_TO_LOOK_AT
from broadcaster.web.sign_ins import SignIn
from broadcaster.web.surface import Surface, asked_for, form_of, sign_in_of

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class OfferedChange:
    """One thing to do, and whether workers should look at once afterwards."""

    move: Callable[[Engine, str], Moved]
    nudges: bool = False


CHANGES: Mapping[str, OfferedChange] = MappingProxyType(
    {
        "pause": OfferedChange(pause_campaign),
        "resume": OfferedChange(resume_campaign, nudges=True),
        "cancel": OfferedChange(cancel_campaign),
    }
)


async def ask_before_change(surface: Surface, request: Request) -> Response:
    """A page that says what would happen, with the button that does it."""
    asked = asked_for(request, "name", "change")
    _refuse_where_read_only(surface, asked["change"])
    campaign = await surface.readings.in_thread(campaign_summary, surface.engine, asked["name"])
    if asked["change"] not in changes_of(campaign):
        raise HTTPException(409, NOT_IN_THIS_STATE)
    data = {**asked, "campaign": campaign, "effect": what_cancelling_does(campaign)}
    return surface.page(request, "campaign_change.html", data)


async def make_change(surface: Surface, request: Request) -> Response:
    """Do it, and show the campaign."""
    form, sign_in = await form_of(request), sign_in_of(request)
    name, change = form.get("name", ""), form.get("change", "")
    _refuse_where_read_only(surface, change)
    if sign_in is None or not compare_digest(form.get("form_token", "").encode(), sign_in.form_token.encode()):
        raise HTTPException(403, OLD_FORM)
    try:
        moved = await surface.readings.in_thread(_move, surface.settings, sign_in, name, change)
    except ConflictError:
        raise HTTPException(409, NOT_IN_THIS_STATE) from None
    surface.readings.renew()
    log.info("a campaign was changed in the browser", campaign=name, change=change, operator=sign_in.operator)
    if CHANGES[change].nudges:
        await surface.readings.in_thread(surface.nudge)
    return RedirectResponse(f"/campaign?{urlencode({'name': moved.name, 'done': change})}", 303)


def _refuse_where_read_only(surface: Surface, change: str) -> None:
    if not surface.settings.web_allow_changes:
        raise HTTPException(403, ONLY_TO_LOOK_AT)
    if change not in CHANGES:
        raise HTTPException(404, NO_SUCH_CHANGE)


def _move(settings: Settings, sign_in: SignIn, name: str, change: str) -> Moved:
    """In a session of the operator's own, so that the trail says who it was."""
    engine = open_engine(settings, session=operator_session(f"web: {sign_in.operator}", f"campaign {change}"))
    try:
        return CHANGES[change].move(engine, name)
    finally:
        engine.dispose()
