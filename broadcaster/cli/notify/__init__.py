"""`broadcaster notify`: who is told what happens, and what they were told."""

from __future__ import annotations

from typing import Annotated

import typer

from broadcaster.cli.groups import lazy_group

app = lazy_group(
    {
        "add": ("broadcaster.cli.notify.receivers:add", "Add a receiver: a webhook, a mail address or a phone."),
        "list": ("broadcaster.cli.notify.receivers:list_all", "List all receivers and how far their notices are."),
        "show": ("broadcaster.cli.notify.receivers:show", "Show one receiver."),
        "set": ("broadcaster.cli.notify.receivers:change", "Change where a receiver is, or what it is told of."),
        "test": ("broadcaster.cli.notify.delivered:try_out", "Send a receiver a notice now, and say what it answers."),
        "log": ("broadcaster.cli.notify.delivered:log", "What was told to whom, and what has not arrived."),
        "remove": ("broadcaster.cli.notify.receivers:remove", "Remove a receiver."),
    },
    "Tell people and programs what happens, by webhook, mail or WhatsApp.",
)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The receiver's name.", show_default=False)]
