"""A process that only sleeps until every tenth of a second: what the machine itself cannot keep, no lane can.

`python -m benchmarks.metronome SECONDS FILE` writes to FILE, at the end, when it was awake: seconds of the machine's
monotonic clock, one a line.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

RATE = 10.0
"""Ticks a second."""


def tick(seconds: float) -> list[float]:
    """The moments at which it was awake."""
    begins = time.monotonic()
    moments = []
    for number in range(int(seconds * RATE)):
        time.sleep(max(0.0, begins + number / RATE - time.monotonic()))
        moments.append(time.monotonic())
    return moments


if __name__ == "__main__":
    moments = tick(float(sys.argv[1]))
    Path(sys.argv[2]).write_text("".join(f"{moment}\n" for moment in moments))
