"""How a proof begins, and what others have made of one that begins otherwise."""

from __future__ import annotations

import codecs
import re
from base64 import b64encode
from quopri import decodestring
from typing import BinaryIO

import msgspec

from broadcaster.domain.proof_format import FORMAT

AS_IT_WAS = "Ask for the file as it was written: an editor, or mail, has written it anew"
BLANKS = "blanks were put into it, which a proof has not"
_BEGINS = b'{"format":"%b","version":' % FORMAT.encode()
_IN_BASE64 = b64encode(_BEGINS[: len(_BEGINS) // 3 * 3])
_SOFT_BREAK = re.compile(rb"=\r?\n")
_LAID_OUT = b'"format":"%b"' % FORMAT.encode().replace(b" ", b"")
"""Without blanks: what follows a brace where each field has a line of its own."""
_PACKED = {
    b"\x1f\x8b": "it is compressed (gzip)",
    b"BZh": "it is compressed (bzip2)",
    b"\xfd7zXZ\x00": "it is compressed (xz)",
    b"\x28\xb5\x2f\xfd": "it is compressed (zstd)",
    b"PK\x03\x04": "it is in an archive (ZIP)",
    b"7z\xbc\xaf\x27\x1c": "it is in an archive (7z)",
}
"""By the first bytes of the file."""
_QUOTED = re.compile(rb"[>\s]*>[>\s]*")
_LONGEST_SIGN = 1_000
"""Bytes of a line that are looked at for its first field."""
_MOST_BEFORE = 200
"""Lines before a proof that are looked through, of at most so many bytes each:"""
_LONGEST_BEFORE = 65_536


def why_not_begun(line: bytes, file: BinaryIO) -> str | None:
    """What is wrong with the first line of a file, for which what follows it is looked at; None: it begins a proof."""
    if line.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return f"its encoding was changed, to UTF-16. {AS_IT_WAS}"
    if line.startswith(codecs.BOM_UTF8):
        return f"something stands before it: a byte-order mark. {AS_IT_WAS}"
    for beginning, packed in _PACKED.items():
        if line.startswith(beginning):
            return f"{packed}: unpack it first"
    if (_begins(line) and not _is_quoted_printable(line)) or (line and _BEGINS.startswith(line)):
        return None
    if not line.strip():
        return f"something stands before it: an empty line. {AS_IT_WAS}"
    if written := _written_anew(line):
        return f"{written}. {AS_IT_WAS}"
    for number in range(1, _MOST_BEFORE + 1):
        if not (following := file.readline(_LONGEST_BEFORE)):
            break
        written = _written_anew(following)
        if number == 1 and line.strip() == b"{" and written == BLANKS:  # a line for each field
            return f"{written}. {AS_IT_WAS}"
        if written or _begins(following):
            lines = "1 line" if number == 1 else f"{number:,} lines"
            return f"something stands before it: {lines}{f', and {written}' if written else ''}. {AS_IT_WAS}"
    return f"this is no proof: one begins with its format, {FORMAT!r}"


def has_blanks(line: bytes) -> bool:
    """Whether a line is JSON with blanks that a proof has not."""
    try:
        return msgspec.json.format(line, indent=-1) + b"\n" != line
    except msgspec.DecodeError:
        return False


def is_broken(line: bytes) -> bool:
    """Whether a line begins as one of a proof, and has no end of one."""
    return line.startswith(b'{"') and not line.rstrip().endswith(b"}")


def _begins(line: bytes) -> bool:
    return line.startswith(_BEGINS)


def _is_quoted_printable(line: bytes) -> bool:
    """It breaks long lines by an equals sign at their end, and may write anything as one and two digits."""
    return bool(_SOFT_BREAK.search(line, max(0, len(line) - 3)) or not _begins(line)) and _begins(decodestring(line))


def _written_anew(line: bytes) -> str | None:
    """What was done to a line that began a proof; None: nothing that is known."""
    if line.startswith(_IN_BASE64):
        return "it is in base64, as mail carries files"
    if _is_quoted_printable(line):
        return "it is in quoted-printable, as mail carries text"
    if (quoted := _QUOTED.match(line)) and _begins(line[quoted.end() :]):
        return "it is quoted, as in a reply to a mail"
    if not _begins(line) and b"".join(line[:_LONGEST_SIGN].split()).removeprefix(b"{").startswith(_LAID_OUT):
        return BLANKS
    return None
