"""`broadcaster schedule`: its commands, and the arguments that many of them have."""

from __future__ import annotations

from typing import Annotated

import typer

from broadcaster.cli.groups import lazy_group

app = lazy_group(
    {
        "add": ("broadcaster.cli.schedule.add:add", "Add a schedule: when, to whom, what, through which instances."),
        "list": ("broadcaster.cli.schedule.show:list_all", "List all schedules and when they are due next."),
        "show": ("broadcaster.cli.schedule.show:show", "Show one schedule and what it sends."),
        "set": ("broadcaster.cli.schedule.add:change", "Change when a schedule is due, or what it sends to whom."),
        "pause": ("broadcaster.cli.schedule.steer:pause", "Let nothing come due until it is resumed."),
        "resume": ("broadcaster.cli.schedule.steer:resume", "Go on with the next occurrence from now."),
        "remove": ("broadcaster.cli.schedule.steer:remove", "Remove a schedule. Its campaigns stay."),
        "next": ("broadcaster.cli.schedule.show:show_next", "Show the next occurrences, in local time and in UTC."),
        "plan": ("broadcaster.cli.schedule.month:plan", "Show when the occurrences of the next month would be sent."),
        "run-now": ("broadcaster.cli.schedule.steer:run_now", "Make an extra occurrence at once."),
        "approve": ("broadcaster.cli.schedule.steer:approve", "Send an occurrence that is held."),
        "reject": ("broadcaster.cli.schedule.steer:reject", "Do not send an occurrence that is held."),
        "report": ("broadcaster.cli.schedule.show:report", "Show what became of each occurrence."),
    },
    "Broadcasts that recur: schedules and their occurrences.",
)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The schedule's name.", show_default=False)]
