"""Finds out what is wrong with Redis, the workers and the beat."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from celery import Celery
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError
from sqlalchemy import Engine

from broadcaster.db.faults import error_in_one_line
from broadcaster.domain.standstill import Remedy
from broadcaster.services.diagnosis import START, examine_ticks
from broadcaster.services.findings import Finding, Level, not_examined, unwell, well
from broadcaster.worker.app import BEAT, SENDS, TICKS

_REPLY_SECONDS = 1.0
_MOST_QUEUED = {TICKS: 30, SENDS: 100}
"""The most tasks that may wait in each queue: a dozen seconds of ticks, some waves of sends. Usually few wait."""
_PERIODS: dict[str, float] = {name: entry["schedule"] for name, entry in BEAT.items()}


def examine_workers(
    app: Celery, engine: Engine, running: float | None = None, starter: Remedy = START
) -> Iterator[Finding]:
    """Check that Redis takes writes, that workers answer and keep up, and that ticks are done. Takes about a second.

    `running` is for how many seconds a beat and a worker have run; None: unknown. `starter` is the remedy for an
    embedded server that does not answer.
    """
    try:
        depths = _queue_depths(app)
    except (OperationalError, RedisError, OSError) as error:
        what = f"{error_in_one_line(error)}: nothing is sent until it is back, nothing is lost"
        advice = f"unless BROADCASTER_REDIS_URL names another one, {starter.advice}"
        yield unwell("redis", Level.BAD, what, advice, starter.command)
        yield from (not_examined(check, "Redis") for check in ("workers", "queues"))
        yield from examine_ticks(engine, _PERIODS, running)
        return
    yield well("redis", "takes writes")
    workers = app.control.ping(timeout=_REPLY_SECONDS)
    if workers:
        names = sorted(name for answer in workers for name in answer)
        yield well("workers", f"{', '.join(names)} {'answers' if len(names) == 1 else 'answer'}")
    else:
        advice = "start one with `broadcaster up` or"
        yield unwell("workers", Level.BAD, "none answers", advice, "broadcaster worker")
    yield from _judge_queues(depths)
    yield from examine_ticks(engine, _PERIODS, running)


def _queue_depths(app: Celery) -> dict[str, int]:
    """How many tasks wait in each queue. Raises Redis's error: unreachable, read-only, out of memory."""
    with app.connection_for_write() as connection:
        connection.ensure_connection(max_retries=1, interval_start=0, reraise_as_library_errors=True)
        redis: Any = connection.default_channel.client
        redis.set("broadcaster:doctor", "", px=1)
        # Kombu keeps a queue as a Redis list with the queue's name.
        return {queue: redis.llen(queue) for queue in _MOST_QUEUED}


def _judge_queues(depths: dict[str, int]) -> Iterator[Finding]:
    long = {queue: depth for queue, depth in depths.items() if depth > _MOST_QUEUED[queue]}
    for queue, depth in long.items():
        what = f"{depth:,} tasks wait in {queue}, more than {_MOST_QUEUED[queue]}"
        advice = "raise BROADCASTER_WORKER_THREADS, or start another worker with"
        yield unwell("queues", Level.BAD, what, advice, "broadcaster worker")
    if not long:
        listed = ", ".join(f"{depth} in {queue}" for queue, depth in depths.items())
        yield well("queues", f"are short: {listed}")
