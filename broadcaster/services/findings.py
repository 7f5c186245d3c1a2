"""What an examination finds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from broadcaster.domain.standstill import Remedy
from broadcaster.errors import BroadcasterError

MOST_ALIKE = 100
"""Findings: nobody reads a hundred thousand."""


class Level(StrEnum):
    """How bad a finding is."""

    OK = "ok"
    WARN = "warn"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check came to: in one line, what is so and, where something is wrong, the command that helps.

    Made by `well` and `unwell`.
    """

    check: str
    level: Level
    detail: str
    command: str | None = None


def well(check: str, detail: str) -> Finding:
    """Nothing is wrong."""
    return Finding(check, Level.OK, detail)


def unwell(check: str, level: Level, what: str, advice: str, command: str) -> Finding:
    """Something is: `advice` leads from `what` to the `command`."""
    return Finding(check, level, f"{what}: {Remedy(advice, command)}", command)


def failed(check: str, error: BroadcasterError, advice: str, command: str) -> Finding:
    """What an error says is wrong, with its own command where it ends with one."""
    if str(error).endswith("`"):
        return Finding(check, Level.BAD, str(error), str(error).split("`")[-2])
    return unwell(check, Level.BAD, str(error), advice, command)


def few(found: Iterable[Finding]) -> Iterator[Finding]:
    """At most MOST_ALIKE of each check and level, then how many more there are."""
    counts: Counter[tuple[str, Level]] = Counter()
    for finding in found:
        alike = finding.check, finding.level
        counts[alike] += 1
        if counts[alike] <= MOST_ALIKE:
            yield finding
    for (check, level), count in counts.items():
        if count > MOST_ALIKE:
            what = f"{count - MOST_ALIKE:,} more like those above"
            yield unwell(check, level, what, "mend those, and look again with", "broadcaster doctor")


def not_known(check: str, away: str) -> Finding:
    """What cannot be examined while the server called `away` is."""
    what, advice = f"not known: {away} is away", "once it is back, look again with"
    return unwell(check, Level.WARN, what, advice, "broadcaster doctor")
