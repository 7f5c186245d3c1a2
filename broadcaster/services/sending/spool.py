"""Outcomes that a worker could not write before it had to end, in a file until the next worker of this host does.

One file per process, one JSON line per outcome, each on disk before `append` returns. The file is locked while its
process lives (the kernel gives the lock back however it ends), so that nobody else reads or removes it.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import msgspec
import structlog

from broadcaster.services.sending.store import OutcomeRow

log = structlog.get_logger()

_SUFFIX = ".jsonl"
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(OutcomeRow).decode


class Spool:
    """This process's file in `directory`; both are made when they are first needed."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._descriptor: int | None = None

    def append(self, rows: Sequence[OutcomeRow]) -> None:
        """Keep `rows`; they survive a power failure once this returns. Raises OSError."""
        if self._descriptor is None:
            self._descriptor = self._create()
        lines = b"".join(_encode(row) + b"\n" for row in rows)
        while lines:
            lines = lines[os.write(self._descriptor, lines) :]
        os.fsync(self._descriptor)

    def close(self) -> None:
        """Leave what was kept to the next worker."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    @contextmanager
    def left_behind(self) -> Iterator[list[OutcomeRow]]:
        """What workers that ended have kept. It is removed at the end of the block, unless that raises."""
        with ExitStack() as locks:
            files = [path for path in sorted(self._directory.glob(f"[!.]*{_SUFFIX}")) if _locked(path, locks)]
            yield [row for path in files for row in _read(path)]
            for path in files:
                path.unlink()

    def _create(self) -> int:
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Hidden until it is locked. Its mode is 0600: replies are in it.
        descriptor, draft = tempfile.mkstemp(prefix=".", suffix=_SUFFIX, dir=self._directory)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        Path(draft).rename(self._directory / Path(draft).name.removeprefix("."))
        directory = os.open(self._directory, os.O_RDONLY)
        os.fsync(directory)
        os.close(directory)
        return descriptor


def _locked(path: Path, locks: ExitStack) -> bool:
    """Whether its process has ended and it is ours now, until `locks` are given back."""
    try:
        file = locks.enter_context(path.open("rb"))
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # another worker has it, or had it and removed it
        return False
    return path.exists()


def _read(path: Path) -> Iterator[OutcomeRow]:
    """Its whole lines: a power failure may have torn the last one."""
    for line in path.read_bytes().splitlines():
        try:
            yield _decode(line)
        except msgspec.DecodeError:
            log.warning("a torn line of the spool is left out", file=path.name)
