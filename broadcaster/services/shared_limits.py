"""Limits that several instances or campaigns share: adding, changing, removing, and for which instances they hold."""

from __future__ import annotations

from collections.abc import Collection, Sequence
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
    """A limit with a name: at most `most` messages in any `span_seconds`, through all of its `instances` together.

    Or of all of its `campaigns`, whatever they are sent through.
    """

    name: str
    most: int
    span_seconds: int
    taken: int
    """How many count now."""
    free_at: datetime | None
    """When the next place is free; None: there is one now."""
    instances: list[str]
    campaigns: list[str]
    """Those that have not ended."""
    schedules: list[str]
    """Whose campaigns get it."""
    is_of_campaigns: bool
    """Whether it holds for campaigns, be it for ended ones or those to come. It holds for no instance then."""


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
        found = _lock_limits(connection, [name], key_share=True)[name]
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
    """Remove a limit.

    Raises NotFoundError, and ConflictError where it holds for an instance, a schedule or a campaign that goes on.
    """
    with transaction(engine) as connection:
        found = _lock_limits(connection, [name])[name]
        [shown] = rows(connection, "list_limits", SharedLimit, name=name)
        for noun, holders in (
            ("instance", shown.instances),
            ("schedule", shown.schedules),
            ("campaign", shown.campaigns),
        ):
            if holders:
                raise ConflictError(
                    f"limit {name!r} holds for {listed(holders, 3)}: take it from them first, with "
                    f"`broadcaster {noun} set {quote(holders[0])} --limit none`"
                )
        connection.execute(delete(tables.limits).where(tables.limits.c.id == found))


def share_limits(connection: Connection, lane: int, names: Sequence[str]) -> None:
    """Let exactly these limits hold for the lane, besides its own.

    Raises NotFoundError, and ConflictError for one of campaigns.
    """
    lanes, limits, held = tables.lanes, tables.limits, tables.lane_limits
    connection.execute(select(lanes.c.id).where(lanes.c.id == lane).with_for_update(key_share=True))
    found = _lock_limits(connection, names)
    for name in found:
        [limit] = rows(connection, "list_limits", SharedLimit, name=name)
        if limit.is_of_campaigns:
            raise ConflictError(_of_others(name, "campaigns"))
    shared = select(limits.c.id).where(limits.c.name.is_not(None), limits.c.id.not_in(found.values()))
    connection.execute(delete(held).where(held.c.lane_id == lane, held.c.limit_id.in_(shared)))
    for each in sorted(found.values()):
        execute(connection, "share_limit", lane=lane, limit=each)
        execute(connection, "refresh_limit", limit=each)


def limits_for_campaigns(connection: Connection, names: Collection[str]) -> dict[str, int]:
    """The ids of these limits by name, which no instance gets until the transaction ends.

    Claims go on counting in them. Raises NotFoundError, and ConflictError for one that holds for instances.
    """
    found = _lock_limits(connection, names, read=True, key_share=True)
    held, limits = tables.lane_limits, tables.limits
    of_lanes = select(limits.c.name).join(held, held.c.limit_id == limits.c.id)
    name = connection.scalar(of_lanes.where(limits.c.id.in_(found.values())).order_by(limits.c.name))
    if name is not None:
        raise ConflictError(_of_others(name, "instances"))
    return found


def limit_campaign(connection: Connection, campaign_id: int, limits: Collection[int], *, has_started: bool) -> None:
    """Let exactly these limits (`limits_for_campaigns`) hold for a campaign that is locked, and is not running.

    What it has sent counts in those that are new to it.
    """
    held, lanes, table = tables.campaign_limits, tables.campaign_lanes, tables.limits
    if has_started:
        # A claim that began before it was paused has ended then.
        of_campaign = select(lanes.c.lane_id).where(lanes.c.campaign_id == campaign_id)
        locked = select(tables.lanes.c.id).where(tables.lanes.c.id.in_(of_campaign)).order_by(tables.lanes.c.id)
        connection.execute(locked.with_for_update(key_share=True))
        counted = select(table.c.id).where(table.c.id.in_(limits)).order_by(table.c.id)
        connection.execute(counted.with_for_update(key_share=True))
    connection.execute(delete(held).where(held.c.campaign_id == campaign_id, held.c.limit_id.not_in(limits)))
    known = connection.scalars(select(held.c.limit_id).where(held.c.campaign_id == campaign_id)).all()
    for limit in sorted(set(limits).difference(known)):
        if has_started:
            execute(connection, "limit_campaign", campaign_id=campaign_id, limit=limit)
            execute(connection, "refresh_limit", limit=limit)
        else:
            connection.execute(insert(held).values(campaign_id=campaign_id, limit_id=limit))


def _lock_limits(
    connection: Connection, names: Collection[str], *, read: bool = False, key_share: bool = False
) -> dict[str, int]:
    """Their ids by name, locked in the order of claims. Raises NotFoundError.

    With `key_share` others may still refer to them, as those do who give them to campaigns; with `read`, too, claims
    count in them.
    """
    limits = tables.limits
    wanted = select(limits.c.id, limits.c.name).where(limits.c.name.in_(names)).order_by(limits.c.id)
    found = {row.name: row.id for row in connection.execute(wanted.with_for_update(read=read, key_share=key_share))}
    if missing := sorted(set(names) - found.keys()):
        raise _unknown(missing[0])
    return found


def _of_others(name: str, others: str) -> str:
    return (
        f"limit {name!r} is one of {others}, and no limit is of instances and of campaigns: add another one with "
        "`broadcaster limit add NAME 2000/d`"
    )


def _unknown(name: str) -> NotFoundError:
    return NotFoundError(f"no limit is called {name!r}: see `broadcaster limit list`")
