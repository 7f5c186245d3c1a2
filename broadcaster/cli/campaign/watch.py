"""`broadcaster campaign watch`: follows a campaign until it is final."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from shlex import quote
from time import monotonic, sleep
from typing import TYPE_CHECKING, Annotated

import typer

from broadcaster.cli.campaign import Name
from broadcaster.cli.campaign.progress import Foresight, Snapshot, open_view, take_snapshot
from broadcaster.cli.database import reader
from broadcaster.cli.options.results import Json
from broadcaster.cli.options.when import given_moment
from broadcaster.cli.troubles import troubles_and_holds
from broadcaster.db.reading import Reader
from broadcaster.domain.campaign_plans import CampaignPlan
from broadcaster.domain.meter import Meter
from broadcaster.domain.plan_remarks import said_expiry
from broadcaster.domain.standstill import counted
from broadcaster.domain.states import FINAL_CAMPAIGN_STATES, CampaignState
from broadcaster.errors import ConflictError, UnavailableError, listed
from broadcaster.services.campaigns.campaign_reports import CampaignSummary, campaign_summary, speed_limits
from broadcaster.services.campaigns.planning import open_work
from broadcaster.settings import load
from broadcaster.time_zones import shown_time, shown_zone

if TYPE_CHECKING:
    from sqlalchemy import Engine

POLL_SECONDS = 0.5
_MOST_NAMED = 3
"""Instances that are named, of many that stand still."""


def watch(
    name: Name,
    timeout: Annotated[
        float | None,
        typer.Option("--timeout", min=0, metavar="SECONDS", help="Give up after so long, with exit code 1."),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option(
            "--until",
            metavar="WHEN",
            help="Give up, with exit code 1, once it is known that not all of it is sent by then.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Follow a campaign until it is final; say what holds it now, and why where it does not move.

    Exit code 0: it finished, whatever became of single messages; 1: it was cancelled. Ctrl-C ends the
    watching and not the campaign. With --json there is one document in a line for each change.

    Example: broadcaster campaign watch spring --until "today 18:00"
    """
    deadline = given_moment(until, "--until")
    with reader(load()) as source:
        follow(source, name, timeout=timeout, until=deadline, as_json=as_json)


def follow(
    source: Engine | Reader,
    name: str,
    *,
    timeout: float | None = None,
    until: datetime | None = None,
    as_json: bool = False,
) -> None:
    """Show a campaign's progress until it is final.

    Raises typer.Exit(1) unless it finished, UnavailableError when `timeout` seconds have passed before, and
    ConflictError as soon as its plan ends after `until`.
    """
    deadline = None if timeout is None else monotonic() + timeout
    settings, meter, foresight = load(), Meter(), Foresight(lambda: open_work(source, name))

    def look() -> Snapshot:
        summary = campaign_summary(source, name)
        ahead = foresight if summary.state is CampaignState.RUNNING or until is not None else None
        found, holds = troubles_and_holds(source, settings, name)
        limit = speed_limits(source, [summary.id]).get(summary.id)
        return take_snapshot(summary, meter, found, ahead, holds, limit)

    snapshot = first = look()
    with open_view(as_json=as_json) as view:
        view.update(snapshot)
        while snapshot.state not in FINAL_CAMPAIGN_STATES:
            if until is not None:
                _refuse_late(snapshot, foresight, until)
            if deadline is not None and monotonic() >= deadline:
                raise UnavailableError(f"campaign {name} is still {snapshot.state} after {timeout:g} s")
            sleep(POLL_SECONDS)
            try:
                snapshot = look()
            except UnavailableError as error:
                # A restart of Postgres ends neither the campaign nor the watching.
                snapshot = replace(snapshot, notes=(f"trying again: {error}",))
            view.update(snapshot)
    if snapshot.state is not CampaignState.FINISHED:
        raise typer.Exit(1)
    if until is not None and snapshot.summary.expired > first.summary.expired:
        expired = counted(snapshot.summary.expired - first.summary.expired)
        raise ConflictError(f"campaign {name} was not sent by {shown_time(until)}: {expired} expired meanwhile")


def _refuse_late(snapshot: Snapshot, foresight: Foresight, until: datetime) -> None:
    """Raise ConflictError where it will not be sent by then, as far as anybody can tell."""
    by, name = shown_time(until), snapshot.summary.name
    if datetime.now(UTC) > until:
        raise ConflictError(f"campaign {name} was not sent by {by}: it is still {snapshot.state}")
    why = _why_late(snapshot.summary, foresight, until)
    if why is not None:
        when = f'"{until.astimezone(shown_zone()):%Y-%m-%d %H:%M}"'
        raise ConflictError(
            f"campaign {name} will miss {by}: {why}; see what would make it with "
            f"`broadcaster campaign plan {quote(name)} --by {when}`"
        )


def _why_late(summary: CampaignSummary, foresight: Foresight, until: datetime) -> str | None:
    """Why it will not be sent by then, even if all of its instances go on now; None: it may be."""
    if summary.started_at is None and summary.starts_at > until:
        return f"it starts {shown_time(summary.starts_at)}"
    plan, best = foresight.plan, foresight.at_best
    if plan is None or best is None or not best.misses(until):
        return None
    stopped = [each.instance for each in plan.stopped]
    even = f", even if {listed(stopped, _MOST_NAMED)} went on now" if stopped else ""
    return f"{_said_late(best, until)}{even}"


def _said_late(plan: CampaignPlan, until: datetime) -> str:
    if plan.first_at is not None and plan.first_at > until:
        return f"it begins {shown_time(plan.first_at)}"
    last = max((each.ends_at for each in plan.days), default=None)
    if plan.expire and (last is None or last <= until):
        return said_expiry(plan, shown_time)
    if last is None or plan.remaining:
        return "it will not have left within a year"
    ends = shown_time(max(last, plan.known_end or last))
    return f"it ends {ends}" if plan.known_end else f"it ends no earlier than {ends}"
