"""The bytes of a recipients file as lines of text, in bounded memory.

Encodings, binary files, NUL characters and endless lines are dealt with here. Any of them refuses the whole file.
"""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Iterator
from typing import BinaryIO

from broadcaster.errors import InputError, UsageError
from broadcaster.services.recipients.file_kinds import refuse_disguise
from broadcaster.services.recipients.limits import LONGEST_ROW

BLOCK_BYTES = 1 << 20
"""How much is read at a time."""

_MEND_ENCODING = "name the right --encoding, or save the file as CSV (UTF-8)"


_OF_TEXTS = re.compile(
    r"utf-8(?:-sig)?|utf-(?:16|32)(?:-[lb]e)?|ascii|iso8859-\d+|cp\d+|koi8-[rtu]|mac-\w+|kz1048|ptcp154|hp-roman8|tis-620"
    r"|gbk|gb\d+|hz|big5(?:hkscs)?|euc_\w+|johab|shift_jis\w*|iso2022_\w+"
)
"""Names of Python's codecs for the encodings of texts."""


class RecipientText:
    """Reads `source` once, front to back; `name` is how messages call it, `head` what was read of it before.

    `encoding` None means UTF-8. A byte order mark is not text. Raises UsageError for an unknown encoding.
    """

    def __init__(
        self,
        source: BinaryIO,
        name: str,
        encoding: str | None = None,
        *,
        head: bytes = b"",
        block_bytes: int = BLOCK_BYTES,
    ) -> None:
        self.name = name
        self.bytes_read = 0
        self.lines_read = 0
        self._source = source
        self._head = head
        self._encoding = encoding
        self._block_bytes = block_bytes
        self._at_start = True
        self._decoder = _decoder(encoding)

    def blocks(self) -> Iterator[list[str]]:
        """Lines with their ends (`\\n`, `\\r\\n` or `\\r`), about a block at a time.

        Raises InputError for what is not text in the encoding.
        """
        rest = ""
        while True:
            data = self._read()
            text = rest + self._decode(data, rest)
            if "\0" in text:
                raise self._nul(text)
            # newline="" splits like csv does, and not at the other characters that str.splitlines takes for ends.
            lines = io.StringIO(text, newline="").readlines()
            # The last line may go on, and a last "\r" may be half of "\r\n".
            rest = lines.pop() if data and lines and not lines[-1].endswith("\n") else ""
            if len(rest) > LONGEST_ROW:
                raise self._endless(self.lines_read + len(lines) + 1)
            self.lines_read += len(lines)
            if lines:
                yield lines
            if not data:
                return

    def _read(self) -> bytes:
        data = self._head + read_up_to(self._block_bytes, self._source, self.name)
        self._head = b""
        if not self.bytes_read:
            refuse_disguise(data, self.name, self._encoding)
        self.bytes_read += len(data)
        return data

    def _decode(self, data: bytes, rest: str) -> str:
        try:
            text = self._decoder.decode(data, final=not data)
        except UnicodeDecodeError as error:
            line = self.lines_read + 1 + _line_ends(rest)
            line += _line_ends(error.object[: error.start].decode(error.encoding, "replace"))
            raise InputError(self._undecodable(line, error)) from None
        except UnicodeError as error:
            raise InputError(f"{self.name} is not {self._encoding} ({error}); {_MEND_ENCODING}") from None
        if self._at_start and text:
            self._at_start = False
            return text.lstrip("\ufeff")
        return text

    def _undecodable(self, line: int, error: UnicodeDecodeError) -> str:
        what = f"{self.name}, line {line}: byte 0x{error.object[error.start]:02X} is not"
        if self._encoding is None:
            return (
                f"{what} UTF-8; save the file as CSV (UTF-8), or name its encoding, "
                "like --encoding cp1252 (Western European) or cp1251 (Cyrillic)"
            )
        return f"{what} {self._encoding}; {_MEND_ENCODING}"

    def _endless(self, line: int) -> InputError:
        return InputError(
            f"{self.name}, line {line}: the line is longer than {LONGEST_ROW:,} characters; "
            "put one recipient on each line"
        )

    def _nul(self, text: str) -> InputError:
        line = self.lines_read + 1 + _line_ends(text[: text.index("\0")])
        return InputError(
            f"{self.name}, line {line}: there is a NUL character, so this is binary or UTF-16 "
            "(then add --encoding utf-16-le); save the list as CSV (UTF-8)"
        )


def read_up_to(count: int, source: BinaryIO, name: str) -> bytes:
    """The next `count` bytes, fewer only at the end. Raises InputError."""
    parts: list[bytes] = []
    try:
        while count and (part := source.read(count)):
            parts.append(part)
            count -= len(part)
    except OSError as error:
        raise InputError(f"{name} cannot be read: {error.strerror}") from None
    return b"".join(parts)


def text_codec(encoding: str) -> codecs.CodecInfo | None:
    """Python's codec of an encoding in which programs save texts, by any of its names; None: there is none.

    Python has others, for domain names (idna), source code (unicode_escape) and mail (utf-7), which make something
    else of the bytes of a text.
    """
    try:
        codec = codecs.lookup(encoding)
    except (LookupError, ValueError):
        return None
    return codec if _OF_TEXTS.fullmatch(codec.name) else None


def _decoder(encoding: str | None) -> codecs.IncrementalDecoder:
    codec = text_codec(encoding or "utf-8")
    if codec is None or codec.incrementaldecoder is None:
        raise UsageError(f"encoding {encoding!r} is not known; write one such as utf-8, utf-16 or cp1251")
    return codec.incrementaldecoder()


def _line_ends(text: str) -> int:
    return text.count("\n") + text.count("\r") - text.count("\r\n")
