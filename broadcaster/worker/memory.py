"""Keeps the memory of long-running processes level."""

from __future__ import annotations

import ctypes
import gc
import sys

_OBJECTS = 5_000
"""The collector runs after this many new objects: a second's work of a busy worker."""
_PR_SET_THP_DISABLE = 41
"""linux/prctl.h; see prctl(2)."""


def keep_memory_level() -> None:
    """Let the garbage collector run again. Commands put it off to start faster (`cli/main.py`).

    Imported objects stay for good, so the collector no longer looks at them.
    """
    gc.freeze()
    gc.set_threshold(_OBJECTS)
    _refuse_huge_pages()


def _refuse_huge_pages() -> None:
    """Refuse huge pages, as Redis does for itself.

    The HTTP client's allocator asks for them. Up to hours later the kernel then makes a whole page of 2 MiB resident
    although little of it is used.
    """
    if sys.platform == "linux":
        # If this is not allowed, the process only uses more memory.
        ctypes.CDLL(None).prctl(_PR_SET_THP_DISABLE, *map(ctypes.c_ulong, (1, 0, 0, 0)))
