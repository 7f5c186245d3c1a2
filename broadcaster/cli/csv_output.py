"""Tables as CSV files that spreadsheets open safely."""

from __future__ import annotations

import csv
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO

from broadcaster.cli.output import csv_field, utc_time
from broadcaster.errors import InputError
from broadcaster.services.recipients.spreadsheet_cells import escape_cell

STANDARD_OUTPUT = Path("-")


def write_csv(output: Path, table: Iterable[Iterable[object]]) -> None:
    """Write the rows as UTF-8 to a file that is replaced once all is written, or to standard output (`-`).

    Cells that a spreadsheet would take for a formula begin with an apostrophe. On standard output, which may be a
    terminal, what that would act on is written out, such as `\\x1b`; a file holds all as it is. Raises InputError.
    """
    rows = ([_cell(value) for value in row] for row in table)
    with _open_output(output) as file:
        csv.writer(file).writerows(rows if output != STANDARD_OUTPUT else ([*map(csv_field, row)] for row in rows))


def _cell(value: object) -> str:
    return escape_cell("" if value is None else utc_time(value) if isinstance(value, datetime) else str(value))


@contextmanager
def _open_output(path: Path) -> Iterator[IO[str]]:
    """A text file for CSV that replaces `path` once all is written."""
    if path == STANDARD_OUTPUT:
        # csv ends lines with \r\n itself, and CSV is UTF-8 whatever the terminal is.
        sys.stdout.reconfigure(encoding="utf-8", newline="")  # type: ignore[union-attr]  # a TextIOWrapper
        yield sys.stdout
        return
    try:
        if path.exists() and not path.is_file():
            # A pipe or a device cannot be replaced.
            with path.open("w", encoding="utf-8", newline="") as file:
                yield file
            return
        descriptor, part = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}") from None
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        Path(part).replace(path)
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}") from None
    finally:
        Path(part).unlink(missing_ok=True)
