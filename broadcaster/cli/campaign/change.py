"""`broadcaster campaign set`: another content, other recipients, instances or times for what has not left."""

from __future__ import annotations

from dataclasses import asdict
from shlex import quote
from typing import Annotated

import typer

from broadcaster.cli.campaign import Name
from broadcaster.cli.campaign.remarks import say_remarks
from broadcaster.cli.campaign.told_plan import said_end
from broadcaster.cli.database import database, nudge_workers, prepare_nudge
from broadcaster.cli.differences import said_difference
from broadcaster.cli.options.care_options import ChangedFrequencyOptions, ChangedSliceOptions, StopOptions
from broadcaster.cli.options.changed_content import ContentChangeOptions
from broadcaster.cli.options.content import Strict
from broadcaster.cli.options.limit_options import CampaignLimits, named_limits
from broadcaster.cli.options.recipients import ExcludeOption, WhereOption, parse_members
from broadcaster.cli.options.results import Json
from broadcaster.cli.options.sending_hours import ChangedWindowOptions, ExpiryOptions, NoExpiry
from broadcaster.cli.options.sharing_options import FailoverOption
from broadcaster.cli.options.when import given_moment
from broadcaster.cli.output import say, say_json, warn
from broadcaster.domain.moments import FORMS
from broadcaster.domain.sharing import given_weights, parse_weights
from broadcaster.domain.states import CampaignState
from broadcaster.errors import UsageError
from broadcaster.services.campaigns.changed_care import CareChange
from broadcaster.services.campaigns.changed_terms import TermsChange
from broadcaster.services.campaigns.changing import CampaignChange, Changed, change_campaign
from broadcaster.settings import load


def change(
    *,
    name: Name,
    content: ContentChangeOptions,
    instance: Annotated[
        list[str] | None,
        typer.Option(
            "--instance",
            metavar="NAME[=WEIGHT]",
            help="Send the rest through it; may be repeated, instead of all before.",
        ),
    ] = None,
    priority: Annotated[
        int | None,
        typer.Option("--priority", metavar="N", min=-32768, max=32767, help="Higher is sent first; equals share."),
    ] = None,
    at: Annotated[
        str | None, typer.Option("--at", metavar="WHEN", help=f"Not before, while it has not started: {FORMS}.")
    ] = None,
    where: WhereOption = None,
    exclude: ExcludeOption = None,
    everybody: Annotated[
        bool, typer.Option("--everybody", help="Of its audience, without --where and --exclude.")
    ] = False,
    windows: ChangedWindowOptions,
    expiry: ExpiryOptions,
    no_expiry: NoExpiry = False,
    stopping: StopOptions,
    slices: ChangedSliceOptions,
    frequency: ChangedFrequencyOptions,
    failover: FailoverOption,
    limit: CampaignLimits = None,
    strict: Strict = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check and show the change, and make none.")] = False,
    as_json: Json = False,
) -> None:
    """Change what has not left of a draft, or of a campaign that is scheduled or paused.

    Messages that were sent, or are being sent, keep what they got: `campaign report` and `export` say which version
    of the content that was. --caption, --filename and --locale alone leave the file as it is; --caption "" removes it.
    With other instances the messages that wait are shared anew, by the instances' rates or weights.
    --where replaces what --where
    gave, and --exclude what --exclude gave, of a campaign over an audience that has not started. Windows stay with
    other holidays, and holidays with other windows. With other limits (--stop-above, --stop-below) its figures are
    counted anew from here. With --canary none, or --no-care, everybody whom its canary holds gets it once it runs; who
    was skipped stays skipped, and --require-consent stays. --limit names all limits that hold for it from now on;
    what it has sent counts in them.

    Example: broadcaster campaign set promo --text "Hi {{ name }}, the sale ends on Sunday. Reply STOP to get no more"
    """
    if everybody and (where or exclude):
        raise UsageError(f"--everybody with {'--where' if where else '--exclude'}: they contradict each other")
    if no_expiry and expiry.expires is not None:
        raise UsageError("--no-expiry with --expires: they contradict each other")
    settings = load()
    weights = parse_weights(instance or ())
    asked = CampaignChange(
        content=content.change(settings),
        instances=list(weights) or None,
        weights=given_weights(weights),
        terms=TermsChange(
            priority=priority,
            starts_at=given_moment(at, "--at"),
            hours=windows.change(),
            expires=expiry.given(),
            never_expires=no_expiry,
            where=parse_members(where, None) if where else None,
            exclude=parse_members(None, exclude) if exclude else None,
            everybody=everybody,
        ),
        care=CareChange(
            stopping.stop_change(), frequency.frequency_change(), slices.is_without_canary(), slices.no_care
        ),
        sharing=failover.sharing_change(),
        limits=named_limits(limit),
        strict=strict,
    )
    if asked == CampaignChange(strict=strict):
        raise UsageError(
            "nothing is to be changed: give a content, --where, --instance, --priority, --at, --window, --expires, "
            "--failover-after, --limit, --stop-above, --stop-below, --canary none, --no-care, --cooldown, "
            "--when-recent or --beyond-caps"
        )
    nudges = asked.terms.starts_at is not None and not dry_run
    if nudges:
        prepare_nudge()
    with database(settings) as engine:
        changed = change_campaign(engine, name, asked, dry_run=dry_run)
    if nudges:
        nudge_workers(settings)
    if as_json:
        say_json(_document(changed, dry_run))
    else:
        _say(changed, asked, dry_run)


def _document(changed: Changed, dry_run: bool) -> dict[str, object]:
    document = asdict(changed) | {"dry_run": dry_run}
    document["samples"] = [{"phone": phone, "message": message} for phone, message in changed.samples]
    return document


def _say(changed: Changed, asked: CampaignChange, dry_run: bool) -> None:
    if not changed.changes:
        say(f"campaign {changed.name} is so already: nothing was changed")
        return
    done = "would be changed (dry run: nothing was)" if dry_run else "is changed"
    say(f"campaign {changed.name} {done}; it is {changed.state}")
    for each in changed.changes:
        say(f"  {each.what}: {said_difference(each.was, each.now)}")
    if asked.content is not None:
        _say_recipients(changed, "" if dry_run else f", as version {changed.content_version} of the content")
    elif asked.terms.is_about_members:
        _say_recipients(changed, "")
    for notice in changed.notices:
        warn(notice)
    if changed.moved:
        go = "would go through another instance" if dry_run else "go through another instance now"
        say(f"messages that {go}: {changed.moved:,}")
    if changed.ends_at is not None:
        as_if = ", if it were resumed now" if changed.state is CampaignState.PAUSED else ""
        say(f"it is sent until {said_end(changed.ends_at, changed.earliest_at, changed.latest_at)}{as_if}")
    if changed.left_out:
        say(f"skipped, since its care leaves them out there by now: {changed.left_out:,}")
    say_remarks(changed.lint)
    if changed.state is CampaignState.PAUSED and not dry_run:
        say(f"go on with `broadcaster campaign resume {quote(changed.name)}`")


def _say_recipients(changed: Changed, version: str) -> None:
    say(f"it goes to those who have got nothing yet: {changed.messages:,}{version}")
    for note in changed.notes:
        say(f"  {note}")
    for phone, message in changed.samples:
        say(f"  {phone}  {message}")
    for name, count in changed.empty_values.items():
        if count:
            say(f"{name} is empty for {count:,} of {changed.messages:,}")
