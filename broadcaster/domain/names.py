"""What operators may call campaigns, audiences and schedules."""

from __future__ import annotations

from broadcaster.errors import UsageError

LONGEST_NAME = 200


def check_name(name: str, what: str = "campaign", longest: int = LONGEST_NAME) -> None:
    """Raise UsageError unless `name` can be shown on one line. `what` is what it names, for the message."""
    if not name or name != name.strip() or len(name) > longest or not name.isprintable():
        raise UsageError(f"{what} name {name!r}: use 1 to {longest} printable characters, no outer spaces")
