"""When running campaigns are sent, as `status` tells it."""

from __future__ import annotations

from collections.abc import Mapping

from broadcaster.cli.campaign.told_plan import end_document, said_end
from broadcaster.cli.output import say
from broadcaster.domain.campaign_plans import CampaignPlan
from broadcaster.domain.plan_remarks import said_expiry
from broadcaster.time_zones import shown_time

_MOST_ENDS = 20
"""Campaigns of which it is said when they are sent."""


def campaign_end_document(name: str, plan: CampaignPlan) -> dict[str, object]:
    """When a running campaign is sent, for programs."""
    return {"campaign": name, **end_document(plan), "expire": plan.expire}


def say_ends(plans: Mapping[str, CampaignPlan]) -> None:
    """When running campaigns are sent, as far as that can be told."""
    told = [
        f"campaign {name} is sent until {said_end(plan.known_end, plan.earliest_at, plan.latest_at)}"
        for name, plan in plans.items()
        if plan.known_end is not None
    ]
    told += [
        f"campaign {name} is not sent: {said_expiry(plan, shown_time)}"
        for name, plan in plans.items()
        if plan.leaves_nothing
    ]
    if told:
        say("")
    for each in told[:_MOST_ENDS]:
        say(each)
    if len(told) > _MOST_ENDS:
        say(f"and {len(told) - _MOST_ENDS:,} campaigns more: see `broadcaster campaign list`")
