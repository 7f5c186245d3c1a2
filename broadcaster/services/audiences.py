"""Audiences: recipients that are kept under a name."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, select

from broadcaster.db import tables
from broadcaster.errors import NotFoundError


@dataclass(frozen=True, slots=True)
class Audience:
    """An audience without its members. `variables` are those that its members may have."""

    id: int
    name: str
    variables: tuple[str, ...]


def find_audience(connection: Connection, name: str, *, lock: bool = False) -> Audience:
    """The audience called so, with `lock` kept from changes by others until the transaction ends.

    Raises NotFoundError.
    """
    table = tables.audiences
    statement = select(table.c.id, table.c.variables).where(table.c.name == name)
    row = connection.execute(statement.with_for_update() if lock else statement).first()
    if row is None:
        raise NotFoundError(f"no audience is called {name!r}: see `broadcaster audience list`")
    return Audience(row.id, name, tuple(row.variables))
