"""`broadcaster schedule add|set`: what is sent to whom, and when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, TypedDict

import typer

from broadcaster.cli.campaign.remarks import say_remarks
from broadcaster.cli.database import database
from broadcaster.cli.differences import say_differences
from broadcaster.cli.options.care_options import CareOptions, NoCare
from broadcaster.cli.options.content import ContentOptions, Strict
from broadcaster.cli.options.limit_options import named_limits
from broadcaster.cli.options.recipients import ExcludeOption, WhereOption, parse_members
from broadcaster.cli.options.results import Json
from broadcaster.cli.options.sending_hours import (
    CampaignWindowOptions,
    ChangedWindowOptions,
    NoExpiry,
    parse_expiry,
)
from broadcaster.cli.options.sharing_options import INSTANCE, ChangedSharingOptions, SharingOptions
from broadcaster.cli.output import say, say_json
from broadcaster.cli.schedule import Name
from broadcaster.cli.schedule.options import (
    AUDIENCE,
    EXPIRES,
    TIMEZONE,
    CampaignOptions,
    LateOptions,
    RuleOptions,
    SpanOptions,
    parse_grace,
)
from broadcaster.cli.schedule.show import schedule_fields
from broadcaster.cli.schedule.shown_outlook import outlook_document, say_outlook
from broadcaster.domain.content_kinds import ContentKind
from broadcaster.domain.contents import Content
from broadcaster.domain.locales import usable_locale
from broadcaster.domain.schedules import Misfire, Overlap
from broadcaster.domain.sharing import given_weights, parse_weights
from broadcaster.errors import UsageError
from broadcaster.services.schedules.asked_schedules import DEFAULT_GRACE, NewSchedule, ScheduleChanges
from broadcaster.services.schedules.editing import add_schedule, set_schedule
from broadcaster.services.schedules.outlook import Outlook
from broadcaster.services.schedules.schedule_reports import ScheduleDetail, show_schedule, upcoming_occurrences
from broadcaster.settings import Settings, load
from broadcaster.time_zones import find_zone, shown_zone

DRY_RUN = typer.Option("--dry-run", help="Check everything, show what it would come to, keep nothing.")


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
    care: CareOptions,
    sharing: SharingOptions,
    expires: Annotated[str | None, EXPIRES] = None,
    strict: Strict = False,
    dry_run: Annotated[bool, DRY_RUN] = False,
    as_json: Json = False,
) -> None:
    """Add a schedule. Each occurrence becomes a campaign of its own, called NAME and the local time.

    Texts may use {{ occurrence_date }} and {{ occurrence_number }} beside the variables of the audience.

    Example: broadcaster schedule add news --cron "0 9 * * mon-fri" --timezone Asia/Jakarta --audience customers
    --instance main --text "Good morning {{ name }}"
    """
    settings = load()
    zone = shown_zone() if timezone is None else find_zone(timezone)
    weights = parse_weights(instance)
    new = NewSchedule(
        name=name,
        cron=rule.cron,
        every=rule.every,
        timezone=zone.key,
        audience=audience,
        conditions=parse_members(where, exclude, zone.key),
        content=content.content(settings),
        instances=list(weights),
        weights=given_weights(weights),
        sharing=sharing.sharing(),
        limits=named_limits(campaigns.limit) or (),
        max_attempts=campaigns.max_attempts or settings.max_attempts,
        **span.span(zone),
        misfire=late.misfire or Misfire.CATCH_UP,
        grace=DEFAULT_GRACE if late.grace is None else parse_grace(late.grace),
        overlap=late.overlap or Overlap.QUEUE,
        priority=campaigns.priority or 0,
        hours=windows.hours(zone),
        expires_after=None if expires is None else parse_expiry(expires),
        require_consent=care.require_consent,
        care=care.care(),
    )
    with database(settings) as engine:
        outlook = add_schedule(engine, new, strict=strict, dry_run=dry_run)
    _say(outlook, new.content.kind, "add" if dry_run else "added", dry_run=dry_run, as_json=as_json)


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
    windows: ChangedWindowOptions,
    expires: Annotated[str | None, EXPIRES] = None,
    no_expiry: NoExpiry = False,
    care: CareOptions,
    no_care: NoCare = False,
    sharing: ChangedSharingOptions,
    strict: Strict = False,
    dry_run: Annotated[bool, DRY_RUN] = False,
    as_json: Json = False,
) -> None:
    """Change what is given and leave the rest. Occurrences that have their campaign already keep it as it is.

    A new content keeps the locale, and that of a file the caption. --where replaces what --where gave, and --exclude
    what --exclude gave. Windows stay with other holidays, and holidays with other windows. Of care, what is not given
    stays; --no-care takes all of it away, --require-consent included. A new rule counts from now on.

    Example: broadcaster schedule set news --text "Good morning {{ name }}, it is Friday"
    """
    if everybody and (where or exclude):
        raise UsageError(f"--everybody with {'--where' if where else '--exclude'}: they contradict each other")
    if no_expiry and expires is not None:
        raise UsageError("--no-expiry with --expires: they contradict each other")
    settings = load()
    weights = None if instance is None else parse_weights(instance)
    with database(settings) as engine:
        before, words = show_schedule(engine, name), upcoming_occurrences(engine, name, 1).words
        zone = find_zone(timezone or before.timezone)
        is_of_care = care != CareOptions()
        changed_care = care.care(None if no_care else before.care) if is_of_care else None
        changes = ScheduleChanges(
            cron=rule.cron,
            every=rule.every,
            timezone=timezone,
            audience=audience,
            where=parse_members(where, None, zone.key) if where else None,
            exclude=parse_members(None, exclude, zone.key) if exclude else None,
            everybody=everybody,
            **_content_changes(content, before, settings),
            instances=None if weights is None else list(weights),
            weights={} if weights is None else given_weights(weights),
            sharing=sharing.sharing_change(),
            limits=named_limits(campaigns.limit),
            max_attempts=campaigns.max_attempts,
            **span.span(zone),
            forever=forever,
            misfire=late.misfire,
            grace=None if late.grace is None else parse_grace(late.grace),
            overlap=late.overlap,
            priority=campaigns.priority,
            hours=windows.change(),
            expires_after=None if expires is None else parse_expiry(expires),
            never_expires=no_expiry,
            care=changed_care,
            without_care=no_care or (is_of_care and changed_care is None),
            require_consent=care.require_consent or (False if no_care else None),
        )
        changed = set_schedule(engine, name, changes, strict=strict, dry_run=dry_run)
    outlook = changed.outlook
    fields = schedule_fields(changed.was, words), schedule_fields(changed.now, outlook.upcoming.words)
    kind = changed.now.content
    _say(outlook, kind, "change" if dry_run else "changed", fields, dry_run=dry_run, as_json=as_json)


class _ContentChanges(TypedDict, total=False):
    content: Content
    caption: str | None
    filename: str | None
    locale: str | None


def _content_changes(given: ContentOptions, before: ScheduleDetail, settings: Settings) -> _ContentChanges:
    """A new content, with the locale and the caption that the old one has unless they are given, or these alone."""
    if replace(given, caption=None, filename=None, locale=None) == ContentOptions():
        locale = None if given.locale is None else usable_locale(given.locale)
        return {"caption": given.caption, "filename": given.filename, "locale": locale}
    is_text = given.text is not None or given.text_file is not None
    caption = before.caption if given.caption is None and not is_text else given.caption
    return {"content": replace(given, caption=caption, locale=given.locale or before.locale).content(settings)}


def _say(
    outlook: Outlook,
    kind: ContentKind,
    done: str,
    fields: tuple[Mapping[str, object], Mapping[str, object]] = ({}, {}),
    *,
    dry_run: bool,
    as_json: bool,
) -> None:
    """`fields`: what people see of it, before and after."""
    if as_json:
        say_json(outlook_document(outlook, dry_run=dry_run))
        return
    name = outlook.upcoming.schedule.name
    say(f"dry run: would {done} schedule {name}; nothing was stored" if dry_run else f"{done} schedule {name}")
    say_differences(*fields)
    say_outlook(outlook, kind)
    say_remarks(outlook.lint or ())
