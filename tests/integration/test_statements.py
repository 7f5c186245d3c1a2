"""Named statements, run by each of the doors: SQLAlchemy's connection, psycopg's own, and a pool's."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

import msgspec
import psycopg
import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError, OperationalError

from broadcaster.db import faults, statements
from broadcaster.db.engine import transaction
from broadcaster.db.pool import open_pool
from broadcaster.db.reading import Reader, reading
from broadcaster.db.statements import Statements, copy, each, execute, first, naming, rows, stream, value, values
from broadcaster.settings import Settings

TEXTS = {
    "colours": (
        "SELECT colour, n, now() AS seen FROM (VALUES ('red', 1), ('blue', 2)) c (colour, n) WHERE n <= %(most)s"
    ),
    "mine": "CREATE TEMPORARY TABLE mine (n integer) ON COMMIT DROP",
    "fill": "INSERT INTO {table} SELECT * FROM generate_series(1, %(n)s)",
    "copy": "COPY {table} (n) FROM STDIN",
    "count": "SELECT count(*) FROM {table}",
    "half": "UPDATE mine SET n = -n WHERE n %% 2 = 0",
    "end_myself": "SELECT pg_terminate_backend(pg_backend_pid())",
    "sleep": "SELECT pg_sleep(%(seconds)s)",
}
Open = Callable[[], AbstractContextManager[Any]]


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Shown(msgspec.Struct, frozen=True):
    n: int
    colour: Colour
    seen: datetime


class Plain(NamedTuple):
    colour: str
    n: int
    seen: datetime


@pytest.fixture(autouse=True)
def texts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statements, "query", TEXTS.__getitem__)


@pytest.fixture(params=["sqlalchemy", "psycopg"])
def opened(request: pytest.FixtureRequest, engine: Engine, settings: Settings) -> Iterator[Open]:
    if request.param == "sqlalchemy":
        yield lambda: transaction(engine)
        return
    reader = Reader(settings)
    yield lambda: reading(reader)
    reader.close()


def test_rows_are_structs_with_enums_and_tuples_as_they_come(opened: Open) -> None:
    with opened() as connection:
        red, blue = rows(connection, "colours", Shown, most=2)
        assert (red.colour, red.n, blue.colour) == (Colour.RED, 1, Colour.BLUE)
        assert isinstance(red.colour, Colour)
        assert rows(connection, "colours", Plain, most=2)[1][:2] == ("blue", 2)
        assert rows(connection, "colours", tuple, most=1)[0][:2] == ("red", 1)
        assert values(connection, "colours", most=2) == ["red", "blue"]
        assert value(connection, "colours", most=1) == "red"


def test_one_row_or_none(opened: Open) -> None:
    with opened() as connection:
        found = first(connection, "colours", Plain, most=2)
        assert found is not None and found.colour == "red"
        assert first(connection, "colours", Plain, most=0) is None
        with pytest.raises(ValueError):
            value(connection, "colours", most=2)


def test_columns_that_are_not_the_fields_are_refused(opened: Open) -> None:
    class Fewer(msgspec.Struct):
        colour: Colour

    class TurnedRound(NamedTuple):
        n: int
        colour: str
        seen: datetime

    with opened() as connection:
        for kind in (Fewer, TurnedRound):
            with pytest.raises(TypeError, match="the columns are colour, n, seen"):
                rows(connection, "colours", kind, most=2)


def test_statements_name_tables_and_count_what_they_change(opened: Open) -> None:
    with opened() as connection:
        execute(connection, "mine")
        assert execute(connection, naming("fill", table="mine"), n=5) == 5
        with copy(connection, naming("copy", table="mine")) as rows_to_copy:
            rows_to_copy.write("6\n7\n")
        assert value(connection, naming("count", table="mine")) == 7
        assert execute(connection, "half") == 3


def test_a_long_answer_comes_in_batches(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    class Number(NamedTuple):
        n: int

    monkeypatch.setitem(TEXTS, "many", "SELECT n FROM generate_series(1, %(most)s) n")
    with opened() as connection:
        found = each(connection, "many", Number, most=5_000)
        assert next(found) == Number(1)
        assert sum(number.n for number in found) == 5_000 * 5_001 // 2 - 1


def test_what_a_statement_changes_comes_row_by_row(opened: Open) -> None:
    class Gone(NamedTuple):
        n: int

    with pytest.MonkeyPatch.context() as patch, opened() as connection:
        patch.setitem(TEXTS, "take_away", "DELETE FROM mine WHERE n > %(most)s RETURNING n")
        execute(connection, "mine")
        execute(connection, naming("fill", table="mine"), n=5)
        assert sorted(stream(connection, "take_away", Gone, most=3)) == [Gone(4), Gone(5)]
        assert value(connection, naming("count", table="mine")) == 3


def test_statements_are_part_of_the_connection_s_transaction(opened: Open, engine: Engine) -> None:
    noted = "INSERT INTO ticks (name, period_seconds, done_at) VALUES (%(name)s, 1, now())"
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(TEXTS, "note", noted)
        with pytest.raises(ZeroDivisionError), opened() as connection:
            assert execute(connection, "note", name="lost") == 1
            raise ZeroDivisionError
        with opened() as connection:
            execute(connection, "note", name="kept")
    with engine.begin() as connection:
        assert connection.exec_driver_sql("SELECT name FROM ticks").scalars().all() == ["kept"]


def test_a_connection_that_was_lost_is_not_used_again(engine: Engine) -> None:
    with pytest.raises(OperationalError, match="terminating connection"), engine.begin() as connection:
        execute(connection, "end_myself")
    with engine.begin() as connection:
        assert value(connection, "colours", most=1) == "red"


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("INSERT INTO mine (n) VALUES (%(secret)s)", "InvalidTextRepresentation"),
        (
            "INSERT INTO mine (t) SELECT %(secret)s FROM generate_series(1, 2)",
            "UniqueViolation: mine: mine_t_key: duplicate",
        ),
        ("SELECT %(secret)s || %(nul)s", "DataError: PostgreSQL text fields cannot contain NUL"),
        ("COPY mine (n) FROM STDIN", "InvalidTextRepresentation"),
    ],
)
def test_an_unexpected_error_is_told_without_the_values_of_rows(engine: Engine, statement: str, said: str) -> None:
    secret = "Ayu 6281234567801"
    with pytest.raises((DBAPIError, psycopg.Error)) as caught, engine.begin() as connection:
        connection.exec_driver_sql("CREATE TEMPORARY TABLE mine (n integer, t text UNIQUE) ON COMMIT DROP")
        if statement.startswith("COPY"):
            with connection.connection.driver_connection.cursor().copy(statement) as copying:
                copying.write(secret)
        connection.exec_driver_sql(statement, {"secret": secret, "nul": "\0"})
    told = faults.without_values(caught.value)
    assert told.startswith(said)
    assert secret not in told
    assert secret in str(caught.value)


@contextmanager
def _failing(monkeypatch: pytest.MonkeyPatch, error: type[psycopg.Error], times: int) -> Iterator[list[str]]:
    execute_really, tried = psycopg.AsyncCursor.execute, list[str]()

    async def fails(cursor: Any, query: Any, *arguments: Any, **options: Any) -> Any:
        if isinstance(query, bytes):  # a statement's: what sets up a session is text
            tried.append(query)
            if len(tried) <= times:
                raise error("rolled back")
        return await execute_really(cursor, query, *arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(psycopg.AsyncCursor, "execute", fails)
        yield tried


@pytest.mark.parametrize("error", [psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure])
def test_what_was_rolled_back_for_anothers_sake_is_tried_again_but_not_for_ever(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, error: type[psycopg.Error]
) -> None:
    async def run() -> list[Any]:
        async with open_pool(settings, size=1, lock_timeout=2.0, statement_timeout=5.0) as pool:
            return await Statements(pool, statement_timeout=5.0).values("colours", most=2)

    with _failing(monkeypatch, error, 2) as tried:
        assert asyncio.run(run()) == ["red", "blue"]
        assert len(tried) == 3
    with _failing(monkeypatch, error, 9) as tried, pytest.raises(error):
        asyncio.run(run())
    assert len(tried) == 4


def test_the_pool_s_statements_have_types_too(settings: Settings) -> None:
    async def run() -> None:
        async with open_pool(settings, size=1, lock_timeout=2.0, statement_timeout=5.0) as pool:
            run = Statements(pool, statement_timeout=5.0)
            assert [row.colour for row in await run.rows("colours", Shown, most=2)] == [Colour.RED, Colour.BLUE]
            assert (await run.rows("colours", tuple, most=1))[0][:2] == ("red", 1)
            assert await run.execute("mine") == -1

    asyncio.run(run())


def test_a_statement_on_a_silent_connection_is_given_up(settings: Settings) -> None:
    async def run() -> None:
        async with open_pool(settings, size=1, lock_timeout=2.0, statement_timeout=60.0) as pool:
            run = Statements(pool, statement_timeout=0.2)
            with pytest.raises(TimeoutError):
                await run.execute("sleep", seconds=30)
            assert await run.values("colours", most=1) == ["red"]

    asyncio.run(run())


def test_a_statement_that_is_called_wrongly_is_not_told_as_an_outage(settings: Settings) -> None:
    wrong = pytest.raises(psycopg.ProgrammingError, match="most")
    with psycopg.connect(settings.libpq_url) as connection, wrong, faults.plain_errors():
        statements.rows(connection, "colours", tuple)
