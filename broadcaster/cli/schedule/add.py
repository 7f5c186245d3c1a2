"""`broadcaster schedule add|set`: what is sent to whom, and when."""

from __future__ import annotations

from typing import Annotated

import typer
from sqlalchemy import Engine

from broadcaster.cli.database import database
from broadcaster.cli.options.content import ContentOptions
from broadcaster.cli.options.recipients import ExcludeOption, WhereOption, parse_members
from broadcaster.cli.options.results import Json
from broadcaster.cli.options.sending_hours import CampaignWindowOptions, parse_expiry
from broadcaster.cli.output import say, say_json
from broadcaster.cli.schedule import Name
from broadcaster.cli.schedule.options import (
    AUDIENCE,
    EXPIRES,
    INSTANCE,
    TIMEZONE,
    CampaignOptions,
    LateOptions,
    RuleOptions,
    SpanOptions,
    parse_grace,
)
from broadcaster.cli.schedule.show import say_upcoming, upcoming_document
from broadcaster.domain.schedules import Misfire, Overlap
from broadcaster.errors import UsageError
from broadcaster.services.schedules.editing import (
    DEFAULT_GRACE,
    NewSchedule,
    ScheduleChanges,
    add_schedule,
    set_schedule,
)
from broadcaster.services.schedules.schedule_reports import show_schedule, upcoming_occurrences
from broadcaster.settings import load
from broadcaster.time_zones import find_zone, shown_zone

_SHOWN = 3
"""How many of the next occurrences are shown, so that a slip in the rule is seen."""


def add(
    *,
    name: Name,
    timezone: Annotated[str | None, TIMEZONE] = None,
    audience: Annotated[str, AUDIENCE],
    instance: Annotated[list[str], INSTANCE],
    rule: RuleOptions,
    where: WhereOption = None,
    exclude: ExcludeOption = None,
    content: ContentOptions,
    span: SpanOptions,
    late: LateOptions,
    campaigns: CampaignOptions,
    windows: CampaignWindowOptions,
    expires: Annotated[str | None, EXPIRES] = None,
    as_json: Json = False,
) -> None:
    """Add a schedule. Each occurrence becomes a campaign of its own, called NAME and the local time.

    Texts may use {{ occurrence_date }} and {{ occurrence_number }} beside the variables of the audience.

    Example: broadcaster schedule add news --cron "0 9 * * mon-fri" --timezone Asia/Jakarta --audience customers
    --instance main --text "Good morning {{ name }}"
    """
    settings = load()
    zone = shown_zone() if timezone is None else find_zone(timezone)
    new = NewSchedule(
        name=name,
        cron=rule.cron,
        every=rule.every,
        timezone=zone.key,
        audience=audience,
        conditions=parse_members(where, exclude, zone.key),
        content=content.content(settings),
        instances=instance,
        max_attempts=campaigns.max_attempts or settings.max_attempts,
        **span.span(zone),
        misfire=late.misfire or Misfire.CATCH_UP,
        grace=DEFAULT_GRACE if late.grace is None else parse_grace(late.grace),
        overlap=late.overlap or Overlap.QUEUE,
        priority=campaigns.priority or 0,
        hours=windows.hours(zone),
        expires_after=None if expires is None else parse_expiry(expires),
    )
    with database(settings) as engine:
        add_schedule(engine, new)
        _say_next(engine, name, "added", as_json)


def change(
    *,
    name: Name,
    rule: RuleOptions,
    timezone: Annotated[str | None, TIMEZONE] = None,
    audience: Annotated[str | None, AUDIENCE] = None,
    where: WhereOption = None,
    exclude: ExcludeOption = None,
    everybody: Annotated[bool, typer.Option("--everybody", help="Without --where and --exclude.")] = False,
    instance: Annotated[list[str] | None, INSTANCE] = None,
    content: ContentOptions,
    span: SpanOptions,
    forever: Annotated[bool, typer.Option("--forever", help="Without --until and --count.")] = False,
    late: LateOptions,
    campaigns: CampaignOptions,
    as_json: Json = False,
) -> None:
    """Change what is given and leave the rest. Occurrences that have their campaign already keep it as it is.

    A new content, with its caption, replaces the old one as a whole. A new rule counts from now on.

    Example: broadcaster schedule set news --text "Good morning {{ name }}, it is Friday"
    """
    if everybody and (where or exclude):
        raise UsageError(f"--everybody with {'--where' if where else '--exclude'}: they contradict each other")
    settings = load()
    sent = content.content(settings) if content.are_given else None
    with database(settings) as engine:
        zone = find_zone(timezone or show_schedule(engine, name).timezone)
        changes = ScheduleChanges(
            cron=rule.cron,
            every=rule.every,
            timezone=timezone,
            audience=audience,
            conditions=parse_members(where, exclude, zone.key) if where or exclude or everybody else None,
            content=sent,
            instances=instance,
            max_attempts=campaigns.max_attempts,
            **span.span(zone),
            forever=forever,
            misfire=late.misfire,
            grace=None if late.grace is None else parse_grace(late.grace),
            overlap=late.overlap,
            priority=campaigns.priority,
        )
        set_schedule(engine, name, changes)
        _say_next(engine, name, "changed", as_json)


def _say_next(engine: Engine, name: str, done: str, as_json: bool) -> None:
    upcoming = upcoming_occurrences(engine, name, _SHOWN)
    if as_json:
        say_json(upcoming_document(upcoming))
        return
    say(f"{done} schedule {name}")
    say_upcoming(upcoming)
