"""Connections to Postgres for the send path: an asynchronous pool.

Apart from the engine, because commands start faster without it.
"""

from __future__ import annotations

import msgspec
import psycopg
from psycopg.rows import TupleRow
from psycopg.types.json import set_json_loads
from psycopg_pool import AsyncConnectionPool

from broadcaster.db.queries import query
from broadcaster.db.reading import CONNECT_TIMEOUT
from broadcaster.settings import Settings

_RECONNECT_TIMEOUT = 2

# The send path's statements touch a few hundred rows by key, whatever the size of the tables. Their plans must not
# depend on statistics: those are missing when a campaign has just been submitted and late ever after, and a generic
# plan outlives the table that it was made for. The other ways to join and scan read the whole backlog.
PLAN_BY_KEY = """
SELECT set_config(name, value, false)
FROM (
    VALUES
        ('plan_cache_mode', 'force_generic_plan'),
        ('enable_seqscan', 'off'),
        ('enable_bitmapscan', 'off'),
        ('enable_hashjoin', 'off'),
        ('enable_mergejoin', 'off'),
        ('enable_sort', 'off')
) AS setting (name, value)
"""

_NOTICE_SILENCE = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": 15_000}
"""By which the kernel notices that the other machine is gone: seconds, and milliseconds for the last one."""

AsyncPool = AsyncConnectionPool[psycopg.AsyncConnection[TupleRow]]


def open_pool(settings: Settings, *, size: int, lock_timeout: float, statement_timeout: float) -> AsyncPool:
    """A pool of autocommit connections: on the send path every statement is a transaction of its own.

    The caller opens and closes it on its event loop. A lost connection is replaced in the background. Statements
    fail rather than wait for a lock, or run altogether, for longer than the timeouts (seconds).
    """

    async def configure(connection: psycopg.AsyncConnection[TupleRow]) -> None:
        await connection.execute(query("secure_session").encode())
        await connection.execute(PLAN_BY_KEY)
        set_json_loads(msgspec.json.decode, connection)
        for name, seconds in (("lock_timeout", lock_timeout), ("statement_timeout", statement_timeout)):
            await connection.execute(f"SET {name} = {round(seconds * 1000)}")

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
            **_NOTICE_SILENCE,
        },
    )
