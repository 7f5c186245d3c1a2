"""From a recipients file to a stream of validated recipients, without a database; from CSV in bounded memory.

The file is CSV, a workbook, or vCards. The first two have a header line. One column holds the phone numbers; every
other column is a template variable under its `variable_name`. A fault of the file refuses it (InputError); a fault of
a phone number, or of a value that a text cannot show, rejects only its row. Recipients that appear twice are not
noticed here: that needs the database.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import compress, repeat
from pathlib import Path
from typing import BinaryIO, NamedTuple, Protocol, Self

from broadcaster.domain.phone_census import PhoneCensus
from broadcaster.domain.phones import MAX_WRITTEN_LENGTH, PhoneFault
from broadcaster.domain.rejections import Rejections
from broadcaster.domain.templates import MAX_TEXT_LENGTH, Template
from broadcaster.domain.whose_numbers import why_to_stop, why_uncertain
from broadcaster.domain.written_values import ValueFault
from broadcaster.errors import InputError, UsageError, quoted, refuse_together
from broadcaster.services.recipients.chosen_rows import CandidateRows, Choice, ChosenRows
from broadcaster.services.recipients.file_kinds import HEAD_BYTES, ListForm, is_vcard, misnamed
from broadcaster.services.recipients.headers import (
    E164_COLUMN,
    PHONE_COLUMN,
    PHONE_KEY,
    PeekedRows,
    folded,
    read_header,
)
from broadcaster.services.recipients.hidden_rows import HIDDEN_ROWS_OPTION, HiddenRows, HiddenRowsRule
from broadcaster.services.recipients.row_checks import SentRows, is_campaign_export, required_keys, unfit_rows
from broadcaster.services.recipients.row_phones import RowPhones
from broadcaster.services.recipients.rows import RecipientRows, Rows, RowSource
from broadcaster.services.recipients.text import RecipientText, read_up_to
from broadcaster.services.recipients.unseen_marks import showing_controls, without_unseen
from broadcaster.services.recipients.vcards import VCardRows
from broadcaster.services.recipients.workbook import SIGNATURE, WorkbookRows

SAMPLES = 3
"""Rows that are shown for what was read, and for what was rejected."""
_PEEKED = 30
"""Rows by which a header is understood that says nothing of phones."""


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


class RecipientReader:
    """Iterate over it once for the batches. Made by `read_recipients`; a context manager that closes the file."""

    def __init__(self, source: BinaryIO, name: str, options: RecipientOptions, total_bytes: int | None = None) -> None:
        self.name = name
        self.total_bytes = total_bytes
        """The size of the file, or None where that is not known."""
        self._source = source
        self._options = options
        self._templates = [each for each in (options.text, options.caption) if each is not None]
        self.census = PhoneCensus(options.country)
        """What the numbers that were read so far say together."""
        self.rejections = Rejections()
        """The rows that were read so far, and those of them that are left out."""
        self._turned = 0
        self.empty_values: dict[str, int] = {}
        """Of how many usable rows, so far, each variable of the text is empty."""
        self._rows: RowSource
        self._rows, form = _open_rows(source, name, options)
        self._misnamed = misnamed(name, form)
        self._hidden = HiddenRows(self._rows.hidden, options.hidden_rows)
        self._from_cells = form is ListForm.WORKBOOK
        try:
            self._read_header()
        except BaseException:
            self._rows.close()
            raise

    def _read_header(self) -> None:
        name, options = self.name, self._options
        where = f"{name}, line {self._rows.header_line}"
        sample = self._rows.peek(_PEEKED)
        header = read_header(
            self._rows.header, options.phone_column, options.country, PeekedRows(*sample), where, self._rows.elsewhere
        )
        self.columns = header.columns
        """The header as written, without what cannot be seen."""
        self._keys = header.keys
        phone_column = folded(self.columns[self._keys.index(PHONE_KEY)])
        are_whole = phone_column == E164_COLUMN or is_campaign_export(self._keys)
        columns = self._keys.index(PHONE_KEY), header.phones
        self._phones_anew = partial(RowPhones, *columns, options.country, are_whole=are_whole)
        self._phones = self._phones_anew()
        self._sent = SentRows(name, self._keys, again=options.again)
        own = tuple(key for key in self._keys if key != PHONE_KEY)
        used = {key for template in self._templates for key in template.names}
        self._adds_phone = PHONE_COLUMN in used and PHONE_COLUMN not in own
        self.variables = (*own, PHONE_COLUMN) if self._adds_phone else own
        """What templates may use, in the order of the columns."""
        self.empty_values = {key: 0 for key in own if key in used}
        refuse_together(
            [
                partial(self._require, where),
                *(partial(template.check, self.variables) for template in self._templates),
                *(partial(check.check, self.variables) for check in options.row_checks),
            ]
        )
        if options.text is not None and not (options.text.names or options.text.never_blank):
            raise InputError("the text is blank; nothing would be sent")
        self._header_notice = header.notice

    @property
    def notices(self) -> Sequence[str]:
        """What people should know of how the file was read, so far."""
        marks = f"marks that turn the direction of writing are left out of {self._turned:,} values"
        found = (
            self._misnamed,
            ": ".join(filter(None, (self._header_notice, self._phones.notice_of_columns))) or None,
            *self._rows.notices,
            self._hidden.notice,
            self._phones.notice_of_cells,
            self._sent.notice,
            marks if self._turned else None,
        )
        return [notice for notice in found if notice is not None]

    def _require(self, where: str) -> None:
        self._required = required_keys(self._options.required, self.columns, self._keys, where)

    def choose(self, choice: Choice) -> None:
        """Go on with the rows that are chosen, as if the file had no others. They are all read for that.

        Before anything else is read, and once.
        """
        phones = self._phones_anew()

        def shown(rows: Rows) -> CandidateRows:
            numbers, columns = phones.read(rows).numbers, without_unseen(self._columns_of(rows)).columns
            return CandidateRows(numbers, {**columns, PHONE_COLUMN: numbers} if self._adds_phone else columns)

        self._rows = ChosenRows(self._rows, self._options.batch_size, shown, choice)

    @property
    def bytes_read(self) -> int:
        """How much of the source has been read, for a progress bar over `total_bytes`."""
        return self._rows.bytes_read

    @property
    def reasons_to_stop(self) -> list[str]:
        """What looks like a mistake in the file as a whole, once it is read; a sentence each, with what to do."""
        options = self._options
        found = [] if options.accept_countries else list(why_to_stop(self.census))
        left_out = None if options.accept_rejected else self.rejections.reason_to_stop
        return [*found, *filter(None, (left_out, self._hidden.reason_to_stop))]

    def __iter__(self) -> Iterator[Batch]:
        """Raises InputError, for the first fault of the file, wherever it comes up.

        At the end also where it cannot be told of which country numbers are. So nothing may be kept before the end.
        """
        empty = True
        for rows in map(self._hidden.ruled, self._rows.batches(self._options.batch_size)):
            if not rows.rows:
                continue
            empty = False
            self._sent.check(rows)
            batch = self._without_faulty(self._validate(rows))
            self.rejections.add(len(batch.phones), [(row.line, row.fault.sentence) for row in batch.rejected])
            self._count_empty(batch)
            if batch.phones and self._options.text:
                text = self._options.text
                self._check_text(batch, text, may_be_blank=text.never_blank)
            if batch.phones and self._options.caption:
                self._check_text(batch, self._options.caption, may_be_blank=True)
            yield batch
        if empty and self._hidden.left_out:
            raise InputError(f"{self.name}: all of its rows are hidden, and {HIDDEN_ROWS_OPTION} skip leaves them out")
        if empty:
            raise InputError(f"{self.name} has a header but no recipients")
        if not (self.census.is_certain or self._options.accept_countries):
            raise InputError(f"{self.name}: {why_uncertain(self.census)}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._rows.close()
        self._source.close()

    def _validate(self, rows: Rows) -> Batch:
        columns = self._columns_of(rows)
        phones_read = self._phones.read(rows)
        written, faults = phones_read.written, phones_read.read.faults
        self.census.add(rows.lines, *phones_read)
        seen = without_unseen(columns)
        columns, self._turned = seen.columns, self._turned + seen.turned
        unfit = unfit_rows(columns, self._required, self.empty_values, self._column)
        for row, (key, control) in seen.controls.items():
            what = f"There is a control character, {control}, in column {self._column(key)}: remove it."
            unfit[row] = ValueFault(what)
        # Those of rows that are left out have no phone: the column is cut below as the others are.
        phones = phones_read.numbers
        if self._adds_phone:
            columns[PHONE_COLUMN] = phones
        batch = Batch(rows.lines, phones, columns, ())
        if not (faults or unfit):
            return batch
        wrong: dict[int, PhoneFault | ValueFault] = {**unfit, **faults}
        rejected = [
            RejectedRow(rows.lines[row], showing_controls(written[row][:MAX_WRITTEN_LENGTH]), fault)
            for row, fault in sorted(wrong.items())
            # Spreadsheets leave rows of nothing but delimiters behind: those are nobody's.
            if fault is not PhoneFault.EMPTY or any(map(str.strip, rows.rows[row]))
        ]
        return batch.kept([row not in wrong for row in range(len(written))], rejected)

    def _columns_of(self, rows: Rows) -> dict[str, Sequence[str]]:
        """The columns but the phones, by variable."""
        columns: dict[str, Sequence[str]] = dict(zip(self._keys, zip(*rows.rows, strict=True), strict=True))
        del columns[PHONE_KEY]
        return columns

    def _count_empty(self, batch: Batch) -> None:
        for name in self.empty_values:
            values = batch.variables[name]
            self.empty_values[name] += len(values) - sum(map(bool, map(str.strip, values)))

    def _without_faulty(self, batch: Batch) -> Batch:
        """The batch with the rows among the rejected ones of which a text cannot show a value, or a check says so."""
        faults: dict[int, ValueFault] = {}
        for check in self._options.row_checks:
            faults |= check.faults(batch.variables)
        for template in self._templates:
            faults |= template.unreadable(batch.variables, from_cells=self._from_cells)
        if not faults:
            return batch
        rejected = [RejectedRow(batch.lines[row], batch.phones[row], fault) for row, fault in faults.items()]
        is_kept = [row not in faults for row in range(len(batch.phones))]
        return batch.kept(is_kept, sorted([*batch.rejected, *rejected], key=lambda row: row.line))

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
        if variable == PHONE_COLUMN and self._adds_phone:
            variable = PHONE_KEY
        return quoted(self.columns[self._keys.index(variable)])


OnRejected = Callable[[RejectedRow], None]
"""Called with each row that is left out, in the order of the file."""


def telling_rejected(batches: Iterable[Batch], on_rejected: OnRejected) -> Iterator[Batch]:
    """The same batches, whose rejected rows are told as they pass."""
    for batch in batches:
        for row in batch.rejected:
            on_rejected(row)
        yield batch


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


def _open_rows(source: BinaryIO, name: str, options: RecipientOptions) -> tuple[RowSource, ListForm]:
    """The rows of the file, whose form is told by how it begins."""
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


def _stream_name(stream: BinaryIO) -> str:
    name = getattr(stream, "name", None)
    if name == "<stdin>":
        return "standard input"
    return name if isinstance(name, str) else "the recipients file"
