"""Reading without SQLAlchemy, for commands that only show something: half of their CPU would be its import."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.conninfo import make_conninfo

from broadcaster.db.faults import plain_errors, unusable_url
from broadcaster.db.statements import execute, query
from broadcaster.settings import Settings

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from broadcaster.db.statements import Connection

CONNECT_TIMEOUT = 5
"""Seconds."""
NOTICE_SILENCE = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": 15_000}
"""By which the kernel notices that the other machine is gone: seconds, and milliseconds for the last one."""


class Reader:
    """One connection, made when it is first wanted and again when it was lost."""

    def __init__(self, settings: Settings) -> None:
        """Nothing connects yet. Raises SettingsError where the configured URL is none."""
        try:
            self._conninfo = make_conninfo(
                settings.libpq_url, connect_timeout=CONNECT_TIMEOUT, application_name="broadcaster", **NOTICE_SILENCE
            )
        except psycopg.ProgrammingError:
            raise unusable_url() from None
        self._connection: psycopg.Connection[Any] | None = None

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """One transaction. Raises psycopg.Error."""
        if self._connection is None or self._connection.closed:
            # Outside a transaction: a limit that the role has set for itself could end the session within one.
            self._connection = psycopg.connect(self._conninfo, autocommit=True)
            self._connection.execute(query("secure_session").encode())
        with self._connection.transaction():
            yield self._connection

    def close(self) -> None:
        """End the connection."""
        if self._connection is not None:
            self._connection.close()


class Snapshot(Reader):
    """A transaction that has begun, in which all is read as of one moment: `as_of_now`."""

    def __init__(self, connection: Connection) -> None:
        """It ends with the block of `as_of_now`."""
        self._begun = connection

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """The same transaction, each time."""
        yield self._begun

    def close(self) -> None:
        """Nothing is this one's own."""


@contextmanager
def as_of_now(source: Engine | Reader) -> Iterator[Reader]:
    """Reads of either that are all as of one moment, so that their numbers add up. Raises what `plain_errors` does.

    To be begun outside of any transaction of the source's, unless that is such a block, too.
    """
    if isinstance(source, Snapshot):
        yield source
        return
    with reading(source) as connection:
        execute(connection, "read_as_of_now")
        yield Snapshot(connection)


@contextmanager
def reading(source: Engine | Reader) -> Iterator[Connection]:
    """One transaction of either. Raises what `plain_errors` does."""
    with plain_errors(), source.begin() as connection:
        yield connection
