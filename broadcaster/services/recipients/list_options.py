"""How a recipients file is to be read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from broadcaster.domain.templates import Template
from broadcaster.domain.written_values import ValueFault
from broadcaster.services.recipients.hidden_rows import HiddenRowsRule


class RowCheck(Protocol):
    """What else rows must be good for, beside their phones and texts."""

    def check(self, columns: Sequence[str]) -> None:
        """Raise InputError or UsageError where the variables that there are do not do."""
        ...

    def faults(self, variables: Mapping[str, Sequence[str]]) -> Mapping[int, ValueFault]:
        """The rows that are not, by their number in these columns, each with what is wrong."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipientOptions:
    """How to read a recipients file, and what its rows must be able to render."""

    phone_column: str | None = None
    """The column with the phone numbers, in whatever case. None: `phone`."""
    country: str | None = None
    """ISO 3166 code of the numbers written without `+` or `00`. None: those start with their country code, and the
    file is refused where they do not agree on one country."""
    accept_countries: bool = False
    """Whether numbers are taken as they are read, whatever speaks against their countries."""
    accept_rejected: bool = False
    """Whether any number of rows that cannot be used may be left out."""
    delimiter: str | None = None
    """One character. None: detected from the header."""
    encoding: str | None = None
    """A Python codec. None: UTF-8, with or without a byte order mark."""
    sheet: str | None = None
    """Of a workbook, in whatever case. None: the first one that is not hidden."""
    header_row: int | None = None
    """The line of the header, counted from 1. None: the first one that is not blank."""
    hidden_rows: HiddenRowsRule | None = None
    """What becomes of rows that a spreadsheet does not show. None: they look like a mistake."""
    required: Sequence[str] = ()
    """Columns or variables that must not be empty: a row where one is, is rejected."""
    again: bool = False
    """Whether rows of an export of a campaign that say that they were sent are taken like any others."""
    text: Template | None = None
    """Must not render blank, nor longer than MAX_TEXT_LENGTH, for any recipient."""
    caption: Template | None = None
    """May render blank, but not longer than MAX_TEXT_LENGTH."""
    row_checks: Sequence[RowCheck] = ()
    batch_size: int = 500
    """The most rows in one batch. Each is a list, and 700 new ones set off the garbage collector, which finds none."""
