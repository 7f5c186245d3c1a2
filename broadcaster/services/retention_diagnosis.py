"""Finds out whether what is personal is deleted when it should be."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from sqlalchemy import Engine

from broadcaster.db.engine import transaction
from broadcaster.db.statements import rows
from broadcaster.services.campaigns.purging import DuePurge
from broadcaster.services.findings import Finding, Level, unwell, well
from broadcaster.settings import Settings

LATE = timedelta(hours=3)
"""The hourly task has run three times by then."""
_MOST = 1_000


def examine_retention(engine: Engine, settings: Settings) -> Iterator[Finding]:
    """Whether any campaign is still there that should have been purged; how long they stay where none is to be."""
    days = settings.retention_days
    if days is None:
        yield well("retention", "what is personal is kept for ever: BROADCASTER_RETENTION_DAYS is not set")
        return
    with transaction(engine) as connection:
        late = rows(connection, "due_purges", DuePurge, older_than=timedelta(days=days) + LATE, most=_MOST)
    if not late:
        yield well(
            "retention", f"of campaigns that ended {days} d ago nothing personal is left but what may be needed"
        )
        return
    what = f"{len(late):,} campaigns that ended {days} d ago, such as {late[0].name}, are not purged"
    advice = (
        "an hour after beat has started they are; if not, see the log of the workers and of beat, which need "
        "BROADCASTER_RETENTION_DAYS, or do it now with"
    )
    yield unwell("retention", Level.WARN, what, advice, f"broadcaster purge --older-than {days}d")
