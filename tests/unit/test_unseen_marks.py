"""Control characters and marks of direction in the values of a list."""

from __future__ import annotations

import io
from typing import Any

import pytest

from broadcaster.domain.templates import compile_template
from broadcaster.services.recipients.list_options import RecipientOptions
from broadcaster.services.recipients.reader import read_recipients
from tests.support.workbook import text_cell, workbook_of

A, B = "6281234567801", "6281234567802"
TEXT = compile_template("Hi {{ name }}")


def outcome(content: str | bytes, **options: Any) -> tuple[list[str], list[tuple[int, str, str]], list[str]]:
    """The names that are sent, the rejected lines with phone and reason, and the notices."""
    data = content.encode() if isinstance(content, str) else content
    with read_recipients(io.BytesIO(data), RecipientOptions(text=TEXT, **options)) as reader:
        batches = list(reader)
    names = [values["name"] for batch in batches for _, _, values in batch.recipients]
    return names, [(*row[:2], row.fault.sentence) for batch in batches for row in batch.rejected], [*reader.notices]


@pytest.mark.parametrize("control", ["\x01", "\x1b[2J", "\x0b", "\x7f", "\x85", "\x9b31m"])
@pytest.mark.parametrize("column", ["name", "note"])
def test_a_control_character_rejects_its_row_whatever_column_it_is_in(control: str, column: str) -> None:
    values = {"name": "Ayu", "note": "x"} | {column: f"a{control}b"}
    names, rejected, _ = outcome(f"phone,name,note\n{A},{values['name']},{values['note']}\n{B},Budi,y\n")
    what = f"There is a control character, U+{ord(control[0]):04X}, in column '{column}': remove it."
    assert (names, rejected) == (["Budi"], [(2, A, what)])


def test_line_ends_tabs_and_joiners_are_no_controls() -> None:
    name = "A\r\nB\tC\u2028\u200d\u200f\u00a0é"
    assert outcome(f'phone,name\n{A},"{name}"\n') == ([name], [], [])


def test_a_nul_of_a_workbook_rejects_its_row_in_any_column() -> None:
    header = f'<row r="1">{text_cell("A1", "phone")}{text_cell("B1", "name")}</row>'
    name = f'<row r="2">{text_cell("A2", A)}{text_cell("B2", "A_x0000_B")}</row>'
    phone = f'<row r="3">{text_cell("A3", "62_x0000_812")}{text_cell("B3", "Budi")}</row>'
    names, rejected, _ = outcome(workbook_of(header + name + phone))
    assert names == []
    assert rejected[0] == (2, A, "There is a control character, U+0000, in column 'name': remove it.")
    assert rejected[1][:2] == (3, "62\ufffd812")


def test_a_nul_of_a_vcard_rejects_the_card() -> None:
    card = f"BEGIN:VCARD\nFN;ENCODING=QUOTED-PRINTABLE:A=00B\nTEL:+{A}\nEND:VCARD\n"
    assert outcome(card)[:2] == (
        [],
        [(1, f"+{A}", "There is a control character, U+0000, in column 'name': remove it.")],
    )


def test_marks_that_turn_the_direction_of_writing_are_left_out() -> None:
    names, rejected, [notice] = outcome(f"phone,name\n\u202a{A}\u202c,\u2068Ayu\u2069\n{B},a\u202etxt\n")
    assert (names, rejected) == (["Ayu", "atxt"], [])
    assert notice == "marks that turn the direction of writing are left out of 2 values"
