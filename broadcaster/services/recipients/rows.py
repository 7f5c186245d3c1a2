"""Lines of delimited text as rows of fields, each with the line on which it starts.

Quotes that do not match, rows of uneven length and oversized fields refuse the whole file: what comes after a
misplaced quote cannot be trusted.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import accumulate, chain, islice
from typing import NamedTuple, NoReturn, Protocol

from broadcaster.errors import InputError, UsageError, quoted
from broadcaster.services.recipients.headers import folded
from broadcaster.services.recipients.limits import LONGEST_FIELD, LONGEST_ROW
from broadcaster.services.recipients.text import BLOCK_BYTES, RecipientText

DELIMITERS = (",", ";", "\t", "|")
"""What may separate fields without being named."""

_NAMED_DELIMITERS = {"tab": "\t", r"\t": "\t"}
_DECLARED_DELIMITER = re.compile(r"sep=(.)\s*", re.IGNORECASE | re.DOTALL)
_LINE_END = re.compile(r"\r\n|\n|\r")
# Beside the row that is read there are those of the block in which it starts, and of the one in which it ends.
_MOST_RECENT_CHARACTERS = LONGEST_ROW + 4 * BLOCK_BYTES


class Rows(NamedTuple):
    """Some rows and, at the same index, the line on which each starts."""

    lines: Sequence[int]
    rows: list[list[str]]


class _EndlessRowError(Exception):
    """A row that goes on and on, so that reading it takes ever more memory."""


class RowSource(Protocol):
    """A recipients file as rows of fields."""

    header: list[str]
    header_line: int

    @property
    def notices(self) -> Sequence[str]:
        """What people should know of how the file is read."""
        ...

    @property
    def hidden(self) -> Sequence[tuple[int, int]]:
        """The first and the last line of rows that follow each other and are not shown."""
        ...

    @property
    def elsewhere(self) -> str:
        """For a refusal of the header: where else in the file the list may be."""
        ...

    @property
    def bytes_read(self) -> int:
        """How much of the file has been read."""
        ...

    def peek(self, most: int) -> Rows:
        """The first few rows after the header, which are still to come; faulty ones as they are."""
        ...

    def batches(self, size: int) -> Iterator[Rows]:
        """The rows after the header, at most `size` at a time. Raises InputError for a faulty one."""
        ...

    def close(self) -> None:
        """Give back what reading takes, but for the file."""
        ...


class RecipientRows:
    """The header and the rows of `text`.

    `delimiter` None: the one that a first line `sep=;` declares, as Excel writes it, or the one that makes
    `expected` a column of the header (in whatever case), or else the one that makes the most columns. `header_row` is
    the line of the header, counted from 1. None: the first line that is not blank.

    Raises InputError for an empty file and where that line is blank or missing, and UsageError for a delimiter that is
    not one character.
    """

    def __init__(
        self, text: RecipientText, *, expected: str, delimiter: str | None = None, header_row: int | None = None
    ) -> None:
        self.notices: Sequence[str] = ()
        self.hidden: Sequence[tuple[int, int]] = ()
        self.elsewhere = ""
        self._name = text.name
        self._text = text
        self._recent: list[tuple[int, list[str]]] = []
        """The blocks that hold the rows being read, each with the number of its first line."""
        lines = chain.from_iterable(self._blocks())
        try:
            first, self._skipped = _first_line(lines, text.name, header_row)
            if header_row is None and (declared := _DECLARED_DELIMITER.fullmatch(first)):
                delimiter = delimiter or declared[1]
                first, skipped = _first_line(lines, text.name)
                self._skipped += 1 + skipped
        except _EndlessRowError:
            raise InputError(f"{text.name} begins with megabytes of blank lines; remove them") from None
        self._delimiter = _checked(delimiter) if delimiter else _detect_delimiter(first, expected)
        self._reader = csv.reader(chain([first], lines), delimiter=self._delimiter, strict=True)
        self.header: list[str] = []
        self.header_line = self._skipped + 1
        self.header = self._take(1).rows[0]

    @property
    def bytes_read(self) -> int:
        """How much of the file has been read."""
        return self._text.bytes_read

    def batches(self, size: int) -> Iterator[Rows]:
        """The rows after the header, at most `size` at a time, without blank lines.

        Raises InputError for a row with more or fewer fields than the header, and for faulty quotes and fields.
        """
        width = len(self.header)
        while (batch := self._take(size)).rows:
            if set(map(len, batch.rows)) != {width}:
                batch = self._without_blanks(batch)
            if batch.rows:
                yield batch

    def peek(self, most: int) -> Rows:
        """The first few rows after the header, as far as they are in memory; faulty ones as they are."""
        lines = [line for _, block in self._recent[-1:] for line in block]
        first = self._recent[-1][0] if self._recent else 1
        start = self._skipped + self._reader.line_num + 1
        rest = lines[start - first : start - first + 4 * most]
        # Under a title, nothing is known of how the fields are separated.
        delimiter = self._delimiter if len(self.header) > 1 else _most_frequent_delimiter(rest)
        found: list[int] = []
        rows: list[list[str]] = []
        reader = csv.reader(rest, delimiter=delimiter)
        with suppress(csv.Error):
            while len(rows) < most and (row := next(reader, None)) is not None:
                found.append(start + reader.line_num - 1 - sum(len(_LINE_END.findall(field)) for field in row))
                rows.append(row)
        return Rows(found, rows)

    def close(self) -> None:
        """Nothing is held but the file."""

    def _blocks(self) -> Iterator[list[str]]:
        for block in self._text.blocks():
            self._recent.append((self._text.lines_read - len(block) + 1, block))
            # Quoted fields go over lines, so that a row may have more of them than memory.
            if len(self._recent) > 2 and self._recent_characters() > _MOST_RECENT_CHARACTERS:
                raise _EndlessRowError
            yield block

    def _recent_characters(self) -> int:
        return sum(len(line) for _, block in self._recent for line in block)

    def _take(self, count: int) -> Rows:
        """Up to `count` rows, fewer where a block of text ends."""
        start = self._skipped + self._reader.line_num + 1
        # Blocks are read when they are needed, so the next row starts in the last one or after it.
        del self._recent[:-1]
        rows: list[list[str]] = []
        try:
            # One row first: it brings the next block in when the last one is used up.
            rows.extend(islice(self._reader, 1))
            unread = self._text.lines_read - self._skipped - self._reader.line_num
            rows.extend(islice(self._reader, min(count - 1, unread)))
        except (csv.Error, _EndlessRowError) as error:
            # What was read before the fault is in `rows`, so it starts where they end.
            line = start + sum(map(_lines_of, rows))
            if isinstance(error, csv.Error):
                self._refuse(line, str(error))
            raise InputError(
                f"{self._name}, line {line}: the row is longer than {LONGEST_ROW:,} characters; close its last quote"
            ) from None
        end = self._skipped + self._reader.line_num + 1
        if end - start == len(rows):
            return Rows(range(start, end), rows)
        return Rows(list(accumulate(map(_lines_of, rows[:-1]), initial=start)), rows)

    def _without_blanks(self, batch: Rows) -> Rows:
        kept = [(line, row) for line, row in zip(*batch, strict=True) if len(row) > 1 or any(map(str.strip, row))]
        for line, row in kept:
            if len(row) != len(self.header):
                raise self._uneven(line, len(row))
        return Rows([line for line, _ in kept], [row for _, row in kept])

    def _uneven(self, line: int, count: int) -> InputError:
        width = len(self.header)
        what = f"{count} field{'s' * (count != 1)} where the header has {width}"
        delimiter = quoted(self._delimiter)
        if count > width:
            return InputError(
                f"{self._name}, line {line}: {what}; put quotes around a field that contains {delimiter}"
            )
        return InputError(f"{self._name}, line {line}: {what}; write {delimiter} for every field, empty ones too")

    def _refuse(self, start: int, reason: str) -> NoReturn:
        """Say what is wrong with the row that starts on line `start`."""
        text = "".join(
            line for first, block in self._recent for number, line in enumerate(block, first) if number >= start
        )
        fault = _find_fault(text, self._delimiter)
        if fault is None:
            raise InputError(f"{self._name}, line {start}: {reason}; mend or remove this row")
        column = quoted(self.header[fault.column]) if fault.column < len(self.header) else fault.column + 1
        line = start + len(_LINE_END.findall(text, 0, fault.offset))
        raise InputError(f"{self._name}, line {line}, column {column}: {fault.what}")


class _Fault(NamedTuple):
    column: int
    """Counted from 0."""
    offset: int
    what: str


def _find_fault(text: str, delimiter: str) -> _Fault | None:
    """The first faulty field of the row that `text` starts with."""
    field = re.compile(rf'"[^"]*(?:""[^"]*)*(?P<close>"?)|[^\r\n{re.escape(delimiter)}]*')
    limit = LONGEST_FIELD
    index = offset = 0
    while found := field.match(text, offset):
        in_quotes = found["close"] is not None
        after = text[found.end() : found.end() + 1]
        if in_quotes and (not found["close"] or (len(found[0]) > limit and _LINE_END.search(found[0]))):
            return _Fault(index, offset, "the quote that opens here is never closed; close it, or leave it out")
        if len(found[0]) > limit:
            return _Fault(index, offset, f"the field is longer than {limit:,} characters; shorten it")
        if after == delimiter:
            index, offset = index + 1, found.end() + 1
            continue
        if in_quotes and after not in "\r\n":
            what = 'there is text after the closing quote; write a quote inside a quoted field twice, like ""'
            return _Fault(index, offset, what)
        return None
    return None


def _first_line(lines: Iterator[str], name: str, number: int | None = None) -> tuple[str, int]:
    """The next line that is not blank, or line `number`, and how many were before it."""
    for before, line in enumerate(lines):
        if number is None and line.strip():
            return line, before
        if before + 1 == number:
            if line.strip():
                return line, before
            raise InputError(f"{name}, line {number} is blank: --header-row is the line with the names of the columns")
    if number is not None:
        raise InputError(f"{name} has no line {number}: --header-row is the line with the names of the columns")
    raise InputError(f"{name} is empty; it needs a header line with a phone column, and then the recipients")


def _checked(delimiter: str) -> str:
    character = _NAMED_DELIMITERS.get(delimiter, delimiter)
    if len(character) != 1 or character in '"\r\n':
        raise UsageError(f"delimiter {quoted(delimiter)} is not usable; give one character, such as ';', or 'tab'")
    return character


def _detect_delimiter(line: str, expected: str) -> str:
    wanted = folded(expected)

    def fitness(delimiter: str) -> tuple[bool, int]:
        columns = next(csv.reader([line], delimiter=delimiter))
        return wanted in map(folded, columns), len(columns)

    return max(DELIMITERS, key=fitness)


def _most_frequent_delimiter(lines: Sequence[str]) -> str:
    return max(DELIMITERS, key=lambda delimiter: sum(line.count(delimiter) for line in lines))


def _lines_of(row: list[str]) -> int:
    return 1 + sum(len(_LINE_END.findall(field)) for field in row)
