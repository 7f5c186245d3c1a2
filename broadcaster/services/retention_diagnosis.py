"""Finds out whether what is personal is deleted when it should be."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from sqlalchemy import Engine

from broadcaster.db.engine import transaction
from broadcaster.db.statements import rows, value
from broadcaster.services.campaigns.purging import DuePurge
from broadcaster.services.findings import Finding, Level, unwell, well
from broadcaster.settings import Settings

LATE = timedelta(hours=3)
"""The hourly task has run three times by then."""
_MOST = 1_000


def examine_retention(engine: Engine, settings: Settings, running: float | None = None) -> Iterator[Finding]:
    """Whether any campaign is still there that should have been purged; how long they stay where none is to be.

    Nothing is overdue where the hourly task has purged lately, or has had no time to: `running` is for how many
    seconds a beat and a worker have been at it, where that is known.
    """
    days = settings.retention_days
    if days is None:
        yield well("retention", "what is personal is kept for ever: BROADCASTER_RETENTION_DAYS is not set")
        return
    with transaction(engine) as connection:
        late = rows(connection, "due_purges", DuePurge, older_than=timedelta(days=days) + LATE, most=_MOST)
        is_at_it = value(connection, "purged_lately", within=LATE)
    if not late:
        yield well(
            "retention", f"of campaigns that ended {days} d ago nothing personal is left but what may be needed"
        )
        return
    campaigns = f"{len(late):,} campaigns that ended {days} d ago, such as {late[0].name}"
    if is_at_it or (running is not None and running < LATE.total_seconds()):
        yield well("retention", f"{campaigns}, are still to be purged: the hourly task does some of them each time")
        return
    what = f"{campaigns}, are not purged"
    advice = (
        "give BROADCASTER_RETENTION_DAYS to beat and the workers and restart them, see their logs if they have it, "
        "or do it now with"
    )
    yield unwell("retention", Level.WARN, what, advice, f"broadcaster purge --older-than {days}d")
