"""Real servers and real processes under fault, with the gateway's ledger as the judge.

Each test is a row of docs/reliability.md. Those with a short form run it in `make test`, all of them in full in
`make chaos`.
"""

from __future__ import annotations

import time

import pytest

from broadcaster.services.sending import failpoints
from tests.support.chaos import IN_FLIGHT, INSTANCES, LEASE, RECOVERY, Chaos
from tests.support.stack import wait_for

AT_ONCE = IN_FLIGHT * len(INSTANCES)
"""The most requests that can be in flight when something happens."""

FULL = pytest.mark.chaos


def short_and_full(short: int, full: int) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(
        "runs", [pytest.param(short, id="short"), pytest.param(full, id="full", marks=FULL)]
    )


@short_and_full(2, 20)
def test_killing_one_of_three_workers_loses_and_doubles_nothing(chaos: Chaos, runs: int) -> None:
    chaos.begin(500 if runs == 2 else 150 * 6 * runs, workers=3)
    for _ in range(runs):
        time.sleep(chaos.random.uniform(0.1, 1.0))
        victim = chaos.random.choice(chaos.workers)
        victim.kill()
        killed = time.monotonic()
        chaos.replace(victim)
        assert chaos.recovered(killed) <= LEASE + RECOVERY
    chaos.finish("kill -9 one of 3 workers", runs=runs, most_in_doubt=AT_ONCE * runs)


@pytest.mark.parametrize(
    "points",
    [
        pytest.param(["after_intent", "post_written"], id="short"),
        pytest.param(sorted(failpoints.POINTS), id="full", marks=FULL),
    ],
)
def test_a_crash_at_any_point_of_the_send_path_loses_and_doubles_nothing(chaos: Chaos, points: list[str]) -> None:
    chaos.begin(300 * len(points), workers=0)
    for point in points:
        nth = chaos.random.randint(1, 4)
        [worker] = chaos.start_workers(1, BROADCASTER_FAILPOINTS=f"{point}=crash@{nth}")
        wait_for(lambda crashing=worker: crashing.process.poll() is not None, f"the crash at {point}")
        assert worker.process.returncode == failpoints.CRASHED
    crashed = time.monotonic()
    chaos.workers = chaos.start_workers(1)
    assert chaos.recovered(crashed) <= LEASE + RECOVERY
    chaos.finish("a worker crashes at a failpoint", runs=len(points), most_in_doubt=AT_ONCE * len(points))


@short_and_full(1, 5)
def test_redis_that_is_killed_and_comes_back_empty_loses_and_doubles_nothing(chaos: Chaos, runs: int) -> None:
    chaos.begin(600 * runs)
    for _ in range(runs):
        chaos.servers.redis.kill()
        chaos.wait_accepted(30)
        chaos.servers.redis.start(empty=True)
        back = time.monotonic()
        chaos.recovered(back)
    chaos.finish("kill -9 Redis, restart empty", runs=runs, most_in_doubt=0)


@short_and_full(1, 5)
def test_postgres_that_is_killed_loses_and_doubles_nothing(chaos: Chaos, runs: int) -> None:
    chaos.begin(600 * runs)
    for _ in range(runs):
        chaos.wait_accepted(chaos.random.randint(20, 60))
        chaos.servers.postgres.kill()
        time.sleep(chaos.random.uniform(0, 2))
        chaos.servers.postgres.start()
        assert chaos.recovered(time.monotonic()) <= LEASE + RECOVERY
    chaos.finish("kill -9 Postgres, restart", runs=runs, most_in_doubt=AT_ONCE * runs)
