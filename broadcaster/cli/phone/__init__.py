"""`broadcaster phone`: what is stored of a person, who gets no messages, and forgetting."""

from __future__ import annotations

from broadcaster.cli.groups import lazy_group

app = lazy_group(
    {
        "show": ("broadcaster.cli.phone.card:show", "Show what is stored of a number: the card of a person."),
        "block": ("broadcaster.cli.phone.blocking:block", "Send nothing more to these numbers."),
        "unblock": ("broadcaster.cli.phone.blocking:unblock", "Let numbers get messages again."),
        "list": ("broadcaster.cli.phone.blocking:list_", "List who has opted out, with the evidence."),
        "forget": ("broadcaster.cli.phone.person:forget", "Remove everything of a number, and take it in no more."),
        "readmit": ("broadcaster.cli.phone.person:readmit", "Let a number that was forgotten be taken in again."),
        "reset": ("broadcaster.cli.phone.person:reset", "Forget who was forgotten, where the secret key is lost."),
    },
    "Stop messages to a person, show what is stored, forget it, or take the number in again.",
)
