"""How instances are, and operators who pause and resume them."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, Engine, func, select, update

from broadcaster.db import tables
from broadcaster.db.engine import transaction
from broadcaster.domain.states import LaneHealth
from broadcaster.services.instances import find_instance


def pause_instance(engine: Engine, name: str) -> None:
    """Send nothing through it until it is resumed. Takes effect on running drains at once."""
    with transaction(engine) as connection:
        set_instance_health(connection, find_instance(connection, name).id, LaneHealth.PAUSED, "paused by an operator")


def resume_instance(engine: Engine, name: str) -> None:
    """Send through it again, whatever stopped it (paused, retired, refused, down, throttled, its own limits).

    What came to pass before counts for these no more. What went to others when it was retired stays with them.
    """
    accounts = tables.accounts
    with transaction(engine) as connection:
        instance = find_instance(connection, name, lock=True)
        judged = update(tables.instances).where(tables.instances.c.id == instance.id)
        connection.execute(judged.values(judged_since=func.now(), retired_at=None))
        set_instance_health(connection, instance.id, LaneHealth.OK, None)
        trusted = update(accounts).where(accounts.c.id == instance.account_id)
        connection.execute(trusted.values(truth_shown=0, truth_missing=0, truth_since=func.now()))


def instance_health(connection: Connection, instance_id: int) -> tuple[LaneHealth, str | None]:
    """How it is, and why."""
    lanes = tables.lanes
    row = connection.execute(select(lanes.c.health, lanes.c.health_reason).where(lanes.c.id == instance_id)).one()
    return LaneHealth(row.health), row.health_reason


def set_instance_health(
    connection: Connection,
    instance_id: int,
    health: LaneHealth,
    reason: str | None,
    only: Sequence[LaneHealth] = tuple(LaneHealth),
) -> None:
    """Let it be so from now on, where it is one of `only` and is not so already."""
    lanes = tables.lanes
    connection.execute(
        update(lanes)
        .where(lanes.c.id == instance_id, lanes.c.health.in_(only), lanes.c.health != health)
        .values(health=health, health_reason=reason, health_since=func.now(), failures=0, not_before=None)
    )
