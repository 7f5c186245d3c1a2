"""Where modules come from: what is installed, and nothing that is relative to the current directory."""

from __future__ import annotations

import os
import sys


def leave_relative_paths() -> None:
    """Take out of `sys.path` what a PYTHONPATH with empty or relative entries put there: mostly by mistake.

    `PYTHONPATH=$PYTHONPATH:/somewhere` has the current directory in it wherever the variable was not set before.
    """
    entries = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    if entries == [""] or sys.flags.ignore_environment:
        return
    # Without pathlib, which is not imported yet and could come from there.
    own = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))  # noqa: PTH100, PTH120
    relative = {os.path.abspath(entry) for entry in entries if not os.path.isabs(entry)}  # noqa: PTH100, PTH117
    relative.discard(own)
    sys.path[:] = [entry for entry in sys.path if entry not in relative]


def own_path() -> str:
    """PYTHONPATH for a process of this program: the absolute entries of this one's."""
    return os.pathsep.join(filter(os.path.isabs, os.environ.get("PYTHONPATH", "").split(os.pathsep)))
