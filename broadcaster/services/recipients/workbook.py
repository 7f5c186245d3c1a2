"""The first sheet of an Excel workbook as rows of fields, each with its row number.

Unlike a CSV file, a workbook is held in memory as a whole; Excel's own limit is a million rows.
"""

from __future__ import annotations

import datetime
import io
from collections.abc import Iterator
from itertools import islice
from typing import BinaryIO

from broadcaster.errors import InputError
from broadcaster.services.recipients.rows import Rows
from broadcaster.services.recipients.text import read_up_to

SIGNATURE = b"PK\x03\x04"
"""What .xlsx files begin with: they are zip archives."""

MOST_BYTES = 256 << 20
_MEND = "save the list as .xlsx or as CSV (UTF-8)"

Cell = int | float | str | bool | datetime.time | datetime.date | datetime.datetime | datetime.timedelta


class WorkbookRows:
    """The header and the rows of a workbook; used as `RecipientRows` is. `head` is what was read of `source` before.

    Raises InputError for what is no workbook, is encrypted, or has nothing on its first sheet.
    """

    def __init__(self, source: BinaryIO, name: str, *, head: bytes = b"") -> None:
        self._name = name
        data = head + read_up_to(MOST_BYTES, source, name)
        if len(data) > MOST_BYTES:
            raise InputError(f"{name} is a workbook of more than {MOST_BYTES >> 20} MiB; save the list as CSV (UTF-8)")
        self.bytes_read = len(data)
        self._rows = enumerate(_sheet_rows(data, name), 1)
        self.header_line, header = next(((line, row) for line, row in self._rows if any(row)), (0, []))
        if not header:
            raise InputError(f"{name}: its first sheet is empty; it needs a header row with a phone column")
        self._first = next(index for index, field in enumerate(header) if field)
        self._end = max(index for index, field in enumerate(header) if field) + 1
        self.header = header[self._first : self._end]

    def batches(self, size: int) -> Iterator[Rows]:
        """The rows after the header, at most `size` at a time, without blank ones.

        Raises InputError for a cell that is under no column of the header.
        """
        used = ((line, self._within(line, row)) for line, row in self._rows if any(row))
        while rows := list(islice(used, size)):
            yield Rows([line for line, _ in rows], [row for _, row in rows])

    def _within(self, line: int, row: list[str]) -> list[str]:
        if any(row[: self._first]) or any(row[self._end :]):
            raise InputError(
                f"{self._name}, line {line}: there is a cell outside the columns of the header; "
                "give its column a name, or clear it"
            )
        return row[self._first : self._end]


def _sheet_rows(data: bytes, name: str) -> Iterator[list[str]]:
    # Only workbooks need it, and start-up time counts.
    from python_calamine import CalamineError, CalamineWorkbook, PasswordError  # noqa: PLC0415

    try:
        sheet = CalamineWorkbook.from_filelike(io.BytesIO(data)).get_sheet_by_index(0)
    except PasswordError:
        raise InputError(f"{name} is encrypted; save it without a password") from None
    except CalamineError as error:
        raise InputError(f"{name} cannot be read as an Excel workbook ({error}); {_MEND}") from None
    return ([field_of(cell) for cell in row] for row in sheet.iter_rows())


def field_of(cell: Cell) -> str:
    """A cell as it would stand in a CSV file. Excel knows no whole numbers: 628123456789.0 is `628123456789`."""
    match cell:
        case str():
            return cell
        case bool():
            return "TRUE" if cell else "FALSE"
        case float():
            return str(int(cell)) if cell.is_integer() else repr(cell)
        case datetime.datetime():
            return cell.date().isoformat() if cell.time() == datetime.time() else cell.isoformat(sep=" ")
        case datetime.date() | datetime.time():
            return cell.isoformat()
        case _:
            return str(cell)
