"""What processes that stay do about their memory; in one of its own, since it cannot be undone."""

from __future__ import annotations

import subprocess
import sys

import pytest

_PROGRAM = """
import gc
from pathlib import Path
from broadcaster.worker.memory import keep_memory_level
gc.set_threshold(0)
keep_memory_level()
print(gc.get_threshold()[0] > 0, gc.get_freeze_count() > 1000)
print(*[line.split()[1] for line in Path("/proc/self/status").read_text().splitlines() if "THP" in line])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="huge pages are Linux's")
def test_a_process_that_stays_collects_garbage_and_refuses_huge_pages() -> None:
    done = subprocess.run([sys.executable, "-c", _PROGRAM], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "True", "0"]
