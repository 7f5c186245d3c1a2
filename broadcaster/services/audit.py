"""What operators did: noted where no trigger sees it as one thing, and read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from psycopg.types.json import Jsonb

from broadcaster.db.queries import query
from broadcaster.db.reading import Reader, Row, reading, rows

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine


def note_operation(connection: Connection, kind: str, name: str, **detail: Any) -> None:
    """Note in the audit trail what an operator does to an object, in the caller's transaction.

    Nothing is noted where the session knows of no operator: it is a worker's. `detail` has counts and settings, and
    neither phones nor secrets.
    """
    parameters = {"kind": kind, "name": name, "detail": Jsonb(detail)}
    connection.exec_driver_sql(query("note_operation"), parameters)


def read_audit(
    source: Engine | Reader,
    *,
    kind: str | None = None,
    name: str | None = None,
    since: datetime | None = None,
    limit: int,
) -> Sequence[Row]:
    """The latest rows of the trail, oldest first: of one kind of object, of that name, since an aware moment."""
    with reading(source) as connection:
        return rows(connection, query("read_audit"), kind=kind, name=name, since=since, limit=limit)
