"""Which names campaigns, audiences, schedules, instances and sent files may have."""

from __future__ import annotations

import re

from broadcaster.errors import UsageError, quoted

FORGOTTEN = "(forgotten)"
"""Shown and kept in place of the number of somebody who was forgotten."""
LONGEST_NAME = 100
"""Characters: it is read in tables."""
LONGEST_REMARK = 500
LONGEST_FILENAME = 255
"""Bytes of UTF-8: the most that common file systems take."""
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
"""Controls and line ends. Format characters are none of them: some languages, and emojis, need joiners."""


def check_name(name: str, what: str = "campaign", longest: int = LONGEST_NAME) -> None:
    """Raise UsageError unless `name` fits on one line of output. `what` says what it names, for the error."""
    if not name or name != name.strip() or len(name) > longest or not name.isprintable():
        raise UsageError(f"{what} name {quoted(name)}: use 1 to {longest} printable characters, no outer spaces")


def check_remark(text: str | None, option: str) -> None:
    """Raise UsageError unless what somebody says for the record is a line, or nothing at all."""
    if text is not None and (not text.strip() or len(text) > LONGEST_REMARK or not text.isprintable()):
        raise UsageError(f"{option} {quoted(text)}: use 1 to {LONGEST_REMARK} printable characters on one line")


def usable_filename(text: str) -> str:
    """The text as a name that any system can store a file under: dashes for what none can have in it, not too long."""
    name = "".join(each if each.isprintable() and each not in "/\\" else "-" for each in text).strip()
    stem, dot, ending = name.rpartition(".")
    while len(name.encode()) > LONGEST_FILENAME and len(stem) > 1:
        stem = stem[:-1]
        name = stem + dot + ending
    return "file" if name.strip(".") == "" else name


LAYOUT = "\t\n\r\u2028\u2029"
"""What texts may hold although it moves a cursor."""


def path_parts(written: str) -> list[str]:
    """The parts of a path as lists have it, with the separators of any system."""
    return written.strip().replace("\\", "/").split("/")


def first_control(text: str, allowed: str = "") -> int | None:
    """Where the first control character or line end stands that is not `allowed`, from 0."""
    return next((found.start() for found in _CONTROL.finditer(text) if found[0] not in allowed), None)


def check_filename(name: str) -> None:
    """Raise UsageError unless any system can store a file of this name: no path, no control characters."""
    is_path = "/" in name or "\\" in name or name in (".", "..")
    if not name.strip() or is_path or not name.isprintable() or len(name.encode()) > LONGEST_FILENAME:
        raise UsageError(
            f"filename {quoted(name)}: use 1 to {LONGEST_FILENAME} bytes of printable characters without / and \\; "
            "--filename gives the file another name"
        )
