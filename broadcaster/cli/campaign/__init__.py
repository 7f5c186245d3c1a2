"""`broadcaster campaign`: its commands, and the arguments that many of them have."""

from __future__ import annotations

from typing import Annotated

import typer

from broadcaster.cli.groups import lazy_group

app = lazy_group(
    {
        "submit": ("broadcaster.cli.campaign.submit:submit", "Submit a campaign: content, recipients, instances."),
        "preview": ("broadcaster.cli.campaign.preview:preview", "Show messages exactly as they would be sent."),
        "test": ("broadcaster.cli.campaign.test:test", "Send one marked copy to a phone of your own."),
        "list": ("broadcaster.cli.campaign.show:list_latest", "List the latest campaigns and where they stand."),
        "show": ("broadcaster.cli.campaign.show:show", "Show where a campaign stands."),
        "plan": (
            "broadcaster.cli.campaign.plan:plan",
            "Show when a campaign is sent, and what would make it earlier.",
        ),
        "watch": ("broadcaster.cli.campaign.watch:watch", "Follow a campaign until it is final."),
        "set": (
            "broadcaster.cli.campaign.change:change",
            "Change what has not left: text, instances, priority, start.",
        ),
        "start": ("broadcaster.cli.campaign.steer:start", "Start a draft."),
        "pause": ("broadcaster.cli.campaign.steer:pause", "Stop sending until it is resumed."),
        "resume": ("broadcaster.cli.campaign.steer:resume", "Go on with a paused campaign."),
        "cancel": ("broadcaster.cli.campaign.steer:cancel", "Cancel for good what has not left."),
        "retry": ("broadcaster.cli.campaign.steer:retry", "Send the failed messages again."),
        "clone": ("broadcaster.cli.campaign.again:clone", "Make a draft with the same content and recipients."),
        "remove": ("broadcaster.cli.campaign.again:remove", "Remove a campaign of which nothing has left."),
        "settle": (
            "broadcaster.cli.campaign.settle:settle",
            "Decide about messages of which nobody knows whether they were accepted.",
        ),
        "report": ("broadcaster.cli.campaign.report:report", "Show what a campaign came to, and why messages failed."),
        "export": ("broadcaster.cli.campaign.report:export", "Write every message and its outcome as CSV."),
        "proof": ("broadcaster.cli.campaign.prove:proof", "Write a signed proof of what a campaign came to."),
    },
    "Submit, watch, steer and report campaigns.",
)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The campaign's name.", show_default=False)]
