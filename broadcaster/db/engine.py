"""Connections to Postgres for use cases: a synchronous engine.

The send path has a pool of its own (`db.pool`), and commands that only show something read without it (`db.reading`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType

import psycopg
from psycopg.rows import TupleRow
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import ArgumentError

from broadcaster.db.faults import plain_errors, unusable_url
from broadcaster.db.reading import CONNECT_TIMEOUT, NOTICE_SILENCE
from broadcaster.db.statements import execute, query
from broadcaster.settings import Settings


def open_engine(
    settings: Settings, *, lock_timeout: float | None = None, session: Mapping[str, str] = MappingProxyType({})
) -> Engine:
    """An engine on the configured database; nothing connects yet. Raises SettingsError where the URL is none.

    With a `lock_timeout` (seconds) its statements fail rather than wait for a lock for longer. `session` are further
    settings of its sessions.
    """
    timeouts = {} if lock_timeout is None else {"lock_timeout": str(round(lock_timeout * 1000))}
    return _engine(settings.postgres_url, "BROADCASTER_DATABASE_URL", {**timeouts, **session})


def open_migrator(settings: Settings, *, session: Mapping[str, str] = MappingProxyType({})) -> Engine:
    """The same as the role that owns the schema, for migrations and nothing else."""
    own = settings.migration_database_url is not None
    variable = "BROADCASTER_MIGRATION_DATABASE_URL" if own else "BROADCASTER_DATABASE_URL"
    return _engine(settings.migration_url, variable, session)


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """One transaction, committed at the end of the block. Raises what `plain_errors` does."""
    with plain_errors(), engine.begin() as connection:
        yield connection


def _engine(url: str, variable: str, session: Mapping[str, str]) -> Engine:
    try:
        engine = create_engine(
            url,
            pool_pre_ping=True,
            connect_args={"connect_timeout": CONNECT_TIMEOUT, "application_name": "broadcaster", **NOTICE_SILENCE},
        )
    except (ArgumentError, ValueError):
        raise unusable_url(variable) from None

    # Before SQLAlchemy's own first statements, and outside a transaction: a limit that the role has set for itself
    # could end them, or the session between two of them.
    @event.listens_for(engine, "connect", insert=True)
    def _set(connection: psycopg.Connection[TupleRow], _record: object) -> None:
        connection.autocommit = True
        connection.execute(query("secure_session"))
        if session:
            execute(connection, "set_session", names=list(session), values=list(session.values()))
        connection.autocommit = False

    return engine
