"""Tells the workers that there is work now, before the next tick."""

from __future__ import annotations

from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from broadcaster.worker.app import DISPATCH, LIFECYCLE, OCCURRENCE, app


def prepare() -> None:
    """Import what Celery imports only when it first sends: 50 ms, in which the workers could have answered."""
    _ = app.amqp, app.backend, app.events.Dispatcher, app.connection_for_write().transport


def nudge(occurrence: tuple[str, str] | None = None) -> bool:
    """Start due campaigns and wake their lanes; False when Redis cannot be reached.

    A new `occurrence` (schedule, campaign) gets a task of its own, which Flower shows.

    Nothing depends on this: the next tick does the same within a second, and Redis carries no facts (invariant I6).
    """
    # This uses a connection of its own that tries once: the shared one would try for six seconds.
    options = {**app.conf.broker_transport_options, "max_retries": 0}
    try:
        with app.connection_for_write(transport_options=options) as connection:
            if occurrence is not None:
                app.send_task(OCCURRENCE, occurrence, connection=connection, retry=False)
            for tick in (LIFECYCLE, DISPATCH):
                app.send_task(tick, connection=connection, retry=False)
    except (OperationalError, RedisError, OSError):
        return False
    return True
