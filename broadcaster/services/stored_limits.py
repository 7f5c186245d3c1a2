"""Limits over spans of time, stored for lanes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, delete, select

from broadcaster.db import tables
from broadcaster.db.statements import execute
from broadcaster.domain.span_limits import SpanLimit


class CountedLimits(NamedTuple):
    """What is counted of a lane, and how many seconds after its claim the gateway may accept a message."""

    limits: Sequence[SpanLimit]
    grace: float


def set_own_limits(connection: Connection, lane: int, counted: CountedLimits) -> None:
    """Make these the lane's own limits, from the next claim on. What it has sent lately counts already."""
    lanes, limits = tables.lanes, tables.limits
    connection.execute(select(lanes.c.id).where(lanes.c.id == lane).with_for_update(key_share=True))
    spans = [limit.span for limit in counted.limits]
    connection.execute(delete(limits).where(limits.c.lane_id == lane, limits.c.span_seconds.not_in(spans)))
    for limit in counted.limits:
        execute(
            connection,
            "set_own_limit",
            lane=lane,
            most=limit.most,
            span=limit.span,
            bucket=limit.bucket,
            grace=counted.grace,
        )
        found = select(limits.c.id).where(limits.c.lane_id == lane, limits.c.span_seconds == limit.span)
        execute(connection, "refresh_limit", limit=connection.scalar(found))
