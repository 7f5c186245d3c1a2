"""When each of beat's ticks was last done: how a beat that is wedged, or that nobody started, is noticed."""

from __future__ import annotations

from time import monotonic, sleep
from typing import TYPE_CHECKING

import msgspec

from broadcaster.db.faults import plain_errors
from broadcaster.db.reading import Reader, reading
from broadcaster.db.statements import execute, rows

if TYPE_CHECKING:
    from sqlalchemy import Engine

LATE_PERIODS = 3
"""A tick that has not been done for more than so many of its periods is late."""
PUT_BACK_SLACK = 1.0
"""Seconds beyond its period for which a tick that the clock was put back under is waited for."""
_LOOK_AGAIN = 0.2


class Tick(msgspec.Struct, frozen=True):
    """One of the scans that beat fires, and for how many seconds it has not been done; None: never yet."""

    name: str
    period: float
    """How many seconds apart beat fires it."""
    age: float | None
    put_back: bool = False
    """Whether it was noted by a database's clock that has been put back since, so that nobody knows its age."""

    def is_late(self, running: float | None = None) -> bool:
        """Whether it should have been done again by now.

        Where the beat is known to have been `running` for so many seconds only, it is not blamed for earlier ones.
        A tick whose age nobody knows is late: `read_ticks` has waited for its next time.
        """
        ages = [age for age in (self.age, running) if age is not None]
        return not ages or min(ages) > LATE_PERIODS * self.period


def note_tick(engine: Engine, name: str, period: float) -> None:
    """Keep that the tick `name`, which beat fires every `period` seconds, was done just now."""
    with plain_errors(), engine.begin() as connection:
        execute(connection, "note_tick", name=name, period=period)


def read_ticks(source: Engine | Reader) -> list[Tick]:
    """The ticks that have ever been done, the most frequent first.

    Where the database's clock has been put back, a beat that lives notes each of its ticks anew within a period. That
    is waited for, so that it is not blamed, and a dead one is not taken for a live one.

    A release that has one tick less than the one before deletes its row, or it would be late for ever.
    """
    began = monotonic()
    while True:
        ticks = _read_ticks(source)
        waited = monotonic() - began
        if not any(tick.put_back and waited <= tick.period + PUT_BACK_SLACK for tick in ticks):
            return ticks
        sleep(_LOOK_AGAIN)


def _read_ticks(source: Engine | Reader) -> list[Tick]:
    with reading(source) as connection:
        return rows(connection, "tick_ages", Tick)
