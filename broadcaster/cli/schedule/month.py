"""`broadcaster schedule plan`: the next month, occurrence by occurrence."""

from __future__ import annotations

from typing import Annotated

import typer

from broadcaster.cli.database import database
from broadcaster.cli.options.results import Json
from broadcaster.cli.output import say, say_json, say_table
from broadcaster.services.schedules.month_plan import plan_month
from broadcaster.settings import load
from broadcaster.time_zones import shown_time


def plan(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="One schedule; default: all.", show_default=False)
    ] = None,
    as_json: Json = False,
) -> None:
    """Show when the occurrences of the next month would be sent, beside each other and all campaigns.

    Of each schedule the first 100. It goes by the members that there are now. One that is due while an earlier one is
    still sent waits for it or is skipped, and so do people whom cooldowns and caps keep from it. REMARKS say so, who
    else is skipped, what else is sent through its instances meanwhile, and how many expire.

    Example: broadcaster schedule plan news
    """
    with database(load()) as engine:
        planned = plan_month(engine, name)
    if as_json:
        say_json(planned)
        return
    if not planned:
        say("nothing is due within a month")
        return
    say_table(
        ["DUE", "SCHEDULE", "MESSAGES", "SENT", "ENDS", "REMARKS"],
        (
            [
                shown_time(each.due_at),
                each.schedule,
                each.messages,
                each.sent,
                shown_time(each.ends_at, seconds=False),
                "; ".join(each.remarks) or None,
            ]
            for each in planned
        ),
        folded=["DUE", "SCHEDULE", "ENDS", "REMARKS"],
    )
