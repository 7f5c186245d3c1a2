"""Cells with several phones, as Google Contacts writes them: `+62 812-3456-7890 ::: +62 21 555 0123`."""

from __future__ import annotations

from collections.abc import Sequence

from broadcaster.domain.phones import PhoneError, PhoneNormaliser

_BETWEEN = ":::"
_MOST_LINES = 5
"""Lines that are named of such cells."""


def phones_of_cell(cell: str) -> list[str]:
    """The phones that are written in a cell."""
    return cell.split(_BETWEEN)


class SeveralPhones:
    """Takes the first usable phone of each such cell, and knows how many there were."""

    def __init__(self, normalise: PhoneNormaliser) -> None:
        self._normalise = normalise
        self._lines: list[int] = []
        self._cells = 0

    def first_usable(self, lines: Sequence[int], written: Sequence[str]) -> Sequence[str]:
        """The cells on these lines with one phone each. A cell of which none is usable stays as it is."""
        if _BETWEEN not in "\n".join(written):
            return written
        return [
            self._first(line, cell) if _BETWEEN in cell else cell for line, cell in zip(lines, written, strict=True)
        ]

    @property
    def notice(self) -> str | None:
        """For people, after the rows were read."""
        if not self._cells:
            return None
        more = f" and {self._cells - len(self._lines):,} more" if self._cells > len(self._lines) else ""
        shown = ", ".join(map(str, self._lines))
        return (
            f"cells with several phones: {self._cells:,} (lines {shown}{more}): the first usable one of each is "
            "taken, and the others are left out; give each a row of its own to send to all"
        )

    def _first(self, line: int, cell: str) -> str:
        for part in phones_of_cell(cell):
            try:
                self._normalise(part)
            except PhoneError:
                continue
            self._cells += 1
            if len(self._lines) < _MOST_LINES:
                self._lines.append(line)
            return part
        return cell
