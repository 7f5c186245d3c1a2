"""The idempotent scans that beat fires: starting, finishing, waking, recovering. Any number may run at once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from math import ceil

from sqlalchemy import Engine

from broadcaster.db.engine import transaction
from broadcaster.db.queries import query

WAKE_AGAIN_AFTER = timedelta(seconds=2)
"""A wake-up that led to nothing in this time counts as lost, and another is published."""
MOST_LANES_A_TASK = 250
TASKS_A_WAVE = 4
"""A wave of wake-ups is spread over this many tasks, so that several workers share it."""


@dataclass(frozen=True, slots=True)
class Recovered:
    """Messages taken back from leases that ended."""

    pending: int
    in_doubt: int


def wake_lanes(engine: Engine, *, claim_ahead: float) -> list[list[int]]:
    """The lanes (ids) to wake now, in groups of one task each. Its cost follows the lanes, never the backlog."""
    parameters = {"again_after": WAKE_AGAIN_AFTER, "ahead": timedelta(seconds=claim_ahead)}
    with transaction(engine) as connection:
        lanes = sorted(connection.exec_driver_sql(query("wake_lanes"), parameters).scalars())
    size = min(MOST_LANES_A_TASK, max(1, ceil(len(lanes) / TASKS_A_WAVE)))
    return [lanes[start : start + size] for start in range(0, len(lanes), size)]


def start_due_campaigns(engine: Engine) -> list[int]:
    """Make campaigns that are due `running`; returns their ids."""
    with transaction(engine) as connection:
        return list(connection.exec_driver_sql(query("start_due_campaigns")).scalars())


def finish_campaigns(engine: Engine) -> list[int]:
    """Make campaigns that balance `finished` (invariant I1) and clear up after cancelled ones.

    Returns the ids of those that finished.
    """
    with transaction(engine) as connection:
        connection.exec_driver_sql(query("sweep_cancelled"))
    with transaction(engine) as connection:
        connection.exec_driver_sql(query("close_cancelled"))
        return list(connection.exec_driver_sql(query("finish_campaigns")).scalars())


def recover_leases(engine: Engine) -> Recovered:
    """Take messages back from leases that ended: `claimed → pending`, `sending → in_doubt`."""
    with transaction(engine) as connection:
        row = connection.exec_driver_sql(query("recover_leases")).one()
        connection.exec_driver_sql(query("refresh_next_due"))
    return Recovered(pending=row.pending, in_doubt=row.in_doubt)
