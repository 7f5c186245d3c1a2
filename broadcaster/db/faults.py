"""What Postgres says when something is wrong, in one line and as an error of ours.

Apart from the engine, so that it can be used without SQLAlchemy.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from broadcaster.errors import BroadcasterError, ContentionError, SettingsError, UnavailableError

_NOT_USABLE = (psycopg.OperationalError, psycopg.errors.ReadOnlySqlTransaction)
"""What the server says when the fault is not with a statement."""


@contextmanager
def plain_errors() -> Iterator[None]:
    """Say in one line what Postgres says within the block, whether to psycopg or by way of SQLAlchemy.

    Raises UnavailableError where it cannot be reached, written to, or has not been migrated; ContentionError where
    it ended the transaction to resolve a deadlock, or gave it no lock in time.
    """
    try:
        yield
    except Exception as error:
        if (plain := _plain(_cause(error))) is not None:
            raise plain from error
        raise


def nobody_answered(error: BroadcasterError) -> bool:
    """Whether the error is that no connection came about, and not something that a server said."""
    cause = _cause(error.__cause__)
    return isinstance(cause, psycopg.Error) and cause.sqlstate is None


def unusable_url(variable: str = "BROADCASTER_DATABASE_URL") -> SettingsError:
    """Says that the database's URL in this variable is none, without showing it.

    Other texts about it quote it, and where it cannot be parsed nobody knows which part is the password.
    """
    return SettingsError(
        f"{variable}: cannot be parsed; write postgresql://user:password@host:5432/database, "
        "with %XX for special characters and with no options but libpq's"
    )


def error_in_one_line(error: object) -> str:
    """An error's text without line breaks."""
    return " ".join(str(error).split())


def without_values(error: BaseException) -> str:
    """What kind of error nobody expected, and what it says, without the values of rows: those are personal.

    Postgres quotes them in details and contexts, and in what it says of data; SQLAlchemy shows all parameters.
    """
    cause = _cause(error)
    if not isinstance(cause, psycopg.Error):
        return f"{type(cause).__name__}: {cause}"
    is_of_data = cause.sqlstate is not None and cause.sqlstate.startswith("22")
    what = [cause.diag.table_name, cause.diag.constraint_name, None if is_of_data else _said(cause)]
    return ": ".join(filter(None, [type(cause).__name__, *what]))


def _is_ours(error: psycopg.Error) -> bool:
    """Whether a statement was called wrongly: that is a fault of this program, and no absence of Postgres."""
    return isinstance(error, psycopg.ProgrammingError) and "parameter" in str(error)


def _said(error: psycopg.Error) -> str:
    """Without details and context, which may hold the values of a row."""
    return error_in_one_line(error.diag.message_primary or error)


def _cause(error: BaseException | None) -> object:
    """The driver's error; SQLAlchemy keeps it as `orig` of its own."""
    return getattr(error, "orig", error)


def _plain(error: object) -> BroadcasterError | None:
    match error:
        case psycopg.errors.InsufficientPrivilege():
            return UnavailableError(
                f"this role may not do that ({_said(error)}): `broadcaster db upgrade` grants what it needs"
            )
        case psycopg.errors.UndefinedTable() | psycopg.errors.UndefinedColumn() | psycopg.errors.UndefinedFunction():
            return UnavailableError(
                "the database has no tables yet, or those of another version: run `broadcaster db upgrade`"
            )
        case psycopg.errors.DeadlockDetected():
            return ContentionError(f"Postgres ended a deadlock: {_said(error)}")
        case psycopg.errors.LockNotAvailable():
            return ContentionError(f"Postgres gave no lock in time: {_said(error)}")
        case psycopg.Error() if isinstance(error, _NOT_USABLE) or (error.sqlstate is None and not _is_ours(error)):
            return UnavailableError(f"Postgres is not usable: {_said(error)}")
    return None
