"""The pages of campaigns: all of them, and one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import Engine

from broadcaster.domain.campaign_plans import CampaignPlan
from broadcaster.domain.holds import HoldNow, said_holds
from broadcaster.domain.meter import said_speed
from broadcaster.domain.pacing import format_rate
from broadcaster.domain.standstill import Cause, Standstill
from broadcaster.domain.states import FINAL_CAMPAIGN_STATES, CampaignState
from broadcaster.services.campaigns.campaign_reports import (
    CampaignDetail,
    CampaignLane,
    CampaignSummary,
    campaign_detail,
    list_campaigns,
)
from broadcaster.services.campaigns.move_reports import OpenFailover, ToldMove, moves_of_campaign, open_failovers
from broadcaster.services.campaigns.planning import open_work, plans_of_all
from broadcaster.services.inbox_reports import ReplyFigures, reply_figures
from broadcaster.services.standstill import Surroundings, look_at_campaign
from broadcaster.settings import Settings
from broadcaster.time_zones import clock_time
from broadcaster.web.surface import Surface
from broadcaster.web.told import terms_of, told_troubles

GROUPS = {
    "now": (CampaignState.RUNNING, CampaignState.PAUSED),
    "later": (CampaignState.SCHEDULED, CampaignState.DRAFT),
    "ended": (CampaignState.FINISHED, CampaignState.CANCELLED),
}
"""How the list is divided."""
_FEW, _MANY = 20, 200
"""Campaigns of a group: beside the others, and alone."""
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


async def read_campaigns(surface: Surface, asked: Mapping[str, str]) -> dict[str, Any]:
    """All campaigns by groups, or those of one group (`show`), with `find` in their names."""
    part, only = asked["find"] or None, asked["show"] if asked["show"] in GROUPS else ""
    most = _MANY if only else _FEW
    groups = {}
    for group in [only] if only else GROUPS:
        listed = partial(list_campaigns, surface.engine, limit=most + 1, states=GROUPS[group], part=part)
        groups[group] = await surface.readings.read(("campaigns", group, part, most), listed)
    plans = await surface.readings.read("plans", plans_of_all, surface.engine)
    return {
        "groups": [
            {"name": group, "rows": [_row(surface, each, plans) for each in found[:most]], "is_cut": len(found) > most}
            for group, found in groups.items()
        ],
        "show": only,
    }


async def read_campaign(surface: Surface, asked: Mapping[str, str]) -> dict[str, Any]:
    """All of one campaign, called `name`."""
    name = asked["name"]
    found = await surface.readings.read(
        ("campaign", name), look_closely, surface.engine, surface.settings, surface.surroundings, name
    )
    summary = found.detail.summary
    is_open = summary.state not in FINAL_CAMPAIGN_STATES
    plan = await surface.readings.read(("plan", name), _plan, surface.engine, name) if is_open else None
    running = summary.state is CampaignState.RUNNING
    return {
        "campaign": summary,
        "terms": terms_of(summary),
        "speed": said_speed(surface.rate(("one", name), summary.sent)) if running else None,
        "permitted": _permitted(found.detail.lanes),
        "plan": plan,
        "ends_at": plan.known_end if plan and summary.state in _GOES_ON else None,
        "held": list(said_holds(found.holds, clock_time)),
        "troubles": list(told_troubles(each for each in found.troubles if each.cause is not Cause.INSTANCES)),
        "lanes": [_lane(surface, name, lane, running=running) for lane in found.detail.lanes],
        "failures": found.detail.failures,
        "contents": found.detail.contents,
        "replies": found.replies,
        "moves": found.moves,
        "failovers": found.failovers,
        "changes": changes_of(summary) if surface.settings.web_allow_changes else (),
    }


def look_closely(engine: Engine, settings: Settings, surroundings: Surroundings, name: str) -> CampaignNow:
    """Read all of a campaign. Raises NotFoundError."""
    detail = campaign_detail(engine, name)
    troubles, holds = look_at_campaign(engine, settings, name, surroundings)
    return CampaignNow(
        detail,
        reply_figures(engine, detail.summary.id),
        troubles,
        holds,
        moves_of_campaign(engine, name),
        open_failovers(engine, campaign=name),
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


def _row(surface: Surface, campaign: CampaignSummary, plans: Mapping[str, CampaignPlan]) -> dict[str, Any]:
    plan = plans.get(campaign.name)
    running = campaign.state is CampaignState.RUNNING
    return {
        "campaign": campaign,
        "terms": terms_of(campaign),
        "speed": said_speed(surface.rate(("listed", campaign.name), campaign.sent)) if running else None,
        "ends_at": plan.known_end if plan and campaign.state in _GOES_ON else None,
    }


def _lane(surface: Surface, campaign: str, lane: CampaignLane, *, running: bool) -> dict[str, Any]:
    rate = surface.rate(("lane", campaign, lane.instance), lane.sent)
    return {
        "lane": lane,
        "permitted": format_rate(lane.rate_per_second),
        "speed": said_speed(rate) if running else None,
    }


def _permitted(lanes: Sequence[CampaignLane]) -> str:
    """What the paces of all its instances allow together."""
    rates = [lane.rate_per_second for lane in lanes]
    return format_rate(None if None in rates else sum(rate for rate in rates if rate is not None))
