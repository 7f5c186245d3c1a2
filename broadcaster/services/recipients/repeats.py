"""Lines of a recipients file whose phone is on an earlier one, too."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Sequence
from typing import NamedTuple

MOST_REPEATS_SHOWN = 20
"""So many lines are listed that repeat another one's phone."""


class Repeat(NamedTuple):
    """A line of the file whose phone is on an earlier one, too."""

    line: int
    first_line: int


class StartingLines:
    """On which line each recipient started: kept as the few numbers from which on the distance is another one."""

    def __init__(self) -> None:
        self._seqs = array("q")
        self._distances = array("q")

    def add(self, seq: int, lines: Sequence[int]) -> None:
        """Recipients from number `seq` on started on `lines`."""
        unbroken = lines[-1] - lines[0] == len(lines) - 1
        for number, line in enumerate(lines[:1] if unbroken else lines, seq):
            if not self._distances or self._distances[-1] != line - number:
                self._seqs.append(number)
                self._distances.append(line - number)

    def of(self, seq: int) -> int:
        """The line of one of them."""
        return seq + self._distances[bisect_right(self._seqs, seq) - 1]
