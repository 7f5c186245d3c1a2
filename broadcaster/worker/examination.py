"""Finds out what is wrong with Redis, the workers and the beat."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from broadcaster.db.engine import one_line
from broadcaster.services.diagnosis import Finding, Level
from broadcaster.worker.app import BEAT, app

_REPLY_SECONDS = 1.0
_WATCH_SECONDS = 2.0
"""Within it every beat has fired its one-second ticks."""


def examine_workers() -> Iterator[Finding]:
    """Whether Redis takes writes, workers answer, and a beat's ticks reach them. Takes about four seconds."""
    try:
        _write_something()
    except (OperationalError, RedisError, OSError) as error:
        yield Finding("redis", Level.BAD, f"{one_line(error)}: nothing is sent until it is back, nothing is lost")
        return
    yield Finding("redis", Level.OK, "takes writes")
    before = _ticks_done()
    if not before:
        yield Finding("workers", Level.BAD, "none answers: start one with `broadcaster up` or `broadcaster worker`")
        return
    yield Finding("workers", Level.OK, f"{', '.join(sorted(before))} answer")
    time.sleep(_WATCH_SECONDS)
    after = _ticks_done()
    if any(done > before.get(worker, 0) for worker, done in after.items()):
        yield Finding("beat", Level.OK, "ticks reach the workers")
    else:
        detail = "no tick reached a worker: start one with `broadcaster up` or `broadcaster beat`"
        yield Finding("beat", Level.BAD, detail)


def _write_something() -> None:
    """Raises what Redis says: unreachable, read-only, out of memory."""
    with app.connection_for_write() as connection:
        connection.ensure_connection(max_retries=1, interval_start=0, reraise_as_library_errors=True)
        connection.default_channel.client.set("broadcaster:doctor", "", px=1)


def _ticks_done() -> dict[str, int]:
    """How many ticks each worker that answers has done so far."""
    stats: dict[str, dict[str, Any]] = app.control.inspect(timeout=_REPLY_SECONDS).stats() or {}
    ticks = [entry["task"] for entry in BEAT.values()]
    return {worker: sum(found["total"].get(tick, 0) for tick in ticks) for worker, found in stats.items()}
