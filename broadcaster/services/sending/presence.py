"""Shows the other workers of this host that a worker lives, so that they notice at once when it does not any more.

Nothing depends on it: leases end by themselves. A file's lock is given back by the kernel when its process has ended,
and with it all its connections, so that nothing of it can leave any more.
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
        """Under which this worker holds lanes. No other one ever has the same."""

    def show(self) -> None:
        """From now on, until this process has ended. Where no file can be written, leases end by themselves only."""
        try:
            self._descriptor = owned_files.create_owned(self._directory / f"{self.holder}{_SUFFIX}")
        except OSError as error:
            log.warning("other workers will not notice the end of this one", error=error.strerror, file=error.filename)

    def withdraw(self) -> None:
        """This process holds nothing any more."""
        if self._descriptor is not None:
            (self._directory / f"{self.holder}{_SUFFIX}").unlink(missing_ok=True)
            os.close(self._descriptor)
            self._descriptor = None

    def abandon(self) -> None:
        """This process has ended, and left something to be done for it."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    @contextmanager
    def ended(self) -> Iterator[list[str]]:
        """The holders that have ended without a word; forgotten at the end of the block, unless that raises."""
        with ExitStack() as locks:
            files = owned_files.files_left_behind(self._directory, _SUFFIX, locks)
            yield [path.name.removesuffix(_SUFFIX) for path in files]
            for path in files:
                path.unlink()
