"""`broadcaster schedule plan`: the next month, occurrence by occurrence."""

from __future__ import annotations

from typing import Annotated

import typer

from broadcaster.cli.database import database
from broadcaster.cli.options.results import Json
from broadcaster.cli.output import say, say_json, say_table
from broadcaster.cli.troubles import few_troubles, say_troubles
from broadcaster.services.schedules.month_plan import plan_month
from broadcaster.services.schedules.planned_month import OpenOccurrence
from broadcaster.services.standstill import find_waiting
from broadcaster.settings import load
from broadcaster.time_zones import shown_time


def plan(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="One schedule; default: all.", show_default=False)
    ] = None,
    as_json: Json = False,
) -> None:
    """Show when the occurrences of the next month would be sent, beside each other and all campaigns.

    It goes by the members that there are now: MESSAGES is how many it is for, and they are SENT, SKIPPED or EXPIRED.
    One that is due while an earlier one is still sent waits for it or is skipped, and so do people whom cooldowns and
    caps keep from it. REMARKS say so, who else is skipped, and what else is sent through its instances meanwhile.
    Where too much is due for one plan it ends earlier, for all schedules, and says when.

    Example: broadcaster schedule plan news
    """
    with database(load()) as engine:
        planned, waiting = plan_month(engine, name), find_waiting(engine, name)
    if as_json:
        say_json(planned)
        return
    for each in planned.open:
        say(_said_open(each))
    if not planned.occurrences:
        say(f"nothing {'more ' if planned.open else ''}is due within a month")
        say_troubles(few_troubles(waiting))
        return
    say_table(
        ["DUE", "SCHEDULE", "MESSAGES", "SENT", "SKIPPED", "EXPIRED", "ENDS", "REMARKS"],
        (
            [
                shown_time(each.due_at),
                each.schedule,
                each.messages,
                each.sent,
                each.skipped,
                each.expire,
                shown_time(each.ends_at, seconds=False),
                "; ".join(each.remarks) or None,
            ]
            for each in planned.occurrences
        ),
        folded=["DUE", "SCHEDULE", "ENDS", "REMARKS"],
    )
    if planned.planned_until is not None:
        count = len(planned.occurrences)
        until = shown_time(planned.planned_until)
        say(f"only the first {count:,} are planned, those due before {until}: more is due than can be planned at once")
    say_troubles(few_troubles(waiting))


def _said_open(each: OpenOccurrence) -> str:
    """What is left of an occurrence that was due before, and until when that is sent."""
    until = "" if each.ends_at is None else f", until {shown_time(each.ends_at, seconds=False)}"
    expire = f"; {each.expire:,} of them expire" if each.expire else ""
    left = f"{each.messages:,} left{until}{expire}"
    return f"campaign {each.campaign} of schedule {each.schedule} is still to be sent: {left}"
