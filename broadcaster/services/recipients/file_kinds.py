"""What a file is that is called a list, and is none: told from how it begins, whatever its name ends with."""

from __future__ import annotations

import codecs
import re
from enum import StrEnum
from pathlib import PurePath

from broadcaster.errors import InputError, quoted

HEAD_BYTES = 1 << 10
"""So much of a file tells what it is."""

_SAVE_AS = "save the list as CSV (UTF-8)"
_OPEN_AND_SAVE = "open it in a spreadsheet program and save the list as .xlsx or CSV (UTF-8)"
_BINARY = (
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook, or one with a password", "save it as .xlsx without a password"),
    (b"%PDF", "a PDF document", _SAVE_AS),
    (b"\x1f\x8b", "a gzip archive", _SAVE_AS),
    (b"BZh", "a bzip2 archive", _SAVE_AS),
    (b"\xfd7zXZ", "an xz archive", _SAVE_AS),
    (b"7z\xbc\xaf", "a 7-Zip archive", _SAVE_AS),
    (b"Rar!", "a RAR archive", _SAVE_AS),
    (b"PAR1", "a Parquet file", _SAVE_AS),
    (b"SQLite format 3", "an SQLite database", _SAVE_AS),
    (b"\x89PNG", "a PNG image", _SAVE_AS),
    (b"\xff\xd8\xff", "a JPEG image", _SAVE_AS),
    (b"GIF8", "a GIF image", _SAVE_AS),
)
_MARKUP = (
    (rb"<\?xml[^>]*\?>[^<]*(?:<\?mso[^>]*\?>[^<]*)?<(?:ss:)?workbook\b", "an Excel 2003 XML workbook", _OPEN_AND_SAVE),
    (rb"<(?:!doctype\s+html|html|head|body|table|div|style|meta|script)\b", "a web page (HTML)", _OPEN_AND_SAVE),
    (rb"<\?xml[^>]*\?>[^<]*(?:<!doctype\s+html[^>]*>[^<]*)?<html\b", "a web page (HTML)", _OPEN_AND_SAVE),
    (rb"<\?xml\b", "XML", _OPEN_AND_SAVE),
    (rb"<!--", "a web page or XML", _OPEN_AND_SAVE),
    (rb"\{\\rtf", "a text document (RTF)", _SAVE_AS),
    (
        rb"""\[\s*(?:[\[{]|"[^"]*"\s*[,\]]|\])|\{\s*(?:"|\})""",
        "JSON",
        "write the list as CSV (UTF-8): a line with the names of the columns, then one line for each recipient",
    ),
    (rb"BEGIN:VCALENDAR\b", "a calendar", _SAVE_AS),
    (rb"From [^\r\n]*\r?\n|MIME-Version:", "an e-mail or a page saved by a mail program", _SAVE_AS),
)
_MARKUP_PATTERNS = [(re.compile(pattern, re.IGNORECASE), kind, cure) for pattern, kind, cure in _MARKUP]
_VCARD = re.compile(rb"\s*BEGIN:VCARD\s", re.IGNORECASE)
_UTF_16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class ListForm(StrEnum):
    """The forms in which lists are read, as people call them."""

    WORKBOOK = "a workbook"
    TEXT = "CSV"
    VCARDS = "vCards"


_FORM_BY_ENDING = {
    **dict.fromkeys((".xlsx", ".xlsm", ".xls", ".ods"), ListForm.WORKBOOK),
    **dict.fromkeys((".csv", ".tsv", ".tab", ".txt"), ListForm.TEXT),
    **dict.fromkeys((".vcf", ".vcard"), ListForm.VCARDS),
}


def misnamed(name: str, form: ListForm) -> str | None:
    """For people: that a file is read as what it is, where its name ends like that of another form."""
    ending = PurePath(name).suffix
    if _FORM_BY_ENDING.get(ending.lower(), form) is form:
        return None
    return f"its name ends in {quoted(ending)}, and it is {form}: it is read as that"


def is_vcard(head: bytes) -> bool:
    """Whether a file that begins so holds contacts as vCards."""
    return _VCARD.match(head.removeprefix(codecs.BOM_UTF8)) is not None


def refuse_disguise(head: bytes, name: str, encoding: str | None) -> None:
    """Raise InputError, which says what it is and what to do, for a file that begins like no delimited text."""
    for signature, kind, cure in _BINARY:
        if head.startswith(signature):
            raise InputError(f"{name} is {kind}, not a CSV file; {cure}")
    if encoding is None and head.startswith(_UTF_16_MARKS):
        raise InputError(f"{name} is UTF-16 text; add --encoding utf-16, or save it as CSV (UTF-8)")
    text = head.removeprefix(codecs.BOM_UTF8)[:HEAD_BYTES].lstrip()
    for pattern, kind, cure in _MARKUP_PATTERNS:
        if pattern.match(text):
            raise InputError(f"{name} is {kind}, whatever it is called, not a CSV file; {cure}")
