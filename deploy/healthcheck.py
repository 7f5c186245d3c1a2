"""Whether the worker or the beat of this container still does its work: exit code 0 or 1, and a line that says why.

    python healthcheck.py worker|beat

It asks Redis, which knows of every connection its last command and how long ago that was. A worker asks for tasks
every second and beat publishes ticks every second, so one that hangs falls silent there, whatever else it seems to
be. `celery inspect ping` would take a second of CPU each time, and it does not know beat.
"""

from __future__ import annotations

import os
import sys

import redis

LONGEST_SILENCE = 30
"""Seconds. Many times what either is ever silent for, and short beside what would be lost."""

COMMANDS = {"worker": "brpop", "beat": "lpush"}


def silence(connection: redis.Redis, command: str) -> int | None:
    """Seconds since this host last sent `command` on any of its connections; None: it never did."""
    clients = connection.client_list()
    own = connection.client_id()
    here = next(_host(client) for client in clients if int(client["id"]) == own)
    ages = [int(client["idle"]) for client in clients if _host(client) == here and client["cmd"] == command]
    return min(ages, default=None)


def _host(client: dict[str, str]) -> str:
    return client["addr"].rpartition(":")[0]


def main(role: str) -> str | None:
    """What is wrong with `role`, or None."""
    try:
        with redis.Redis.from_url(os.environ["BROADCASTER_REDIS_URL"], socket_timeout=5) as connection:
            seconds = silence(connection, COMMANDS[role])
    except redis.RedisError as error:
        return f"Redis does not answer: {type(error).__name__}: {' '.join(str(error).split())}"
    if seconds is None:
        return f"this {role} has no connection to Redis"
    return f"this {role} has been silent for {seconds} s" if seconds > LONGEST_SILENCE else None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
