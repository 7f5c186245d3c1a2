"""Outcomes that a worker could not write before its end: kept in a file for the next worker of this home.

There is one file per process (`owned_files`), with one JSON line per outcome. `append` returns once the lines are on
disk. While the process lives, nobody else reads or removes its file.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from uuid import uuid4

import msgspec
import structlog

from broadcaster.services.sending import owned_files
from broadcaster.services.sending.sending_store import OutcomeRow

log = structlog.get_logger()

_SUFFIX = ".jsonl"
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(OutcomeRow).decode


class Spool:
    """This process's file in `directory`. Both are made when first needed."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._descriptor: int | None = None
        self.was_used = False
        """Whether this process has spooled anything."""

    def append(self, rows: Sequence[OutcomeRow]) -> None:
        """Keep `rows`; they survive a power failure once this returns. Raises OSError."""
        if self._descriptor is None:
            # Its mode is 0600: replies are in it.
            self._descriptor = owned_files.create_owned(self._directory / f"{uuid4().hex}{_SUFFIX}")
        lines = b"".join(_encode(row) + b"\n" for row in rows)
        while lines:
            lines = lines[os.write(self._descriptor, lines) :]
        os.fsync(self._descriptor)
        self.was_used = True

    def close(self) -> None:
        """Leave the spooled outcomes to the next worker."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    @contextmanager
    def left_behind(self) -> Iterator[list[OutcomeRow]]:
        """What ended workers have spooled. It is removed at the end of the block unless the block raises."""
        with ExitStack() as locks:
            files = owned_files.files_left_behind(self._directory, _SUFFIX, locks)
            yield [row for path in files for row in _read(path)]
            for path in files:
                path.unlink()


def _read(path: Path) -> Iterator[OutcomeRow]:
    """The complete lines of a file: a power failure may have torn the last one."""
    for line in path.read_bytes().splitlines():
        try:
            yield _decode(line)
        except msgspec.DecodeError:
            log.warning("a torn line of the spool is left out", file=path.name)
