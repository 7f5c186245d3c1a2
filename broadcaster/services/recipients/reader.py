"""From a recipients file to a stream of validated recipients, without a database; from CSV in bounded memory.

The file, CSV or an Excel workbook, has a header line. One column holds the phone numbers; every other column is a
template variable under its `variable_name`. A fault of the file refuses it (InputError); a fault of a phone number
rejects only its row. Recipients that appear twice are not noticed here: that needs the database.
"""

from __future__ import annotations

import difflib
import os
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress, repeat
from pathlib import Path
from typing import BinaryIO, NamedTuple, Self

from broadcaster.domain.names import LONGEST_NAME
from broadcaster.domain.phones import MAX_WRITTEN_LENGTH, PhoneError, PhoneFault, PhoneNormaliser, normalise_phone
from broadcaster.domain.templates import MAX_TEXT_LENGTH, Template, variable_name
from broadcaster.errors import InputError, UsageError, listed, quoted
from broadcaster.services.recipients.limits import MAX_COLUMNS
from broadcaster.services.recipients.rows import RecipientRows, Rows, RowSource
from broadcaster.services.recipients.text import RecipientText, read_up_to
from broadcaster.services.recipients.workbook import SIGNATURE, WorkbookRows

SAMPLES = 3
"""Rows that are shown for what was read, and for what was rejected."""
_PHONE_COLUMN = "phone"
# The key of the phone in a row's variables until it is taken out; no variable can be called so.
_PHONE_KEY = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipientOptions:
    """How to read a recipients file, and what its rows must be able to render."""

    phone_column: str | None = None
    """The column with the phone numbers, in whatever case. None: `phone`."""
    country: str | None = None
    """ISO 3166 code of the numbers written without `+` or `00`. None: those start with their country code."""
    delimiter: str | None = None
    """One character. None: detected from the header."""
    encoding: str | None = None
    """A Python codec. None: UTF-8, with or without a byte order mark."""
    text: Template | None = None
    """Must not render blank, nor longer than MAX_TEXT_LENGTH, for any recipient."""
    caption: Template | None = None
    """May render blank, but not longer than MAX_TEXT_LENGTH."""
    batch_size: int = 500
    """The most rows in one batch. Each is a list, and 700 new ones set off the garbage collector, which finds none."""


Progress = Callable[[int, int | None, int], None]
"""Called now and then with bytes read, bytes in all if known, and rows so far."""

Recipient = tuple[int, str, dict[str, str]]
"""The line on which a usable row starts, its phone in E.164 digits, and its other columns by variable name."""


class RejectedRow(NamedTuple):
    """A row that cannot be sent to: the phone as written (at most MAX_WRITTEN_LENGTH characters) and why."""

    line: int
    phone: str
    fault: PhoneFault


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

    @property
    def recipients(self) -> list[Recipient]:
        """The usable rows one by one."""
        names = tuple(self.variables)
        rows = zip(*self.variables.values(), strict=True) if names else repeat(())
        return list(zip(self.lines, self.phones, map(dict, map(zip, repeat(names), rows)), strict=False))


class RecipientReader:
    """Iterate over it once for the batches. Made by `read_recipients`; a context manager that closes the file."""

    def __init__(self, source: BinaryIO, name: str, options: RecipientOptions, total_bytes: int | None = None) -> None:
        self.name = name
        self.total_bytes = total_bytes
        """The size of the file, or None where that is not known."""
        self._source = source
        self._options = options
        self._normalise = PhoneNormaliser(options.country)
        wanted = (options.phone_column or _PHONE_COLUMN).strip()
        self._rows = _open_rows(source, name, options, wanted)
        try:
            self._read_header(wanted)
        except BaseException:
            self._rows.close()
            raise

    def _read_header(self, wanted: str) -> None:
        name, options = self.name, self._options
        self.columns = tuple(column.strip() for column in self._rows.header)
        """The header as written."""
        where = f"{name}, line {self._rows.header_line}"
        self._keys = _variable_keys(self.columns, wanted, where)
        self.variables = tuple(key for key in self._keys if key != _PHONE_KEY)
        """What templates may use, in the order of the columns."""
        for template in (options.text, options.caption):
            if template is not None:
                template.check(self.variables)
        if options.text is not None and not (options.text.names or options.text.never_blank):
            raise InputError("the text is blank; nothing would be sent")

    @property
    def bytes_read(self) -> int:
        """How much of the source has been read, for a progress bar over `total_bytes`."""
        return self._rows.bytes_read

    def __iter__(self) -> Iterator[Batch]:
        """Raises InputError, for the first fault of the file, wherever it comes up."""
        empty = True
        for rows in self._rows.batches(self._options.batch_size):
            empty = False
            batch = self._validate(rows)
            if batch.phones and self._options.text:
                text = self._options.text
                self._check_text(batch, text, may_be_blank=text.never_blank)
            if batch.phones and self._options.caption:
                self._check_text(batch, self._options.caption, may_be_blank=True)
            yield batch
        if empty:
            raise InputError(f"{self.name} has a header but no recipients")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._rows.close()
        self._source.close()

    def _validate(self, rows: Rows) -> Batch:
        columns = dict(zip(self._keys, zip(*rows.rows, strict=True), strict=True))
        written = columns.pop(_PHONE_KEY)
        phones, faults = self._normalise.all(written)
        if not faults:
            return Batch(rows.lines, phones, columns, ())
        usable = [row not in faults for row in range(len(written))]
        return Batch(
            list(compress(rows.lines, usable)),
            phones,
            {name: list(compress(column, usable)) for name, column in columns.items()},
            [
                RejectedRow(rows.lines[row], written[row][:MAX_WRITTEN_LENGTH], fault)
                for row, fault in faults.items()
                # Spreadsheets leave rows of nothing but delimiters behind: those are nobody's.
                if fault is not PhoneFault.EMPTY or any(map(str.strip, rows.rows[row]))
            ],
        )

    def _check_text(self, batch: Batch, template: Template, may_be_blank: bool) -> None:
        """Refuse the file if a text would be blank or too long. Rows are rendered only where that is possible."""
        longest = {name: max(map(len, batch.variables[name])) for name in template.names}
        if may_be_blank and template.longest(longest) <= MAX_TEXT_LENGTH:
            return
        for line, _, variables in batch.recipients:
            text = template.render(variables)
            if not may_be_blank and not text.strip():
                columns = " and ".join(map(self._column, template.names))
                raise InputError(
                    f"{self.name}, line {line}: the text would be blank: there is nothing in column {columns}; "
                    'fill it in, or give a default as in {{ name | default("there") }}'
                )
            if len(text) > MAX_TEXT_LENGTH:
                column = self._column(max(template.names, key=lambda name: len(variables[name])))
                raise InputError(
                    f"{self.name}, line {line}: the text would be {len(text):,} characters long and at most "
                    f"{MAX_TEXT_LENGTH:,} are allowed; shorten column {column}"
                )

    def _column(self, variable: str) -> str:
        return quoted(self.columns[self._keys.index(variable)])


