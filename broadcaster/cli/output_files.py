"""Files that commands write: whole, or not at all."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from broadcaster.errors import InputError

STANDARD_OUTPUT = Path("-")


@contextmanager
def open_output(path: Path) -> Iterator[IO[str]]:
    """A file for UTF-8 text, as it is, that replaces `path` once all is written. Raises InputError.

    Nobody but its owner may read it. Whoever writes lines ends them.
    """
    if path == STANDARD_OUTPUT:
        # Whatever the terminal is.
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
