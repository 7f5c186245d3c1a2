"""Formulas without a value, errors and hidden rows are seen however a program writes the XML of a sheet."""

from __future__ import annotations

import io
import re
from typing import Any

import pytest

from broadcaster.domain.templates import compile_template
from broadcaster.errors import InputError
from broadcaster.services.recipients import workbook_parts
from broadcaster.services.recipients.formula_errors import is_formula_error
from broadcaster.services.recipients.hidden_rows import HiddenRowsRule
from broadcaster.services.recipients.list_options import RecipientOptions
from broadcaster.services.recipients.reader import read_recipients
from broadcaster.services.recipients.workbook_parts import sheet_parts
from tests.support.workbook import opendocument_of, text_cell, workbook_of

A, B = "6281234567801", "6281234567802"
HEADER = f'<row r="1">{text_cell("A1", "phone")}{text_cell("B1", "name")}</row>'
TEXT = compile_template("Hi {{ name }}")


def outcome(data: bytes, **options: Any) -> tuple[list[tuple[str, str]], list[tuple[int, str]], list[str]]:
    """Who is sent to with which name, which lines are rejected and why, and the notices."""
    with read_recipients(io.BytesIO(data), RecipientOptions(text=TEXT, **options)) as reader:
        batches = list(reader)
    sent = [(phone, values["name"]) for batch in batches for _, phone, values in batch.recipients]
    return sent, [(row.line, row.fault.sentence) for batch in batches for row in batch.rejected], [*reader.notices]


def row(number: int, phone: str, cell: str, attributes: str = "") -> str:
    return f'<row r="{number}"{attributes}>{text_cell(f"A{number}", phone)}{cell}</row>'


def without_places(rows: str) -> str:
    return re.sub(r' r="\w+"', "", rows)


WRITTEN = [
    pytest.param(workbook_of, id="as Excel does"),
    pytest.param(lambda rows: workbook_of(rows, prefix="x:"), id="with a prefix"),
    pytest.param(lambda rows: workbook_of(without_places(rows)), id="without places"),
    pytest.param(lambda rows: workbook_of(without_places(rows), prefix="x:"), id="with a prefix, without places"),
]


@pytest.mark.parametrize("written", WRITTEN)
@pytest.mark.parametrize(
    "cell",
    [
        '<c r="B3"><f>1+1</f></c>',
        '<c r="B3"><f t="shared" si="0"/><v/></c>',
        '<c r="B3" t="n">\n<f>A1 &amp; "x"</f>\n<v></v>\n</c>',
    ],
)
def test_a_formula_without_a_value_refuses_the_file_and_names_the_cell(written: Any, cell: str) -> None:
    with pytest.raises(InputError, match="the formula in cell B3 of sheet 'People' has no value"):
        outcome(written(HEADER + row(2, A, '<c r="B2"><f>1+1</f><v>2</v></c>') + row(3, B, cell)))


@pytest.mark.parametrize("written", WRITTEN)
def test_errors_and_hidden_rows_are_seen(written: Any) -> None:
    cell = '<c r="B3" t="e"><f>NA()</f><v>#N/A</v></c>'
    data = written(HEADER + row(2, A, text_cell("B2", "Ayu"), ' hidden="1"') + row(3, B, cell))
    sent, rejected, [notice] = outcome(data, hidden_rows=HiddenRowsRule.TAKE)
    assert sent == [(A, "Ayu")]
    assert rejected == [(3, "#N/A, the error of a formula, is in column 'name': mend it in the spreadsheet.")]
    assert notice == "rows that are hidden, by a filter or by hand, are taken like the others: 1"


def test_a_formula_that_made_an_empty_text_and_one_behind_the_rows_are_no_fault() -> None:
    empty = '<c r="B2" t="str"><f>IF(1,"","")</f><v></v></c><c r="C2"/>'
    sheet = f"{HEADER}{row(2, A, empty)}</sheetData><conditionalFormatting><cfRule><f>A1</f></cfRule>"
    data = workbook_of(f"{sheet}</conditionalFormatting><sheetData>")
    assert sheet_parts(data, "People").without_value is None


