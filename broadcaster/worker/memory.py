"""The memory of processes that stay."""

from __future__ import annotations

import ctypes
import gc
import sys

_OBJECTS = 5_000
"""New ones after which the collector looks through them: a second's work of a busy worker."""
_PR_SET_THP_DISABLE = 41
"""linux/prctl.h; see prctl(2)."""


def keep_memory_level() -> None:
    """Let the garbage collector run again: commands put it off to start sooner (`cli/main.py`).

    What has been imported stays, and is not looked through any more.
    """
    gc.freeze()
    gc.set_threshold(_OBJECTS)
    _refuse_huge_pages()


def _refuse_huge_pages() -> None:
    """As Redis does for itself.

    The HTTP client's allocator asks for them, and the kernel makes one of 2 MiB of whatever little is used within it,
    up to hours later.
    """
    if sys.platform == "linux":
        # Where it is not allowed, nothing is lost but that.
        ctypes.CDLL(None).prctl(_PR_SET_THP_DISABLE, *map(ctypes.c_ulong, (1, 0, 0, 0)))
