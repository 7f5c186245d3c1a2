"""What a workbook's library does not tell of a sheet: hidden rows, formulas without a value, cells that are errors.

The parts of the archive are read a piece at a time. Runs in the process that reads workbooks.
"""

from __future__ import annotations

import io
import zipfile
from contextlib import suppress
from posixpath import join, normpath
from xml.etree import ElementTree

from broadcaster.services.recipients.sheet_xml import ExcelSheet, OpenDocumentSheet, SheetParts, SheetXml

_PIECE_BYTES = 1 << 20
_LONGEST_SIGN = 16
"""Bytes of a piece that are looked at again with the next one."""
_RELATIONS = (
    "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id",
    "{http://purl.oclc.org/ooxml/officeDocument/relationships}id",  # of "Strict Open XML"
)


def sheet_parts(data: bytes, sheet: str) -> SheetParts:
    """What is to be known of the sheet; nothing, where the workbook is of another form.

    Raises ExpatError for XML that is not well-formed.
    """
    with suppress(zipfile.BadZipFile), zipfile.ZipFile(io.BytesIO(data)) as archive:
        names = set(archive.namelist())
        if "content.xml" in names:
            return _read(archive, "content.xml", OpenDocumentSheet(sheet))
        if (path := _part_of(archive, names, sheet)) is not None:
            return _read(archive, path, ExcelSheet())
    return SheetParts()


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
                target = next((targets.get(each.get(name), "") for name in _RELATIONS if name in each.attrib), "")
                path = target.lstrip("/") if target.startswith("/") else normpath(join("xl", target))
                return path if path in names else None
    return None


def _read(archive: zipfile.ZipFile, path: str, reader: SheetXml) -> SheetParts:
    """What the part says; most have nothing of interest, and looking for that is eight times as fast as parsing."""
    with archive.open(path) as part:
        before = b""
        while piece := part.read(_PIECE_BYTES):
            if reader.may_tell(before + piece):
                break
            before = piece[-_LONGEST_SIGN:]
        else:
            return reader.parts
    with archive.open(path) as part:
        while piece := part.read(_PIECE_BYTES):
            reader.feed(piece)
    reader.end()
    return reader.parts
