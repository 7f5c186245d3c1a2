"""Connections to Postgres for use cases: a synchronous engine.

The send path has a pool of its own (`db.pool`), and commands that only show something read without it (`db.reading`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg.rows import TupleRow
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import ArgumentError

from broadcaster.db.faults import plain_errors, unusable_url
from broadcaster.db.reading import CONNECT_TIMEOUT
from broadcaster.settings import Settings


def open_engine(settings: Settings, *, lock_timeout: float | None = None) -> Engine:
    """An engine on the configured database; nothing connects yet. Raises SettingsError where the URL is none.

    With a `lock_timeout` (seconds) its statements fail rather than wait for a lock for longer.
    """
    engine = _engine(settings.postgres_url, "BROADCASTER_DATABASE_URL")
    if lock_timeout is not None:
        milliseconds = round(lock_timeout * 1000)

        @event.listens_for(engine, "connect")
        def _set_lock_timeout(connection: psycopg.Connection[TupleRow], _record: object) -> None:
            connection.execute(f"SET lock_timeout = {milliseconds}")
            connection.commit()

    return engine


def open_migrator(settings: Settings) -> Engine:
    """The same as the role that owns the schema, for migrations and nothing else."""
    own = settings.migration_database_url is not None
    return _engine(settings.migration_url, "BROADCASTER_MIGRATION_DATABASE_URL" if own else "BROADCASTER_DATABASE_URL")


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """One transaction, committed at the end of the block. Raises what `plain_errors` does."""
    with plain_errors(), engine.begin() as connection:
        yield connection


def _engine(url: str, variable: str) -> Engine:
    try:
        return create_engine(
            url,
            pool_pre_ping=True,
            connect_args={"connect_timeout": CONNECT_TIMEOUT, "application_name": "broadcaster"},
        )
    except (ArgumentError, ValueError):
        raise unusable_url(variable) from None
