"""What has to be true of every campaign before it is stored, whatever its recipients come from."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from shlex import quote
from types import MappingProxyType

from sqlalchemy import Connection, Engine, func, select
from sqlalchemy.exc import IntegrityError

from broadcaster.db import tables
from broadcaster.db.engine import transaction
from broadcaster.domain.care import Care
from broadcaster.domain.dealing import LaneRates
from broadcaster.domain.names import check_name
from broadcaster.errors import ConflictError, NotFoundError, UsageError
from broadcaster.time_zones import shown_time

NO_WEIGHTS: Mapping[str, float] = MappingProxyType({})


@contextmanager
def admission(
    engine: Engine,
    name: str,
    instances: Sequence[str],
    starts_at: datetime | None,
    expires_at: datetime | None = None,
    weights: Mapping[str, float] = NO_WEIGHTS,
) -> Iterator[tuple[Connection, LaneRates]]:
    """A transaction in which a campaign called `name` can be stored, and its lanes with their limits, or weights.

    Raises UsageError for a wrong name, a start that has passed or an end before it, NotFoundError for an unknown
    instance, and ConflictError for a name that is taken, be it while the block runs.
    """
    check_name(name)
    with _name_taken_meanwhile(name), transaction(engine) as connection:
        _refuse_taken(connection, name)
        # Before the recipients are read, which may take longer than until the start.
        refuse_past(connection, starts_at)
        _refuse_expired(connection, starts_at, expires_at)
        yield connection, lanes_of(connection, instances, weights)


def lanes_of(connection: Connection, names: Sequence[str], weights: Mapping[str, float] = NO_WEIGHTS) -> LaneRates:
    """The lanes (ids) of the named instances, each with its limit or, where there are weights, with that.

    Raises NotFoundError, and ConflictError for an instance that is retired.
    """
    table = tables.instances
    rows = connection.execute(
        select(table.c.name, table.c.id, table.c.typical_rate_per_second).where(table.c.name.in_(names))
    ).all()
    if unknown := sorted(set(names) - {row.name for row in rows}):
        raise NotFoundError(f"no instance is called {unknown[0]!r}: see `broadcaster instance list`")
    lanes = {row.id: weights.get(row.name, row.typical_rate_per_second) for row in rows}
    refuse_retired(connection, lanes)
    return lanes


def refuse_retired(connection: Connection, lanes: Collection[int]) -> None:
    """Raise ConflictError where one of the lanes (ids) is of a retired instance."""
    table = tables.instances
    retired = select(table.c.name).where(table.c.id.in_(lanes), table.c.retired_at.is_not(None))
    if (name := connection.scalar(retired.order_by(table.c.name).limit(1))) is not None:
        raise ConflictError(
            f"instance {name!r} is retired: name another one, or bring it back with "
            f"`broadcaster instance resume {quote(name)}`"
        )


def hold_in_use(connection: Connection, lanes: Collection[int]) -> None:
    """Nobody retires the instances of these lanes (ids) until the transaction ends. Raises ConflictError.

    Who retires one has its lane locked, and sees all campaigns that had it by then.
    """
    table = tables.lanes
    held = select(table.c.id).where(table.c.id.in_(lanes)).order_by(table.c.id)
    connection.execute(held.with_for_update(read=True, key_share=True))
    refuse_retired(connection, lanes)


def lanes_in_use(connection: Connection, campaign_id: int) -> Mapping[int, float | None]:
    """The lanes (ids) that a stored campaign is sent through from now on, each with its weight; None: its rate."""
    lanes, instances = tables.campaign_lanes, tables.instances
    of_campaign = select(lanes.c.lane_id, lanes.c.weight).join(instances, instances.c.id == lanes.c.lane_id)
    in_use = of_campaign.where(lanes.c.campaign_id == campaign_id, ~lanes.c.retired, instances.c.retired_at.is_(None))
    return {row.lane_id: row.weight for row in connection.execute(in_use)}


def refuse_unread(connection: Connection, lanes: Collection[int], care: Care | None) -> None:
    """Raise UsageError where the care wants to know who answers, and through none of the lanes replies are read."""
    if care is None or not care.needs_replies:
        return
    unread, asked = unread_instances(connection, lanes), care.asks_replies
    if unread and len(unread) == len(lanes):
        raise UsageError(
            f"{' and '.join(asked)} {'wants' if len(asked) == 1 else 'want'} to know who answers, and its instances "
            f"read no replies: read them with `broadcaster instance set {quote(unread[0])} --read-replies 30s`"
        )


def unread_instances(connection: Connection, lanes: Collection[int]) -> list[str]:
    """The names of those of the lanes through which replies are not read."""
    table = tables.instances
    found = select(table.c.name).where(table.c.id.in_(lanes), table.c.read_replies_seconds.is_(None))
    return list(connection.scalars(found.order_by(table.c.name)))


def _refuse_taken(connection: Connection, name: str) -> None:
    if connection.scalar(select(tables.campaigns.c.id).where(tables.campaigns.c.name == name)) is not None:
        raise _taken(name)


@contextmanager
def _name_taken_meanwhile(name: str) -> Iterator[None]:
    """Turns the constraint's refusal of a second campaign called `name` into a ConflictError."""
    try:
        yield
    except IntegrityError as error:
        if "campaigns_name_key" in str(error.orig):
            raise _taken(name) from None
        raise


def refuse_past(connection: Connection, starts_at: datetime | None) -> None:
    """By the database's clock. None, at once, has not passed."""
    if starts_at is not None and starts_at <= connection.execute(select(func.now())).scalar_one():
        raise UsageError(f"--at: {shown_time(starts_at)} is in the past; without --at it starts at once")


def _refuse_expired(connection: Connection, starts_at: datetime | None, expires_at: datetime | None) -> None:
    """By the database's clock."""
    if expires_at is None:
        return
    begins = starts_at or connection.execute(select(func.now())).scalar_one()
    if expires_at <= begins:
        raise UsageError(f"--expires: {shown_time(expires_at)} is before it starts, at {shown_time(begins)}")


def _taken(name: str) -> ConflictError:
    return ConflictError(f"a campaign called {name!r} exists already: choose another name (nothing was submitted)")
