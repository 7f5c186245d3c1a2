"""Tables as CSV files that spreadsheets open safely."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from broadcaster.cli.output import csv_field, utc_time
from broadcaster.cli.output_files import STANDARD_OUTPUT, open_output
from broadcaster.services.recipients.spreadsheet_cells import escape_cell


@contextmanager
def open_csv(output: Path) -> Iterator[Callable[[Iterable[Iterable[object]]], None]]:
    """Writes rows as UTF-8 to a file that is replaced at the end of the block, or to standard output (`-`).

    Cells that a spreadsheet would take for a formula begin with an apostrophe. On standard output, which may be a
    terminal, what that would act on is written out, such as `\\x1b`; a file holds all as it is. Raises InputError.
    """
    with open_output(output) as file:

        def write(table: Iterable[Iterable[object]]) -> None:
            rows = ([_cell(value) for value in row] for row in table)
            shown = rows if output != STANDARD_OUTPUT else ([*map(csv_field, row)] for row in rows)
            csv.writer(file).writerows(shown)

        yield write


def write_csv(output: Path, table: Iterable[Iterable[object]]) -> None:
    """Write all of them, as `open_csv` does."""
    with open_csv(output) as write:
        write(table)


def _cell(value: object) -> str:
    return escape_cell("" if value is None else utc_time(value) if isinstance(value, datetime) else str(value))
