"""What operators did: noted where no trigger sees it as one thing, and read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec
from psycopg.types.json import Jsonb

from broadcaster.db.reading import Reader, reading
from broadcaster.db.statements import execute, rows
from broadcaster.domain.changed_settings import HOURS
from broadcaster.domain.opening_hours import OpeningHours

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine


STOPPED_BY = "broadcaster"
"""In place of an operator, where something has paused itself."""


class AuditEntry(msgspec.Struct, frozen=True):
    """What an operator did to one object by a command, as the command said of itself. `at` is the database's."""

    id: int
    at: datetime
    operator: str | None
    host: str | None
    command: str | None
    db_role: str
    object_kind: str
    object_name: str
    action: str
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None


def note_operation(connection: Connection, kind: str, name: str, **detail: Any) -> None:
    """Note in the audit trail what an operator does to an object, in the caller's transaction.

    Nothing is noted where the session knows of no operator: it is a worker's. `detail` has counts and settings, and
    neither phones nor secrets.
    """
    execute(connection, "note_operation", kind=kind, name=name, detail=Jsonb(detail))


def read_audit(
    source: Engine | Reader,
    *,
    kind: str | None = None,
    name: str | None = None,
    since: datetime | None = None,
    limit: int,
) -> Sequence[AuditEntry]:
    """The latest rows of the trail, oldest first: of one kind of object, of that name, since an aware moment."""
    with reading(source) as connection:
        return rows(connection, "read_audit", AuditEntry, kind=kind, name=name, since=since, limit=limit)


class _Hours(msgspec.Struct, frozen=True):
    id: int
    hours: OpeningHours


def hours_of_entries(source: Engine | Reader, entries: Iterable[AuditEntry]) -> Mapping[int, OpeningHours]:
    """The opening hours that the trail names by their ids: they never change, and are never deleted."""
    found = {(values or {}).get(HOURS) for each in entries for values in (each.before, each.after)}
    ids = [each for each in found if each is not None]
    if not ids:
        return {}
    with reading(source) as connection:
        return {each.id: each.hours for each in rows(connection, "hours_by_id", _Hours, ids=ids)}
