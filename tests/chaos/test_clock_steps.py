"""Postgres's clock is stepped, both ways, while workers are sending. Rows of docs/reliability.md.

A step forward ends leases: what was in flight then is in doubt. One back makes moments lie ahead, until the next
`recover` tick mends them.
"""

from __future__ import annotations

import time

import pytest

from tests.support.chaos import AT_ONCE, RECOVERY, Chaos
from tests.support.database_clock import DatabaseClock

HOUR = 3600.0
UNDER_WAY = 0.5
"""Seconds after a step until whatever was claimed before has been accepted."""


@pytest.mark.parametrize(
    ("seconds", "rate", "for_seconds", "runs"),
    [
        pytest.param(300.0, "50/s", 0.0, 1, id="short"),
        *(
            pytest.param(seconds, rate, 4.0, 2, id=f"{seconds:+.0f} s at {rate}", marks=pytest.mark.chaos)
            for seconds in (300.0, -300.0, HOUR, -HOUR)
            for rate in ("50/s", "unlimited")
        ),
    ],
)
def test_a_clock_that_is_stepped_and_put_right_stops_the_sending_for_seconds_only(
    chaos: Chaos, seconds: float, rate: str, for_seconds: float, runs: int
) -> None:
    clock = DatabaseClock(chaos.shop.engine)
    # A lane that is given back is right again: here it is held for longer than it may stand still.
    chaos.begin(800 if runs == 1 else 4000, rate=rate, BROADCASTER_DRAIN_SECONDS="40")
    for _ in range(runs):
        for step in (seconds, -seconds):
            chaos.wait_accepted(20)
            clock.step(step)
            stepped = time.monotonic()
            assert chaos.recovered(stepped + UNDER_WAY) <= RECOVERY
            assert chaos.unsent()
            time.sleep(max(0.0, stepped + for_seconds - time.monotonic()))  # the clock is wrong for so long
    fault = f"Postgres's clock {seconds:+,.0f} s for {for_seconds:.0f} s, at {rate}"
    chaos.finish(fault, runs=2 * runs, most_in_doubt=AT_ONCE * 2 * runs, steps_forward=runs)
