"""Excel workbooks, made by hand: what there is in a file is what the test says."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape

_TYPES = """<?xml version="1.0" encoding="UTF-8"?>
<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">
<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>
<Default Extension="xml" ContentType="application/xml"/>
<Override PartName="/xl/workbook.xml"
 ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/>
<Override PartName="/xl/styles.xml"
 ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.styles+xml"/>
<Override PartName="/xl/worksheets/sheet1.xml"
 ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/></Types>"""
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
_ROOT = (
    f'<Relationships xmlns="{_RELATIONS}">'
    f'<Relationship Id="r1" Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>'
)
_BOOK = (
    f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets><sheet name="People" sheetId="1" r:id="r1"/></sheets>'
    "</workbook>"
)
_BOOK_RELATIONS = (
    f'<Relationships xmlns="{_RELATIONS}">'
    f'<Relationship Id="r1" Type="{_OFFICE}/worksheet" Target="worksheets/sheet1.xml"/>'
    f'<Relationship Id="r2" Type="{_OFFICE}/styles" Target="styles.xml"/>'
    f'<Relationship Id="r3" Type="{_OFFICE}/sharedStrings" Target="sharedStrings.xml"/></Relationships>'
)
# Style 1 shows a number as a date.
_STYLES = (
    f'<styleSheet xmlns="{_MAIN}"><cellXfs count="2"><xf numFmtId="0"/><xf numFmtId="14" applyNumberFormat="1"/>'
    "</cellXfs></styleSheet>"
)

Day = tuple[float]
"""A cell that shows this day since 1899-12-30 as a date."""
Cell = str | float | bool | Day | None


def workbook(rows: Sequence[Sequence[Cell]], *, first_row: int = 1) -> bytes:
    """An .xlsx file of one sheet with `rows` from `first_row` on; None leaves a cell out."""
    return workbook_of(_rows(rows, first_row))


def workbook_of_sheets(sheets: Mapping[str, Sequence[Sequence[Cell]]], *, hidden: Sequence[str] = ()) -> bytes:
    """An .xlsx file with these sheets, of which some are hidden."""
    listed, relations = [], []
    parts = {"[Content_Types].xml": _TYPES, "_rels/.rels": _ROOT, "xl/styles.xml": _STYLES}
    for number, (name, rows) in enumerate(sheets.items(), 1):
        state = ' state="hidden"' if name in hidden else ""
        listed.append(f'<sheet name="{escape(name)}" sheetId="{number}"{state} r:id="s{number}"/>')
        target = f"worksheets/sheet{number}.xml"
        relations.append(f'<Relationship Id="s{number}" Type="{_OFFICE}/worksheet" Target="{target}"/>')
        parts[f"xl/{target}"] = f'<worksheet xmlns="{_MAIN}"><sheetData>{_rows(rows)}</sheetData></worksheet>'
    parts["xl/workbook.xml"] = (
        f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>{"".join(listed)}</sheets></workbook>'
    )
    styles = f'<Relationship Id="r2" Type="{_OFFICE}/styles" Target="styles.xml"/>'
    parts["xl/_rels/workbook.xml.rels"] = (
        f'<Relationships xmlns="{_RELATIONS}">{"".join(relations)}{styles}</Relationships>'
    )
    return archive_of(parts)


def opendocument(rows: Sequence[Sequence[str]], *, filtered: Sequence[int] = ()) -> bytes:
    """An .ods file of one sheet of texts; the rows numbered `filtered`, from 0, are hidden by a filter."""
    return opendocument_of(_opendocument_rows(rows, filtered))


def _opendocument_rows(rows: Sequence[Sequence[str]], filtered: Sequence[int]) -> str:
    return "".join(
        ('<table:table-row table:visibility="filter">' if number in filtered else "<table:table-row>")
        + "".join(
            f'<table:table-cell office:value-type="string"><text:p>{escape(cell)}</text:p></table:table-cell>'
            for cell in row
        )
        + "</table:table-row>"
        for number, row in enumerate(rows)
    )


def opendocument_of(rows: str) -> bytes:
    """An .ods file whose only sheet holds the XML `rows`."""
    namespace = "urn:oasis:names:tc:opendocument:xmlns"
    content = (
        f'<office:document-content xmlns:office="{namespace}:office:1.0" xmlns:table="{namespace}:table:1.0"'
        f' xmlns:text="{namespace}:text:1.0"'
        ' xmlns:calcext="urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0">'
        '<office:body><office:spreadsheet><table:table table:name="People">'
        f"{rows}</table:table></office:spreadsheet></office:body></office:document-content>"
    )
    manifest = f'<manifest:manifest xmlns:manifest="{namespace}:manifest:1.0"/>'
    kind = "application/vnd.oasis.opendocument.spreadsheet"
    return archive_of({"mimetype": kind, "META-INF/manifest.xml": manifest, "content.xml": content})


def archive_of(parts: Mapping[str, str]) -> bytes:
    """A zip archive with these texts by path."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    return file.getvalue()


def _rows(rows: Sequence[Sequence[Cell]], first_row: int = 1) -> str:
    return "".join(
        f'<row r="{number}">{"".join(_cell(f"{_letters(i)}{number}", cell) for i, cell in enumerate(row))}</row>'
        for number, row in enumerate(rows, first_row)
    )


def text_cell(place: str, text: str) -> str:
    """The XML of a cell that holds a text."""
    return f'<c r="{place}" t="inlineStr"><is><t xml:space="preserve">{escape(text)}</t></is></c>'


def workbook_of(rows: str, *, shared_text: str | None = None, prefix: str = "") -> bytes:
    """An .xlsx file whose only sheet holds the XML `rows`; `shared_text` is what `<c t="s"><v>0</v></c>` shows.

    With a `prefix`, such as `x:`, the sheet's names have it, as those of some programs do; `rows` are written without.
    """
    parts = {
        "[Content_Types].xml": _TYPES,
        "_rels/.rels": _ROOT,
        "xl/workbook.xml": _BOOK,
        "xl/_rels/workbook.xml.rels": _BOOK_RELATIONS,
        "xl/styles.xml": _STYLES,
        "xl/worksheets/sheet1.xml": _sheet(rows, prefix),
    }
    if shared_text is not None:
        parts["xl/sharedStrings.xml"] = f'<sst xmlns="{_MAIN}"><si><t>{shared_text}</t></si></sst>'
    return archive_of(parts)


def _sheet(rows: str, prefix: str) -> str:
    sheet = f"<worksheet><sheetData>{rows}</sheetData></worksheet>"
    prefixed = re.sub(r"<(/?)(?=\w)", rf"<\1{prefix}", sheet)
    name = f"xmlns:{prefix[:-1]}" if prefix else "xmlns"
    return prefixed.replace("worksheet>", f'worksheet {name}="{_MAIN}">', 1)


def _cell(place: str, cell: Cell) -> str:
    match cell:
        case None:
            return ""
        case bool():
            return f'<c r="{place}" t="b"><v>{int(cell)}</v></c>'
        case str():
            return text_cell(place, cell)
        case (day,):
            return f'<c r="{place}" s="1"><v>{day}</v></c>'
        case number:
            return f'<c r="{place}"><v>{number!r}</v></c>'


def _letters(index: int) -> str:
    return chr(ord("A") + index)
