"""What a workbook's library does not tell of a sheet: hidden rows, formulas without a value, cells that are errors.

The parts of the archive are read as text, a piece at a time. Runs in the process that reads workbooks.
"""

from __future__ import annotations

import html
import io
import re
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from posixpath import join, normpath
from typing import IO
from xml.etree import ElementTree

_PIECE_BYTES = 1 << 20
_MOST_ERRORS = 1 << 16
"""Cells with errors that are known by their place: a formula that is broken is so in every row."""
_ROW = re.compile(rb"<row\b[^>]*\shidden=[\"'](?:1|true)[\"']")
_FORMULA_WITHOUT_VALUE = re.compile(
    rb"<c\b(?![^>]*\st=[\"']str[\"'])[^>]*\sr=[\"']([A-Z]+[0-9]+)[\"'][^>]*>\s*"
    rb"<f\b(?:[^>]*/>|[^>]*>[^<]*</f>)\s*(?:<v\s*/>|<v>\s*</v>|</c>)"
)
_ERROR = re.compile(
    rb"<c\b(?=[^>]*\st=[\"']e[\"'])[^>]*\sr=[\"']([A-Z]+)([0-9]+)[\"'][^>]*>(?:(?!</c>).)*?<v>([^<]*)</v>", re.S
)
_ODS_TABLE_OR_ROW = re.compile(
    rb"<table:table\s[^>]*?table:name=\"([^\"]*)\"|<table:table-row\b[^>]*table:visibility=\"(?:filter|collapse)\""
)
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"


@dataclass(slots=True)
class SheetParts:
    """What is to be known of a sheet beside its values."""

    hidden_rows: int = 0
    without_value: str | None = None
    """The first cell, such as `B2`, with a formula that has no value."""
    errors: dict[tuple[int, int], str] = field(default_factory=dict)
    """What cells show that are errors, such as `#N/A`, by row from 1 and column from 0."""


def sheet_parts(data: bytes, sheet: str) -> SheetParts:
    """What is to be known of the sheet; nothing, where the workbook is of another form."""
    parts = SheetParts()
    with suppress(zipfile.BadZipFile), zipfile.ZipFile(io.BytesIO(data)) as archive:
        names = set(archive.namelist())
        if "content.xml" in names:
            _read_ods(archive, sheet, parts)
        elif (path := _part_of(archive, names, sheet)) is not None:
            with archive.open(path) as part:
                for text in _pieces(part, b"<row"):
                    _read_rows(text, parts)
    return parts


def kind_of_archive(data: bytes) -> str | None:
    """What a zip archive is that is no workbook, and what to do; None: nobody knows."""
    with suppress(zipfile.BadZipFile), zipfile.ZipFile(io.BytesIO(data)) as archive:
        names = archive.namelist()
        starts = {name.partition("/")[0] for name in names}
        if "word" in starts:
            return "is a Word document; copy its table into a spreadsheet and save that"
        if "ppt" in starts:
            return "is a PowerPoint document; copy its table into a spreadsheet and save that"
        if "Index" in starts or "Index.zip" in names:
            return "is an Apple Numbers document; export it as Excel or CSV"
        if not starts & {"xl", "content.xml", "META-INF"}:
            return "is a zip archive; unpack it and take the list that is in it"
    return None


def _part_of(archive: zipfile.ZipFile, names: set[str], sheet: str) -> str | None:
    """The path of an .xlsx sheet's XML in the archive."""
    with suppress(KeyError, ElementTree.ParseError):
        # The library has read both; what it bears, the limits of the process bear too.
        book = ElementTree.fromstring(archive.read("xl/workbook.xml"))  # noqa: S314
        relations = ElementTree.fromstring(archive.read("xl/_rels/workbook.xml.rels"))  # noqa: S314
        targets = {each.get("Id"): each.get("Target", "") for each in relations}
        for each in book.iter():
            if each.tag.endswith("}sheet") and each.get("name") == sheet:
                target = targets.get(each.get(_RELATION), "")
                path = target.lstrip("/") if target.startswith("/") else normpath(join("xl", target))
                return path if path in names else None
    return None


def _pieces(part: IO[bytes], begins: bytes) -> Iterator[bytes]:
    """The text in pieces that end where something begins."""
    rest = b""
    while block := part.read(_PIECE_BYTES):
        text = rest + block
        end = text.rfind(begins)
        if end <= 0:
            # Nothing of it is longer than a piece but by intent.
            rest = text[-_PIECE_BYTES:]
            continue
        yield text[:end]
        rest = text[end:]
    yield rest


def _read_rows(text: bytes, parts: SheetParts) -> None:
    if b"hidden=" in text:
        parts.hidden_rows += len(_ROW.findall(text))
    if parts.without_value is None and b"<f" in text and (found := _FORMULA_WITHOUT_VALUE.search(text)):
        parts.without_value = found[1].decode()
    if b't="e"' in text or b"t='e'" in text:
        for column, row, shown in _ERROR.findall(text):
            if len(parts.errors) < _MOST_ERRORS:
                parts.errors[int(row), _index(column)] = html.unescape(shown.decode(errors="replace"))


def _read_ods(archive: zipfile.ZipFile, sheet: str, parts: SheetParts) -> None:
    current = ""
    with archive.open("content.xml") as part:
        for text in _pieces(part, b"<table:table"):
            for found in _ODS_TABLE_OR_ROW.finditer(text):
                if found[1] is not None:
                    current = html.unescape(found[1].decode(errors="replace"))
                elif current == sheet:
                    parts.hidden_rows += 1


def _index(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - ord("A") + 1
    return number - 1
