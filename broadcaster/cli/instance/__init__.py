"""`broadcaster instance`: its commands, and the arguments that many of them have."""

from __future__ import annotations

from typing import Annotated

import typer

from broadcaster.cli.groups import lazy_group

app = lazy_group(
    {
        "add": ("broadcaster.cli.instance.manage:add", "Add an instance."),
        "list": ("broadcaster.cli.instance.listing:list_all", "List all instances and how they are doing."),
        "show": ("broadcaster.cli.instance.showing:show", "Show one instance."),
        "set": ("broadcaster.cli.instance.manage:change", "Change an instance's key, limits or encoding."),
        "pause": ("broadcaster.cli.instance.manage:pause", "Send nothing through an instance until it is resumed."),
        "retire": ("broadcaster.cli.instance.retiring:retire", "Close an instance: others send what it has pending."),
        "resume": ("broadcaster.cli.instance.manage:resume", "Send through an instance again, whatever stopped it."),
        "check": ("broadcaster.cli.instance.check:check", "Find out whether an instance can be used."),
        "rules": ("broadcaster.cli.instance.rules:app", "Show, change and try how an instance's replies are read."),
        "remove": ("broadcaster.cli.instance.manage:remove", "Remove an instance that no campaign has used."),
    },
    "Add, change and check WAChatPro instances.",
)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The instance's name.", show_default=False)]
