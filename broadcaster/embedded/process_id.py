"""Identifies a process by pid and start time, so that no other process is ever signalled."""

from __future__ import annotations

import os
import signal
import time
from typing import Self

import msgspec

from broadcaster.embedded.launch import LINUX, start_time

_POLL_SECONDS = 0.01
_KILL_SECONDS = 10.0
"""Seconds for a killed process to be gone. It ends at once unless it waits for a disk."""


class ProcessId(msgspec.Struct, frozen=True):
    """One life of one pid."""

    pid: int
    started: str
    """See `launch.start_time`."""

    @classmethod
    def of(cls, pid: int) -> Self | None:
        """The process that has `pid` now, or None."""
        started = start_time(pid)
        return None if started is None else cls(pid, started)

    def is_alive(self) -> bool:
        """Whether that very process still runs (a zombie does not)."""
        return start_time(self.pid) == self.started

    def send(self, signum: int) -> bool:
        """Signal that very process; False if it is gone.

        Raises PermissionError when it belongs to another user.
        """
        descriptor = _descriptor(self.pid)
        try:
            # While the descriptor is open, the pid cannot pass to another process after this check.
            if not self.is_alive():
                return False
            if descriptor is None:
                os.kill(self.pid, signum)
            else:
                signal.pidfd_send_signal(descriptor, signum)
        except ProcessLookupError:
            return False
        finally:
            if descriptor is not None:
                os.close(descriptor)
        return True

    def wait_gone(self, timeout: float) -> bool:
        """Wait at most `timeout` seconds for its end. Returns whether it ended. It need not be a child."""
        deadline = time.monotonic() + timeout
        while self.is_alive():
            if time.monotonic() >= deadline:
                return False
            time.sleep(_POLL_SECONDS)
        return True

    def kill(self) -> None:
        """Kill it. Returns once it is gone."""
        self.send(signal.SIGKILL)
        self.wait_gone(_KILL_SECONDS)


def _descriptor(pid: int) -> int | None:
    """A descriptor of the process that has `pid` now; None if there is no such process or no such system call."""
    if not LINUX:
        return None
    try:
        return os.pidfd_open(pid)
    except OSError:  # besides ESRCH: ENOSYS or EPERM in a sandbox that does not know the call
        return None
