"""`broadcaster campaign start|pause|resume|cancel|retry`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from shlex import quote
from typing import Annotated

import typer
from sqlalchemy import Engine

from broadcaster.cli.campaign import Name
from broadcaster.cli.campaign.submitted import say_start
from broadcaster.cli.database import database, nudge_workers, prepare_nudge
from broadcaster.cli.output import say
from broadcaster.domain.states import CampaignState
from broadcaster.services.campaigns import lifecycle
from broadcaster.services.campaigns.campaign_reports import campaign_summary
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
    nudge_workers(settings)
    say(f"campaign {moved.name} is {moved.state}")
    if moved.state is CampaignState.SCHEDULED and starts_at > datetime.now(UTC):
        say_start(starts_at)
        say(f"`broadcaster campaign start {quote(name)} --now` starts it at once")


def pause(name: Name) -> None:
    """Stop sending until it is resumed. What is in flight still gets its outcome."""
    _move(name, lifecycle.pause_campaign)


def resume(name: Name) -> None:
    """Go on with a paused campaign: only what was not sent is sent."""
    _move(name, lifecycle.resume_campaign, nudge=True)


def cancel(name: Name) -> None:
    """Cancel for good what has not left. What is in flight still gets its outcome."""
    _move(name, lifecycle.cancel_campaign, "cancelled")


def retry(name: Name) -> None:
    """Send the failed messages again, with new attempts.

    Never one that may have been sent, unless you have settled it as failed.
    """
    _move(name, lifecycle.retry_campaign, "to be sent again", nudge=True)


def _move(
    name: str, move: Callable[[Engine, str], lifecycle.Moved], what_became: str = "", *, nudge: bool = False
) -> None:
    settings = load()
    if nudge:
        prepare_nudge()
    with database(settings) as engine:
        moved = move(engine, name)
    if nudge:
        nudge_workers(settings)
    messages = f"; messages {what_became}: {moved.messages:,}" if what_became else ""
    say(f"campaign {moved.name} is {moved.state}{messages}")
