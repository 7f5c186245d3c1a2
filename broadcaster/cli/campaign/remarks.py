"""What is said of a content and of the files of its recipients."""

from __future__ import annotations

from collections.abc import Sequence

from broadcaster.cli.output import say
from broadcaster.domain.content_lint import Remark
from broadcaster.services.campaigns.file_checks import OwnFile


def say_remarks(remarks: Sequence[Remark]) -> None:
    """One line each."""
    for remark in remarks:
        say(f"{remark.severity}: {remark.message}")


def said_file(file: OwnFile) -> str:
    """A recipient's own file, for people."""
    return f"{file.path}, {file.bytes:,} bytes"


def file_document(file: OwnFile | None) -> dict[str, object] | None:
    """The same for programs; None: everybody gets the same file, or none."""
    return None if file is None else file._asdict()
