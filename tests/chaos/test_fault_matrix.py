"""Processes and servers under fault, with the gateway's ledger as the judge.

Each test is a row of docs/reliability.md. Those with a short form run it in `make test`, all of them in full in
`make chaos`. The gateway's own faults are in test_gateway_faults.py.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from sqlalchemy import text

import tests.support
from broadcaster.embedded import ProcessId
from broadcaster.services.campaigns import lifecycle
from broadcaster.worker.app import SEND, SENDS, make_app
from tests.support import failpoints
from tests.support.chaos import (
    AT_ONCE,
    LATENCY,
    LEASE,
    RECOVERY,
    REQUEST_TIMEOUT,
    Chaos,
    pause,
    short_and_full,
)
from tests.support.database import as_owner
from tests.support.servers import redis_client
from tests.support.shop import POISON
from tests.support.stack import wait_for

SLOW = f"kind=latency,seconds={0.8 * REQUEST_TIMEOUT}"
FAILING = Path(failpoints.__file__)

full = pytest.mark.chaos


def process_of(pid: int) -> ProcessId:
    found = ProcessId.of(pid)
    assert found is not None
    return found


# Workers


@short_and_full(1, 20)
def test_killing_one_of_three_workers_loses_and_doubles_nothing(chaos: Chaos, runs: int) -> None:
    chaos.begin(600 if runs == 1 else 900 * runs, workers=3)
    for _ in range(runs):
        time.sleep(chaos.random.uniform(0.1, 1.0))  # at any moment
        victim = chaos.random.choice(chaos.workers)
        victim.kill()
        killed = time.monotonic()
        assert chaos.unsent()
        chaos.replace(victim)
        assert chaos.recovered(killed) <= LEASE + RECOVERY
    chaos.finish("kill -9 one of 3 workers", runs=runs, most_in_doubt=AT_ONCE * runs)


@full
def test_killing_everything_at_once_loses_and_doubles_nothing(chaos: Chaos) -> None:
    runs = 5
    chaos.begin(900 * runs, workers=3)
    for _ in range(runs):
        time.sleep(chaos.random.uniform(0.1, 1.0))  # at any moment
        for role in (*chaos.workers, *chaos.beats):
            role.process.kill()
        chaos.servers.redis.kill()
        chaos.servers.postgres.kill()
        for role in (*chaos.workers, *chaos.beats):
            role.process.wait()
        chaos.servers.postgres.start()
        chaos.servers.redis.start()
        started = time.monotonic()
        chaos.beats = [chaos.stack.start("beat")]
        chaos.workers = chaos.start_workers(3)
        assert chaos.recovered(started) <= LEASE + RECOVERY
        assert chaos.unsent()
    chaos.finish("kill -9 everything at once, restart", runs=runs, most_in_doubt=AT_ONCE * runs)


@full
def test_a_rolling_restart_leaves_nothing_in_doubt(chaos: Chaos) -> None:
    runs = 20
    chaos.begin(1000 * runs, workers=3)
    for number in range(runs):
        worker = chaos.workers[number % 3]
        worker.process.send_signal(signal.SIGTERM)
        stopped = time.monotonic()
        assert worker.process.wait(30) == 0
        chaos.replace(worker)
        chaos.recovered(stopped)
        assert chaos.unsent()
    chaos.finish("rolling SIGTERM", runs=runs, most_in_doubt=0)


@pytest.mark.parametrize(
    "points",
    [
        pytest.param(["after_claim", "post_written"], id="short"),
        pytest.param(sorted(failpoints.POINTS), id="full", marks=full),
    ],
)
def test_a_crash_at_any_point_of_the_send_path_loses_and_doubles_nothing(chaos: Chaos, points: list[str]) -> None:
    chaos.begin(200 * len(points), workers=0)
    rules = [f"{point}=crash@{chaos.random.randint(1, 3)}" for point in points]
    for pair in (rules[first : first + 2] for first in range(0, len(rules), 2)):
        # A lease is renewed without a claim only while its lanes wait for replies.
        chaos.shop.fault(SLOW if any("renewal" in rule for rule in pair) else LATENCY)
        crashing = [
            chaos.stack.start("worker", ready=False, program=FAILING, BROADCASTER_FAILPOINTS=rule) for rule in pair
        ]
        for worker in crashing:
            wait_for(lambda worker=worker: worker.process.poll() is not None, "the crash")
            assert worker.process.returncode == failpoints.CRASHED, worker.log.read_text()[-2000:]
    crashed = time.monotonic()
    chaos.shop.fault(LATENCY)
    chaos.workers = chaos.start_workers(1)
    assert chaos.recovered(crashed, faults=len(points)) <= LEASE + RECOVERY
    chaos.finish("a worker crashes at a failpoint", runs=len(points), most_in_doubt=AT_ONCE * len(points))


# A machine that is suspended cannot be simulated with a process: there is a test in virtual time of a clock that runs
# on while timers stand still (unit/test_lanes.py).
@full
def test_a_worker_that_was_frozen_past_its_lease_changes_nothing_when_it_wakes(chaos: Chaos) -> None:
    runs = 5
    chaos.begin(1200 * runs)
    for number in range(runs):
        frozen = chaos.workers[number % 2]
        since = time.monotonic()
        pause(process_of(frozen.process.pid), LEASE + 6)
        chaos.recovered(since)
        assert chaos.unsent()
    chaos.finish("a worker frozen past its lease (SIGSTOP)", runs=runs, most_in_doubt=AT_ONCE * runs)


@full
@pytest.mark.parametrize("hours", [1, -1])
def test_a_worker_with_a_wrong_clock_keeps_the_limits(chaos: Chaos, hours: int) -> None:
    paths = (str(Path(tests.support.__path__[0]) / "skewed"), chaos.environ.get("PYTHONPATH"))
    skew = {"PYTHONPATH": os.pathsep.join(filter(None, paths)), "TEST_CLOCK_SKEW": str(hours * 3600)}
    chaos.begin(1000, workers=1)
    chaos.workers += chaos.start_workers(2, **skew)
    right = chaos.workers.pop(0)
    assert right.stop() == 0
    chaos.finish(f"workers whose clocks are {hours:+d} h off", most_in_doubt=0)


# Wake-ups


@short_and_full(1, 5)
def test_redis_that_is_killed_and_comes_back_empty_loses_and_doubles_nothing(chaos: Chaos, runs: int) -> None:
    chaos.begin(600 * runs)
    for _ in range(runs):
        chaos.servers.redis.kill()
        chaos.wait_accepted(30)
        chaos.servers.redis.start(empty=True)
        chaos.recovered(time.monotonic())
    chaos.finish("kill -9 Redis, restart empty", runs=runs, most_in_doubt=0)


@full
def test_flushing_redis_loses_and_doubles_nothing(chaos: Chaos) -> None:
    runs = 20
    chaos.begin(150 * runs)
    for _ in range(runs):
        time.sleep(chaos.random.uniform(0.1, 0.8))  # at any moment
        with redis_client(chaos.servers.redis.settings) as client:
            client.flushall()
        chaos.recovered(time.monotonic())
    chaos.finish("FLUSHALL", runs=runs, most_in_doubt=0)


@full
def test_redis_that_hangs_stops_the_sending_for_no_longer_than_it_hangs(chaos: Chaos) -> None:
    chaos.begin(1500)
    pause(chaos.servers.redis.process, 20)
    assert chaos.recovered(time.monotonic()) <= 15
    chaos.finish("Redis SIGSTOP for 20 s", most_in_doubt=0)


@full
def test_connections_to_redis_that_are_killed_every_second_do_no_harm(chaos: Chaos) -> None:
    runs = 15
    chaos.begin(150 * (runs + 10))
    with redis_client(chaos.servers.redis.settings) as client:
        for _ in range(runs):
            time.sleep(1)  # once a second, whatever happens meanwhile
            client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    chaos.recovered(time.monotonic())
    chaos.finish("CLIENT KILL every second", runs=runs, most_in_doubt=0)


@full
@pytest.mark.parametrize(
    ("fault", "begin", "end"),
    [
        ("Redis out of memory (noeviction)", "CONFIG SET maxmemory 1", "CONFIG SET maxmemory 0"),
        ("Redis read-only", "REPLICAOF 127.0.0.1 1", "REPLICAOF NO ONE"),
    ],
    ids=["memory", "readonly"],
)
def test_redis_that_takes_no_writes_loses_and_doubles_nothing(chaos: Chaos, fault: str, begin: str, end: str) -> None:
    chaos.begin(1500)
    with redis_client(chaos.servers.redis.settings) as client:
        client.execute_command(*begin.split())
        time.sleep(15)  # for so long nothing can be written
        client.execute_command(*end.split())
    chaos.recovered(time.monotonic())
    chaos.finish(f"{fault} for 15 s", most_in_doubt=0)


@short_and_full(1, 5)
def test_wake_ups_that_come_five_times_in_any_order_change_nothing(chaos: Chaos, runs: int) -> None:
    chaos.begin(300 * runs)
    lanes = [row[0] for row in chaos.shop.sql("SELECT id FROM lanes")]
    app = make_app(chaos.shop.settings)
    while chaos.unsent():
        wake_ups = [[lane] for lane in lanes] * 5
        chaos.random.shuffle(wake_ups)
        for each in wake_ups:
            app.send_task(SEND, [each], queue=SENDS)
        time.sleep(0.2)  # more would fill Redis with wake-ups faster than workers drop them
    app.close()
    chaos.finish("every wake-up five times, shuffled", runs=runs, most_in_doubt=0)


@full
def test_two_beats_double_nothing_and_none_for_a_minute_loses_nothing(chaos: Chaos) -> None:
    chaos.begin(2000)
    chaos.beats.append(chaos.stack.start("beat"))
    chaos.wait_accepted(600)
    for beat in chaos.beats:
        assert beat.stop() == 0
    # Workers wake what they hold by themselves: what was paused and goes on needs a beat.
    lifecycle.pause_campaign(chaos.shop.engine, "c")
    wait_for(lambda: "sending" not in chaos.shop.states("c"), "the pause")
    lifecycle.resume_campaign(chaos.shop.engine, "c")
    unsent = chaos.unsent()
    time.sleep(60)  # that nothing moves by itself
    assert 0 < chaos.unsent() == unsent
    chaos.beats = [chaos.stack.start("beat") for _ in range(2)]
    assert chaos.recovered(time.monotonic()) <= RECOVERY
    chaos.finish("two beats, then none for a minute", most_in_doubt=0)


# Postgres


@short_and_full(1, 5)
def test_postgres_that_is_killed_loses_and_doubles_nothing(chaos: Chaos, runs: int) -> None:
    chaos.begin(400 if runs == 1 else 900 * runs)
    for _ in range(runs):
        chaos.wait_accepted(chaos.random.randint(20, 60))
        chaos.servers.postgres.kill()
        time.sleep(chaos.random.uniform(0, 1 if runs == 1 else 5))  # at any moment
        chaos.servers.postgres.start()
        assert chaos.recovered(time.monotonic()) <= LEASE + RECOVERY
    chaos.finish("kill -9 Postgres, restart", runs=runs, most_in_doubt=AT_ONCE * runs)


@full
def test_postgres_that_is_restarted_at_once_loses_and_doubles_nothing(chaos: Chaos) -> None:
    runs = 5
    chaos.begin(600 * runs)
    for _ in range(runs):
        chaos.wait_accepted(chaos.random.randint(20, 60))
        postgres = chaos.servers.postgres.process
        postgres.send(signal.SIGQUIT)
        assert postgres.wait_gone(30)
        chaos.servers.postgres.start()
        assert chaos.recovered(time.monotonic()) <= LEASE + RECOVERY
    chaos.finish("Postgres immediate restart", runs=runs, most_in_doubt=AT_ONCE * runs)


@full
def test_workers_that_are_stopped_while_postgres_is_away_end_in_time_and_lose_nothing(chaos: Chaos) -> None:
    runs = 5
    chaos.begin(900 * runs)
    for _ in range(runs):
        time.sleep(chaos.random.uniform(0.2, 1.0))  # at any moment
        chaos.servers.postgres.kill()
        time.sleep(0.2)  # requests end, and their outcomes have nowhere to go
        stopped = time.monotonic()
        for worker in chaos.workers:
            worker.process.send_signal(signal.SIGTERM)
        for worker in chaos.workers:
            assert worker.process.wait(30) == 0
        assert time.monotonic() - stopped <= REQUEST_TIMEOUT + 5
        chaos.servers.postgres.start()
        started = time.monotonic()
        chaos.workers = chaos.start_workers(2)
        assert chaos.recovered(started) <= LEASE + RECOVERY
        assert chaos.unsent()
    chaos.finish("SIGTERM to all workers while Postgres is down", runs=runs, most_in_doubt=AT_ONCE * runs)


@full
def test_connections_to_postgres_that_are_killed_twice_a_second_do_no_harm(chaos: Chaos) -> None:
    runs = 30
    chaos.begin(2500)
    for _ in range(runs):
        time.sleep(0.5)  # twice a second, whatever happens meanwhile
        terminate_connections(chaos)
    chaos.recovered(time.monotonic(), faults=runs)
    chaos.finish("pg_terminate_backend every 0.5 s", runs=runs, most_in_doubt=AT_ONCE * runs)


@full
def test_a_locked_table_stops_the_sending_for_no_longer_than_it_is_locked(chaos: Chaos) -> None:
    chaos.begin(1500)
    with as_owner(chaos.shop.engine).begin() as connection:
        connection.execute(text("LOCK TABLE messages"))
        time.sleep(20)  # for so long it is locked
    assert chaos.recovered(time.monotonic()) <= LEASE + RECOVERY
    chaos.finish("LOCK TABLE messages for 20 s", most_in_doubt=AT_ONCE)


@full
def test_postgres_without_a_free_connection_loses_and_doubles_nothing(chaos: Chaos) -> None:
    chaos.begin(1500)
    with all_connections_taken(chaos):
        time.sleep(15)  # for so long there is none
    assert chaos.recovered(time.monotonic()) <= LEASE + RECOVERY
    chaos.finish("no connection to Postgres left for 15 s", most_in_doubt=AT_ONCE)


def terminate_connections(chaos: Chaos) -> None:
    chaos.shop.sql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND application_name LIKE 'broadcaster%' AND pid <> pg_backend_pid()"
    )


@contextmanager
def all_connections_taken(chaos: Chaos) -> Iterator[None]:
    """Take every free slot, and those of the workers as soon as they are terminated."""
    url = chaos.shop.settings.postgres_url.replace("postgresql+psycopg://", "postgresql://")
    taken: list[psycopg.Connection] = []
    done = threading.Event()

    def take() -> None:
        while not done.is_set():
            with suppress(psycopg.OperationalError):
                taken.append(psycopg.connect(url, application_name=f"taken-{uuid4()}"))
                continue
            done.wait(0.01)

    thief = threading.Thread(target=take)
    thief.start()
    try:
        for _ in range(3):
            terminate_connections(chaos)
            time.sleep(0.5)  # the thief takes what became free
        yield
    finally:
        done.set()
        thief.join()
        for connection in taken:
            connection.close()


# People


@full
def test_a_pause_at_half_time_holds_all_but_the_requests_in_flight_and_resume_sends_the_rest_once(
    chaos: Chaos,
) -> None:
    chaos.begin(1200)
    chaos.wait_accepted(580)
    lifecycle.pause_campaign(chaos.shop.engine, "c")
    seen = len(chaos.shop.gateway.ledger.entries)
    time.sleep(5)  # that nothing more is sent
    assert len(chaos.shop.gateway.ledger.entries) <= seen + AT_ONCE
    lifecycle.resume_campaign(chaos.shop.engine, "c")
    chaos.recovered(time.monotonic())
    chaos.finish("pause at 50 %, resume", most_in_doubt=0)


@full
def test_a_cancellation_at_half_time_holds_all_but_the_requests_in_flight(chaos: Chaos) -> None:
    chaos.begin(1200)
    chaos.wait_accepted(580)
    lifecycle.cancel_campaign(chaos.shop.engine, "c")
    seen = len(chaos.shop.gateway.ledger.entries)
    time.sleep(5)  # that nothing more is sent
    assert len(chaos.shop.gateway.ledger.entries) <= seen + AT_ONCE
    cancelled = chaos.shop.states("c")["cancelled"]
    chaos.finish("cancel at 50 %", most_in_doubt=0, cancelled=cancelled)


@full
def test_a_message_that_cannot_be_rendered_fails_alone(chaos: Chaos) -> None:
    chaos.begin(1000, workers=0)
    for nth, poison in enumerate(POISON):
        chaos.shop.sql(
            "UPDATE messages SET variables = CAST(:poison AS jsonb) WHERE seq % 20 = 0 AND seq / 20 % :kinds = :nth",
            poison=poison,
            kinds=len(POISON),
            nth=nth,
        )
    chaos.workers = chaos.start_workers(2)
    chaos.finish("one message in 20 cannot be rendered", most_in_doubt=0, failed=50)
