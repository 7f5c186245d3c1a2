"""Cells that spreadsheets would run."""

from __future__ import annotations

import csv
import io
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from broadcaster.domain.phones import normalise_phone
from broadcaster.services.recipients.spreadsheet_cells import escape_cell, unescape_cell

SIGNS = "=+-@＝＋－＠"
FORMULAS = [
    *(f"{sign}1+1" for sign in SIGNS),
    "\t=1",
    "\r=1",
    "\n=1",
    "  =1",
    "\u00a0=1",
    "\u3000＝1",
    '"=1',
    "\0=1",
    "\tx",
]


@pytest.mark.parametrize("text", ["", "Ayu", "'", "O'Neil", "=1+1", "-5", "+62", "@x", "\tx", "'=1", "''-", "a;'=1"])
def test_what_is_escaped_comes_back_as_it_was(text: str) -> None:
    assert unescape_cell(escape_cell(text)) == text
    assert not escape_cell(text).startswith(("=", "+", "-", "@", "\t"))


@settings(max_examples=1_000)
@given(st.text(st.sampled_from(f"{SIGNS}'\";,\t\r\n\0 a1"), max_size=12))
def test_any_text_comes_back_as_it_was(text: str) -> None:
    assert unescape_cell(escape_cell(text)) == text


@pytest.mark.parametrize("formula", FORMULAS)
def test_no_cell_begins_with_a_formula(formula: str) -> None:
    assert escape_cell(formula).startswith("'")


@pytest.mark.parametrize("delimiter", [";", "\t", ","])
@pytest.mark.parametrize("before", ["", "x;", "x\t", "x\n", "x\r\n", 'x";', "x;y;"])
@pytest.mark.parametrize("formula", FORMULAS)
def test_no_cell_does_either_where_the_locale_splits_lines_elsewhere(
    delimiter: str, before: str, formula: str
) -> None:
    written = io.StringIO(newline="")
    csv.writer(written).writerow(["628123456789", escape_cell(before + formula), "end"])
    for line in io.StringIO(written.getvalue()):
        # What is not quoted from its start on is split wherever the delimiter stands.
        for cell in line.split(delimiter) if delimiter != "," else next(csv.reader([written.getvalue()])):
            assert cell.strip('"\r\n \0\u00a0\u3000')[:1] not in tuple(SIGNS), (line, cell)


@pytest.mark.parametrize(
    "text", ["Ayu-Ratna", "a = b", "C++", "a;b", "Jl. Sudirman 5, - Jakarta", "me@x.example", "1-2"]
)
def test_ordinary_texts_stay_as_they_are(text: str) -> None:
    assert escape_cell(text) == text


def test_a_phone_with_its_plus_stays_usable() -> None:
    assert normalise_phone(escape_cell("+49 151 12345678")) == "4915112345678"
    assert unescape_cell(escape_cell("+49 151 12345678")) == "+49 151 12345678"


@pytest.mark.parametrize("unit", [";", "\t", " ", "\n", "'", "; ", "';", "=", "\r"])
def test_a_hostile_cell_takes_no_time(unit: str) -> None:
    text = unit * (131_072 // len(unit))
    started = time.process_time()
    assert unescape_cell(escape_cell(text)) == text
    assert time.process_time() - started < 2
