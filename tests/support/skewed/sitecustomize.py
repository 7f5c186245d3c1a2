"""Gives a process a wrong clock, with this directory on its PYTHONPATH: TEST_CLOCK_SKEW seconds ahead."""

import os
import time

_skew = float(os.environ["TEST_CLOCK_SKEW"])
_time, _time_ns = time.time, time.time_ns

time.time = lambda: _time() + _skew
time.time_ns = lambda: _time_ns() + round(_skew * 1e9)
