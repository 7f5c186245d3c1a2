"""Rows of a file that are chosen by looking at all of them first, though a pipe can be read once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import compress, islice
from tempfile import SpooledTemporaryFile
from typing import NamedTuple

import msgspec

from broadcaster.services.recipients.rows import Rows, RowSource

_IN_MEMORY = 8 << 20
"""Bytes of rows that wait in memory; more of them wait in a temporary file."""
_SIZE_BYTES = 4


class CandidateRows(NamedTuple):
    """Some rows of a file, by column."""

    phones: Sequence[str]
    """In E.164 digits; nothing where one cannot be used."""
    variables: Mapping[str, Sequence[str]]
    """All columns but the phone, by variable name."""


Choice = Callable[[Iterator[CandidateRows]], Sequence[int]]
"""Looks at all rows of a file, and says of each, in their order, whether it is taken: 1 or 0."""


class ChosenRows:
    """The same file with the chosen rows alone."""

    def __init__(self, source: RowSource, size: int, show: Callable[[Rows], CandidateRows], choice: Choice) -> None:
        """Reads all rows of the source, `size` at a time, and shows them for the choice."""
        self._source = source
        self.header, self.header_line, self.elsewhere = source.header, source.header_line, source.elsewhere
        self.hidden = source.hidden
        self._kept = SpooledTemporaryFile[bytes](max_size=_IN_MEMORY)
        try:
            self._flags = choice(map(show, self._keep(source.batches(size))))
        except BaseException:
            self._kept.close()
            raise

    @property
    def notices(self) -> Sequence[str]:
        """What people should know of how the file is read."""
        return self._source.notices

    @property
    def bytes_read(self) -> int:
        """How much of the file has been read: all of it."""
        return self._source.bytes_read

    def peek(self, most: int) -> Rows:
        """The first few rows, chosen or not, as far as the source still has them."""
        return self._source.peek(most)

    def batches(self, size: int) -> Iterator[Rows]:
        """The chosen rows, in batches of at most the size in which they were read: `size` plays no part."""
        del size
        self._kept.seek(0)
        decode = msgspec.msgpack.Decoder(tuple[list[int], list[list[str]]]).decode
        flags = iter(self._flags)
        while frame := self._kept.read(_SIZE_BYTES):
            lines, rows = decode(self._kept.read(int.from_bytes(frame)))
            taken = list(islice(flags, len(rows)))
            if any(taken):
                yield Rows(list(compress(lines, taken)), list(compress(rows, taken)))

    def close(self) -> None:
        """Give back what reading takes, but for the file."""
        self._kept.close()
        self._source.close()

    def _keep(self, batches: Iterator[Rows]) -> Iterator[Rows]:
        encode = msgspec.msgpack.Encoder().encode
        for batch in map(_without_blank, batches):
            packed = encode((list(batch.lines), batch.rows))
            self._kept.write(len(packed).to_bytes(_SIZE_BYTES))
            self._kept.write(packed)
            yield batch


def _without_blank(batch: Rows) -> Rows:
    """Spreadsheets leave rows of nothing but delimiters behind: those are nobody's, and not counted either."""
    filled = [any(map(str.strip, row)) for row in batch.rows]
    if all(filled):
        return batch
    return Rows(list(compress(batch.lines, filled)), list(compress(batch.rows, filled)))
