"""`broadcaster campaign start|pause|resume|cancel|retry`."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Engine

from broadcaster.cli.campaign import Name
from broadcaster.cli.database import database, nudge_workers, prepare_nudge
from broadcaster.cli.output import say
from broadcaster.services.campaigns import lifecycle
from broadcaster.settings import load


def start(name: Name) -> None:
    """Start a draft: at once, or at the time that it was submitted for."""
    _move(name, lifecycle.start_campaign, nudge=True)


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