def read_recipients(source: Path | BinaryIO, options: RecipientOptions) -> RecipientReader:
    """Open a recipients file and check its header, so that what remains can only fail at a row.

    A stream (standard input, say) is read from where it stands and need not be seekable. Use the reader in a
    `with`: it closes the source.

    Raises InputError for a file that cannot be used, TemplateError for a variable that is no column, and
    UsageError for an option with an unusable value.
    """
    if isinstance(source, Path):
        stream, name, size = _open(source)
    else:
        stream, name, size = source, _stream_name(source), None
    try:
        return RecipientReader(stream, name, options, size)
    except BaseException:
        stream.close()
        raise


def _open(path: Path) -> tuple[BinaryIO, str, int | None]:
    try:
        stream = path.open("rb")
    except OSError as error:
        raise InputError(f"{path} cannot be opened: {error.strerror}") from None
    status = os.fstat(stream.fileno())
    return stream, str(path), status.st_size if stat.S_ISREG(status.st_mode) else None


def _open_rows(source: BinaryIO, name: str, options: RecipientOptions, wanted: str) -> RowSource:
    head = read_up_to(len(SIGNATURE), source, name)
    if head != SIGNATURE:
        text = RecipientText(source, name, options.encoding, head=head)
        return RecipientRows(text, expected=wanted, delimiter=options.delimiter)
    if options.encoding is not None or options.delimiter is not None:
        raise UsageError(f"{name} is an Excel workbook, which has no encoding and no delimiter: leave them out")
    return WorkbookRows(source, name, head=head)


def _stream_name(stream: BinaryIO) -> str:
    name = getattr(stream, "name", None)
    if name == "<stdin>":
        return "standard input"
    return name if isinstance(name, str) else "the recipients file"


def _variable_keys(columns: tuple[str, ...], wanted: str, where: str) -> tuple[str, ...]:
    """The variable name of each column, with _PHONE_KEY for the phones."""
    if len(columns) > MAX_COLUMNS:
        raise InputError(f"{where}: {len(columns)} columns, and at most {MAX_COLUMNS} are allowed; remove some")
    phone = _phone_index(columns, wanted, where)
    keys: dict[str, str] = {}
    for index, column in enumerate(columns):
        key = _PHONE_KEY if index == phone else variable_name(column)
        if not key and index != phone:
            what = f"the name {quoted(column)} has no letters or digits" if column else "the column has no name"
            raise InputError(f"{where}, column {index + 1}: {what}; name it in the header, or remove it")
        if len(key) > LONGEST_NAME:
            raise InputError(
                f"{where}, column {index + 1}: the name is longer than {LONGEST_NAME} characters; shorten it"
            )
        if key in keys:
            raise InputError(
                f"{where}: columns {quoted(keys[key])} and {quoted(column)} are both {{{{ {key} }}}} in templates; "
                "rename or remove one"
            )
        keys[key] = column
    return tuple(keys)


def _phone_index(columns: tuple[str, ...], wanted: str, where: str) -> int:
    folded = [column.casefold() for column in columns]
    found = [index for index, column in enumerate(folded) if column == wanted.casefold()]
    if len(found) == 1:
        return found[0]
    if found:
        raise InputError(f"{where}: {len(found)} columns are called {quoted(wanted)}; rename or remove all but one")
    if any(_looks_like_a_phone(column) for column in columns):
        raise InputError(
            f"{where}: there is no header; add a first line with the names of the columns, like phone,name"
        )
    close = difflib.get_close_matches(wanted.casefold(), folded, n=1)
    hint = f"did you mean --phone-column {quoted(columns[folded.index(close[0])])}? " if close else ""
    raise InputError(
        f"{where}: there is no column {quoted(wanted)}; {hint}"
        f"--phone-column names the one with the phone numbers; columns are: {listed(columns)}"
    )


def _looks_like_a_phone(column: str) -> bool:
    try:
        normalise_phone(column)
    except PhoneError as error:
        return error.fault is PhoneFault.NEEDS_COUNTRY
    return True
