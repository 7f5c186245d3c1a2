"""What has to be true of every campaign before it is stored, whatever its recipients come from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

from sqlalchemy import Connection, func, select
from sqlalchemy.exc import IntegrityError

from broadcaster.db import tables
from broadcaster.domain.dealing import Rates
from broadcaster.errors import ConflictError, NotFoundError, UsageError


def refuse_taken(connection: Connection, name: str) -> None:
    """Raise ConflictError where a campaign is called so."""
    if connection.scalar(select(tables.campaigns.c.id).where(tables.campaigns.c.name == name)) is not None:
        raise _taken(name)


@contextmanager
def name_taken_meanwhile(name: str) -> Iterator[None]:
    """Turns the constraint's refusal of a second campaign called `name` into a ConflictError."""
    try:
        yield
    except IntegrityError as error:
        if "campaigns_name_key" in str(error.orig):
            raise _taken(name) from None
        raise


def refuse_past(connection: Connection, starts_at: datetime | None) -> None:
    """Raise UsageError for a start that has passed by the database's clock. None, at once, has not."""
    if starts_at is not None and starts_at <= connection.execute(select(func.now())).scalar_one():
        raise UsageError(f"--at {starts_at.isoformat()} is in the past")


def lanes_of(connection: Connection, names: Sequence[str]) -> Rates:
    """The lanes (ids) of the named instances, each with its messages per second. Raises NotFoundError."""
    table = tables.instances
    rows = connection.execute(
        select(table.c.name, table.c.id, table.c.rate_per_second).where(table.c.name.in_(names))
    ).all()
    if unknown := sorted(set(names) - {row.name for row in rows}):
        raise NotFoundError(f"no instance is called {unknown[0]!r}: see `broadcaster instance list`")
    return {row.id: row.rate_per_second for row in rows}


def _taken(name: str) -> ConflictError:
    return ConflictError(f"a campaign called {name!r} exists already: choose another name (nothing was submitted)")
