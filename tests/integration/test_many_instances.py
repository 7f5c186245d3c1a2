"""Commands that list all instances, where there are thousands: in bounded memory, and as they list a few.

With a hundred thousand they were measured by hand: docs/performance.md.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass

import pytest
from sqlalchemy import Engine

from broadcaster.services.findings import MOST_ALIKE
from broadcaster.settings import Settings
from tests.support.cli import CliResult
from tests.support.many_instances import add_many_instances, open_campaign_over_all

COUNT = 5_000
MEGABYTES = 30
"""That a command may take more for COUNT instances than for none: a hundred thousand take no 200."""
PROGRAM = """
import sys
from broadcaster.cli.main import main
code = main(sys.argv[1:])
sys.stdout.flush()
[peak] = [line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")]
sys.stderr.write(peak)
sys.exit(code)
"""


@dataclass(frozen=True)
class Measured:
    """What a command did, and the most memory that it took."""

    result: CliResult
    megabytes: float


def measure(environ: Mapping[str, str], *arguments: str) -> Measured:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments],
        env=environ,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    peak = done.stderr.splitlines()[-1]
    return Measured(CliResult(done.returncode, done.stdout, done.stderr.removesuffix(peak)), int(peak) / 1024)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="asks /proc for the memory")
def test_thousands_are_listed_in_bounded_memory(engine: Engine, settings: Settings, environ: dict[str, str]) -> None:
    commands = ("instance list", "instance list --json", "status", "status --json", "doctor", "doctor --json")
    before = {command: measure(environ, *command.split()) for command in commands}
    add_many_instances(engine, settings, COUNT, unwell=COUNT)
    open_campaign_over_all(engine, 2)
    after = {command: measure(environ, *command.split()) for command in commands}
    more = {command: after[command].megabytes - before[command].megabytes for command in commands}
    assert {command: megabytes for command, megabytes in more.items() if megabytes > MEGABYTES} == {}
    table = after["instance list"].result.stdout.splitlines()
    assert table[0].split() == ["NAME", "HEALTH", "RATE", "PENDING", "SENDING", "SENT", "FAILED", "IN", "DOUBT"]
    assert table[1].split() == ["shop", "000001", "down", "60/min", "2", "0", "0", "0", "0"]
    assert len(table) == 1 + 2 * COUNT
    names = [each["name"] for each in after["instance list --json"].result.json]
    assert names == [f"shop {number:06}" for number in range(1, COUNT + 1)]
    standing = after["status --json"].result.json["standing_still"]
    assert [each["name"] for each in standing] == [*names, "everywhere"]
    status = after["status"].result.stdout.splitlines()
    assert f"and {COUNT - 100:,} instances more: see `broadcaster status --json`" in status
    assert status[-1].startswith("campaign everywhere stands still")
    checks = after["doctor --json"].result.json["checks"]
    of_instances = [each["detail"] for each in checks if each["check"] == "instances"]
    assert len(of_instances) == MOST_ALIKE + 1
    assert of_instances[-1].startswith(f"{COUNT - MOST_ALIKE:,} more like those above")
    assert after["doctor"].result.code == 1


def test_what_is_well_is_not_even_asked_for(engine: Engine, settings: Settings, environ: dict[str, str]) -> None:
    add_many_instances(engine, settings, 1_001)
    assert measure(environ, "status", "--json").result.json["standing_still"] == []
    [instances] = [
        each for each in measure(environ, "doctor", "--json").result.json["checks"] if each["check"] == "instances"
    ]
    assert instances["detail"] == "all 1,001 are ok"
