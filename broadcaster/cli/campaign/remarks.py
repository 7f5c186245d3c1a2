"""What is said of a content, as lines."""

from __future__ import annotations

from collections.abc import Sequence

from broadcaster.cli.output import say
from broadcaster.domain.content_lint import Remark


def say_remarks(remarks: Sequence[Remark]) -> None:
    """One line each."""
    for remark in remarks:
        say(f"{remark.severity}: {remark.message}")
