"""Rows with phones in several columns, as address books export them: of each person the mobile one is taken.

Google's `Phone 1 - Value` is the mobile phone of one row and the office of the next; a label beside it says which.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from broadcaster.domain.phones import PhoneError, PhoneNormaliser, is_mobile, parse_e164
from broadcaster.domain.whose_numbers import said_lines
from broadcaster.errors import quoted
from broadcaster.services.recipients.several_phones import phones_of_cell

_MOBILE = re.compile(r"whats\s?app|\bwa\b|mobil|cell|iphone|hand[ -]?phone|\bhp\b|ponsel|seluler|handy|celular", re.I)
_NO_TALK = re.compile(r"fax|pager|telex", re.I)
_MOST_LINES = 5
"""Lines that are named of rows with several phones."""


class PhoneColumn(NamedTuple):
    """A column with phones, by the number of its field."""

    field: int
    name: str
    label: int | None
    """Where the kind of each phone stands; None: the column's name says it."""


class PhoneColumns:
    """Takes one phone of each row, and knows from which columns they came."""

    def __init__(self, columns: Sequence[PhoneColumn], normalise: PhoneNormaliser) -> None:
        """`columns` are in the order in which they are taken where nothing else tells."""
        self._columns = columns
        self._normalise = normalise
        self._taken = [0] * len(columns)
        self._several: list[int] = []
        self._several_rows = 0

    def chosen(self, lines: Sequence[int], rows: Sequence[Sequence[str]]) -> list[str]:
        """What is written for the phone of each row: the first one that is usable and mobile.

        Where labels or the names of columns say which phone is mobile, those come first; fax numbers come last. Where
        none is mobile the first usable one is taken, and where none is usable the first that is written.
        """
        return [self._of_row(line, row) for line, row in zip(lines, rows, strict=True)]

    @property
    def notice(self) -> str:
        """For people, after the rows were read."""
        taken = ", ".join(
            f"{quoted(column.name)} {rows:,}" for column, rows in zip(self._columns, self._taken, strict=True) if rows
        )
        several = (
            f"; rows with several phones: {self._several_rows:,} ({said_lines(self._several, self._several_rows)}), "
            "of which the others are left out"
            if self._several_rows
            else ""
        )
        return (
            f"of each row the first mobile phone is taken, by column: {taken}{several}; "
            "--phone-column takes one column"
        )

    def _of_row(self, line: int, row: Sequence[str]) -> str:
        filled = [
            (place, row[column.field]) for place, column in enumerate(self._columns) if row[column.field].strip()
        ]
        if not filled:
            return ""
        place, phone = filled[0]
        # Whether the only phone is usable is seen later.
        if len(filled) > 1 or len(phones_of_cell(phone)) > 1:
            usable: dict[str, tuple[int, int, str]] = {}
            for at, cell in filled:
                for written in phones_of_cell(cell):
                    self._rank(at, written, row, usable)
            if usable:
                _, place, phone = min(usable.values(), key=lambda each: each[:2])
            if len(usable) > 1:
                self._several_rows += 1
                if len(self._several) < _MOST_LINES:
                    self._several.append(line)
        self._taken[place] += 1
        return phone

    def _rank(self, place: int, written: str, row: Sequence[str], usable: dict[str, tuple[int, int, str]]) -> None:
        """Add a phone by its number, with how likely WhatsApp is on it: the lowest is taken."""
        try:
            number = self._normalise(written)
        except PhoneError:
            return
        column = self._columns[place]
        kind = column.name if column.label is None else row[column.label]
        if _NO_TALK.search(kind):
            rank = 3
        elif is_mobile(parse_e164(number)):
            rank = 0 if _MOBILE.search(kind) else 1
        else:
            rank = 2
        usable[number] = min(usable.get(number, (rank, place, written)), (rank, place, written))
