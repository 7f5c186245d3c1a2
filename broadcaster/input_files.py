"""Files that are read as a whole, in bounded memory."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import BinaryIO

from broadcaster.errors import InputError

STANDARD_INPUT = Path("-")


def read_input(path: Path, most_bytes: int, what: str) -> bytes:
    """What the file holds, or standard input for `-`. `what` is what it should hold. Raises InputError."""
    advice = f"it should hold {what} and nothing else"
    if path != STANDARD_INPUT:
        return read_file(path, most_bytes, advice)
    return _read(lambda: nullcontext(sys.stdin.buffer), "standard input", most_bytes, advice)


def read_file(path: Path, most_bytes: int, advice: str) -> bytes:
    """What the file holds. `advice` is what to do about one that is larger. Raises InputError."""
    return _read(lambda: path.open("rb"), str(path), most_bytes, advice)


def _read(opened: Callable[[], AbstractContextManager[BinaryIO]], name: str, most_bytes: int, advice: str) -> bytes:
    try:
        with opened() as source:
            content = source.read(most_bytes + 1)  # one byte more, to know that there is more
    except OSError as error:
        raise InputError(f"cannot read {name}: {error.strerror}") from None
    if len(content) > most_bytes:
        raise InputError(f"{name} holds more than {most_bytes:,} bytes: {advice}")
    return content
