"""Opens a recipients file, whatever form it has."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import BinaryIO

from broadcaster.errors import InputError, UsageError, quoted
from broadcaster.services.recipients.file_kinds import HEAD_BYTES, ListForm, is_vcard
from broadcaster.services.recipients.headers import PHONE_COLUMN
from broadcaster.services.recipients.list_options import RecipientOptions
from broadcaster.services.recipients.rows import RecipientRows, RowSource
from broadcaster.services.recipients.text import RecipientText, read_up_to
from broadcaster.services.recipients.vcards import VCardRows
from broadcaster.services.recipients.workbook import SIGNATURE, WorkbookRows


def open_list(path: Path) -> tuple[BinaryIO, str, int | None]:
    """The file, its name, and its size where it has one. Raises InputError."""
    try:
        stream = path.open("rb")
    except OSError as error:
        raise InputError(f"{path} cannot be opened: {error.strerror}") from None
    status = os.fstat(stream.fileno())
    return stream, str(path), status.st_size if stat.S_ISREG(status.st_mode) else None


def open_rows(source: BinaryIO, name: str, options: RecipientOptions) -> tuple[RowSource, ListForm]:
    """The rows of the file, whose form is told by how it begins. Raises InputError and UsageError."""
    head = read_up_to(HEAD_BYTES, source, name)
    is_text = options.encoding is not None or options.delimiter is not None
    if head.startswith(SIGNATURE):
        if is_text:
            raise UsageError(f"{name} is an Excel workbook, which has no encoding and no delimiter: leave them out")
        book = WorkbookRows(source, name, head=head, sheet=options.sheet, header_row=options.header_row)
        return book, ListForm.WORKBOOK
    if options.sheet is not None:
        raise UsageError(f"{name} is no workbook, so that it has no sheet {quoted(options.sheet)}: leave --sheet out")
    if is_vcard(head):
        if options.delimiter is not None or options.header_row is not None or options.phone_column is not None:
            raise UsageError(f"{name} has vCards, which have no header and no columns: leave their options out")
        return VCardRows(RecipientText(source, name, options.encoding, head=head)), ListForm.VCARDS
    text = RecipientText(source, name, options.encoding, head=head)
    expected = options.phone_column or PHONE_COLUMN
    rows = RecipientRows(text, expected=expected, delimiter=options.delimiter, header_row=options.header_row)
    return rows, ListForm.TEXT


def stream_name(stream: BinaryIO) -> str:
    """What people call it."""
    name = getattr(stream, "name", None)
    if name == "<stdin>":
        return "standard input"
    return name if isinstance(name, str) else "the recipients file"