def test_only_sheets_that_may_have_something_to_tell_are_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    def parsed(*_: Any) -> None:
        raise AssertionError("this takes eight times as long as looking for signs")

    monkeypatch.setattr(workbook_parts.ExcelSheet, "feed", parsed)
    monkeypatch.setattr(workbook_parts, "_PIECE_BYTES", 64)  # else one piece holds it all
    plain = HEADER + row(2, A, text_cell("B2", "Ayu")) * 100
    assert sheet_parts(workbook_of(plain), "People").errors == {}
    with pytest.raises(AssertionError):
        sheet_parts(workbook_of(plain + row(3, B, '<c r="B3"><f>1</f></c>')), "People")


def ods_row(*cells: str, attributes: str = "") -> str:
    return f"<table:table-row{attributes}>{''.join(cells)}</table:table-row>"


def ods_text(text: str) -> str:
    return f'<table:table-cell office:value-type="string"><text:p>{text}</text:p></table:table-cell>'


ODS_HEADER = ods_row(ods_text("phone"), ods_text("name"))


@pytest.mark.parametrize(
    ("cell", "shown"),
    [
        (
            '<table:table-cell table:formula="of:=NA()" office:value-type="string" office:string-value=""'
            ' calcext:value-type="error"><text:p>#N/A</text:p></table:table-cell>',
            "#N/A",
        ),
        (
            '<table:table-cell table:formula="of:=A1/0" office:value-type="float" office:value="0">'
            "<office:annotation><text:p>why?</text:p></office:annotation><text:p>#DIV/0!</text:p></table:table-cell>",
            "#DIV/0!",
        ),
        (
            '<table:table-cell table:formula="of:=X(" office:value-type="float" office:value="0">'
            "<text:p>Err:508</text:p></table:table-cell>",
            "Err:508",
        ),
        ('<table:table-cell office:value-type="string"><text:p>#NOME?</text:p></table:table-cell>', "#NOME?"),
    ],
)
def test_errors_of_an_ods_sheet_reject_their_rows(cell: str, shown: str) -> None:
    repeated = ods_row(ods_text(A), ods_text("Ayu"), attributes=' table:number-rows-repeated="2"')
    sent, rejected, _ = outcome(opendocument_of(ODS_HEADER + repeated + ods_row(ods_text(B), cell)))
    assert sent == [(A, "Ayu"), (A, "Ayu")]
    assert rejected == [(4, f"{shown}, the error of a formula, is in column 'name': mend it in the spreadsheet.")]


def test_a_formula_of_an_ods_sheet_without_a_value_refuses_the_file_and_names_the_cell() -> None:
    empty = '<table:table-cell table:formula="of:=&quot;&quot;" office:value-type="string"/>'
    rows = ODS_HEADER + ods_row(ods_text(A), empty)
    assert outcome(opendocument_of(rows))[:2] == ([(A, "")], [])
    missing = '<table:table-cell table:formula="of:=1+1"><office:annotation><text:p>x</text:p></office:annotation>'
    with pytest.raises(InputError, match="the formula in cell B3 of sheet 'People' has no value"):
        outcome(opendocument_of(rows + ods_row(ods_text(B), f"{missing}</table:table-cell>")))


ERRORS = (
    "#N/A,#N/A ,#NOME?,#DIV/0! ,#DIV/0 !,#NV,#BEZUG!,#WERT!,#NOMBRE?,#¿NOMBRE?,#¡VALOR!,#VALEUR!,#NOM ?,#ND,#N/D,#N/B,"
    "#VERW!,#ИМЯ?,#Н/Д,#DEĞER!,#YOK,#HIÁNYZIK,#ÉRTÉK!,#NÉV?,#SPILL!,#GETTING_DATA,#ÜBERLAUF!,#DĚLENÍ_NULOU!,#ERROR!,"
    "Err:502,########"
)


def test_errors_are_known_in_the_languages_of_spreadsheets() -> None:
    assert [shown for shown in ERRORS.split(",") if not is_formula_error(shown)] == []


def test_other_values_are_no_errors() -> None:
    values = ("#1", "#1!", "# ND", "#Ayu!", "#promo?", "#PROMO", "ND", "N/A", "#N/A see below", "Error:502", "##")
    assert list(filter(is_formula_error, values)) == []
