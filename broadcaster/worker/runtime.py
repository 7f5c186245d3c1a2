"""What a worker process owns: one event loop on its own thread, and the engine of the ticks."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeVar

import structlog
from sqlalchemy import Engine

from broadcaster.db.engine import open_engine
from broadcaster.db.migrate import require_current
from broadcaster.errors import SettingsError
from broadcaster.services.campaigns.confirmations import confirm_opt_out
from broadcaster.services.sending.drain_report import DrainReport
from broadcaster.services.sending.sending_process import SendingProcess
from broadcaster.services.trace_extra import TRACES_NEED, can_trace
from broadcaster.settings import Settings

if TYPE_CHECKING:
    from broadcaster.services.traces import MessageTraces

T = TypeVar("T")
log = structlog.get_logger()

_LOCK_TIMEOUT = 3.0
"""Seconds that a tick waits for a lock. It comes again anyway, and a longer wait would keep the worker from
stopping."""


class Runtime:
    """Started once per worker process. Task threads hand their coroutines to its loop and wait."""

    def __init__(self, settings: Settings) -> None:
        """Raises BroadcasterError if the database cannot be used as it is."""
        self.settings = settings
        self.engine: Final[Engine] = open_engine(settings, lock_timeout=_LOCK_TIMEOUT)
        require_current(self.engine)
        self._loop = _new_event_loop()
        self._loop.set_exception_handler(_log_unexpected)
        self._thread = threading.Thread(target=self._loop.run_forever, name="sending", daemon=True)
        self._thread.start()
        self._traces = _open_traces(settings, self.engine)
        self._process = SendingProcess(settings, confirm_opt_out, self._traces)
        self._call(self._process.__aenter__())

    def send_due(self, lanes: Sequence[int]) -> DrainReport:
        """Send what is due on `lanes` (ids). Blocks the calling thread, not the loop."""
        return asyncio.run_coroutine_threadsafe(self._process.send_due(lanes), self._loop).result()

    def reconcile(self) -> dict[str, dict[str, int]]:
        """Read back the chats that are due. Blocks as `send_due` does."""
        return self._call(self._process.reconcile())

    def read_replies(self) -> dict[str, dict[str, int]]:
        """Read what people wrote. Blocks as `send_due` does."""
        return self._call(self._process.read_replies())

    def note_started(self, campaigns: Sequence[int]) -> None:
        """Begin the traces of campaigns (ids) that were started just now."""
        if self._traces is not None:
            self._traces.submitted(self.engine, campaigns)

    def stop(self) -> None:
        """Let every drain end soon. May be called from a signal handler, and more than once."""
        self._loop.call_soon_threadsafe(self._process.stop)

    def close(self) -> None:
        """Close everything. Call it once no task runs any more."""
        self._call(self._process.__aexit__(None, None, None))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        if self._traces is not None:
            self._traces.close()
        self.engine.dispose()

    def _call(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()


def _log_unexpected(_: asyncio.AbstractEventLoop, what: dict[str, Any]) -> None:
    """As asyncio does, but without what its futures hold: the text of an error has the values of rows."""
    log.error(what["message"], exc_info=what.get("exception"))


def _open_traces(settings: Settings, engine: Engine) -> MessageTraces | None:
    """What makes spans, where the settings say where they go; else None."""
    if settings.otlp_endpoint is None:
        return None
    if not can_trace():
        raise SettingsError(TRACES_NEED)
    from broadcaster.services.traces import open_traces  # noqa: PLC0415 - what it needs is an extra

    return open_traces(settings.otlp_endpoint, settings.trace_every, engine)


def _new_event_loop() -> asyncio.AbstractEventLoop:
    try:
        import uvloop  # noqa: PLC0415 - not to be had on Windows
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()
