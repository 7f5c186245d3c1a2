"""Tells the workers that there is something to do now, instead of at the next tick."""

from __future__ import annotations

from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from broadcaster.worker.app import LIFECYCLE, app

_RETRY = {"max_retries": 0}


def nudge() -> bool:
    """Start due campaigns and wake their lanes; False when Redis cannot be reached.

    Nothing depends on it: the next tick does the same within a second, and Redis carries no facts (invariant I6).
    """
    try:
        app.send_task(LIFECYCLE, retry=False, retry_policy=_RETRY)
    except (OperationalError, RedisError, OSError):
        return False
    return True
