"""What an examination finds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from broadcaster.domain.standstill import Remedy
from broadcaster.errors import BroadcasterError

MOST_ALIKE = 100
"""At most this many findings of one check and level are shown: nobody reads a hundred thousand."""


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
    """A finding that nothing is wrong."""
    return Finding(check, Level.OK, detail)


def unwell(check: str, level: Level, what: str, advice: str, command: str) -> Finding:
    """A finding that something is wrong: what, and the `command` that helps. `advice` is the words between the two."""
    return Finding(check, level, f"{what}: {Remedy(advice, command)}", command)


def broken_by(error: BroadcasterError, check: str, advice: str, command: str) -> Finding:
    """A finding that the check ended with an error. Where that names no command that helps, `command` does."""
    if error.command is not None:
        return Finding(check, Level.BAD, str(error), error.command)
    return unwell(check, Level.BAD, str(error), advice, command)


def at_most_alike(found: Iterable[Finding]) -> Iterator[Finding]:
    """The findings, at most MOST_ALIKE of each check and level; at the end how many more of these there are."""
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


def not_examined(check: str, missing_server: str) -> Finding:
    """A finding that a check could not be made, since a server (Postgres, Redis) does not answer."""
    what, advice = f"not known: {missing_server} is away", "once it is back, look again with"
    return unwell(check, Level.WARN, what, advice, "broadcaster doctor")
