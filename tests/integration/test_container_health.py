"""The health check of the containers, against real roles on a real Redis."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from broadcaster.settings import Settings
from tests.support.reference import ROOT
from tests.support.servers import redis_client
from tests.support.stack import Stack, running_stack, wait_for


@pytest.fixture
def stack(tmp_path: Path, environ: dict[str, str]) -> Iterator[Stack]:
    with running_stack(tmp_path, environ) as running:
        yield running


@pytest.mark.parametrize("role", ["worker", "beat"])
def test_a_role_is_healthy_while_it_talks_to_redis(
    role: str, stack: Stack, environ: dict[str, str], settings: Settings
) -> None:
    with redis_client(settings) as redis:
        redis.client_kill_filter(_type="normal", skipme=True)  # what other tests of this process have left open
    url = environ["BROADCASTER_REDIS_URL"].replace("redis+socket://", "unix://")

    def check() -> tuple[int, str]:
        script = [sys.executable, ROOT / "deploy" / "healthcheck.py", role]
        done = subprocess.run(
            script, env={"BROADCASTER_REDIS_URL": url}, capture_output=True, text=True, timeout=60, check=False
        )
        return done.returncode, done.stderr

    assert check() == (1, f"this {role} has no connection to Redis\n")
    running = stack.start(role)
    wait_for(lambda: check() == (0, ""), f"the {role}'s first words to Redis")
    running.kill()
    wait_for(lambda: check()[0] == 1, "Redis to notice")


def test_a_redis_that_is_away_is_said_so() -> None:
    script = [sys.executable, ROOT / "deploy" / "healthcheck.py", "worker"]
    nowhere = {"BROADCASTER_REDIS_URL": "unix:///nonexistent/redis.sock"}
    done = subprocess.run(script, env=nowhere, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("Redis does not answer: ConnectionError: ")
    assert done.stderr.count("\n") == 1
