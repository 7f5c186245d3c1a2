"""Tables as CSV files that spreadsheets open safely."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from broadcaster.cli.output import csv_field, utc_time
from broadcaster.cli.output_files import STANDARD_OUTPUT, open_output
from broadcaster.services.recipients.spreadsheet_cells import escape_cell


def write_csv(output: Path, table: Iterable[Iterable[object]]) -> None:
    """Write the rows as UTF-8 to a file that is replaced once all is written, or to standard output (`-`).

    Cells that a spreadsheet would take for a formula begin with an apostrophe. On standard output, which may be a
    terminal, what that would act on is written out, such as `\\x1b`; a file holds all as it is. Raises InputError.
    """
    rows = ([_cell(value) for value in row] for row in table)
    with open_output(output) as file:
        csv.writer(file).writerows(rows if output != STANDARD_OUTPUT else ([*map(csv_field, row)] for row in rows))


def _cell(value: object) -> str:
    return escape_cell("" if value is None else utc_time(value) if isinstance(value, datetime) else str(value))
