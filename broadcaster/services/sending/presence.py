"""Shows the other workers of this home that a worker is alive, so that they notice its end at once.

Nothing depends on it: leases end by themselves. The kernel releases a file's lock when its process has ended. By then
all connections of that process are closed, so nothing can leave it any more.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from uuid import uuid4

import structlog

from broadcaster.services.sending import owned_files

log = structlog.get_logger()

_SUFFIX = ".worker"


class Presence:
    """A file of this process in `directory`, named after `holder`."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._descriptor: int | None = None
        self.holder = f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex[:8]}"
        """The name under which this worker holds lanes. No other worker ever has it."""

    def show(self) -> None:
        """Show this process until it ends. If no file can be written, its leases only end by themselves."""
        try:
            self._descriptor = owned_files.create_owned(self._directory / f"{self.holder}{_SUFFIX}")
        except OSError as error:
            log.warning("other workers will not notice the end of this one", error=error.strerror, file=error.filename)

    def withdraw(self) -> None:
        """This process holds no lanes any more."""
        if self._descriptor is not None:
            (self._directory / f"{self.holder}{_SUFFIX}").unlink(missing_ok=True)
            os.close(self._descriptor)
            self._descriptor = None

    def abandon(self) -> None:
        """This process ends and leaves work for others."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    @contextmanager
    def ended(self) -> Iterator[list[str]]:
        """The holders that ended without giving back their lanes. Unless the block raises, they are then forgotten."""
        with ExitStack() as locks:
            files = owned_files.files_left_behind(self._directory, _SUFFIX, locks)
            yield [path.name.removesuffix(_SUFFIX) for path in files]
            for path in files:
                path.unlink()
