"""Files that commands read as a whole, in bounded memory."""

from __future__ import annotations

import sys
from pathlib import Path

from broadcaster.errors import InputError

STANDARD_INPUT = Path("-")


def read_input(path: Path, most_bytes: int, what: str) -> bytes:
    """What the file holds, or standard input for `-`: no more than `most_bytes` are read, and one to know that.

    `what` is what it should hold, for the message. Raises InputError.
    """
    source = "standard input" if path == STANDARD_INPUT else str(path)
    try:
        if path == STANDARD_INPUT:
            content = sys.stdin.buffer.read(most_bytes + 1)
        else:
            with path.open("rb") as file:
                content = file.read(most_bytes + 1)
    except OSError as error:
        raise InputError(f"cannot read {source}: {error.strerror}") from None
    if len(content) > most_bytes:
        raise InputError(f"{source} holds more than {most_bytes:,} bytes: it should hold {what} and nothing else")
    return content
