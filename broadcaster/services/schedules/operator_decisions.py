"""What operators decide about occurrences: make one now, approve or reject one that is held."""

from __future__ import annotations

from datetime import datetime
from shlex import quote

from sqlalchemy import Connection, Engine, select

from broadcaster.db import tables
from broadcaster.db.engine import transaction
from broadcaster.domain.names import check_remark
from broadcaster.domain.recurrence import occurrence_label
from broadcaster.domain.states import OccurrenceState
from broadcaster.errors import ConflictError, NotFoundError, UsageError, listed, quoted
from broadcaster.services.schedules.occurrences import Made, change_occurrence, make_campaign, record_occurrence
from broadcaster.services.schedules.stored_schedule import Schedule, database_now, lock_schedule


def make_occurrence_now(engine: Engine, name: str, *, by: str, now: datetime | None = None) -> Made:
    """Make an extra occurrence of a schedule, in whatever state that is. It counts like any other.

    Raises NotFoundError; ConflictError where there is an occurrence of this very second.
    """
    with transaction(engine) as connection:
        schedule = lock_schedule(connection, name)
        moment = now or database_now(connection)
        due_at = moment.replace(microsecond=0)
        if not record_occurrence(connection, schedule, due_at, OccurrenceState.STARTED, "run by an operator"):
            raise ConflictError(f"schedule {name!r} has an occurrence of this very second: try again in a second")
        change_occurrence(connection, schedule, due_at, decided_by=by, decided_at=moment)
        return make_campaign(connection, schedule, due_at)


def approve_occurrence(engine: Engine, name: str, occurrence: str | None = None, *, by: str) -> Made:
    """Make the campaign of a held occurrence, with the schedule's content of now.

    `occurrence` is what `schedule report` calls it; None: the only one. Raises NotFoundError; UsageError where there
    is more than one to choose from; ConflictError where a campaign of another origin has its name.
    """
    with transaction(engine) as connection:
        schedule = lock_schedule(connection, name)
        due_at = _held(connection, schedule, occurrence)
        change_occurrence(connection, schedule, due_at, decided_by=by, decided_at=database_now(connection))
        return make_campaign(connection, schedule, due_at)


def reject_occurrence(
    engine: Engine, name: str, occurrence: str | None = None, *, by: str, reason: str | None = None
) -> str:
    """Decide that a held occurrence is not sent; returns what it is called.

    Raises as `approve_occurrence` does, and UsageError for a reason that cannot be kept.
    """
    check_remark(reason, "--reason")
    with transaction(engine) as connection:
        schedule = lock_schedule(connection, name)
        due_at = _held(connection, schedule, occurrence)
        values = {"state": OccurrenceState.REJECTED, "decided_by": by, "decided_at": database_now(connection)}
        change_occurrence(connection, schedule, due_at, **values, **({"reason": reason} if reason else {}))
        return occurrence_label(due_at, schedule.zone)


def _held(connection: Connection, schedule: Schedule, wanted: str | None) -> datetime:
    table = tables.occurrences
    held = (table.c.schedule_id == schedule.id) & (table.c.state == OccurrenceState.HELD)
    moments = connection.scalars(select(table.c.due_at).where(held).order_by(table.c.due_at))
    labels: dict[str, datetime] = {occurrence_label(due_at, schedule.zone): due_at for due_at in moments}
    if not labels:
        raise NotFoundError(
            f"no occurrence of schedule {schedule.name!r} is held: "
            f"see `broadcaster schedule report {quote(schedule.name)}`"
        )
    if wanted is None and len(labels) > 1:
        raise UsageError(
            f"schedule {schedule.name!r} has several occurrences that are held, say which: {listed([*labels])}"
        )
    if wanted is not None and wanted not in labels:
        raise NotFoundError(
            f"schedule {schedule.name!r} has no occurrence {quoted(wanted)} that is held; held: {listed([*labels])}"
        )
    return labels[wanted] if wanted is not None else next(iter(labels.values()))
