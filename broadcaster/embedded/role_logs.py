"""The logs of roles: files of bounded size and number, replaced while the role goes on writing.

A role writes into a pipe, and a thread of its supervisor copies that into the file. So the file can be replaced
between two lines without the role's help, and no line is lost.
"""

from __future__ import annotations

import fcntl
import os
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import IO, BinaryIO

from broadcaster.embedded.launch import LINUX

MOST_BYTES = 10 * 1024 * 1024
"""The size of one file, in bytes. Its last line may end beyond that."""
OLDER_FILES = 4
"""How many files are kept besides the current one: from `.log.1`, the newest, to `.log.4`."""
_CHUNK_BYTES = 64 * 1024
_TAIL_BYTES = 8192
_PIPE_BYTES = 1024 * 1024
"""Bytes that a role can write while nobody reads, for example while its supervisor is suspended."""
_LAST_WORDS_SECONDS = 1.0


class RotatedFile:
    """A log file to append to. When it is full it becomes `.1`, the old `.1` becomes `.2`, and so on."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._open()

    def write(self, data: bytes) -> None:
        """Append `data`. If the file is full, the next line begins a new file.

        Only a very long line is split. Raises OSError; then a part of `data` is lost.
        """
        if self._size and self._size + len(data) > MOST_BYTES:
            end = 0 if self._at_line_start else data.find(b"\n") + 1
            if end or self._at_line_start or self._size > MOST_BYTES + _CHUNK_BYTES:
                self._append(data[:end])
                self._rotate()
                data = data[end:]
        self._append(data)

    def close(self) -> None:
        self._file.close()

    def _append(self, data: bytes) -> None:
        if data:
            self._size += self._file.write(data)
            self._at_line_start = data.endswith(b"\n")

    def _rotate(self) -> None:
        full = self._file
        move_aside(self._path)
        self._open()
        full.close()

    def _open(self) -> None:
        self._file = open_log(self._path)
        self._size = self._file.tell()
        self._at_line_start = True


class LogPump(threading.Thread):
    """Copies a process's output from its pipe to its log, until every process that can write to the pipe has ended."""

    def __init__(self, pipe: IO[bytes], log: RotatedFile) -> None:
        super().__init__(daemon=True)
        self._pipe = pipe
        self._log = log
        self._tail = b""
        if LINUX:
            _widen(pipe)

    def run(self) -> None:
        with self._pipe:
            while data := os.read(self._pipe.fileno(), _CHUNK_BYTES):
                self._tail = (self._tail + data)[-_TAIL_BYTES:]
                # A role must not wait for a full disk: it loses lines, as it would without the pipe.
                with suppress(OSError):
                    self._log.write(data)
        self._log.close()

    def last_line(self) -> str:
        """The last non-empty line of the process, or ''. Ask once the process has ended."""
        self.join(_LAST_WORDS_SECONDS)
        return last_line(self._tail)


def open_log(path: Path) -> BinaryIO:
    """The log at `path`, opened to append without a buffer. A full log is moved aside first."""
    with suppress(FileNotFoundError):
        if path.stat().st_size >= MOST_BYTES:
            move_aside(path)
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW
    file = os.fdopen(os.open(path, flags, 0o600), "ab", buffering=0)
    file.seek(0, os.SEEK_END)
    return file


def move_aside(path: Path) -> None:
    """Make room for a new file at `path`: the file becomes `.1`, the old `.1` becomes `.2`, the oldest is deleted."""
    for number in range(OLDER_FILES, 0, -1):
        newer = path.with_name(f"{path.name}.{number - 1}") if number > 1 else path
        with suppress(FileNotFoundError):
            newer.replace(path.with_name(f"{path.name}.{number}"))


def rotate_own_output(path: Path) -> None:
    """If this process's output goes to `path` and that is full, go on in a new file."""
    with suppress(OSError):
        written = os.fstat(sys.stdout.fileno())
        if written.st_size >= MOST_BYTES and os.path.samestat(written, path.stat()):
            with open_log(path) as file:
                os.dup2(file.fileno(), sys.stdout.fileno())
                os.dup2(file.fileno(), sys.stderr.fileno())


def last_line(data: bytes) -> str:
    """The last non-empty line, or ''."""
    lines = data.decode(errors="replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "")


def read_last_line(path: Path, start: int) -> str:
    """The last non-empty line after the offset `start` (bytes) of `path`, or ''."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(start, size - _TAIL_BYTES))
            return last_line(file.read())
    except OSError:
        return ""


def _widen(pipe: IO[bytes]) -> None:
    with suppress(OSError):  # more than this user may have
        fcntl.fcntl(pipe.fileno(), fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
