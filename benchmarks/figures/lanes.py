"""Flat in lanes: what 10,000 instances cost that all send, at 0.2 to 1 message a second.

One worker, in real time. The tick's time is that of its statement in a transaction that is rolled back, beside the
ticks of the beat. Tasks are counted by what Redis was given. Most commits are those of outcomes and claims; the ticks
and what the bench itself asks are among them.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import psycopg

from benchmarks.campaigns import add_campaign, add_instances
from benchmarks.processes import cpu_seconds, family_memory
from benchmarks.results import Row
from benchmarks.stand import Stand, open_stand
from broadcaster.db.statements import execute
from broadcaster.domain.pacing import closing_reserve, default_burst
from broadcaster.services.campaigns.lifecycle import start_campaign
from broadcaster.services.dispatch import WAKE_AGAIN_AFTER, WAKE_WITHIN

_WARM_UP = 25.0
"""Seconds: every lane has been handed over once."""
_COMMITS = "SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()"
_WAVES = "SELECT count(DISTINCT lease_token) FROM lanes"


@dataclass(slots=True)
class _Seen:
    """What was seen of a stretch of sending."""

    seconds: float = 0.0
    tick: list[float] = field(default_factory=list)
    """Milliseconds."""
    waves: list[int] = field(default_factory=list)
    commits: int = 0
    tasks: int = 0
    sent: int = 0
    memory: int = 0
    cpu: float = 0.0
    """Seconds of the worker."""
    postgres_cpu: float = 0.0


def measure(quick: bool) -> Sequence[Row]:
    """What was sent is in percent of what was permitted."""
    lanes, seconds = (1_000, 20.0) if quick else (10_000, 60.0)
    # Most are slow: together they want about half of what one machine can send.
    rates = {f"instance {number}": 0.2 + 0.8 * (number / lanes) ** 9 for number in range(lanes)}
    with open_stand() as stand:
        ids = add_instances(stand, rates)
        enough = {
            lane: int(rate * (seconds + 2 * _WARM_UP)) + default_burst(rate)
            for lane, rate in zip(ids, rates.values(), strict=True)
        }
        add_campaign(stand, "campaign", enough)
        with stand.workers(1) as [worker]:
            start_campaign(stand.engine, "campaign")
            first = _tick(stand)
            stand.nudge()
            time.sleep(_WARM_UP)
            seen = _watch(stand, worker, seconds)
    permitted = sum(rates.values()) * seen.seconds
    return [
        Row(f"dispatch tick, {lanes:,} lanes held, median", seen.tick, "ms").at_most(50),
        Row(f"dispatch tick that wakes {lanes:,} lanes at once", [first], "ms"),
        Row("CPU of the worker", [1e6 * seen.cpu / seen.sent], "µs/message").at_most(236),
        Row("CPU of Postgres", [1e6 * seen.postgres_cpu / seen.sent], "µs/message").at_most(176),
        Row("messages a commit", [seen.sent / seen.commits], ""),
        Row("tasks that drain at once", seen.waves, ""),
        Row("Celery tasks", [seen.tasks / seen.seconds], "/s").at_most(20),
        Row("memory of the worker", [seen.memory / 2**20], "MiB").at_most(400),
        Row("messages", [seen.sent / seen.seconds], "/s"),
        Row("sent of what was permitted", [100 * seen.sent / permitted], "% of it").at_least(98),
    ]


def _watch(stand: Stand, worker: int, seconds: float) -> _Seen:
    seen = _Seen()
    before, started = _counts(stand, worker), time.monotonic()
    while time.monotonic() < started + seconds:
        seen.tick.append(_tick(stand))
        seen.waves.append(stand.scalar(_WAVES))
        time.sleep(1.0)
    seen.seconds = time.monotonic() - started
    for what, count in _counts(stand, worker).items():
        setattr(seen, what, count - before[what])
    seen.memory = family_memory([worker])
    return seen


def _counts(stand: Stand, worker: int) -> dict[str, float]:
    """What has been counted so far, by its name in `_Seen`."""
    return {
        "commits": stand.scalar(_COMMITS),
        "tasks": stand.redis.info("commandstats")["cmdstat_lpush"]["calls"],
        "sent": int(stand.scalar("SELECT sum(sent) FROM campaign_lanes")),
        "cpu": cpu_seconds([worker]),
        "postgres_cpu": cpu_seconds([stand.postgres_pid]),
    }


def _tick(stand: Stand) -> float:
    """Milliseconds of the statement behind the dispatch tick, which takes no effect."""
    parameters = {
        "again_after": WAKE_AGAIN_AFTER,
        "within": WAKE_WITHIN,
        "reserve": closing_reserve(stand.settings.request_timeout_seconds),
    }
    url = stand.settings.postgres_url.replace("postgresql+psycopg://", "postgresql://", 1)
    with psycopg.connect(url) as connection:
        started = time.perf_counter()
        execute(connection, "wake_lanes", **parameters)
        milliseconds = 1000 * (time.perf_counter() - started)
        connection.rollback()
    return milliseconds
