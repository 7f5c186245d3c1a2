"""Connections to Postgres: a synchronous engine for use cases, an asynchronous pool for the send path."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool
from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.exc import OperationalError, ProgrammingError

from broadcaster.errors import UnavailableError
from broadcaster.settings import Settings, redact_url

_CONNECT_TIMEOUT = 5

AsyncPool = AsyncConnectionPool[psycopg.AsyncConnection[TupleRow]]


def open_engine(settings: Settings) -> Engine:
    """An engine on the configured database; nothing connects yet."""
    return create_engine(
        settings.postgres_url,
        pool_pre_ping=True,
        connect_args={"connect_timeout": _CONNECT_TIMEOUT, "application_name": "broadcaster"},
    )


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """One transaction, committed at the end of the block.

    Raises UnavailableError, in one line, where Postgres cannot be reached or has not been migrated.
    """
    try:
        with engine.begin() as connection:
            yield connection
    except OperationalError as error:
        raise UnavailableError(
            f"Postgres at {redact_url(engine.url.render_as_string(hide_password=True))} is not usable: "
            f"{one_line(error.orig)}"
        ) from error
    except ProgrammingError as error:
        if isinstance(error.orig, psycopg.errors.UndefinedTable):
            raise UnavailableError("the database has no tables yet: run `broadcaster db upgrade`") from error
        raise


def open_pool(settings: Settings, *, size: int) -> AsyncPool:
    """A pool of autocommit connections: on the send path every statement is a transaction of its own.

    The caller opens and closes it on its event loop. A lost connection is replaced in the background.
    """
    return AsyncConnectionPool(
        settings.postgres_url.replace("postgresql+psycopg://", "postgresql://", 1),
        min_size=1,
        max_size=size,
        open=False,
        timeout=_CONNECT_TIMEOUT,
        kwargs={
            "autocommit": True,
            "connect_timeout": _CONNECT_TIMEOUT,
            "application_name": "broadcaster-worker",
        },
    )


def one_line(error: object) -> str:
    """An error's text without line breaks."""
    return " ".join(str(error).split())
