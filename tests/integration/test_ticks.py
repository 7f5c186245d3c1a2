"""How a beat that does not tick is noticed."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine, text

from broadcaster.services.ticks import Tick, note_tick, read_ticks


def test_a_tick_is_one_row_with_its_period_and_the_last_time_that_it_was_done(engine: Engine) -> None:
    assert read_ticks(engine) == []
    note_tick(engine, "dispatch", 1.0)
    with engine.begin() as connection:
        connection.execute(text("UPDATE ticks SET done_at = done_at - interval '1 hour'"))
    note_tick(engine, "recover", 5.0)
    old, new = read_ticks(engine)
    assert (old.name, old.period, old.age) == ("dispatch", 1.0, pytest.approx(3600, abs=60))
    assert (new.name, new.period, new.age) == ("recover", 5.0, pytest.approx(0, abs=60))
    note_tick(engine, "dispatch", 2.0)
    again, _ = read_ticks(engine)
    assert (again.name, again.period, again.age) == ("dispatch", 2.0, pytest.approx(0, abs=60))


def test_the_later_writing_of_a_tick_counts_and_not_the_later_moment(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO ticks VALUES ('dispatch', 1, now() + interval '1 minute')"))
    note_tick(engine, "dispatch", 1.0)
    [tick] = read_ticks(engine)
    assert tick.age == pytest.approx(0, abs=30)


@pytest.mark.parametrize(
    ("age", "running", "late"),
    [
        (2.9, None, False),
        (3.1, None, True),
        (None, None, True),  # never done
        (500.0, 2.9, False),  # nothing ran before
        (500.0, 3.1, True),
        (None, 2.9, False),
        (2.9, 500.0, False),
    ],
)
def test_a_tick_is_late_after_three_periods_in_which_a_beat_ran(
    age: float | None, running: float | None, late: bool
) -> None:
    assert Tick("dispatch", 1.0, age).is_late(running) is late
