"""Connections to Postgres: a synchronous engine for use cases, an asynchronous pool for the send path."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
import psycopg
from psycopg.rows import TupleRow
from psycopg.types.json import set_json_loads
from psycopg_pool import AsyncConnectionPool
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import ArgumentError, DBAPIError

from broadcaster.errors import ContentionError, SettingsError, UnavailableError
from broadcaster.settings import Settings

_CONNECT_TIMEOUT = 5
_RECONNECT_TIMEOUT = 2
_NOT_USABLE = (
    psycopg.OperationalError,
    psycopg.errors.InsufficientPrivilege,
    psycopg.errors.ReadOnlySqlTransaction,
)
"""What the server says when the fault is not with a statement."""

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

AsyncPool = AsyncConnectionPool[psycopg.AsyncConnection[TupleRow]]


def open_engine(settings: Settings, *, lock_timeout: float | None = None) -> Engine:
    """An engine on the configured database; nothing connects yet. Raises SettingsError where the URL is none.

    With a `lock_timeout` (seconds) its statements fail rather than wait for a lock for longer.
    """
    try:
        engine = create_engine(
            settings.postgres_url,
            pool_pre_ping=True,
            connect_args={"connect_timeout": _CONNECT_TIMEOUT, "application_name": "broadcaster"},
        )
    except (ArgumentError, ValueError):
        # Their texts quote the URL, and where it cannot be parsed nobody knows which part is the password.
        raise SettingsError(
            "BROADCASTER_DATABASE_URL: cannot be parsed; write postgresql://user:password@host:5432/database, "
            "with %XX for special characters"
        ) from None
    if lock_timeout is not None:
        milliseconds = round(lock_timeout * 1000)

        @event.listens_for(engine, "connect")
        def _set_lock_timeout(connection: psycopg.Connection[TupleRow], _record: object) -> None:
            connection.execute(f"SET lock_timeout = {milliseconds}")
            connection.commit()

    return engine


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """One transaction, committed at the end of the block. Raises what `plain_errors` does."""
    with plain_errors(), engine.begin() as connection:
        yield connection


@contextmanager
def plain_errors() -> Iterator[None]:
    """Say in one line what Postgres says within the block.

    Raises UnavailableError where it cannot be reached, written to, or has not been migrated; ContentionError where
    it ended the transaction to resolve a deadlock, or gave it no lock in time.
    """
    try:
        yield
    except DBAPIError as error:
        if isinstance(error.orig, psycopg.errors.UndefinedTable):
            raise UnavailableError("the database has no tables yet: run `broadcaster db upgrade`") from error
        if isinstance(error.orig, psycopg.errors.DeadlockDetected):
            raise ContentionError(f"Postgres ended a deadlock: {one_line(error.orig)}") from error
        if isinstance(error.orig, psycopg.errors.LockNotAvailable):
            raise ContentionError(f"Postgres gave no lock in time: {one_line(error.orig)}") from error
        if isinstance(error.orig, _NOT_USABLE) or getattr(error.orig, "sqlstate", None) is None:
            raise UnavailableError(f"Postgres is not usable: {one_line(error.orig)}") from error
        raise


def open_pool(settings: Settings, *, size: int, lock_timeout: float, statement_timeout: float) -> AsyncPool:
    """A pool of autocommit connections: on the send path every statement is a transaction of its own.

    The caller opens and closes it on its event loop. A lost connection is replaced in the background. Statements
    fail rather than wait for a lock, or run altogether, for longer than the timeouts (seconds).
    """

    async def configure(connection: psycopg.AsyncConnection[TupleRow]) -> None:
        await _plan_by_key(connection)
        set_json_loads(msgspec.json.decode, connection)
        for name, seconds in (("lock_timeout", lock_timeout), ("statement_timeout", statement_timeout)):
            await connection.execute(f"SET {name} = {round(seconds * 1000)}")

    return AsyncConnectionPool(
        settings.postgres_url.replace("postgresql+psycopg://", "postgresql://", 1),
        min_size=1,
        max_size=size,
        open=False,
        timeout=_CONNECT_TIMEOUT,
        # After this a new try is made whenever a connection is wanted, instead of at ever longer intervals.
        reconnect_timeout=_RECONNECT_TIMEOUT,
        configure=configure,
        kwargs={
            "autocommit": True,
            "connect_timeout": _CONNECT_TIMEOUT,
            "application_name": "broadcaster-worker",
        },
    )


async def _plan_by_key(connection: psycopg.AsyncConnection[TupleRow]) -> None:
    await connection.execute(PLAN_BY_KEY)


def one_line(error: object) -> str:
    """An error's text without line breaks."""
    return " ".join(str(error).split())
