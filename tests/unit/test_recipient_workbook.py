"""Excel workbooks as recipients files."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import pytest

from broadcaster.errors import BroadcasterError
from broadcaster.services.recipients.reader import Recipient, RecipientOptions, RejectedRow, read_recipients
from tests.support.workbook import Cell, workbook

PHONE = "628123456789"


def read(data: bytes, **options: Any) -> tuple[list[Recipient], list[RejectedRow]]:
    recipients: list[Recipient] = []
    rejected: list[RejectedRow] = []
    with read_recipients(io.BytesIO(data), RecipientOptions(**options)) as reader:
        for batch in reader:
            recipients += batch.recipients
            rejected += batch.rejected
    return recipients, rejected


def refusal(data: bytes, **options: Any) -> str:
    with pytest.raises(BroadcasterError) as caught:
        read(data, **options)
    return str(caught.value)


def test_a_phone_that_excel_keeps_as_a_float_is_its_digits() -> None:
    recipients, rejected = read(workbook([["phone", "name"], [628123456789.0, "Ayu"]]))
    assert (recipients, rejected) == ([(2, PHONE, {"name": "Ayu"})], [])


@pytest.mark.parametrize(
    ("cell", "field"),
    [
        (" Ayu ", " Ayu "),
        ("0123", "0123"),
        (3.0, "3"),
        (3.5, "3.5"),
        (-0.25, "-0.25"),
        ((46000,), "2025-12-09"),
        ((46000.5,), "2025-12-09 12:00:00"),
        (True, "TRUE"),
        (None, ""),
    ],
)
def test_cells_are_what_a_csv_file_would_say(cell: Cell, field: str) -> None:
    recipients, _ = read(workbook([["phone", "value"], [PHONE, cell]]))
    assert recipients == [(2, PHONE, {"value": field})]


def test_blank_rows_and_empty_columns_around_the_table_do_not_matter() -> None:
    rows: Sequence[Sequence[Cell]] = [[None, "phone", "name", None], [], [None, PHONE, "Ayu"], [None, "12", "Budi"]]
    recipients, rejected = read(workbook(rows, first_row=3))
    assert recipients == [(5, PHONE, {"name": "Ayu"})]
    assert [(row.line, row.phone) for row in rejected] == [(6, "12")]


def test_a_cell_without_a_column_refuses_the_file() -> None:
    data = workbook([["phone"], [PHONE], [PHONE, "Ayu"]])
    assert "line 3: there is a cell outside the columns of the header" in refusal(data)


def test_what_is_no_workbook_is_refused_in_one_line() -> None:
    assert "first sheet is empty" in refusal(workbook([]))
    assert "cannot be read as an Excel workbook" in refusal(workbook([["phone"], [PHONE]])[:300])
    assert "has no encoding" in refusal(workbook([["phone"], [PHONE]]), encoding="utf-8")
    assert "has a header but no recipients" in refusal(workbook([["phone"]]))
