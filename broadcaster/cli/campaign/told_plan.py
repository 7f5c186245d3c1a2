"""What people are told of a plan: how long sending takes, until when, and what it waits for."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import groupby

from broadcaster.cli.output import say, warn
from broadcaster.domain.campaign_plans import CampaignPlan, PlannedDay
from broadcaster.domain.durations import duration
from broadcaster.domain.plan_remarks import said_expiry, said_reach
from broadcaster.domain.skips import said_skips
from broadcaster.time_zones import shown_time

_MOST_DAYS = 31
_SOON = 60.0
"""Seconds until a start that counts as now."""


def said_end(ends_at: datetime, earliest_at: datetime | None, latest_at: datetime | None) -> str:
    """`Tue 2026-12-01 14:10 CET`, or `… between 14:05 and 14:20 CET` where chance makes a difference that is seen."""
    early, late = (shown_time(each or ends_at, seconds=False) for each in (earliest_at, latest_at))
    if early == late:
        return early
    same_day, same_zone = (early.rsplit(" ", 2)[each] == late.rsplit(" ", 2)[each] for each in (0, 2))
    if not (same_day and same_zone):
        return f"between {early} and {late}"
    day, since, _ = early.rsplit(" ", 2)
    return f"{day} between {since} and {late.removeprefix(day).strip()}"


def said_when_sent(plan: CampaignPlan) -> str:
    """When a plan ends, or why nobody can tell."""
    if plan.is_for_nobody:
        return f"never: nobody is left; skipped: {said_skips(plan.skips)}"
    if plan.is_never_sent:
        return f"never: {said_expiry(plan, shown_time)}"
    if not plan.is_paced:
        return "as soon as the gateway lets it: so many may be sent at once"
    if plan.ends_at is None:
        return "not within a year" if plan.remaining and not plan.stopped else "nobody can tell"
    return said_end(plan.ends_at, plan.earliest_at, plan.latest_at)


def end_document(plan: CampaignPlan) -> dict[str, datetime | None]:
    """When it ends, and between which moments, for programs; None: nobody knows how long it takes."""
    moments = {"ends_at": plan.ends_at, "earliest_at": plan.earliest_at, "latest_at": plan.latest_at}
    return moments if plan.is_paced else dict.fromkeys(moments)


def said_duration(seconds: float, ends_at: datetime, until: str, waits: Sequence[str]) -> str:
    """How long sending takes, `until` it ends, as a sentence; where it waits, how long after its start it ends."""
    if not waits:
        return f"sending takes about {duration(seconds)}, until {until}"
    starts_later = (ends_at - datetime.now(UTC)).total_seconds() > seconds + _SOON
    ends = f"about {duration(seconds)} after its start" if starts_later else f"in about {duration(seconds)}"
    return f"it ends {ends}, {until}; it waits for {' and '.join(waits)}"


def said_duration_of_draft(plan: CampaignPlan, starts_at: datetime | None) -> str:
    """The same of one of which nobody knows when it is started: as if that were now, or at its time.

    How long it takes what it waits for depends on that.
    """
    if not plan.waits_for:
        return f"sending takes about {duration(plan.seconds or 0.0)} once it is started"
    started = "now" if starts_at is None else "in time"
    return f"started {started}, it ends {said_when_sent(plan)}; it waits for {plan.said_waits}"


def say_plan(plan: CampaignPlan) -> None:
    """How long what is left takes, until when, what leaves on which day, and how many are skipped or expire."""
    if plan.seconds is not None and plan.ends_at is not None and plan.seconds >= 1:
        until = said_end(plan.ends_at, plan.earliest_at, plan.latest_at)
        say(said_duration(plan.seconds, plan.ends_at, until, plan.waits_for))
        say_days(plan.days)
    if plan.skips:
        say(said_reach(plan, plan.skips))
    if plan.expire:
        warn(said_expiry(plan, shown_time))


def say_days(days: Sequence[PlannedDay], *, fewest: int = 2) -> None:
    """How many messages leave on each day, and through which instances. Of fewer days nothing is said."""
    if len({each.day for each in days}) < fewest:
        return
    by_day = groupby(days, key=lambda each: each.day)
    for number, (day, of_day) in enumerate(by_day):
        if number == _MOST_DAYS:
            say(f"  and so on, until {days[-1].day:%a %Y-%m-%d}")
            return
        through = list(of_day)
        told = ", ".join(f"{each.instance} {each.messages:,}" for each in through)
        by_instance = f" ({told})" if len(through) > 1 else ""
        say(f"  {day:%a %Y-%m-%d}: {sum(each.messages for each in through):,}{by_instance}")
