"""Start of a command: seconds of CPU that `broadcaster` takes from its start to its end.

A worker and a beat run beside it: where nothing ticks, `campaign show` looks further.
"""

from __future__ import annotations

import resource
from collections.abc import Sequence

from benchmarks.campaigns import add_campaign, add_instances
from benchmarks.results import Row
from benchmarks.stand import Stand, open_stand

_COMMANDS = (["--help"], ["campaign", "--help"], ["campaign", "show", "campaign"])


def measure(quick: bool) -> Sequence[Row]:
    """User and system time."""
    with open_stand() as stand:
        [lane] = add_instances(stand, {"instance": None})
        add_campaign(stand, "campaign", {lane: 100})
        with stand.workers(1):
            rows = [
                Row(f"broadcaster {' '.join(command)}", [_cpu(stand, command) for _ in range(3 if quick else 15)], "s")
                for command in _COMMANDS
            ]
    return [row.at_most(0.4) for row in rows]


def _cpu(stand: Stand, arguments: Sequence[str]) -> float:
    before = _children()
    with stand.broadcaster(*arguments) as command:
        command.wait()
    return _children() - before


def _children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
