"""The memory of processes that stay."""

from __future__ import annotations

import gc

_OBJECTS = 5_000
"""New ones after which the collector looks through them: a second's work of a busy worker."""


def keep_memory_level() -> None:
    """Let the garbage collector run again: commands put it off to start sooner (`cli/main.py`).

    What has been imported stays, and is not looked through any more.
    """
    gc.freeze()
    gc.set_threshold(_OBJECTS)
