"""How far the reading of recipients is, shown on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from broadcaster.cli.output import console
from broadcaster.services.recipients.batches import Progress


@contextmanager
def progress_bar() -> Iterator[Progress]:
    """A bar on stderr while the recipients are read; nothing where stderr is no terminal."""
    if not sys.stderr.isatty():
        yield lambda _read, _total, _rows: None
        return
    from rich import progress  # noqa: PLC0415 - start-up time: only terminals need it

    columns = (
        progress.TextColumn("{task.description}"),
        progress.BarColumn(),
        progress.TextColumn("{task.fields[rows]:,} recipients"),
    )
    with progress.Progress(*columns, console=console(stderr=True), transient=True) as bar:
        task = bar.add_task("reading", total=None, rows=0)

        def show(read: int, total: int | None, rows: int) -> None:
            description = "storing" if read == total else "reading"
            bar.update(task, completed=read, total=total, rows=rows, description=description)

        yield show
