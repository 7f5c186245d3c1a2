"""Connections to Postgres for the send path: an asynchronous pool.

Apart from the engine, because commands start faster without it.
"""

from __future__ import annotations

import msgspec
import psycopg
from psycopg.rows import TupleRow
from psycopg.types.json import set_json_loads
from psycopg_pool import AsyncConnectionPool

from broadcaster.db.reading import CONNECT_TIMEOUT, NOTICE_SILENCE
from broadcaster.db.statements import query
from broadcaster.settings import Settings

_RECONNECT_TIMEOUT = 2

AsyncPool = AsyncConnectionPool[psycopg.AsyncConnection[TupleRow]]


def open_pool(settings: Settings, *, size: int, lock_timeout: float, statement_timeout: float) -> AsyncPool:
    """A pool of autocommit connections: on the send path every statement is a transaction of its own.

    The caller opens and closes it on its event loop. A lost connection is replaced in the background. Statements
    fail rather than wait for a lock, or run altogether, for longer than the timeouts (seconds).
    """

    async def configure(connection: psycopg.AsyncConnection[TupleRow]) -> None:
        await connection.execute(query("secure_session"))
        await connection.execute(query("plan_by_key"))
        set_json_loads(msgspec.json.decode, connection)
        limits = {"lock_timeout": lock_timeout, "statement_timeout": statement_timeout}
        milliseconds = [str(round(seconds * 1000)) for seconds in limits.values()]
        await connection.execute(query("set_session"), {"names": list(limits), "values": milliseconds})

    return AsyncConnectionPool(
        settings.libpq_url,
        min_size=1,
        max_size=size,
        open=False,
        timeout=CONNECT_TIMEOUT,
        # After this a new try is made whenever a connection is wanted, instead of at ever longer intervals.
        reconnect_timeout=_RECONNECT_TIMEOUT,
        configure=configure,
        kwargs={
            "autocommit": True,
            "connect_timeout": CONNECT_TIMEOUT,
            "application_name": "broadcaster-worker",
            **NOTICE_SILENCE,
        },
    )
