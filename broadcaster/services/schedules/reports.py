"""What operators ask about schedules: what there is, what comes next, what became of what was due."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from sqlalchemy import Engine, RowMapping, select, text

from broadcaster.db import tables
from broadcaster.db.engine import transaction
from broadcaster.db.queries import query
from broadcaster.domain.contents import ContentKind
from broadcaster.domain.recurrence import RESOLUTION
from broadcaster.services.schedules.store import Schedule, database_now, read_schedule


@dataclass(frozen=True, slots=True)
class Upcoming:
    """When a schedule is due next, as seen at `now`."""

    schedule: Schedule
    words: str
    """Its rule, for people."""
    now: datetime
    occurrences: Sequence[datetime]


def list_schedules(engine: Engine) -> Sequence[RowMapping]:
    """All schedules by name, with their audience, instances, and how many occurrences are queued and held."""
    with transaction(engine) as connection:
        return connection.exec_driver_sql(query("list_schedules"), {"name": None}).mappings().all()


def show_schedule(engine: Engine, name: str) -> Mapping[str, Any]:
    """One schedule as `list_schedules` has it, with the `body` that it sends: a text or a URL; None for a file.

    Raises NotFoundError.
    """
    with transaction(engine) as connection:
        schedule = read_schedule(connection, name)
        row = connection.exec_driver_sql(query("list_schedules"), {"name": name}).mappings().one()
        table = tables.contents
        body = connection.scalar(
            select(table.c.body).where(table.c.id == schedule.content_id, table.c.kind != ContentKind.FILE)
        )
        return {**row, "body": None if body is None else body.decode()}


def upcoming_occurrences(engine: Engine, name: str, most: int) -> Upcoming:
    """The next occurrences of a schedule, at most `most`; of a paused one those that resuming would bring."""
    with transaction(engine) as connection:
        schedule, now = read_schedule(connection, name), database_now(connection)
    # What is due at this moment has not been dealt with yet.
    since = now if schedule.next_at is None else min(now, schedule.next_at - RESOLUTION)
    occurrences = list(islice(schedule.upcoming(since), most))
    return Upcoming(schedule, schedule.plan.recurrence.words, now, occurrences)


def schedule_report(engine: Engine, name: str, *, limit: int = 50) -> tuple[Schedule, Sequence[RowMapping]]:
    """The latest occurrences of a schedule, newest first, as the view `occurrence_report` has them."""
    with transaction(engine) as connection:
        schedule = read_schedule(connection, name)
        rows = connection.execute(
            text("SELECT * FROM occurrence_report WHERE schedule_id = :id ORDER BY due_at DESC LIMIT :limit"),
            {"id": schedule.id, "limit": limit},
        )
        return schedule, rows.mappings().all()
