"""The way to Postgres: statements in real SQL with names of their own, `sql/<name>.sql`, and rows with types.

One-table reads and writes that SQLAlchemy Core says as plainly need no file. Placeholders are psycopg's
(`%(parameter)s`, and `%%` for a percent sign). What is true of all files, tests/unit/test_statements.py holds.
"""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import cache, partial
from importlib.resources import files
from typing import TYPE_CHECKING, Any, TypeVar, cast

import msgspec
import psycopg
from psycopg.rows import tuple_row
from psycopg.sql import SQL, Composable, Composed, Identifier

if TYPE_CHECKING:
    import sqlalchemy

    from broadcaster.db.pool import AsyncPool

    Connection = psycopg.Connection[Any] | sqlalchemy.Connection
    """Either runs statements in the transaction that it is in."""

Row = TypeVar("Row")
Statement = str | Composed
"""A file's name, or what `naming` made of one."""

_PLACEHOLDER = re.compile(r"%(?:\((\w+)\)s|%)")
_BATCH = 2_000
"""Rows that a server's cursor hands over at a time."""
_ROLLED_BACK = (psycopg.errors.SerializationFailure, psycopg.errors.DeadlockDetected)
_TRIES = 4
_LONGEST_PAUSE = 0.05
"""Seconds before a statement that was rolled back for another's sake is tried again."""
_SILENCE = 1.0
"""Seconds beyond the server's own limit after which nothing more is expected of a statement."""


@cache
def query(name: str) -> str:
    """The SQL of `name`, ready for psycopg."""
    return (files(__package__) / "sql" / f"{name}.sql").read_text(encoding="utf-8")


@cache
def _numbered(name: str) -> tuple[bytes, tuple[str, ...]]:
    """The SQL of `name` with `$1` for its first parameter, and the names of the parameters in their order.

    As Postgres reads it: psycopg would read the placeholders anew at each call, since it remembers short statements
    only.
    """
    places: dict[str, int] = {}

    def place(found: re.Match[str]) -> str:
        parameter = found[1]
        return "%" if parameter is None else f"${places.setdefault(parameter, len(places) + 1)}"

    sql = _PLACEHOLDER.sub(place, query(name))
    return sql.encode(), tuple(places)


def naming(name: str, **identifiers: str) -> Composed:
    """The statement `name` with these identifiers, quoted, in place of its `{…}`."""
    return composing(name, **{key: Identifier(identifier) for key, identifier in identifiers.items()})


def composing(name: str, **parts: Composable) -> Composed:
    """The statement `name` with these parts in place of its `{…}`."""
    return SQL(cast("Any", query(name))).format(**parts)


def rows(connection: Connection, statement: Statement, row_type: type[Row], /, **parameters: Any) -> list[Row]:
    """What the statement finds.

    `row_type` is a msgspec.Struct, into whose types the values are converted (enums, nested structs), a NamedTuple,
    which takes them as psycopg has them, or `tuple`. Its fields are the columns: TypeError where there are others,
    msgspec.ValidationError where a value is none of its field, or one without a default is missing.
    """
    names, found = _found(connection, statement, parameters)
    return list(map(_maker(row_type, names), found))


def first(connection: Connection, statement: Statement, row_type: type[Row], /, **parameters: Any) -> Row | None:
    """The first row that the statement finds, as `rows` makes it, or None."""
    return next(iter(rows(connection, statement, row_type, **parameters)), None)


def values(connection: Connection, statement: Statement, /, **parameters: Any) -> list[Any]:
    """The first column of what the statement finds."""
    return [row[0] for row in _found(connection, statement, parameters)[1]]


def value(connection: Connection, statement: Statement, /, **parameters: Any) -> Any:
    """The first column of the one row that the statement finds. Raises ValueError where it is not one row."""
    [only] = values(connection, statement, **parameters)
    return only


def execute(connection: Connection, statement: Statement, /, **parameters: Any) -> int:
    """Run the statement; returns how many rows it changed or found."""
    if isinstance(connection, psycopg.Connection):
        return connection.execute(_sql(statement), parameters).rowcount
    return connection.exec_driver_sql(_text(connection, statement), parameters).rowcount


def each(connection: Connection, statement: Statement, row_type: type[Row], /, **parameters: Any) -> Iterator[Row]:
    """What the statement finds, a few thousand rows in memory at a time: by a cursor of the server's."""
    with driver(connection).cursor("each", row_factory=tuple_row) as cursor:
        cursor.itersize = _BATCH
        cursor.execute(_sql(statement), parameters)
        yield from map(_maker(row_type, _names(cursor.description)), cursor)


