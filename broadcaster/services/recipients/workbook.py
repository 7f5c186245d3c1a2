"""One sheet of a workbook (Excel or OpenDocument) as rows of fields, each with its row number.

The workbook is read in a process of its own: what the library makes of a hostile file cannot harm this one.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import chain
from shlex import quote
from typing import IO, BinaryIO

import msgspec

from broadcaster.errors import InputError, listed, quoted
from broadcaster.search_path import own_path
from broadcaster.services.recipients.limits import MOST_CPU_SECONDS, MOST_PACKED_BYTES
from broadcaster.services.recipients.rows import Rows
from broadcaster.services.recipients.text import BLOCK_BYTES, read_up_to
from broadcaster.services.recipients.workbook_process import LENGTH_BYTES, TOO_LARGE, Book, Frame

SIGNATURE = b"PK\x03\x04"
"""What .xlsx files begin with: they are zip archives."""

# -P, and `own_path`: nothing is imported from the directory that the command is given in.
_COMMAND = (sys.executable, "-P", "-m", "broadcaster.services.recipients.workbook_process")


class WorkbookRows:
    """The header and the rows of a workbook; used as `RecipientRows` is. `head` is what was read of `source` before.

    `sheet` None: the first one that is not hidden. `header_row` is the row of the header, counted from 1; None: the
    first one that is not blank.

    Raises InputError for what is no workbook, is encrypted or too large, or has nothing where the header should be.
    """

    def __init__(
        self,
        source: BinaryIO,
        name: str,
        *,
        head: bytes = b"",
        sheet: str | None = None,
        header_row: int | None = None,
    ) -> None:
        self._name = name
        self.bytes_read = 0
        self._process = _start(sheet)
        self._input, self._output = _pipes(self._process)
        try:
            self._feed(source, head)
            self._frames = self._received()
            self._book = self._received_book()
            first, self.header_line, header = self._begin(header_row)
        except BaseException:
            self.close()
            raise
        self._begun = first
        used = [index for index, field in enumerate(header) if field]
        self._first, self._end = used[0], used[-1] + 1
        self.header = header[self._first : self._end]

    @property
    def notices(self) -> Sequence[str]:
        """What people should know of how the workbook is read."""
        book = self._book
        notices = []
        if book.others:
            are = "is" if len(book.others) == 1 else "are"
            hidden = f", of which {listed(book.hidden)} cannot be seen" if book.hidden else ""
            if hidden and len(book.others) == len(book.hidden):
                hidden = ", which cannot be seen"
            notices.append(f"only sheet {quoted(book.sheet)} is read; there {are} also {listed(book.others)}{hidden}")
        return notices

    @property
    def hidden(self) -> Sequence[tuple[int, int]]:
        """The first and the last line of hidden rows that follow each other."""
        return self._book.hidden_rows

    @property
    def elsewhere(self) -> str:
        """For a refusal: where else in the workbook the list may be."""
        book = self._book
        if not book.others:
            return ""
        are = "is" if len(book.others) == 1 else "are"
        where = f"; this is sheet {quoted(book.sheet)}, and there {are} also {listed(book.others)}"
        if not book.with_phones:
            return f"{where}: --sheet names the one to read"
        return f"{where}: there are phones in {listed(book.with_phones)}: add --sheet {quote(book.with_phones[0])}"

    def peek(self, most: int) -> Rows:
        """The first few rows after the header."""
        # The fields beside the header's columns stay: under a title, they are the list.
        rows = [row[self._first :] for row in self._begun.rows[:most]]
        return Rows(self._begun.lines[:most], rows)

    def batches(self, size: int) -> Iterator[Rows]:
        """The rows after the header, at most `size` at a time, without blank ones.

        Raises InputError for a cell that is under no column of the header.
        """
        for frame in chain((self._begun,), self._frames):
            rows = list(map(self._within, frame.lines, frame.rows))
            for start in range(0, len(rows), size):
                end = start + size
                yield Rows(frame.lines[start:end], rows[start:end])

    def close(self) -> None:
        """End the process that reads, whatever it has still to say."""
        self._process.kill()
        with suppress(BrokenPipeError):
            self._input.close()
        self._output.close()
        self._process.wait()

    def _feed(self, source: BinaryIO, head: bytes) -> None:
        """Write the workbook to the process, which answers when it has all of it."""
        blocks = iter(lambda: read_up_to(BLOCK_BYTES, source, self._name), b"")
        # Where it has ended already, what it has to say is read later.
        with suppress(BrokenPipeError):
            for block in chain((head,), blocks):
                self.bytes_read += len(block)
                if self.bytes_read > MOST_PACKED_BYTES:
                    raise InputError(
                        f"{self._name} is a workbook of more than {MOST_PACKED_BYTES >> 20} MiB; "
                        "save the list as CSV (UTF-8)"
                    )
                self._input.write(block)
            self._input.close()

    def _received_book(self) -> Book:
        book = next(self._frames).book
        assert book is not None
        if book.without_value is not None:
            raise InputError(
                f"{self._name}: the formula in cell {book.without_value} of sheet {quoted(book.sheet)} has no value, "
                "as by programs that do not calculate; open it in a spreadsheet program and save it"
            )
        return book

    def _begin(self, header_row: int | None) -> tuple[Frame, int, list[str]]:
        """The first frame without what is above the list, and the header's number and fields."""
        for frame in self._frames:
            skipped = sum(line < (header_row or 0) for line in frame.lines)
            del frame.lines[:skipped], frame.rows[:skipped]
            if frame.lines:
                line, header = frame.lines.pop(0), frame.rows.pop(0)
                if header_row is None or line == header_row:
                    return frame, line, header
                break
        sheet = quoted(self._book.sheet)
        if header_row is not None:
            raise InputError(
                f"{self._name}: row {header_row} of sheet {sheet} is blank: --header-row is the row with the "
                "names of the columns"
            )
        raise InputError(
            f"{self._name}: sheet {sheet} is empty; it needs a header row with a phone column{self.elsewhere}"
        )

    def _received(self) -> Iterator[Frame]:
        decode = msgspec.msgpack.Decoder(Frame).decode
        while True:
            length = self._output.read(LENGTH_BYTES)
            encoded = self._output.read(int.from_bytes(length, "big"))
            if len(length) < LENGTH_BYTES or not encoded:
                raise InputError(f"{self._name}: {self._death()}")
            frame = decode(encoded)
            if frame.fault is not None:
                raise InputError(f"{self._name}{frame.fault}")
            if not (frame.rows or frame.book):
                return
            yield frame

    def _death(self) -> str:
        """Why the process has ended before its last frame: its library ends it where memory runs out."""
        if self._process.wait() == -signal.SIGXCPU:
            return f"it takes more than {MOST_CPU_SECONDS // 60} minutes to read; save the list as CSV (UTF-8)"
        return TOO_LARGE

    def _within(self, line: int, row: list[str]) -> list[str]:
        if any(row[: self._first]) or any(row[self._end :]):
            raise InputError(
                f"{self._name}, line {line}: there is a cell outside the columns of the header; "
                "give its column a name, or clear it"
            )
        return row[self._first : self._end]


def _start(sheet: str | None) -> subprocess.Popen[bytes]:
    # It needs no secret, and what its library prints when it fails is for programmers.
    environ = {name: value for name, value in os.environ.items() if not name.startswith("BROADCASTER_")}
    environ["PYTHONPATH"] = own_path()
    command = _COMMAND if sheet is None else (*_COMMAND, sheet)
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environ
    )


def _pipes(process: subprocess.Popen[bytes]) -> tuple[IO[bytes], IO[bytes]]:
    assert process.stdin is not None
    assert process.stdout is not None
    return process.stdin, process.stdout
