"""Mends what a step of the database's clock has left behind: no stored moment lies further ahead than its rule allows.

A clock that was put forward leaves moments in the past, which are due, and absences that were counted too early. One
that was put back leaves moments in the future: what waits for them would stand still, and what they prove is not so.
"""

from __future__ import annotations

from datetime import timedelta

import msgspec
from sqlalchemy import Connection, Engine

from broadcaster.db.engine import transaction
from broadcaster.db.statements import execute, rows
from broadcaster.domain.pacing import CLAIM_LEAD
from broadcaster.services.reconcile.doubts import LONGEST_REST, poll_intervals
from broadcaster.settings import Settings

SLACK_SECONDS = 15.0
"""By how much the ticks may tell less than the clock was put back by: three periods of the slowest."""

MOST_ATTEMPTS = 2000
"""Attempts of one lane that are dated anew in one tick: more than any lane makes until the next one."""


class ClockStep(msgspec.Struct, frozen=True):
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
        [step] = rows(connection, "clock_step", ClockStep)
        if step:
            execute(connection, "clock_is_mended", back=step.back)
        _mend(connection, step, settings)
    # Apart, because there may be very many: nobody waits for these rows.
    with transaction(engine) as connection:
        execute(connection, "mend_attempts", most=MOST_ATTEMPTS)
    return step


def _mend(connection: Connection, step: ClockStep, settings: Settings) -> None:
    # Lanes, limits, messages with their counters, accounts, doubts: the order of those who send and who read back.
    execute(connection, "mend_lanes", lease=timedelta(seconds=settings.lease_seconds), lead=CLAIM_LEAD)
    execute(connection, "mend_limits", grace=settings.acceptance_seconds)
    execute(connection, "mend_frequency", grace=settings.acceptance_seconds)
    execute(connection, "mend_messages", back=step.back)
    execute(connection, "mend_turns")
    execute(connection, "mend_accounts", back=step.back, longest_rest=timedelta(seconds=LONGEST_REST))
    longest_request = max(settings.request_timeout_seconds, settings.gateway_hold_seconds)
    execute(
        connection,
        "mend_doubts",
        back=step.back,
        gap=step.gap,
        slack=SLACK_SECONDS,
        longest_request=timedelta(seconds=longest_request),
        **poll_intervals(settings),
    )
