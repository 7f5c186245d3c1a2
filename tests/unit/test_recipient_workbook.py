"""Excel workbooks as recipients files."""

from __future__ import annotations

import io
import resource
import subprocess
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from broadcaster.errors import BroadcasterError
from broadcaster.services.recipients.batches import Recipient, RejectedRow
from broadcaster.services.recipients.list_options import RecipientOptions
from broadcaster.services.recipients.reader import read_recipients
from broadcaster.services.recipients.workbook import WorkbookRows
from tests.support.reference import ROOT
from tests.support.workbook import Cell, text_cell, workbook, workbook_of

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
    assert "sheet 'People' is empty" in refusal(workbook([]))
    assert "cannot be read as an Excel workbook" in refusal(workbook([["phone"], [PHONE]])[:300])
    assert "has no encoding" in refusal(workbook([["phone"], [PHONE]]), encoding="utf-8")
    assert "has a header but no recipients" in refusal(workbook([["phone"]]))


HEADER = f'<row r="1">{text_cell("A1", "phone")}</row>'


def far_cell(row: int, place: str) -> bytes:
    return workbook_of(f'{HEADER}<row r="{row}">{text_cell(place, "x")}</row>')


def second_row(*lengths: int) -> bytes:
    cells = (text_cell(f"{column}2", "x" * length) for column, length in zip("ABCDEFGHI", lengths, strict=False))
    return workbook_of(f'{HEADER}<row r="2">{"".join(cells)}</row>')


def shared(count: int, length: int) -> bytes:
    rows = "".join(f'<row r="{row}"><c r="A{row}" t="s"><v>0</v></c></row>' for row in range(2, count + 2))
    return workbook_of(HEADER + rows, shared_text="x" * length)


def padded(mebibytes: int) -> bytes:
    file = io.BytesIO(workbook_of(HEADER))
    with zipfile.ZipFile(file, "a", zipfile.ZIP_DEFLATED) as archive, archive.open("padding", "w") as part:
        for _ in range(mebibytes):
            part.write(bytes(1 << 20))
    return file.getvalue()


TOO_MUCH_MEMORY = "the recipients file: the sheet takes too much memory to be read"
HOSTILE: dict[str, tuple[Callable[[], bytes], str]] = {
    "a cell in the last corner": (lambda: far_cell(1 << 20, "XFD1048576"), TOO_MUCH_MEMORY),
    "a hundred columns and a cell in the last row": (lambda: far_cell(1 << 20, "CV1048576"), TOO_MUCH_MEMORY),
    "a row beyond all rows": (lambda: far_cell((1 << 32) - 1, "A4294967295"), TOO_MUCH_MEMORY),
    "a column beyond all columns": (lambda: far_cell(1, "ZZZZZZ1"), TOO_MUCH_MEMORY),
    "300 columns": (lambda: far_cell(2, "KN2"), "the sheet has 300 columns, and at most 256 are allowed"),
    "more cells than a list has": (lambda: far_cell(600_000, "BZ600000"), "has 600,000 rows of 78 columns"),
    "a long cell": (lambda: second_row(131_073), "line 2, column 1: the cell is longer than 131,072 characters"),
    "a long row": (lambda: second_row(*[131_000] * 9), "line 2: the row is longer than 1,048,576 characters"),
    "a text of 30 KB in 100,000 cells": (lambda: shared(100_000, 30_000), TOO_MUCH_MEMORY),
    "a gigabyte when unpacked": (lambda: padded(1025), "is more than 1 GiB when it is unpacked"),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_workbook_that_asks_for_too_much_is_refused_in_one_line_and_little_memory(
    what: str, capfd: pytest.CaptureFixture[str]
) -> None:
    make, said = HOSTILE[what]
    data = make()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    message = refusal(data)
    assert said in message
    assert "\n" not in message
    assert capfd.readouterr() == ("", ""), "panics and backtraces of the library are for nobody"
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 << 10, "in KB"
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss <= 2 << 20


def test_an_archive_that_lies_about_its_size_is_refused_by_the_limits_of_the_process() -> None:
    data = bytearray(shared(100_000, 30_000))
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        sizes = [part.file_size.to_bytes(4, "little") for part in archive.infolist()]
    for size in sizes:
        data = data.replace(size, bytes(4))
    assert "the recipients file" in refusal(bytes(data))


def test_a_panic_of_the_library_is_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "python_calamine.py").write_text("raise SystemError('index out of bounds')")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{Path(__file__).parents[2]}")
    assert refusal(workbook([["phone"], [PHONE]])) == (
        "the recipients file cannot be read as an Excel workbook (SystemError: index out of bounds); "
        "save the list as .xlsx or as CSV (UTF-8)"
    )


def test_without_the_reader_a_line_says_which_extra_is_missing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "python_calamine.py").write_text("raise ModuleNotFoundError(name=__name__)")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{Path(__file__).parents[2]}")
    assert refusal(workbook([["phone"], [PHONE]])) == (
        "the recipients file is a workbook, and nothing reads those here: "
        "`pip install 'wachatpro-broadcaster[xlsx]'`, or save the list as CSV (UTF-8)"
    )


def test_nothing_is_imported_from_the_current_directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "msgspec.py").write_text(f"open({str(tmp_path / 'run')!r}, 'w')")
    monkeypatch.chdir(tmp_path)
    read(workbook([["phone"], [PHONE]]))
    assert not (tmp_path / "run").exists()


def test_the_process_ends_with_its_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[subprocess.Popen[bytes]] = []
    start = subprocess.Popen

    def noted(*args: Any, **options: Any) -> subprocess.Popen[bytes]:
        started.append(start(*args, **options))
        return started[-1]

    monkeypatch.setattr("subprocess.Popen", noted)
    many = workbook([["phone"], *([PHONE] for _ in range(5_000))])
    with read_recipients(io.BytesIO(many), RecipientOptions()) as reader:
        next(iter(reader))
    refusal(workbook([["name"], ["Ayu"]]))
    refusal(workbook([]))
    assert [process.returncode is not None for process in started] == [True] * 3


def test_the_process_imports_nothing_from_the_current_directory(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "msgspec.py").write_text("raise SystemExit('planted')")
    monkeypatch.chdir(tmp_path)
    # As `PYTHONPATH=$PYTHONPATH:/somewhere` has it where the variable was not set before.
    monkeypatch.setenv("PYTHONPATH", f":{ROOT}")
    assert read(workbook([["phone"], [PHONE]]))[0] == [(2, PHONE, {})]


def test_the_process_sees_no_secret(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    told = tmp_path / "environ"
    (tmp_path / "python_calamine.py").write_text(f"import os\nopen({str(told)!r}, 'w').write(repr(os.environ))")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{Path(__file__).parents[2]}")
    monkeypatch.setenv("BROADCASTER_SECRET_KEY", "s3cret")
    refusal(workbook([["phone"], [PHONE]]))
    assert "s3cret" not in told.read_text()


def test_batches_are_no_larger_than_asked_for_and_no_row_is_lost() -> None:
    data = workbook([["phone", "n"], *([PHONE, float(n)] for n in range(1_234))])
    rows = WorkbookRows(io.BytesIO(data), "people.xlsx")
    batches = list(rows.batches(100))
    rows.close()
    assert max(len(batch.rows) for batch in batches) == 100
    assert [row[1] for batch in batches for row in batch.rows] == [str(n) for n in range(1_234)]
    assert [line for batch in batches for line in batch.lines] == list(range(2, 1_236))
