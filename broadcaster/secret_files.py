"""Files that decide what happens or hold secrets: read only where nobody else can have written them."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

_MOST_BYTES = 64 * 1024


def generated_once(path: Path, generate: Callable[[], str]) -> str:
    """The secret in the file `path`, which `generate` makes if there is none yet, with mode 0600.

    Raises OSError if it can be neither read nor written, or where `read_secret` would.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        _create_whole(path, generate().encode("ascii"))
    return _read(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), path)


def read_secret(path: Path) -> str:
    """The secret in a file that somebody else made, such as an operator or an orchestrator.

    Raises OSError if it cannot be read, if anybody but this user and root may write it, or if it is this user's and
    others may read it. Orchestrators mount files of root's that all may read, inside of a container.
    """
    return _read(os.open(path, os.O_RDONLY | os.O_NONBLOCK), path)


def is_ours_alone(status: os.stat_result) -> bool:
    """Whether a file or directory is this user's or root's, and no group nor anybody else may write it."""
    return status.st_uid in (os.geteuid(), 0) and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def _read(descriptor: int, path: Path) -> str:
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode) or not is_ours_alone(status):
            raise PermissionError(0, "others may have written it: make a new one and `chmod go=` it", str(path))
        if status.st_uid == os.geteuid() and status.st_mode & (stat.S_IRGRP | stat.S_IROTH):
            raise PermissionError(0, "others may have read it: `chmod go=` it, or make a new one", str(path))
        content = file.read(_MOST_BYTES + 1)
    if len(content) > _MOST_BYTES or not content.isascii():
        raise OSError(0, f"it is no plain text of at most {_MOST_BYTES:,} bytes: make a new one", str(path))
    return content.decode("ascii").strip()


def _create_whole(path: Path, content: bytes) -> None:
    """A private file that appears with all its content, and only once, whoever comes first."""
    descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            path.hardlink_to(draft)
    finally:
        Path(draft).unlink()
