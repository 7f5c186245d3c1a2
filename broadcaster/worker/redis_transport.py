"""kombu's transport for a Redis that others may write to: foreign messages are dropped and end no worker."""

from __future__ import annotations

from typing import Any

import structlog
from kombu.transport import TRANSPORT_ALIASES, redis
from redis.exceptions import ResponseError

from broadcaster.worker.envelopes import NO_ALARM, fault

log = structlog.get_logger()


class CheckedChannel(redis.Channel):
    """Survives what is no JSON, and what stands in the place of a table of bindings."""

    def _queue_bind(self, exchange: str, *binding: str) -> None:
        try:
            super()._queue_bind(exchange, *binding)  # type: ignore[no-untyped-call]
        except ResponseError as error:
            # Only answers to questions go by such a table: tasks go by the name of their queue.
            log.warning("the bindings of an exchange cannot be kept", exchange=exchange, error=str(error))

    def _brpop_read(self, **options: Any) -> Any:
        try:
            return super()._brpop_read(**options)  # type: ignore[no-untyped-call]
        except (ValueError, RecursionError) as error:
            _dropped("?", type(error).__name__)
            return True


class CheckedTransport(redis.Transport):
    """A transport that only delivers messages that `envelopes` accepts."""

    Channel = CheckedChannel

    def _deliver(self, message: object, queue: str) -> None:
        why = fault(message, queue)
        if why is None:
            super()._deliver(message, queue)  # type: ignore[no-untyped-call]
        elif why != NO_ALARM:
            _dropped(queue, why)


def install() -> None:
    """Make it the transport of every Redis connection that this process opens from now on."""
    name = f"{__name__}:{CheckedTransport.__name__}"
    TRANSPORT_ALIASES.update(dict.fromkeys(("redis", "rediss"), name))


def _dropped(queue: str, why: str) -> None:
    log.warning("dropped a message from Redis that is not ours", queue=queue, why=why)
