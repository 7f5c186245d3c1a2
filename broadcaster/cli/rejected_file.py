"""`--rejected FILE`: all rows of a list that are left out, with why."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import Annotated

import typer

from broadcaster.cli.csv_output import open_csv
from broadcaster.cli.options.recipients import FILE_PANEL
from broadcaster.services.recipients.batches import RejectedRow

_HEADER = ("line", "phone", "reason")
_IN_MEMORY = 1 << 20

RejectedOption = Annotated[
    Path | None,
    typer.Option(
        "--rejected",
        metavar="FILE",
        help="Write all rows that are rejected to this CSV file, with why.",
        rich_help_panel=FILE_PANEL,
    ),
]


def said_place_of_rejected(output: Path | None) -> str:
    """For people: where all of them are, or how to get them."""
    return "--rejected FILE writes all of them" if output is None else f"{output} has all of them"


@contextmanager
def rejected_rows(output: Path | None) -> Iterator[Callable[[RejectedRow], None]]:
    """Takes the rejected rows of a list in the block, and writes them at its end, also where the list is refused.

    Raises InputError where they cannot be written: before the block, so that nothing is stored then.
    """
    if output is None:
        yield lambda _: None
        return
    refusal: Exception | None = None
    with (
        open_csv(output) as write,
        SpooledTemporaryFile[str](mode="w+", max_size=_IN_MEMORY, encoding="utf-8", newline="") as aside,
    ):
        writer = csv.writer(aside)

        def keep(row: RejectedRow) -> None:
            writer.writerow((row.line, row.phone, row.fault.sentence))

        try:
            yield keep
        except Exception as error:  # noqa: BLE001 - raised again, once they are written
            refusal = error
        aside.seek(0)
        write((_HEADER, *csv.reader(aside)))
    if refusal is not None:
        raise refusal
