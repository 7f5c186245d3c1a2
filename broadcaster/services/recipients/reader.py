"""From a recipients file to a stream of validated recipients, without a database; from CSV in bounded memory.

The file is CSV, a workbook, or vCards. The first two have a header line. One column holds the phone numbers; every
other column is a template variable under its `variable_name`. A fault of the file refuses it (InputError); a fault of
a phone number, or of a value that a text cannot show, rejects only its row. Recipients that appear twice are not
noticed here: that needs the database.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import BinaryIO, Self

from broadcaster.domain.phone_census import PhoneCensus
from broadcaster.domain.phones import MAX_WRITTEN_LENGTH, PhoneFault
from broadcaster.domain.rejections import Rejections
from broadcaster.domain.templates import MAX_TEXT_LENGTH, Template
from broadcaster.domain.whose_numbers import why_to_stop, why_uncertain
from broadcaster.domain.written_values import ValueFault
from broadcaster.errors import InputError, quoted, refuse_together
from broadcaster.services.recipients.batches import Batch, RejectedRow
from broadcaster.services.recipients.chosen_rows import CandidateRows, Choice, ChosenRows
from broadcaster.services.recipients.file_kinds import ListForm, misnamed
from broadcaster.services.recipients.headers import (
    E164_COLUMN,
    PHONE_COLUMN,
    PHONE_KEY,
    PeekedRows,
    folded,
    read_header,
)
from broadcaster.services.recipients.hidden_rows import HIDDEN_ROWS_OPTION, HiddenRows
from broadcaster.services.recipients.list_options import RecipientOptions
from broadcaster.services.recipients.opening import open_list, open_rows, stream_name
from broadcaster.services.recipients.row_checks import SentRows, is_campaign_export, required_keys, unfit_rows
from broadcaster.services.recipients.row_phones import RowPhones
from broadcaster.services.recipients.rows import Rows, RowSource
from broadcaster.services.recipients.unseen_marks import showing_controls, without_unseen

_PEEKED = 30
"""Rows by which a header is understood that says nothing of phones."""


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
        self._rows, form = open_rows(source, name, options)
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


def read_recipients(source: Path | BinaryIO, options: RecipientOptions) -> RecipientReader:
    """Open a recipients file and check its header, so that what remains can only fail at a row.

    A stream (standard input, say) is read from where it stands and need not be seekable. Use the reader in a
    `with`: it closes the source.

    Raises InputError for a file that cannot be used, TemplateError for a variable that is no column, and
    UsageError for an option with an unusable value.
    """
    if isinstance(source, Path):
        stream, name, size = open_list(source)
    else:
        stream, name, size = source, stream_name(source), None
    try:
        return RecipientReader(stream, name, options, size)
    except BaseException:
        stream.close()
        raise
