"""Turns signals into events of a loop: requests to stop, and the end of a child."""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Self

_STOP = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopSignals:
    """While entered, SIGINT, SIGTERM and SIGHUP raise KeyboardInterrupt, but only inside `wait`.

    Main thread only: Python allows signal handlers nowhere else.
    """

    def __enter__(self) -> Self:
        self._requested = False
        self._interruptible = False
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._reader, False)
        os.set_blocking(self._writer, False)
        self._previous_wakeup = signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
        # Without a handler SIGCHLD would not wake the loop.
        self._previous = {signum: signal.signal(signum, self._note) for signum in (*_STOP, signal.SIGCHLD)}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for signum, handler in self._previous.items():
            signal.signal(signum, handler)
        signal.set_wakeup_fd(self._previous_wakeup)
        os.close(self._reader)
        os.close(self._writer)

    def wait(self, seconds: float | None) -> None:
        """Wait for any signal, at most `seconds` (None: for ever).

        Raises KeyboardInterrupt once for each request to stop.
        """
        if not self._requested:
            poll = select.poll()
            poll.register(self._reader, select.POLLIN)
            # Rounded up: rounding down would busy-wait through the last millisecond.
            if poll.poll(None if seconds is None else int(seconds * 1000) + 1):
                os.read(self._reader, 4096)
        if self._requested:
            self._requested = False
            raise KeyboardInterrupt

    @contextmanager
    def interrupting(self) -> Iterator[None]:
        """Let the signals raise KeyboardInterrupt anywhere in this block, for work that may take long."""
        self._interruptible = True
        try:
            yield
        finally:
            self._interruptible = False

    def _note(self, signum: int, frame: FrameType | None) -> None:
        if signum == signal.SIGCHLD:
            return
        if self._interruptible:
            raise KeyboardInterrupt
        self._requested = True
