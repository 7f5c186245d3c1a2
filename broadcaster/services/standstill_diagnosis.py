"""Finds out what stands still without a good reason."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from shlex import quote
from typing import NamedTuple

from sqlalchemy import Engine, func, select

from broadcaster.db.engine import transaction
from broadcaster.db.statements import rows
from broadcaster.domain.standstill import Cause, Standstill, What, counted
from broadcaster.services.campaigns.move_reports import open_failovers
from broadcaster.services.findings import Finding, Level, unwell, well
from broadcaster.services.instance_reports import count_instances
from broadcaster.services.standstill import find_standstills
from broadcaster.settings import Settings
from broadcaster.time_zones import shown_time

LATE_SECONDS = 10.0
"""A campaign that is due is started within two seconds if a beat and a worker run."""
HICCUP = timedelta(minutes=1)
"""Chats that cannot be read for longer, and a longer rest, are no hiccup."""


class _Due(NamedTuple):
    name: str
    late_seconds: float


def examine_standstills(engine: Engine, settings: Settings, running: float | None = None) -> Iterator[Finding]:
    """Which campaigns, schedules, receivers and instances stand still, and whether replies are heard.

    `running`: for how many seconds a beat and a worker have been at it, where that is known.
    """
    with transaction(engine) as connection:
        now = connection.execute(select(func.now())).scalar_one()
    late = list(_late_campaigns(engine, running))
    yield from late
    go_on = not late
    are_well = reach_all = are_heard = are_told = True
    for each in find_standstills(engine, settings):
        if each.what is What.CAMPAIGN:
            finding = _examine_campaign(each)
            if finding is not None:
                go_on = False
                yield finding
        elif each.what is What.SCHEDULE:
            reach_all = False
            what = f"{each.name} {each.says}" + (f" ({each.detail})" if each.detail else "")
            yield unwell("schedules", Level.WARN, what, each.remedy.advice, each.remedy.command)
        elif each.what is What.INBOX:
            are_heard = are_heard and each.cause is Cause.UNDECIDED
            since = f" since {shown_time(each.since)}" if each.since else ""
            what = f"{each.name} {each.says}{since}" + (f" ({each.detail})" if each.detail else "")
            yield unwell("replies", Level.WARN, what, each.remedy.advice, each.remedy.command)
        elif each.what is What.RECEIVER:
            are_told = False
            what = f"{each.name} {each.says}" + (f" ({each.detail})" if each.detail else "")
            yield unwell("notices", Level.WARN, what, each.remedy.advice, each.remedy.command)
        elif each.what is What.INSTANCE:
            are_well = False
            why = f" ({each.detail})" if each.detail else ""
            waiting = f"{counted(each.waiting) if each.waiting else 'nothing'} waiting for it"
            what = f"{each.name} {each.says}{why}, {waiting}"
            advice = each.remedy.advice.removesuffix(":")
            yield unwell("instances", _level(each, now), what, advice, each.remedy.command)
    if go_on:
        yield well("campaigns", "none is late, has paused itself, or stands still although it is due")
    if reach_all:
        yield well("schedules", "none had many of its recipients rejected lately")
    if are_heard:
        yield well("replies", "all that are looked for are heard in time")
    if are_told:
        yield well("notices", "all receivers take what they are told")
    if are_well:
        yield well("instances", f"all {count_instances(engine):,} are ok")


def examine_failovers(engine: Engine, settings: Settings) -> Iterator[Finding]:
    """Which instances others send for."""
    found = open_failovers(engine)
    for each in found:
        what = (
            f"others send what {each.instance} has of campaign {each.campaign} since {shown_time(each.began_at)} "
            f"(it is {each.health}; moved: {each.messages:,})"
        )
        advice = "it gets its part back once it has been well for as long; see it with"
        yield unwell("failovers", Level.WARN, what, advice, f"broadcaster instance show {quote(each.instance)}")
    if not found:
        yield well("failovers", "every instance sends what it was dealt")


def _late_campaigns(engine: Engine, running: float | None) -> Iterator[Finding]:
    with transaction(engine) as connection:
        due = rows(connection, "late_campaigns", _Due)
    for row in due:
        if row.late_seconds > LATE_SECONDS:
            what = f"{row.name} has been due for {row.late_seconds:.0f} s, and no beat or no worker starts it"
            # Where `up` runs here, all of that has been started, and `up` is refused.
            advice = "start what is missing with" if running is None else "start all anew with `broadcaster down` and"
            yield unwell("campaigns", Level.BAD, what, advice, "broadcaster up")


def _examine_campaign(campaign: Standstill) -> Finding | None:
    """Whether it stands still for no good reason; that it waits, or that an operator stopped it, is nothing wrong."""
    if campaign.cause is Cause.STALLED:
        waiting = counted(campaign.waiting)
        what = f"{campaign.name} has had {waiting} due for a minute or longer, and no worker takes them"
        advice = "see the workers' logs, and start them anew with `broadcaster down` and"
        return unwell("campaigns", Level.BAD, what, advice, "broadcaster up")
    if campaign.cause is Cause.PAUSED and campaign.detail is not None:
        what = f"{campaign.name} {campaign.why}"
        if campaign.waiting:
            what += f", {counted(campaign.waiting)} waiting for it"
        return unwell("campaigns", Level.WARN, what, *campaign.remedy)
    return None


def _level(instance: Standstill, now: datetime) -> Level:
    lasts = max(now - (instance.since or now), (instance.next_try or now) - now)
    is_hiccup = instance.cause in (Cause.UNREADABLE, Cause.THROTTLED) and lasts <= HICCUP
    return Level.BAD if instance.waiting and not is_hiccup else Level.WARN
