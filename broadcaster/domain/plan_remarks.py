"""What people should know of a plan before anything is sent. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from broadcaster.domain.campaign_plans import CampaignPlan
from broadcaster.domain.plans import Hold
from broadcaster.domain.span_limits import DAY
from broadcaster.errors import listed

_MOST_NAMED = 3


def plan_remarks(plan: CampaignPlan) -> Iterator[str]:
    """One sentence each, without the campaign's name."""
    days = len({each.day for each in plan.days})
    for wait in plan.waits:
        if wait.cause is Hold.WINDOW and wait.times:
            yield "it crosses a closed window" if wait.times == 1 else f"it crosses {wait.times} closed windows"
        elif wait.cause is Hold.LIMIT and wait.span_seconds == DAY and days > 1:
            yield f"it needs {days} days with {wait.what}"
        elif wait.cause is Hold.OTHERS:
            yield f"it waits while {wait.what} is sent, which goes first"
    if plan.expire:
        yield f"{_messages(plan.expire)} will expire: limits, windows and slices do not let them leave before"
    if plan.stopped:
        yield f"nothing is sent through {listed(plan.stopped, _MOST_NAMED)} now, and nobody knows until when"
    elif plan.remaining:
        yield f"{_messages(plan.remaining)} will not leave within a year"


def _messages(number: int) -> str:
    return f"{number:,} {'message' if number == 1 else 'messages'}"
