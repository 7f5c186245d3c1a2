"""What a recipients file is read into: batches of usable rows, and the rows that are left out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress, repeat
from typing import NamedTuple

from broadcaster.domain.phones import PhoneFault
from broadcaster.domain.written_values import ValueFault

SAMPLES = 3
"""Rows that are shown for what was read, and for what was rejected."""
Progress = Callable[[int, int | None, int], None]
"""Called now and then with bytes read, bytes in all if known, and rows so far."""

Recipient = tuple[int, str, dict[str, str]]
"""The line on which a usable row starts, its phone in E.164 digits, and its other columns by variable name."""


class RejectedRow(NamedTuple):
    """A row that cannot be sent to, and why.

    Its phone is as written (at most MAX_WRITTEN_LENGTH characters) where that is at fault, otherwise digits.
    """

    line: int
    phone: str
    fault: PhoneFault | ValueFault


@dataclass(frozen=True, slots=True)
class Batch:
    """Consecutive rows of the file, by column: a million rows are too many to make an object of each."""

    lines: Sequence[int]
    """Of each usable row, the line on which it starts."""
    phones: Sequence[str]
    """Of each usable row, its phone in E.164 digits."""
    variables: Mapping[str, Sequence[str]]
    """Of each usable row, its other columns, by variable name."""
    rejected: Sequence[RejectedRow]

    def kept(self, is_kept: Sequence[bool], rejected: Sequence[RejectedRow]) -> Batch:
        """The usable rows that are kept, beside these rejected ones."""
        return Batch(
            list(compress(self.lines, is_kept)),
            list(compress(self.phones, is_kept)),
            {name: list(compress(column, is_kept)) for name, column in self.variables.items()},
            rejected,
        )

    @property
    def recipients(self) -> list[Recipient]:
        """The usable rows one by one."""
        names = tuple(self.variables)
        rows = zip(*self.variables.values(), strict=True) if names else repeat(())
        return list(zip(self.lines, self.phones, map(dict, map(zip, repeat(names), rows)), strict=False))


OnRejected = Callable[[RejectedRow], None]
"""Called with each row that is left out, in the order of the file."""


def telling_rejected(batches: Iterable[Batch], on_rejected: OnRejected) -> Iterator[Batch]:
    """The same batches, whose rejected rows are told as they pass."""
    for batch in batches:
        for row in batch.rejected:
            on_rejected(row)
        yield batch
