"""How a proof begins, and what others have made of one that begins otherwise."""

from __future__ import annotations

import codecs
import re
from base64 import b64encode
from typing import BinaryIO

from broadcaster.domain.proof_format import FORMAT

AS_IT_WAS = "Ask for the file as it was written: an editor, or mail, has written it anew"
_BEGINS = b'{"format":"%b","version":' % FORMAT.encode()
_IN_BASE64 = b64encode(_BEGINS[: len(_BEGINS) // 3 * 3])
_QUOTED = re.compile(rb"[>\s]*>[>\s]*")
_MOST_BEFORE = 200
"""Lines before a proof that are looked through, of at most so many bytes each:"""
_LONGEST_BEFORE = 65_536


def why_not_begun(line: bytes, file: BinaryIO) -> str | None:
    """What is wrong with the first line of a file, for which what follows it is looked at; None: it begins a proof."""
    if line.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return f"its encoding was changed, to UTF-16. {AS_IT_WAS}"
    if line.startswith(codecs.BOM_UTF8):
        return f"something stands before it: a byte-order mark. {AS_IT_WAS}"
    if _begins(line) or (line and _BEGINS.startswith(line)):
        return None
    if not line.strip():
        return f"something stands before it: an empty line. {AS_IT_WAS}"
    if written := _written_anew(line):
        return f"{written}. {AS_IT_WAS}"
    for number in range(1, _MOST_BEFORE + 1):
        if not (following := file.readline(_LONGEST_BEFORE)):
            break
        if _begins(following) or (written := _written_anew(following)):
            lines = "1 line" if number == 1 else f"{number:,} lines"
            return f"something stands before it: {lines}{f', and {written}' if written else ''}. {AS_IT_WAS}"
    return f"this is no proof: one begins with its format, {FORMAT!r}"


def _begins(line: bytes) -> bool:
    return line.startswith(_BEGINS)


def _written_anew(line: bytes) -> str | None:
    """What was done to a line that began a proof; None: nothing that is known."""
    if line.startswith(_IN_BASE64):
        return "it is in base64, as mail carries files"
    if (quoted := _QUOTED.match(line)) and _begins(line[quoted.end() :]):
        return "it is quoted, as in a reply to a mail"
    return None
