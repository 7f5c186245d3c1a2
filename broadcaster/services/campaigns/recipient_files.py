"""A file for each recipient: paths in a column of the list, below one directory, each distinct content stored once."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Connection, insert

from broadcaster.db import tables
from broadcaster.db.statements import rows
from broadcaster.domain.content_kinds import ContentKind
from broadcaster.domain.names import check_filename, path_parts
from broadcaster.domain.written_values import ValueFault
from broadcaster.errors import InputError, UsageError
from broadcaster.services.campaigns.new_content import store_body

MOST_FILES = 100_000
"""Paths of one campaign: what is known of each is kept while the list is read."""
MOST_BYTES = 16 << 30
"""Of all files of one campaign, each distinct content counted once."""


class _Counted(NamedTuple):
    path: str
    messages: int


class RecipientFiles:
    """The files that a column of the list names, below `root`. Each is looked at once, and read when it is stored."""

    def __init__(self, column: str, root: Path, most_bytes: int) -> None:
        """`column` is the variable with the paths, `most_bytes` the largest file. Raises UsageError: no directory."""
        self.column = column
        self._root = root
        self._most_bytes = most_bytes
        self._known: dict[str, bytes | ValueFault] = {}
        """By path, the digest of the file, or why there is none."""
        self._sizes: dict[bytes, int] = {}
        """By digest, each distinct content once."""
        self._bytes = 0
        """Of all of these."""
        if not root.is_dir():
            raise UsageError(f"--file-root {root} is no directory")

    def faults(self, paths: Sequence[str]) -> dict[int, ValueFault]:
        """Which of the paths lead to no usable file, by their number from 0, each with why.

        Raises InputError where there are too many files, or they are too large together.
        """
        faults: dict[int, ValueFault] = {}
        for row, path in enumerate(paths):
            if (known := self._known.get(path)) is None:
                known = self._known[path] = self._look(path)
            if isinstance(known, ValueFault):
                faults[row] = known
        return faults

    @property
    def usable(self) -> tuple[list[str], list[bytes]]:
        """The paths that were looked at and lead to a file, and the digest of each."""
        found = {path: known for path, known in self._known.items() if isinstance(known, bytes)}
        return list(found), list(found.values())

    def size(self, path: str) -> int:
        """Bytes of the file at a path that was looked at and leads to one."""
        known = self._known[path]
        assert isinstance(known, bytes)
        return self._sizes[known]

    def read(self, path: str) -> bytes:
        """The file. Raises InputError where it is not what it was when it was looked at."""
        known, body = self._known.get(path), self._read(path)
        if isinstance(body, ValueFault) or _digest(body) != known:
            raise InputError(f"{self._root / path} was changed meanwhile (nothing was stored): run it again")
        return body

    def _look(self, path: str) -> bytes | ValueFault:
        if len(self._known) >= MOST_FILES:
            raise InputError(f"--file-column {self.column}: at most {MOST_FILES:,} files are allowed; split the list")
        body = self._read(path)
        if isinstance(body, ValueFault):
            return body
        digest = _digest(body)
        if digest not in self._sizes:
            self._sizes[digest] = len(body)
            self._bytes += len(body)
        if self._bytes > MOST_BYTES:
            raise InputError(f"--file-column {self.column}: more than {MOST_BYTES >> 30} GiB of files; split the list")
        return digest

    def _read(self, path: str) -> bytes | ValueFault:
        parts = path_parts(path)
        if not path.strip():
            return self._fault("it is empty: each recipient needs a file")
        if not all(parts) or ".." in parts or "." in parts or "\0" in path or ":" in parts[0]:
            return self._fault("the path has to lead to a file below --file-root, such as invoices/17.pdf")
        try:
            check_filename(parts[-1])
        except UsageError:
            return self._fault("the name of this file cannot be shown: rename it")
        try:
            body = self._read_below(parts)
        except OSError as error:
            return self._fault(_WHY.get(type(error), "there is no file that can be read, or a link leads elsewhere"))
        if not body:
            return self._fault("this file is empty")
        if len(body) > self._most_bytes:
            return self._fault(f"this file is larger than {self._most_bytes:,} bytes (BROADCASTER_MAX_FILE_BYTES)")
        return body

    def _read_below(self, parts: Sequence[str]) -> bytes:
        """Step by step, so that no link is followed, whoever makes one meanwhile."""
        with ExitStack() as opened:
            directory = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY)
            opened.callback(os.close, directory)
            for part in parts[:-1]:
                directory = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=directory)
                opened.callback(os.close, directory)
            # Not waiting for who writes to a pipe.
            descriptor = os.open(parts[-1], os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=directory)
            with os.fdopen(descriptor, "rb") as file:
                if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                    raise IsADirectoryError
                return file.read(self._most_bytes + 1)

    def _fault(self, what: str) -> ValueFault:
        return ValueFault(f"Column '{self.column}': {what}.")


_WHY = {
    FileNotFoundError: "there is no such file below --file-root",
    IsADirectoryError: "this is no file",
    PermissionError: "this file cannot be read: it needs other permissions",
}


def store_recipient_files(connection: Connection, campaign_id: int, segment: int, files: RecipientFiles) -> None:
    """Store the files of a campaign whose messages are stored, each content once. Raises InputError."""
    of_campaign = {"campaign_id": campaign_id, "segment": segment, "column": files.column}
    for path, messages in rows(connection, "count_recipient_files", _Counted, **of_campaign):
        content_id = store_body(connection, ContentKind.FILE, files.read(path))
        values = {"campaign_id": campaign_id, "path": path, "content_id": content_id, "messages": messages}
        connection.execute(insert(tables.campaign_files).values(values))


def _digest(body: bytes) -> bytes:
    return hashlib.sha256(body).digest()
