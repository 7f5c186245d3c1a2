"""What operators may call campaigns, audiences, schedules, instances, and the files that they send."""

from __future__ import annotations

from broadcaster.errors import UsageError, quoted

LONGEST_NAME = 200
LONGEST_FILENAME = 255
"""Bytes of UTF-8: what the file systems of those who receive it take."""


def check_name(name: str, what: str = "campaign", longest: int = LONGEST_NAME) -> None:
    """Raise UsageError unless `name` can be shown on one line. `what` is what it names, for the message."""
    if not name or name != name.strip() or len(name) > longest or not name.isprintable():
        raise UsageError(f"{what} name {quoted(name)}: use 1 to {longest} printable characters, no outer spaces")


def check_filename(name: str) -> None:
    """Raise UsageError unless a file of this name can be kept anywhere: it is no path, and no control characters."""
    is_path = "/" in name or "\\" in name or name in (".", "..")
    if not name.strip() or is_path or not name.isprintable() or len(name.encode()) > LONGEST_FILENAME:
        raise UsageError(
            f"filename {quoted(name)}: use 1 to {LONGEST_FILENAME} bytes of printable characters without / and \\; "
            "--filename gives the file another name"
        )
