"""What is said of a campaign whose messages are deleted. Without SQLAlchemy, for commands that only show."""

from __future__ import annotations

from datetime import datetime

from broadcaster.errors import ConflictError
from broadcaster.time_zones import shown_zone


def told_of_purge(purged_at: datetime) -> str:
    """Since when it is, in words."""
    return f"what was personal of it was deleted on {purged_at.astimezone(shown_zone()):%Y-%m-%d}"


def refuse_purged(name: str, purged_at: datetime | None) -> None:
    """Raise ConflictError where there is nothing left of its messages to show or to do."""
    if purged_at is not None:
        raise ConflictError(f"campaign {name!r} has no messages any more: {told_of_purge(purged_at)}")
