"""What each row of a file has for its phone: in one column, in several, or several in one cell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from broadcaster.domain.phones import PhoneNormaliser, ReadPhones
from broadcaster.services.recipients.phone_columns import PhoneColumn, PhoneColumns
from broadcaster.services.recipients.rows import Rows
from broadcaster.services.recipients.several_phones import SeveralPhones


class WrittenPhones(NamedTuple):
    """The phones of some rows: what is written for each, and how that is read."""

    written: Sequence[str]
    read: ReadPhones

    @property
    def numbers(self) -> Sequence[str]:
        """Of each row, the E.164 digits; nothing where there is a fault."""
        if not self.read.faults:
            return self.read.numbers
        following = iter(self.read.numbers)
        return ["" if row in self.read.faults else next(following) for row in range(len(self.written))]


class RowPhones:
    """Takes one phone of each row, and knows which others there were."""

    def __init__(self, field: int, columns: Sequence[PhoneColumn], country: str | None, *, are_whole: bool) -> None:
        """`field` is the one with the phones, where no `columns` have several of one person.

        Those without `+` are of this country, or begin with their country code. Phones that `are_whole` do so anyway,
        as if each had its `+`.
        """
        self._field = field
        self._are_whole = are_whole
        self._normalise = PhoneNormaliser(None if are_whole else country)
        self._several = SeveralPhones(self._normalise)
        self._columns = PhoneColumns(columns, self._normalise) if columns else None

    def read(self, rows: Rows) -> WrittenPhones:
        """The phones of these rows."""
        chosen = self._columns.chosen(*rows) if self._columns else [row[self._field] for row in rows.rows]
        written = self._several.first_usable(rows.lines, chosen)
        read = self._normalise.all(written)
        if self._are_whole:
            read = read._replace(are_bare=(False,) * len(read.numbers))
        return WrittenPhones(written, read)

    @property
    def notice_of_columns(self) -> str | None:
        """For people, after the rows were read: from which columns phones were taken."""
        return self._columns.notice if self._columns else None

    @property
    def notice_of_cells(self) -> str | None:
        """For people, after the rows were read: which cells had several."""
        return self._several.notice
