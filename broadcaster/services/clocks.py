"""Mends what a step of the database's clock has left behind: no stored moment lies further ahead than its rule allows.

A clock that was put forward leaves moments in the past, which are due, and absences that were counted too early. One
that was put back leaves moments in the future: what waits for them would stand still, and what they prove is not so.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Connection, Engine

from broadcaster.db.engine import transaction
from broadcaster.db.queries import query
from broadcaster.domain.pacing import CLAIM_LEAD
from broadcaster.services.reconcile.doubts import LONGEST_REST, poll_intervals
from broadcaster.settings import Settings

SLACK_SECONDS = 15.0
"""By how much the ticks may tell less than the clock was put back by: three periods of the slowest."""

MOST_ATTEMPTS = 2000
"""Attempts of one lane that are dated anew in one tick: more than any lane makes until the next one."""


@dataclass(frozen=True, slots=True)
class ClockStep:
    """What the ticks tell of steps since the last time, in seconds; 0: nothing.

    `back` is how far the clock was put back. `gap` is time in which no `recover` tick was done: nobody was there, or
    the clock was put forward.
    """

    back: float
    gap: float

    def __bool__(self) -> bool:
        return self.back > 0 or self.gap > 0


def mend_clocks(engine: Engine, settings: Settings) -> ClockStep:
    """Pull back what lies too far ahead, and begin reading back anew where the clock may have been stepped.

    Part of the `recover` tick, before that is noted as done. Costs a few index look-ups where nothing is wrong.
    """
    with transaction(engine) as connection:
        row = connection.exec_driver_sql(query("clock_step")).one()
        step = ClockStep(row.back, row.gap)
        if step:
            connection.exec_driver_sql(query("clock_is_mended"), {"back": step.back})
        _mend(connection, step, settings)
    # Apart, because there may be very many: nobody waits for these rows.
    with transaction(engine) as connection:
        connection.exec_driver_sql(query("mend_attempts"), {"most": MOST_ATTEMPTS})
    return step


def _mend(connection: Connection, step: ClockStep, settings: Settings) -> None:
    # Lanes, messages with their counters, accounts, doubts: the order of those who send and who read back.
    lanes = {
        "lease": timedelta(seconds=settings.lease_seconds),
        "lead": CLAIM_LEAD,
    }
    accounts = {"back": step.back, "longest_rest": timedelta(seconds=LONGEST_REST)}
    doubts = {
        "back": step.back,
        "gap": step.gap,
        "slack": SLACK_SECONDS,
        "longest_request": timedelta(seconds=max(settings.request_timeout_seconds, settings.gateway_hold_seconds)),
        **poll_intervals(settings),
    }
    connection.exec_driver_sql(query("mend_lanes"), lanes)
    connection.exec_driver_sql(query("mend_messages"), {"back": step.back})
    connection.exec_driver_sql(query("mend_turns"))
    connection.exec_driver_sql(query("mend_accounts"), accounts)
    connection.exec_driver_sql(query("mend_doubts"), doubts)
