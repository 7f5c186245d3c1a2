"""Time that machines share comes from the database: a worker's wrong clock changes nothing (invariant I5)."""

from __future__ import annotations

import ast
from pathlib import Path

import broadcaster

PACKAGE = Path(broadcaster.__path__[0])
READS_OF_THE_CLOCK = {"time.time", "time.time_ns", "datetime.now", "datetime.utcnow", "datetime.today", "date.today"}
ALLOWED = {
    "gateway/texts.py",  # Retry-After as a date, where the reply does not say what time it is there
    "services/diagnosis.py",  # tells how wrong this machine's clock is
    "services/traces.py",  # what spans say for people, and no machine relies on
}


def test_what_a_worker_runs_reads_no_clock_of_its_machine() -> None:
    read = set()
    for layer in ("domain", "db", "gateway", "services", "worker"):
        for path in (PACKAGE / layer).rglob("*.py"):
            calls = (node for node in ast.walk(ast.parse(path.read_bytes())) if isinstance(node, ast.Call))
            if any(".".join(ast.unparse(call.func).split(".")[-2:]) in READS_OF_THE_CLOCK for call in calls):
                read.add(path.relative_to(PACKAGE).as_posix())
    assert read == ALLOWED
