"""`broadcaster campaign start|pause|resume|cancel|retry`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from shlex import quote
from typing import Annotated

import typer
from sqlalchemy import Engine

from broadcaster.cli.campaign import Name
from broadcaster.cli.campaign.submitted import say_start
from broadcaster.cli.campaign.told_plan import say_plan
from broadcaster.cli.database import database, nudge_workers, prepare_nudge
from broadcaster.cli.options.results import Json
from broadcaster.cli.output import one_line, say, say_json, say_table
from broadcaster.domain.states import CampaignState
from broadcaster.errors import ConflictError
from broadcaster.services.campaigns import lifecycle
from broadcaster.services.campaigns.campaign_reports import CampaignSummary, campaign_summary, what_cancelling_does
from broadcaster.services.campaigns.contention import contention_of
from broadcaster.services.campaigns.planning import open_work
from broadcaster.services.instance_reports import not_retired
from broadcaster.settings import load


def start(
    name: Name,
    now: Annotated[
        bool, typer.Option("--now", help="At once, whatever time it was submitted for; also one that is scheduled.")
    ] = False,
) -> None:
    """Start a draft: at once, or at the time that it was submitted for.

    Example: broadcaster campaign start spring --now
    """
    settings = load()
    prepare_nudge()
    with database(settings) as engine:
        moved = lifecycle.start_campaign(engine, name, now=now)
        starts_at = campaign_summary(engine, name).starts_at
        plan = open_work(engine, name).plan()
        contention = contention_of(engine, name)
    nudge_workers(settings)
    has_time = moved.state is CampaignState.SCHEDULED and starts_at > datetime.now(UTC)
    # One that is due is started by the next tick, which looks first whom it leaves out.
    starts_now = moved.state is CampaignState.SCHEDULED and not has_time
    say(f"campaign {moved.name} {'starts now' if starts_now else f'is {moved.state}'}")
    for remark in contention.remarks() if contention else ():
        say(remark)
    if has_time:
        say_start(starts_at)
        say(f"`broadcaster campaign start {quote(name)} --now` starts it at once")
    if plan is not None:
        say_plan(plan)


def pause(name: Name) -> None:
    """Stop sending until it is resumed. What is in flight still gets its outcome."""
    _move(name, lifecycle.pause_campaign)


def resume(name: Name) -> None:
    """Go on with a paused campaign: only what was not sent is sent.

    One that has paused itself is judged anew: only what comes to pass from here on counts.
    """
    _move(name, lifecycle.resume_campaign, nudge=True)


def cancel(
    name: Name,
    yes: Annotated[bool, typer.Option("--yes", help="Do it without a question, as scripts have to.")] = False,
    as_json: Json = False,
) -> None:
    """Cancel for good what has not left. What is in flight still gets its outcome.

    Says first how many have got it and how many will not, and asks. Whoever has not got it can have it from another
    campaign: `campaign submit --rest-of`.

    Example: broadcaster campaign cancel promo --yes
    """
    with database(load()) as engine:
        before = campaign_summary(engine, name)
        if before.state is not CampaignState.CANCELLED and not yes:
            _ask_to_cancel(before)
        cancelled = lifecycle.cancel_campaign(engine, name)
        after = campaign_summary(engine, name)
        instances = not_retired(engine, after.instances or ())
    if as_json:
        reached = {state: getattr(after, state) for state in ("sent", "sending", "in_doubt", "unknown")}
        say_json({"name": name, "state": cancelled.state, "cancelled": cancelled.messages, **reached})
        return
    if before.state is CampaignState.CANCELLED:
        say(f"campaign {name} was cancelled already: nothing was changed")
        return
    _say_moved(cancelled, "cancelled")
    if after.total > after.sent:
        through = " ".join(f"--instance {quote(instance)}" for instance in instances) or "--instance NAME"
        say(
            "send to those who have not got it with "
            f"`broadcaster campaign submit NEW {through} --rest-of {quote(name)}`"
        )


def _ask_to_cancel(campaign: CampaignSummary) -> None:
    """Raise ConflictError unless somebody at a terminal says yes."""
    told = f"campaign {campaign.name} is {campaign.state}: {what_cancelling_does(campaign)}"
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise ConflictError(f"{told}; nothing was changed: add --yes to cancel it")
    if not typer.confirm(f"{one_line(told)}\nCancel it for good?", err=True):
        raise ConflictError(f"campaign {campaign.name} was not cancelled: nothing was changed")


def retry(
    name: Name,
    reasons: Annotated[
        list[str] | None,
        typer.Option(
            "--reason",
            metavar="REASON",
            help="Only what failed for it, as `campaign report` says it, or for those that have it as a part. May be "
            "repeated.",
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be sent again, and change nothing.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Send the failed messages again, with new attempts.

    Never one that may have been sent, unless you have settled it as failed.

    Example: broadcaster campaign retry promo --reason 'too many requests' --dry-run
    """
    settings = load()
    if not dry_run:
        prepare_nudge()
    with database(settings) as engine:
        retried = lifecycle.retry_campaign(engine, name, reasons, dry_run=dry_run)
    if not dry_run:
        nudge_workers(settings)
    if as_json:
        counts = {"messages": retried.messages, "reasons": retried.reasons}
        say_json({"name": name, "state": retried.state, "dry_run": dry_run, **counts})
        return
    if retried.reasons and (dry_run or reasons):
        say_table(
            ["MESSAGES", "REASON"], ([each.messages, each.reason] for each in retried.reasons), folded=["REASON"]
        )
    if dry_run:
        say(f"campaign {name} is {retried.state}; messages that would be sent again: {retried.messages:,}")
    else:
        _say_moved(retried, "to be sent again")


def _move(name: str, move: Callable[[Engine, str], lifecycle.Moved], *, nudge: bool = False) -> None:
    settings = load()
    if nudge:
        prepare_nudge()
    with database(settings) as engine:
        moved = move(engine, name)
    if nudge:
        nudge_workers(settings)
    _say_moved(moved)


def _say_moved(moved: lifecycle.Moved, what_became: str = "") -> None:
    messages = f"; messages {what_became}: {moved.messages:,}" if what_became else ""
    say(f"campaign {moved.name} is {moved.state}{messages}")
