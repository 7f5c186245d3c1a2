"""The pages of campaigns: all of them, and one."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Any
from urllib.parse import quote

from sqlalchemy import Engine
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from broadcaster.db.reading import as_of_now
from broadcaster.domain.campaign_plans import CampaignPlan, PlannedDay
from broadcaster.domain.holds import HoldNow, said_holds
from broadcaster.domain.meter import SpeedLimit, speed_limit
from broadcaster.domain.names import usable_filename
from broadcaster.domain.pacing import format_rate
from broadcaster.domain.skips import Skipped, skips_of
from broadcaster.domain.standstill import Cause, Standstill
from broadcaster.domain.states import FINAL_CAMPAIGN_STATES, CampaignState
from broadcaster.pages.languages import Language
from broadcaster.pages.own_words import in_own_words
from broadcaster.pages.report_page import report_context, report_page, stops_of, took_short
from broadcaster.pages.state_figures import state_terms
from broadcaster.services.campaigns.campaign_reports import (
    CampaignDetail,
    CampaignLane,
    CampaignSummary,
    campaign_detail,
    list_campaigns,
    speed_limits,
)
from broadcaster.services.campaigns.full_reports import (
    MOST_REASONS,
    ResolvedDoubts,
    read_campaign_report,
    resolved_doubts,
)
from broadcaster.services.campaigns.move_reports import OpenFailover, ToldMove, moves_of_campaign, open_failovers
from broadcaster.services.campaigns.planning import open_work, plans_of_all
from broadcaster.services.inbox_reports import ReplyFigures, reply_figures
from broadcaster.services.standstill import Surroundings, look_at_campaign
from broadcaster.settings import Settings
from broadcaster.web.surface import Surface, asked_for
from broadcaster.web.told import shares_of_states, told_troubles

GROUPS = {
    "now": (CampaignState.RUNNING, CampaignState.PAUSED),
    "later": (CampaignState.SCHEDULED, CampaignState.DRAFT),
    "ended": FINAL_CAMPAIGN_STATES,
}
"""How the list is divided."""
_FEW, _MANY = 20, 200
"""Campaigns of a group: beside the others, and alone."""
_MOST_DAYS = 31
_MOST_TOLD = 5
"""Things that do not move: beside all campaigns."""
_GOES_ON = (CampaignState.SCHEDULED, CampaignState.RUNNING)


@dataclass(frozen=True, slots=True)
class CampaignNow:
    """What is known of a campaign at one moment."""

    detail: CampaignDetail
    replies: ReplyFigures
    troubles: Sequence[Standstill]
    holds: Sequence[HoldNow]
    moves: Sequence[ToldMove]
    failovers: Sequence[OpenFailover]
    doubts: Sequence[ResolvedDoubts]


async def live_campaigns(surface: Surface, asked: Mapping[str, str]) -> dict[str, Any]:
    """All campaigns by groups, or those of one group (`show`), with `find` in their names."""
    part, only = asked["find"] or None, asked["show"] if asked["show"] in GROUPS else ""
    most = _MANY if only else _FEW
    wanted = (only,) if only else tuple(GROUPS)
    at, (groups, limits) = await surface.timed(
        ("campaigns", only, part), _listed, surface.engine, most + 1, wanted, part
    )
    plans = await surface.readings.read("plans", plans_of_all, surface.engine)
    troubles = list(told_troubles(await surface.troubles(), surface.language))
    return {
        "troubles": troubles[:_MOST_TOLD],
        "more_troubles": len(troubles[_MOST_TOLD:]),
        "groups": [
            {
                "name": group,
                "rows": [_row(surface, at, each, plans, limits.get(each.id)) for each in found[:most]],
                "is_cut": len(found) > most,
            }
            for group, found in groups.items()
        ],
        "show": only,
    }


async def live_campaign(surface: Surface, asked: Mapping[str, str]) -> dict[str, Any]:
    """All of one campaign, called `name`."""
    name = asked["name"]
    at, found = await surface.timed(
        ("campaign", name), look_closely, surface.engine, surface.settings, surface.surroundings, name
    )
    summary = found.detail.summary
    is_open = summary.state not in FINAL_CAMPAIGN_STATES
    plan = await surface.readings.read(("plan", name), _plan, surface.engine, name) if is_open else None
    running = summary.state is CampaignState.RUNNING
    own = [each for each in found.troubles if each.cause is not Cause.INSTANCES]
    lanes = [lane for lane in found.detail.lanes if lane.may_send]
    return {
        "campaign": summary,
        "is_open": is_open,
        "stops": stops_of(summary, surface.language),
        "is_short": summary.finished_at is not None and took_short(summary.started_at, summary.finished_at),
        "terms": state_terms(summary, surface.language),
        "shares": shares_of_states(summary),
        "speed": _speed(surface, at, name, lanes) if running else None,
        "permitted": format_rate(_permitted(lanes)) if lanes else "",
        "plan": plan,
        "skips": list(_skips(plan, surface.language)),
        "days": _days(plan),
        "ends_at": plan.known_end if plan and summary.state in _GOES_ON else None,
        "held": list(
            said_holds(
                found.holds,
                surface.language.moment,
                plan.waiting_people if plan else (),
                partial(in_own_words, language=surface.language),
            )
        ),
        "troubles": list(told_troubles(own, surface.language)),
        "lanes": [_lane(surface, at, name, lane, running=running) for lane in found.detail.lanes],
        "failures": found.detail.failures[:MOST_REASONS],
        "more_failures": max(0, len(found.detail.failures) - MOST_REASONS),
        "doubts": found.doubts,
        "words": found.detail.contents[-1].words if found.detail.contents else "",
        "replies": found.replies,
        "moves": found.moves,
        "failovers": found.failovers,
        "changes": changes_of(summary) if surface.settings.web_allow_changes else (),
    }


async def show_report(surface: Surface, request: Request) -> Response:
    """The report of a campaign, as it was a moment ago."""
    return surface.page(request, "report_view.html", await _report(surface, request))


async def download_report(surface: Surface, request: Request) -> Response:
    """The same as a file that loads nothing."""
    report = (await _report(surface, request))["report"]
    page = await surface.readings.in_thread(report_page, report, surface.language)
    named = quote(usable_filename(f"{report.detail.summary.name}.html"))
    return HTMLResponse(page, headers={"Content-Disposition": f"attachment; filename*=UTF-8''{named}"})


async def _report(surface: Surface, request: Request) -> dict[str, Any]:
    name = asked_for(request, "name")["name"]
    return await surface.readings.read(("report", name), _read_report, surface.engine, name, surface.language)


def _read_report(engine: Engine, name: str, language: Language) -> dict[str, Any]:
    # Its charts are drawn in the thread as well: they take longer than what is read.
    return report_context(read_campaign_report(engine, name, language.zone), language)


def look_closely(engine: Engine, settings: Settings, surroundings: Surroundings, name: str) -> CampaignNow:
    """Read all of a campaign, as of one moment. Raises NotFoundError."""
    with as_of_now(engine) as moment:
        detail = campaign_detail(moment, name)
        troubles, holds = look_at_campaign(moment, settings, name, surroundings)
        return CampaignNow(
            detail,
            reply_figures(moment, detail.summary.id),
            troubles,
            holds,
            moves_of_campaign(moment, name),
            open_failovers(moment, campaign=name),
            resolved_doubts(moment, detail.summary.id),
        )


def changes_of(campaign: CampaignSummary) -> Sequence[str]:
    """What can be done about it as it stands, by the names of `campaign_changes.CHANGES`."""
    match campaign.state:
        case CampaignState.RUNNING | CampaignState.SCHEDULED:
            return ("pause", "cancel")
        case CampaignState.PAUSED:
            return ("resume", "cancel")
        case CampaignState.DRAFT:
            return ("cancel",)
        case _:
            return ()


def _plan(engine: Engine, name: str) -> CampaignPlan | None:
    return open_work(engine, name).plan()


def _skips(plan: CampaignPlan | None, language: Language) -> Iterator[tuple[str, Sequence[Skipped]]]:
    """How many it has skipped and how many it will, by reason, each with what it is called."""
    _ = language.gettext
    for is_done, called in ((True, _("Skipped so far")), (False, _("Will be skipped"))):
        counts = ((each.reason, each.messages) for each in (plan.skips if plan else ()) if each.is_done is is_done)
        if found := skips_of(counts, is_done=is_done):
            yield called, found


def _days(plan: CampaignPlan | None) -> list[tuple[date, int, str]]:
    """How many leave on each day of the plan, and through which instances; nothing where that is one day."""
    by_day: dict[date, list[PlannedDay]] = {}
    for each in plan.days if plan else ():
        by_day.setdefault(each.day, []).append(each)
    if len(by_day) < 2:
        return []
    told = []
    for day, through in list(by_day.items())[:_MOST_DAYS]:
        instances = ", ".join(f"{each.instance} {each.messages:,}" for each in through)
        told.append((day, sum(each.messages for each in through), instances))
    return told


def _listed(
    engine: Engine, most: int, groups: Collection[str], part: str | None
) -> tuple[Mapping[str, Sequence[CampaignSummary]], Mapping[int, SpeedLimit]]:
    """By group, so that none is in two of them; with the limits of those that are running."""
    with as_of_now(engine) as moment:
        found = {group: list_campaigns(moment, limit=most, states=GROUPS[group], part=part) for group in groups}
        listed = [each for of_group in found.values() for each in of_group]
        running = [each.id for each in listed if each.state is CampaignState.RUNNING]
        return found, speed_limits(moment, running)


def _row(
    surface: Surface,
    at: float,
    campaign: CampaignSummary,
    plans: Mapping[str, CampaignPlan],
    limit: SpeedLimit | None,
) -> dict[str, Any]:
    plan = plans.get(campaign.name)
    running = campaign.state is CampaignState.RUNNING
    return {
        "campaign": campaign,
        "shares": shares_of_states(campaign),
        "speed": surface.speed(("listed", campaign.name), at, campaign.sent, limit) if running else None,
        "ends_at": plan.known_end if plan and campaign.state in _GOES_ON else None,
    }


def _lane(surface: Surface, at: float, campaign: str, lane: CampaignLane, *, running: bool) -> dict[str, Any]:
    return {
        "lane": lane,
        "permitted": format_rate(lane.permitted_per_second),
        "speed": _speed(surface, at, campaign, [lane]) if running else None,
    }


def _speed(surface: Surface, at: float, campaign: str, lanes: Sequence[CampaignLane]) -> str | None:
    """How fast a campaign goes through these lanes. Others have a meter of their own: both rates are of the same."""
    key = ("through", campaign, *(lane.instance for lane in lanes))
    limit = speed_limit((lane.permitted_per_second, lane.burst) for lane in lanes)
    return surface.speed(key, at, sum(lane.sent for lane in lanes), limit, _permitted(lanes))


def _permitted(lanes: Sequence[CampaignLane]) -> float | None:
    """What these lanes allow together, per second; None: one of them is unlimited."""
    limit = speed_limit((lane.permitted_per_second, lane.burst) for lane in lanes)
    return limit and limit.per_second
