"""`broadcaster instance retire`: an instance is closed, and others send what it has pending."""

from __future__ import annotations

import sys
from shlex import quote
from typing import Annotated

import msgspec
import typer

from broadcaster.cli.database import database, nudge_workers, prepare_nudge
from broadcaster.cli.instance import Name
from broadcaster.cli.options.results import Json
from broadcaster.cli.output import say, say_json, say_table, warn
from broadcaster.domain.durations import duration
from broadcaster.errors import UsageError
from broadcaster.services.retirement import MovedCampaign, Retirement, retire_instance
from broadcaster.settings import load


def retire(
    name: Name,
    to: Annotated[
        str | None,
        typer.Option("--to", metavar="NAME", help="Let this one send it, not the others of each campaign."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would move, and how long it takes.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do it without a question, as scripts have to.")] = False,
    as_json: Json = False,
) -> None:
    """Close an instance: others send what it has pending, and no new campaign can name it.

    What is being sent, or in doubt, stays with it to its end, and its replies are read as before. A campaign or
    schedule that has no other instance is named, and nothing is moved. `instance resume` brings it back; what has
    moved stays where it is.

    TAKES is how long all that is left of a campaign takes with it, THEN without it. Without a rate nobody can tell.

    Example: broadcaster instance retire old --to new --dry-run
    """
    settings = load()
    prepare_nudge()
    with database(settings) as engine:
        if not dry_run and not yes:
            _ask(retire_instance(engine, name, to=to, dry_run=True))
        retired = retire_instance(engine, name, to=to, dry_run=dry_run)
    if not dry_run:
        nudge_workers(settings)
    if as_json:
        say_json({"dry_run": dry_run, **msgspec.structs.asdict(retired)})
        return
    _say_what_follows(retired)
    if dry_run:
        say(f"instance {name} is as it was: this was a dry run")
    else:
        say(f"instance {name} is retired; moved: {retired.moved:,}")
        say(f"bring it back with `broadcaster instance resume {quote(name)}`")


def _say_what_follows(retired: Retirement) -> None:
    _say_campaigns(retired)
    for each in retired.receivers:
        warn(
            f"receiver {each} gets notices through instance {retired.instance}, and none while that is retired: give "
            f"it another with `broadcaster notify set {quote(each)} --whatsapp PHONE --instance NAME`"
        )


def _say_campaigns(retired: Retirement) -> None:
    if not retired.campaigns:
        say(f"no campaign waits for instance {retired.instance}")
        return
    say_table(
        ["CAMPAIGN", "MOVES", "TO", "STAYS", "TAKES", "THEN"],
        (
            [
                *(each.campaign, each.pending, _takers(each), each.under_way),
                *(_span(each.seconds_before), _span(each.seconds_after)),
            ]
            for each in retired.campaigns
        ),
        folded=["CAMPAIGN", "TO"],
    )
    for each in retired.campaigns:
        if each.unknown_before is not None:
            say(f"campaign {each.campaign}: nobody can tell how long it TAKES, since {each.unknown_before}")
        if each.said_expiry is not None:
            warn(f"campaign {each.campaign} without it: {each.said_expiry}")
        if each.held_by is not None:
            say(f"campaign {each.campaign} takes as long without it, since {each.held_by} lets no more through")
        for instance, health in each.in_trouble.items():
            told = f"instance {instance} is {health}: nobody can tell when it sends what it gets"
            warn(f"campaign {each.campaign}: {told}")
        if each.left_alone:
            waits = ", ".join(f"{instance} is {health}" for instance, health in each.left_alone.items())
            warn(f"campaign {each.campaign} has no other instance left that sends, or takes over what waits: {waits}")


def _takers(campaign: MovedCampaign) -> str:
    return ", ".join(f"{instance} {messages:,}" for instance, messages in campaign.takers.items())


def _span(seconds: float | None) -> str | None:
    return None if seconds is None else duration(seconds)


def _ask(planned: Retirement) -> None:
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError(f"retiring instance {planned.instance} wants --yes; --dry-run shows what it comes to")
    _say_what_follows(planned)
    typer.confirm(f"Retire instance {planned.instance}?", abort=True, err=True)
