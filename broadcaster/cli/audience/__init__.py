"""`broadcaster audience`: its commands, and the arguments that many of them have."""

from __future__ import annotations

from typing import Annotated

import typer

from broadcaster.cli.groups import lazy_group

app = lazy_group(
    {
        "import": ("broadcaster.cli.audience.importing:import_", "Add the recipients of a file to an audience."),
        "sync": ("broadcaster.cli.audience.sync:sync", "Add an instance's contacts to an audience."),
        "list": ("broadcaster.cli.audience.keep:list_all", "List all audiences."),
        "show": ("broadcaster.cli.audience.keep:show", "Show an audience, and how many of it meet conditions."),
        "export": ("broadcaster.cli.audience.keep:export", "Write an audience as CSV."),
        "add-member": ("broadcaster.cli.audience.by_hand:add", "Add one member to an audience."),
        "edit-member": ("broadcaster.cli.audience.by_hand:edit", "Change variables of one member."),
        "remove-member": ("broadcaster.cli.audience.by_hand:remove", "Remove one member."),
        "remove": ("broadcaster.cli.audience.keep:remove", "Remove an audience that nothing uses."),
    },
    "Keep recipients under a name, for campaigns and schedules.",
)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The audience's name.", show_default=False)]
