"""Files that belong to one process for as long as it lives.

Each process locks its file, and the kernel releases the lock however the process ends. So whoever gets the lock of
another's file knows that its process has ended. A pid would prove nothing, since pids are reused.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import ExitStack
from pathlib import Path


def create_owned(path: Path) -> int:
    """Make a file of this process, and its directory. Returns the descriptor that holds its lock. Raises OSError."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # The file is hidden until it is locked.
    draft = path.with_name(f".{path.name}")
    descriptor = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    draft.rename(path)
    directory = os.open(path.parent, os.O_RDONLY)
    os.fsync(directory)
    os.close(directory)
    return descriptor


def files_left_behind(directory: Path, suffix: str, locks: ExitStack) -> list[Path]:
    """The files of processes that have ended. They are ours until `locks` is closed."""
    return [path for path in sorted(directory.glob(f"[!.]*{suffix}")) if _locked(path, locks)]


def _locked(path: Path, locks: ExitStack) -> bool:
    try:
        file = locks.enter_context(path.open("rb"))
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # its process lives, or another process has the file or has removed it
        return False
    return path.exists()
