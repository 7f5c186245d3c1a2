"""`broadcaster schedule pause|resume|remove|run-now|approve|reject`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from broadcaster.cli.database import database, nudge_workers
from broadcaster.cli.operator import ByOption, account
from broadcaster.cli.options.results import Json
from broadcaster.cli.output import say, say_json
from broadcaster.cli.schedule import Name
from broadcaster.domain.states import OccurrenceState
from broadcaster.services.schedules import operator_decisions
from broadcaster.services.schedules import steering as schedules
from broadcaster.services.schedules.occurrences import Made
from broadcaster.settings import Settings, load

Occurrence = Annotated[
    str | None,
    typer.Argument(
        metavar="[OCCURRENCE]",
        help="As `schedule report` calls it, such as 2026-11-23T09:00. Default: the only one that is held.",
        show_default=False,
    ),
]


def pause(name: Name, as_json: Json = False) -> None:
    """Let nothing come due until it is resumed. Campaigns that were started go on.

    Example: broadcaster schedule pause news
    """
    with database(load()) as engine:
        schedules.pause_schedule(engine, name)
    _say_state(name, "paused", as_json)


def resume(name: Name, as_json: Json = False) -> None:
    """Go on with the next occurrence from now. Those in between were not missed.

    Example: broadcaster schedule resume news
    """
    with database(load()) as engine:
        state = schedules.resume_schedule(engine, name)
    _say_state(name, state, as_json)


def remove(name: Name, as_json: Json = False) -> None:
    """Remove a schedule and its list of occurrences. Its campaigns stay; those that are queued are cancelled.

    Example: broadcaster schedule remove news
    """
    with database(load()) as engine:
        cancelled = schedules.remove_schedule(engine, name)
    if as_json:
        say_json({"name": name, "cancelled": cancelled})
        return
    say(f"removed schedule {name}")
    for campaign in cancelled:
        say(f"  cancelled campaign {campaign}, which was queued")


def run_now(name: Name, by: ByOption = None, as_json: Json = False) -> None:
    """Make an extra occurrence at once, or as soon as what the schedule is sending has been sent.

    Example: broadcaster schedule run-now news
    """
    settings = load()
    with database(settings) as engine:
        made = operator_decisions.make_occurrence_now(engine, name, by=by or account())
    _say_made(settings, made, as_json)


def approve(name: Name, occurrence: Occurrence = None, by: ByOption = None, as_json: Json = False) -> None:
    """Send a held occurrence, with the content that the schedule has now.

    Example: broadcaster schedule approve news 2026-11-23T09:00
    """
    settings = load()
    with database(settings) as engine:
        made = operator_decisions.approve_occurrence(engine, name, occurrence, by=by or account())
    _say_made(settings, made, as_json)


def reject(
    name: Name,
    occurrence: Occurrence = None,
    reason: Annotated[str | None, typer.Option("--reason", metavar="TEXT", help="Why, for the record.")] = None,
    by: ByOption = None,
    as_json: Json = False,
) -> None:
    """Decide that a held occurrence is not sent.

    Example: broadcaster schedule reject news 2026-11-23T09:00 --reason "too late for that"
    """
    with database(load()) as engine:
        rejected = operator_decisions.reject_occurrence(engine, name, occurrence, by=by or account(), reason=reason)
    if as_json:
        say_json({"name": name, "occurrence": rejected, "state": OccurrenceState.REJECTED})
    else:
        say(f"rejected {rejected} of schedule {name}")


def _say_state(name: str, state: str, as_json: bool) -> None:
    if as_json:
        say_json({"name": name, "state": state})
    else:
        say(f"schedule {name} is {state}")


def _say_made(settings: Settings, made: Made, as_json: bool) -> None:
    queued = made.state is OccurrenceState.QUEUED
    if as_json:
        say_json(asdict(made))
    elif queued:
        say(f"campaign {made.campaign} is queued: it starts when what {made.schedule} is sending now has been sent")
    else:
        say(f"campaign {made.campaign} starts now: follow it with `broadcaster campaign watch '{made.campaign}'`")
    if not queued:
        nudge_workers(settings, (made.schedule, made.campaign))
