"""When campaigns are sent that run or are to start, as `status` tells it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from broadcaster.cli.campaign.told_plan import end_document, said_end
from broadcaster.cli.output import say
from broadcaster.domain.campaign_plans import CampaignPlan
from broadcaster.domain.plan_remarks import said_expiry
from broadcaster.domain.skips import said_skips
from broadcaster.time_zones import shown_time

_MOST_ENDS = 20
"""Campaigns of which it is said when they are sent."""
_SOON = timedelta(minutes=1)
"""A message that leaves within this time counts as leaving now."""


def campaign_end_document(name: str, plan: CampaignPlan) -> dict[str, object]:
    """When a campaign is sent that runs or is to start, for programs."""
    return {"campaign": name, "first_at": plan.first_at, **end_document(plan), "expire": plan.expire}


def say_ends(plans: Mapping[str, CampaignPlan]) -> None:
    """When campaigns are sent that run or are to start, as far as that can be told."""
    told = [
        f"{'the rest of ' if plan.is_rest else ''}campaign {name} is sent {_said_span(plan, plan.known_end)}"
        f"{_said_late(plan)}"
        for name, plan in plans.items()
        if plan.known_end is not None
    ]
    told += [
        f"campaign {name}: {said_expiry(plan, shown_time)}"
        for name, plan in plans.items()
        if plan.known_end is None and plan.expire
    ]
    told += [
        f"campaign {name} has nobody left to send to; skipped: {said_skips(plan.skips)}"
        for name, plan in plans.items()
        if plan.is_for_nobody
    ]
    if told:
        say("")
    for each in told[:_MOST_ENDS]:
        say(each)
    if len(told) > _MOST_ENDS:
        say(f"and {len(told) - _MOST_ENDS:,} campaigns more: see `broadcaster campaign list`")


def _said_late(plan: CampaignPlan) -> str:
    """How many do not leave in time."""
    return f"; {said_expiry(plan, shown_time)}" if plan.expire else ""


def _said_span(plan: CampaignPlan, ends_at: datetime) -> str:
    """Until when, and from when on where nothing leaves soon: it is to start, or its windows are closed."""
    until = said_end(ends_at, plan.earliest_at, plan.latest_at)
    if plan.is_earliest and plan.first_at != ends_at:
        until = f"{until} at the earliest"
    if plan.first_at is None or plan.first_at - plan.begins_at < _SOON:
        return f"until {until}"
    since = shown_time(plan.first_at, seconds=False)
    return f"at {since}" if since == until else f"from {since} until {until}"
