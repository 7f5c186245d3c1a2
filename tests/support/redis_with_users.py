"""A Redis as deploy/redis.sh starts it, with its users, and one more that may look at everything."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import redis

from broadcaster.embedded.home import Home
from broadcaster.embedded.redis import find_program
from tests.support.home import free_port
from tests.support.reference import ROOT
from tests.support.stack import wait_for

ROLES = ("worker", "beat", "flower", "operator")


@dataclass(frozen=True, slots=True)
class RedisWithUsers:
    """Its users have passwords that are called like them."""

    port: int

    def url(self, user: str) -> str:
        return f"redis://{user}:{user}-password@127.0.0.1:{self.port}/0"

    def client(self, user: str) -> redis.Redis:
        return redis.Redis.from_url(self.url(user), decode_responses=True)

    def refusals(self) -> list[str]:
        """What users asked for and may not have."""
        with self.client("admin") as admin:
            return [f"{entry['username']}: {entry['reason']} {entry['object']}" for entry in admin.acl_log()]


@contextmanager
def redis_with_users(directory: Path, roles: tuple[str, ...] = ROLES) -> Iterator[RedisWithUsers]:
    """Runs in `directory` until the end of the block; only `roles` are given passwords."""
    for name in ("redis.sh", "redis-users.acl"):
        shutil.copy(ROOT / "deploy" / name, directory)
    with (directory / "redis-users.acl").open("a") as users:
        users.write("user admin on ~* &* +@all\n")
    (directory / "redis-server").symlink_to(find_program(Home(directory, None)))
    running = RedisWithUsers(free_port())
    server = subprocess.Popen(
        ["sh", directory / "redis.sh", "--port", str(running.port), "--bind", "127.0.0.1", "--save", ""],
        env={"PATH": f"{directory}:{os.defpath}", "TMPDIR": str(directory), **_passwords("admin", *roles)},
        cwd=directory,
        stdout=subprocess.DEVNULL,
    )
    try:
        wait_for(lambda: _answers(running), "Redis")
        yield running
    finally:
        server.terminate()
        server.wait(30)


def _passwords(*users: str) -> Mapping[str, str]:
    return {f"REDIS_{user.upper()}_PASSWORD": f"{user}-password" for user in users}


def _answers(server: RedisWithUsers) -> bool:
    try:
        with server.client("admin") as client:
            return bool(client.ping())
    except redis.ConnectionError:
        return False