def stream(connection: Connection, statement: Statement, row_type: type[Row], /, **parameters: Any) -> Iterator[Row]:
    """What the statement finds, one row in memory at a time: for one that changes rows, which no cursor can run.

    Nothing else runs on the connection meanwhile.
    """
    with driver(connection).cursor(row_factory=tuple_row) as cursor:
        found = cursor.stream(_sql(statement), parameters)
        make: Callable[[Sequence[Any]], Row] | None = None
        for row in found:
            make = make or _maker(row_type, _names(cursor.description))
            yield make(row)


def copy(connection: Connection, statement: Statement, /) -> AbstractContextManager[psycopg.Copy]:
    """The statement's COPY, to be written to within the block."""
    return driver(connection).cursor().copy(_sql(statement))


def driver(connection: Connection) -> psycopg.Connection[Any]:
    """Psycopg's own connection, in the same transaction."""
    if isinstance(connection, psycopg.Connection):
        return connection
    return cast("psycopg.Connection[Any]", connection.connection.driver_connection)


class Statements:
    """Runs statements on a pool's connections, each a transaction of its own that is committed when the call returns.

    One that Postgres rolls back for another's sake is tried again. One of which nothing is heard is given up with
    TimeoutError, and its connection with it: the server's own limit does not help where a connection has gone silent.
    """

    def __init__(self, pool: AsyncPool, *, statement_timeout: float) -> None:
        """`statement_timeout` (seconds) is that of the pool."""
        self._pool = pool
        self._longest = statement_timeout + _SILENCE

    async def rows(self, name: str, row_type: type[Row], /, **parameters: Any) -> list[Row]:
        """What the statement finds, as the function `rows` makes it."""
        _, columns, found = await self._run(name, parameters)
        if row_type is tuple:
            return cast("list[Row]", found)
        return list(map(_maker(row_type, _names(columns)), found))

    async def values(self, name: str, /, **parameters: Any) -> list[Any]:
        """The first column of what the statement finds."""
        _, _, found = await self._run(name, parameters)
        return [row[0] for row in found]

    async def execute(self, name: str, /, **parameters: Any) -> int:
        """Run the statement; returns how many rows it changed or found."""
        changed, _, _ = await self._run(name, parameters)
        return changed

    async def _run(self, name: str, parameters: Mapping[str, Any]) -> _Result:
        for _ in range(_TRIES - 1):
            try:
                return await self._run_once(name, parameters)
            except _ROLLED_BACK:
                await asyncio.sleep(random.uniform(0, _LONGEST_PAUSE))  # noqa: S311 - spreads tries, guards nothing
        return await self._run_once(name, parameters)

    async def _run_once(self, name: str, parameters: Mapping[str, Any]) -> _Result:
        async with (
            asyncio.timeout(self._longest),
            self._pool.connection() as connection,
            psycopg.AsyncRawCursor(connection) as cursor,
        ):
            sql, names = _numbered(name)
            await cursor.execute(sql, [parameters[each] for each in names], prepare=True)
            columns = cursor.description or []
            return cursor.rowcount, columns, await cursor.fetchall() if columns else []


_Result = tuple[int, Sequence[psycopg.Column], list[tuple[Any, ...]]]
"""How many rows were changed or found, the columns, and the rows."""


def _found(
    connection: Connection, statement: Statement, parameters: Mapping[str, Any]
) -> tuple[tuple[str, ...], Iterable[Sequence[Any]]]:
    if isinstance(connection, psycopg.Connection):
        with connection.cursor(row_factory=tuple_row) as cursor:
            cursor.execute(_sql(statement), parameters)
            return _names(cursor.description), cursor.fetchall()
    # SQLAlchemy must hear of a connection that was lost, so that it does not use it again.
    result = connection.exec_driver_sql(_text(connection, statement), parameters)
    return tuple(result.keys()), result.all()


def _sql(statement: Statement) -> str | Composed:
    return query(statement) if isinstance(statement, str) else statement


def _text(connection: sqlalchemy.Connection, statement: Statement) -> str:
    return query(statement) if isinstance(statement, str) else statement.as_string(driver(connection))


def _names(description: Sequence[psycopg.Column] | None) -> tuple[str, ...]:
    return tuple(column.name for column in description or ())


def _maker(row_type: Any, names: tuple[str, ...]) -> Callable[[Sequence[Any]], Any]:
    """What makes a row of the values in columns of these names."""
    if row_type is tuple:
        return tuple
    is_struct = issubclass(row_type, msgspec.Struct)
    fields = row_type.__struct_fields__ if is_struct else row_type._fields
    # A NamedTuple takes the values in their order.
    if not (set(names) <= set(fields) if is_struct else names == fields):
        raise TypeError(f"{row_type.__name__} has the fields {', '.join(fields)}; the columns are {', '.join(names)}")
    return (
        partial(_converted, row_type, names) if is_struct else cast("Callable[[Sequence[Any]], Any]", row_type._make)
    )


def _converted(row_type: type[Row], names: tuple[str, ...], row: Sequence[Any]) -> Row:
    return msgspec.convert(dict(zip(names, row, strict=True)), row_type)
