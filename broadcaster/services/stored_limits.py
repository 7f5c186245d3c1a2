"""Limits over spans of time, stored for lanes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, delete, func, select

from broadcaster.db import tables
from broadcaster.db.statements import execute, value
from broadcaster.domain.span_limits import DAY, SpanLimit
from broadcaster.services.shared_limits import share_limits


class LaneLimits(NamedTuple):
    """What a lane's limits are to be; what is None stays. `grace` is how many seconds after its claim the gateway
    may accept a message.
    """

    grace: float
    counted: Sequence[SpanLimit] | None = None
    shared: Sequence[str] | None = None
    """The names of limits that it shares."""
    ramp: Sequence[int] | None = None
    """How many messages a day, one step after the other; empty: no ramp. One that it has already keeps its step."""


def counted_limits(connection: Connection, lane: int) -> tuple[SpanLimit, ...]:
    """The lane's own limits over spans, without a ramp, the shortest span first."""
    limits = tables.limits
    own = select(limits.c.most, limits.c.span_seconds).where(
        limits.c.lane_id == lane, func.cardinality(limits.c.ramp) == 0
    )
    return tuple(
        SpanLimit(row.most, row.span_seconds) for row in connection.execute(own.order_by(limits.c.span_seconds))
    )


def set_lane_limits(connection: Connection, lane: int, own: LaneLimits) -> None:
    """Make these the lane's limits, from the next claim on. What it has sent lately counts already."""
    limits = tables.limits
    _hold_lane(connection, lane)
    of_lane = delete(limits).where(limits.c.lane_id == lane)
    steps = func.cardinality(limits.c.ramp)
    if own.counted is not None:
        connection.execute(
            of_lane.where(steps == 0, limits.c.span_seconds.not_in([each.span for each in own.counted]))
        )
        for limit in own.counted:
            _store(connection, lane, limit, own.grace)
    if own.ramp is not None:
        connection.execute(of_lane.where(steps > 0, limits.c.ramp != list(own.ramp)))
        if own.ramp:
            _store(connection, lane, SpanLimit(own.ramp[0], DAY), own.grace, own.ramp)
    if own.shared is not None:
        share_limits(connection, lane, own.shared)


def count_account(connection: Connection, lane: int, account: int) -> None:
    """Count what another account has sent lately, through which the lane is to send from now on."""
    _hold_lane(connection, lane)
    execute(connection, "count_account", lane=lane, account=account)


def _hold_lane(connection: Connection, lane: int) -> None:
    """Nothing is claimed for it until the transaction ends."""
    lanes = tables.lanes
    connection.execute(select(lanes.c.id).where(lanes.c.id == lane).with_for_update(key_share=True))


def _store(connection: Connection, lane: int, limit: SpanLimit, grace: float, ramp: Sequence[int] = ()) -> None:
    stored = value(
        connection,
        "set_own_limit",
        lane=lane,
        most=limit.most,
        span=limit.span,
        bucket=limit.bucket,
        grace=grace,
        ramp=list(ramp),
    )
    execute(connection, "refresh_limit", limit=stored)
