"""`broadcaster limit`: limits that several instances or campaigns share, and caps on what each person gets."""

from __future__ import annotations

from typing import Annotated

import typer

from broadcaster.cli.groups import lazy_group

app = lazy_group(
    {
        "add": ("broadcaster.cli.limit.shared:add", "Add a limit, for instances or campaigns to share."),
        "list": ("broadcaster.cli.limit.shared:list_all", "List all shared limits, what is left of them, and caps."),
        "show": ("broadcaster.cli.limit.shared:show", "Show a limit and what it holds for."),
        "set": ("broadcaster.cli.limit.shared:change", "Let a limit allow more or less."),
        "person": ("broadcaster.cli.limit.caps:person", "Cap how many messages each person gets in any span."),
        "remove": ("broadcaster.cli.limit.shared:remove", "Remove a limit that holds for nothing."),
    },
    "Limits that several instances or campaigns share, and caps on what each person gets.",
)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The limit's name.", show_default=False)]
