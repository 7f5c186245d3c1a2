"""How many recipients may be left out before that looks like a mistake. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

_MOST = 0.05
_FEW = 3


def too_many(rejected: int, read: int) -> bool:
    """More than one in twenty, three of a short list, or half of a shorter one. So all of them always are."""
    return rejected > max(_MOST * read, min(_FEW, read / 2))


@dataclass(slots=True)
class Rejections:
    """Counts the rows of a file that are left out, whatever is wrong with them."""

    read: int = 0
    rejected: int = 0
    first: tuple[int, str] | None = None
    """The line, and why, as a sentence."""

    def add(self, kept: int, rejected: Sequence[tuple[int, str]]) -> None:
        """So many more rows are kept, and these are not: the line of each, and why."""
        self.read += kept + len(rejected)
        self.rejected += len(rejected)
        if rejected and self.first is None:
            self.first = rejected[0]

    @property
    def reason_to_stop(self) -> str | None:
        """What looks like a mistake, and what to do; None: nothing does."""
        if self.first is None or not too_many(self.rejected, self.read):
            return None
        line, why = self.first
        return (
            f"{self.rejected:,} of {self.read:,} rows cannot be used, the first on line {line}: "
            f"{why} Mend them, or leave them out with --accept-rejected"
        )
