"""Secrets that are generated once and kept in a private file."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path


def generated_once(path: Path, generate: Callable[[], str]) -> str:
    """The secret in the file `path`, which `generate` makes if there is none yet, with mode 0600.

    Raises OSError if it can be neither read nor written.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        _create_whole(path, generate().encode("ascii"))
    return path.read_text(encoding="ascii").strip()


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
