"""Limits that several instances share: adding, changing, removing, and for whom they hold."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from shlex import quote

import msgspec
from sqlalchemy import Connection, Engine, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from broadcaster.db import tables
from broadcaster.db.engine import transaction
from broadcaster.db.statements import execute, rows
from broadcaster.domain.names import check_name
from broadcaster.domain.span_limits import SpanLimit
from broadcaster.errors import ConflictError, NotFoundError, UsageError, listed


class SharedLimit(msgspec.Struct, frozen=True):
    """A limit with a name: at most `most` messages in any `span_seconds` through all of its `instances` together."""

    name: str
    most: int
    span_seconds: int
    taken: int
    """How many count now."""
    free_at: datetime | None
    """When the next place is free; None: there is one now."""
    instances: list[str]


def add_limit(engine: Engine, name: str, limit: SpanLimit, *, grace: float) -> None:
    """Add a limit, which holds for nobody yet. `grace` is how many seconds after its claim the gateway may accept a
    message. Raises UsageError for a wrong name, ConflictError where it is taken.
    """
    check_name(name, "limit")
    values = {
        "name": name,
        "most": limit.most,
        "span_seconds": limit.span,
        "bucket_seconds": limit.bucket,
        "grace_seconds": grace,
    }
    try:
        with transaction(engine) as connection:
            connection.execute(insert(tables.limits).values(values))
    except IntegrityError:
        raise ConflictError(
            f"a limit called {name!r} exists already: change it with `broadcaster limit set {quote(name)} RATE`"
        ) from None


def set_limit(engine: Engine, name: str, limit: SpanLimit) -> None:
    """Let it allow more or less, from the next claim on. Raises NotFoundError, and UsageError for another span."""
    limits = tables.limits
    with transaction(engine) as connection:
        found = _lock_limits(connection, [name])[name]
        span = connection.scalar(select(limits.c.span_seconds).where(limits.c.id == found))
        if span != limit.span:
            raise UsageError(f"limit {name!r} is of another span, which stays: add another limit for {limit}")
        connection.execute(update(limits).where(limits.c.id == found).values(most=limit.most))
        execute(connection, "refresh_limit", limit=found)


def show_limits(engine: Engine, name: str | None = None) -> list[SharedLimit]:
    """All of them by name, or the one called `name`. Raises NotFoundError."""
    with transaction(engine) as connection:
        found = rows(connection, "list_limits", SharedLimit, name=name)
    if name is not None and not found:
        raise _unknown(name)
    return found


def remove_limit(engine: Engine, name: str) -> None:
    """Remove a limit. Raises NotFoundError, and ConflictError where it holds for an instance."""
    with transaction(engine) as connection:
        found = _lock_limits(connection, [name])[name]
        [shown] = rows(connection, "list_limits", SharedLimit, name=name)
        if shown.instances:
            raise ConflictError(
                f"limit {name!r} holds for {listed(shown.instances, 3)}: take it from them first, with "
                f"`broadcaster instance set {quote(shown.instances[0])} --limit none`"
            )
        connection.execute(delete(tables.limits).where(tables.limits.c.id == found))


def share_limits(connection: Connection, lane: int, names: Sequence[str]) -> None:
    """Let exactly these limits hold for the lane, besides its own. Raises NotFoundError."""
    lanes, limits, held = tables.lanes, tables.limits, tables.lane_limits
    connection.execute(select(lanes.c.id).where(lanes.c.id == lane).with_for_update(key_share=True))
    found = _lock_limits(connection, names)
    shared = select(limits.c.id).where(limits.c.name.is_not(None), limits.c.id.not_in(found.values()))
    connection.execute(delete(held).where(held.c.lane_id == lane, held.c.limit_id.in_(shared)))
    for limit in sorted(found.values()):
        execute(connection, "share_limit", lane=lane, limit=limit)
        execute(connection, "refresh_limit", limit=limit)


def _lock_limits(connection: Connection, names: Sequence[str]) -> dict[str, int]:
    """Their ids by name, locked in the order of claims. Raises NotFoundError."""
    limits = tables.limits
    wanted = select(limits.c.id, limits.c.name).where(limits.c.name.in_(names)).order_by(limits.c.id)
    found = {row.name: row.id for row in connection.execute(wanted.with_for_update(key_share=True))}
    if missing := sorted(set(names) - found.keys()):
        raise _unknown(missing[0])
    return found


def _unknown(name: str) -> NotFoundError:
    return NotFoundError(f"no limit is called {name!r}: see `broadcaster limit list`")
