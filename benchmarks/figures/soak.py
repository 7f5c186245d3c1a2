"""Soak: what grows while everything runs for long, at half the rate that the same stack reaches.

One worker, beat and Flower. Slopes are fitted to the resident memory after the first third; Redis and Postgres are
compared with what they were after a warm-up. In that the worker sends at its full rate, so that pools and buffers have
the size that they keep, and Flower's list of tasks is filled: at the pace of wake-ups that would take an hour and look
like a leak until then.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from statistics import linear_regression

from celery import Celery

from benchmarks.campaigns import add_campaign, add_instances, even
from benchmarks.processes import Program, resident_memory, wait_until
from benchmarks.results import Row
from benchmarks.sending import MAIN
from benchmarks.stand import Stand, open_stand
from broadcaster.services.campaigns.lifecycle import pause_campaign, resume_campaign, start_campaign
from broadcaster.worker.app import SEND, SENDS
from broadcaster.worker.flower import MOST_TASKS

_CAMPAIGN = "soak"
_SAMPLE_SECONDS = 5.0
_WARM_UP = 60.0
"""Seconds of sending at half the rate before anything is compared."""
_AT_FULL_RATE = 200_000
"""Messages that are sent before that."""
_REST = 30.0
"""Seconds after which an idle stack has let go of what it does not need."""
_CONNECTIONS = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"


def measure(quick: bool, minutes: float = 30.0) -> Sequence[Row]:
    """Growth is in absolute numbers."""
    minutes, full = (0.5, 20_000) if quick else (minutes, _AT_FULL_RATE)
    with open_stand() as stand:
        half = MAIN.run(stand, 5_000 if quick else 40_000).rate / 2
        lanes = add_instances(stand, dict.fromkeys((f"soak {number}" for number in range(4)), half / 4))
        add_campaign(stand, _CAMPAIGN, even(lanes, int(half * (60 * minutes + 2 * _WARM_UP))))
        warm_up = MAIN.submit(stand, "warm-up", full)
        with ExitStack() as roles:
            programs = {name: roles.enter_context(stand.broadcaster(name)) for name in ("worker", "beat", "flower")}
            stand.await_workers([programs["worker"]])
            MAIN.send(stand, [programs["worker"].pid], "warm-up", warm_up, full)
            _fill_list_of_flower(stand)
            start_campaign(stand.engine, _CAMPAIGN)
            time.sleep(_WARM_UP / 6 if quick else _WARM_UP)
            before = _pause(stand)
            resume_campaign(stand.engine, _CAMPAIGN)
            memory, rate = _watch(stand, programs, 60 * minutes)
            after = _pause(stand)
    return [
        *(Row(f"memory of {name}, change", [_slope(seen)], "MiB/h").at_most(2) for name, seen in memory.items()),
        *(Row(f"more {name} than before", [after[name] - number], "").at_most(0) for name, number in before.items()),
        *(Row(f"memory of {name}", [each for _, each in seen], "MiB") for name, seen in memory.items()),
        Row("messages", [rate], "/s"),
        Row("minutes", [minutes], "min"),
    ]


def _fill_list_of_flower(stand: Stand) -> None:
    """Have as many tasks done as it keeps: wake-ups of a lane that does not exist."""
    app = Celery(broker=stand.settings.broker_url)
    with app.connection() as connection:
        for _ in range(MOST_TASKS):
            app.send_task(SEND, ([0],), queue=SENDS, ignore_result=True, connection=connection)
    wait_until(lambda: stand.redis.llen(SENDS) == 0)


def _watch(
    stand: Stand, programs: Mapping[str, Program], seconds: float
) -> tuple[Mapping[str, list[tuple[float, float]]], float]:
    """(second, MiB) of each program, and the messages a second."""
    pids = {name: program.pid for name, program in programs.items()}
    pids["redis"] = int(stand.redis.info("server")["process_id"])
    memory: dict[str, list[tuple[float, float]]] = {name: [] for name in pids}
    sent = "SELECT sum(sent) FROM campaign_lanes cl JOIN campaigns c ON c.id = cl.campaign_id WHERE c.name = :name"
    before, started = float(stand.scalar(sent, name=_CAMPAIGN)), time.monotonic()
    while (now := time.monotonic() - started) < seconds:
        for name, pid in pids.items():
            memory[name].append((now, resident_memory(pid) / 2**20))
        for program in programs.values():
            program.check()
        time.sleep(_SAMPLE_SECONDS)
    return memory, (float(stand.scalar(sent, name=_CAMPAIGN)) - before) / now


def _slope(samples: Sequence[tuple[float, float]]) -> float:
    """MiB an hour, by least squares over the last two thirds."""
    late = samples[len(samples) // 3 :]
    return 3600 * linear_regression([second for second, _ in late], [size for _, size in late]).slope


def _pause(stand: Stand) -> Mapping[str, int]:
    """Pause, rest, and tell what the idle stack holds."""
    pause_campaign(stand.engine, _CAMPAIGN)
    wait_until(lambda: bool(stand.scalar("SELECT sum(sending) = 0 FROM campaign_lanes")))
    time.sleep(_REST)
    redis = stand.redis
    return {
        "keys in Redis": int(redis.dbsize()),
        "connections to Redis": int(redis.info("clients")["connected_clients"]),
        "unacknowledged tasks": int(redis.hlen("unacked")),
        "connections to Postgres": int(stand.scalar(_CONNECTIONS)),
    }
