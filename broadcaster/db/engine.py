"""Connections to Postgres for use cases: a synchronous engine. The send path has a pool of its own (`db.pool`)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg.rows import TupleRow
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import ArgumentError, DBAPIError

from broadcaster.errors import ContentionError, SettingsError, UnavailableError
from broadcaster.settings import Settings

CONNECT_TIMEOUT = 5
"""Seconds."""
_NOT_USABLE = (
    psycopg.OperationalError,
    psycopg.errors.InsufficientPrivilege,
    psycopg.errors.ReadOnlySqlTransaction,
)
"""What the server says when the fault is not with a statement."""


def open_engine(settings: Settings, *, lock_timeout: float | None = None) -> Engine:
    """An engine on the configured database; nothing connects yet. Raises SettingsError where the URL is none.

    With a `lock_timeout` (seconds) its statements fail rather than wait for a lock for longer.
    """
    try:
        engine = create_engine(
            settings.postgres_url,
            pool_pre_ping=True,
            connect_args={"connect_timeout": CONNECT_TIMEOUT, "application_name": "broadcaster"},
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


def one_line(error: object) -> str:
    """An error's text without line breaks."""
    return " ".join(str(error).split())
