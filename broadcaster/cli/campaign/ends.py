"""When running campaigns are sent, as `status` tells it."""

from __future__ import annotations

from collections.abc import Mapping

from broadcaster.cli.campaign.told_plan import said_end
from broadcaster.cli.output import say
from broadcaster.domain.campaign_plans import CampaignPlan

_MOST_ENDS = 20
"""Campaigns of which it is said when they are sent."""


def end_document(name: str, plan: CampaignPlan) -> dict[str, object]:
    """When a running campaign is sent, for programs."""
    known = plan if plan.is_paced else None
    return {
        "campaign": name,
        "ends_at": known and known.ends_at,
        "earliest_at": known and known.earliest_at,
        "latest_at": known and known.latest_at,
        "expire": plan.expire,
    }


def say_ends(plans: Mapping[str, CampaignPlan]) -> None:
    """When running campaigns are sent, as far as that can be told."""
    told = [
        f"campaign {name} is sent until {said_end(plan.ends_at, plan.earliest_at, plan.latest_at)}"
        for name, plan in plans.items()
        if plan.is_paced and plan.ends_at is not None
    ]
    if told:
        say("")
    for each in told[:_MOST_ENDS]:
        say(each)
    if len(told) > _MOST_ENDS:
        say(f"and {len(told) - _MOST_ENDS:,} campaigns more: see `broadcaster campaign list`")
