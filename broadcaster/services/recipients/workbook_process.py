"""Reads one sheet of a workbook in a process of its own, whose memory and time are limited.

The library holds a sheet as the rectangle of all cells between the first and the last, keeps a copy of a shared text
for each cell that shows it, and ends its process where memory runs out. A file of 1.5 KB can ask for 500 GB so.
`WorkbookRows` starts this module, writes the workbook to its standard input, and reads frames from its standard
output: four bytes of length, and a `Frame`. The first one holds the `Book`, the last one is empty or holds a fault.
The sheet is the one that is named on its command line, or the first one that is not hidden.
"""

from __future__ import annotations

import datetime
import io
import re
import sys
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING

import msgspec

from broadcaster.errors import listed, quoted
from broadcaster.services.recipients.limits import (
    LONGEST_FIELD,
    LONGEST_ROW,
    MAX_COLUMNS,
    MOST_CELLS,
    MOST_CPU_SECONDS,
    MOST_MEMORY_BYTES,
    MOST_ROWS,
    MOST_UNPACKED_BYTES,
)
from broadcaster.services.recipients.sheet_xml import SheetParts
from broadcaster.services.recipients.workbook_parts import kind_of_archive, sheet_parts

if TYPE_CHECKING:
    from python_calamine import CalamineWorkbook

LENGTH_BYTES = 4
TOO_LARGE = (
    "the sheet takes too much memory to be read: there are cells far from the list, or very long texts; "
    "clear them, or save the list as CSV (UTF-8)"
)
_MEND = "save the list as .xlsx or as CSV (UTF-8)"
_INSTALL = "`pip install 'wachatpro-broadcaster[xlsx]'`, or save the list as CSV (UTF-8)"
_FRAME_ROWS = 500
_FRAME_CHARACTERS = 1 << 20
_NO_CELLS = frozenset({"SheetTypeEnum.ChartSheet", "SheetTypeEnum.Vba"})
_VISIBLE = "SheetVisibleEnum.Visible"
_LOOKED_AT = 50
"""Rows in which phones are looked for."""
_LONG_NUMBER = re.compile(r"\s*\+?(?:[\s().\-/]*\d){9,15}\s*")

Cell = int | float | str | bool | datetime.time | datetime.date | datetime.datetime | datetime.timedelta


class Book(msgspec.Struct, array_like=True):
    """What a workbook has beside the rows of the sheet that is read."""

    sheet: str
    """The one that is read."""
    others: list[str] = []
    hidden: list[str] = []
    """Of the others, those that its program does not show."""
    with_phones: list[str] = []
    """Of the others, those that have phones; they are looked at only where the sheet itself seems to have none."""
    hidden_rows: list[tuple[int, int]] = []
    """The first and the last of those that follow each other."""
    without_value: str | None = None
    """The first cell whose formula has no value."""


class Frame(msgspec.Struct, array_like=True):
    """Some rows that are not blank, and the number of each; or what is wrong with the workbook, after its name."""

    lines: list[int] = []
    rows: list[list[str]] = []
    fault: str | None = None
    book: Book | None = None


class _RefusedError(Exception):
    """The workbook cannot be used; the message follows the file's name."""


def main() -> None:
    """Read a workbook from standard input and write its frames to standard output."""
    _limit_resources()
    try:
        for frame in _frames(sys.stdin.buffer.read(), sys.argv[1] if len(sys.argv) > 1 else None):
            _write(frame)
        last = Frame()
    except _RefusedError as refused:
        last = Frame(fault=str(refused))
    except MemoryError:
        last = Frame(fault=f": {TOO_LARGE}")
    except BaseException as error:  # noqa: BLE001 - panics of the library are no Exceptions
        last = Frame(fault=f" cannot be read as an Excel workbook ({_named(error)}); {_MEND}")
    _write(last)


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


def _limit_resources() -> None:
    with suppress(ImportError):  # Windows has none of these limits.
        import resource  # noqa: PLC0415

        wanted = {
            resource.RLIMIT_AS: MOST_MEMORY_BYTES,
            resource.RLIMIT_CPU: MOST_CPU_SECONDS,
            resource.RLIMIT_CORE: 0,
        }
        for which, most in wanted.items():
            hard = resource.getrlimit(which)[1]
            limit = most if hard == resource.RLIM_INFINITY else min(most, hard)
            with suppress(ValueError, OSError):  # macOS knows RLIMIT_AS, and does not always take it.
                resource.setrlimit(which, (limit, limit))


def _frames(data: bytes, wanted: str | None) -> Iterator[Frame]:
    _check_unpacked_size(data)
    workbook = _open(data)
    name, others, hidden = _chosen(workbook, wanted)
    parts = sheet_parts(data, name)
    frames = _framed(_with_errors(_rows(workbook, name), parts))
    first = next(frames, Frame())
    look = wanted is None and not _has_phones(first.rows[:_LOOKED_AT])
    yield Frame(
        book=Book(
            sheet=name,
            others=others,
            hidden=hidden,
            with_phones=[other for other in others if _sheet_has_phones(workbook, other)] if look else [],
            hidden_rows=parts.hidden,
            without_value=parts.without_value,
        )
    )
    if first.rows:
        yield first
        yield from frames


def _framed(numbered: Iterable[tuple[int, list[str]]]) -> Iterator[Frame]:
    lines: list[int] = []
    rows: list[list[str]] = []
    size = 0
    for line, row in numbered:
        length = sum(map(len, row))
        if not length:
            continue
        if length > LONGEST_FIELD:
            _check_length(line, row, length)
        lines.append(line)
        rows.append(row)
        size += length
        if len(rows) == _FRAME_ROWS or size > _FRAME_CHARACTERS:
            yield Frame(lines, rows)
            lines, rows, size = [], [], 0
    if rows:
        yield Frame(lines, rows)


def _with_errors(rows: Iterable[list[str]], parts: SheetParts) -> Iterable[tuple[int, list[str]]]:
    """The rows by number, where cells that are errors show which: the library has nothing for them, or a 0."""
    if not parts.errors:
        return enumerate(rows, 1)
    of_row: dict[int, list[tuple[int, str]]] = {}
    for (line, column), shown in parts.errors.items():
        of_row.setdefault(line, []).append((column, shown))
    return ((line, _replaced(row, of_row.get(line, ()))) for line, row in enumerate(rows, 1))


def _replaced(row: list[str], errors: Iterable[tuple[int, str]]) -> list[str]:
    for column, shown in errors:
        if column < len(row):
            row[column] = shown
    return row


def _check_unpacked_size(data: bytes) -> None:
    """By what the archive says of itself; where that is a lie, the limits of the process are left."""
    # Whether it is an archive at all, the library says.
    with suppress(zipfile.BadZipFile), zipfile.ZipFile(io.BytesIO(data)) as archive:
        if sum(part.file_size for part in archive.infolist()) > MOST_UNPACKED_BYTES:
            raise _RefusedError(
                f" is more than {MOST_UNPACKED_BYTES >> 30} GiB when it is unpacked; save the list as CSV (UTF-8)"
            )


def _open(data: bytes) -> CalamineWorkbook:
    try:
        from python_calamine import CalamineError, CalamineWorkbook, PasswordError  # noqa: PLC0415 - it may fail too
    except ModuleNotFoundError:
        raise _RefusedError(f" is a workbook, and nothing reads those here: {_INSTALL}") from None
    try:
        return CalamineWorkbook.from_filelike(io.BytesIO(data))
    except PasswordError:
        raise _RefusedError(" is encrypted; save it without a password") from None
    except CalamineError as error:
        if (kind := kind_of_archive(data)) is not None:
            raise _RefusedError(f" {kind}") from None
        raise _RefusedError(f" cannot be read as an Excel workbook ({error}); {_MEND}") from None


def _chosen(workbook: CalamineWorkbook, wanted: str | None) -> tuple[str, list[str], list[str]]:
    """The sheet to read, the others, and those of the others that are hidden. Sheets of charts are none."""
    sheets = {each.name: str(each.visible) for each in workbook.sheets_metadata if str(each.typ) not in _NO_CELLS}
    hidden = [name for name, visible in sheets.items() if visible != _VISIBLE]
    names = list(sheets)
    if wanted is None:
        found = [name for name in names if name not in hidden] or names
    else:
        found = [name for name in names if name == wanted] or [
            name for name in names if name.strip().casefold() == wanted.strip().casefold()
        ]
    if not found:
        if wanted is None:
            raise _RefusedError(f" has no sheet with cells; {_MEND}")
        raise _RefusedError(f" has no sheet {quoted(wanted)}; its sheets are: {listed(names)}")
    others = [name for name in names if name != found[0]]
    return found[0], others, [name for name in hidden if name != found[0]]


def _rows(workbook: CalamineWorkbook, name: str) -> Iterable[list[str]]:
    from python_calamine import CalamineError  # noqa: PLC0415 - as above

    try:
        sheet = workbook.get_sheet_by_name(name)
    except CalamineError as error:
        raise _RefusedError(f" cannot be read as an Excel workbook ({error}); {_MEND}") from None
    last_row, last_column = sheet.end or (-1, -1)
    _check_area(last_row + 1, last_column + 1)
    return ([cell if type(cell) is str else field_of(cell) for cell in row] for row in sheet.iter_rows())


def _sheet_has_phones(workbook: CalamineWorkbook, name: str) -> bool:
    with suppress(_RefusedError):
        return _has_phones(islice(filter(any, _rows(workbook, name)), _LOOKED_AT))
    return False


def _has_phones(rows: Iterable[list[str]]) -> bool:
    """Whether a cell has a number that is long enough to be a phone. What it really is, the reader finds out."""
    return any(_LONG_NUMBER.fullmatch(cell) for row in rows for cell in row)


def _check_area(height: int, width: int) -> None:
    if width > MAX_COLUMNS:
        raise _RefusedError(
            f": the sheet has {width:,} columns, and at most {MAX_COLUMNS} are allowed; "
            "clear what is to the right of the list"
        )
    if height > MOST_ROWS or height * width > MOST_CELLS:
        raise _RefusedError(
            f": the sheet has {height:,} rows of {width:,} columns, and at most {MOST_ROWS:,} rows and "
            f"{MOST_CELLS:,} cells are allowed; clear what is not of the list, or save it as CSV (UTF-8)"
        )


def _check_length(line: int, row: list[str], length: int) -> None:
    for column, field in enumerate(row, 1):
        if len(field) > LONGEST_FIELD:
            raise _RefusedError(
                f", line {line}, column {column}: the cell is longer than {LONGEST_FIELD:,} characters; shorten it"
            )
    if length > LONGEST_ROW:
        raise _RefusedError(f", line {line}: the row is longer than {LONGEST_ROW:,} characters; shorten its cells")


def _named(error: BaseException) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"


def _write(frame: Frame) -> None:
    encoded = msgspec.msgpack.encode(frame)
    sys.stdout.buffer.write(len(encoded).to_bytes(LENGTH_BYTES, "big") + encoded)
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
