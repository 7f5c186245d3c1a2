"""Migrations while workers are sending (docs/decisions/0009-migrations-while-sending.md)."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

import pytest
from sqlalchemy import Engine, inspect, text

from broadcaster.db import migrate
from broadcaster.errors import UnavailableError
from tests.support.next_version import COLUMNS, INDEX, copy_next_version


@pytest.fixture
def engine(owner: Engine) -> Engine:
    """As the one who migrates."""
    return owner


@pytest.fixture
def next_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """This process's migrations are those of the next version."""
    migrations = copy_next_version(tmp_path)
    monkeypatch.setattr(migrate, "migrations_dir", lambda: migrations)


@contextmanager
def long_query(engine: Engine) -> Iterator[None]:
    """Somebody reads messages for as long as the block."""
    with engine.begin() as connection:
        connection.execute(text("SELECT count(*) FROM messages"))
        yield


def revision(engine: Engine) -> str:
    with engine.begin() as connection:
        return str(connection.scalar(text("SELECT version_num FROM alembic_version")))


@pytest.mark.usefixtures("next_version")
def test_a_migration_that_waits_for_a_lock_lets_those_pass_who_wait_behind_it(engine: Engine) -> None:
    waits = []
    waited = threading.Event()

    def write() -> None:
        while not waited.is_set():
            began = monotonic()
            with engine.begin() as connection:
                connection.execute(text("UPDATE messages SET state = 'sending' WHERE seq = 0"))
            waits.append(monotonic() - began)
            waited.wait(0.05)

    with ThreadPoolExecutor() as pool:
        writer = pool.submit(write)
        try:
            with long_query(engine):
                upgraded = pool.submit(migrate.upgrade_schema, engine)
                assert not wait([upgraded], 10).done
            assert upgraded.result(30) == [COLUMNS, INDEX]
        finally:
            waited.set()
        writer.result(30)
    # It did hold them up, and never for long.
    assert 0.1 < max(waits) < 8
    migrate.require_current(engine)


@pytest.mark.usefixtures("next_version")
def test_a_migration_that_never_gets_its_locks_gives_up_and_leaves_all_as_it_was(engine: Engine) -> None:
    before = revision(engine)
    with long_query(engine), pytest.raises(UnavailableError, match=r"kept a table locked for 0 s .* again"):
        migrate.upgrade_schema(engine, patience=0)
    assert revision(engine) == before
    with engine.begin() as connection:
        assert "note" not in {column["name"] for column in inspect(connection).get_columns("campaigns")}
    assert migrate.upgrade_schema(engine) == [COLUMNS, INDEX]


@pytest.mark.usefixtures("next_version")
def test_two_migrators_run_each_migration_once(engine: Engine) -> None:
    with ThreadPoolExecutor() as pool:
        applied = sorted(pool.map(migrate.upgrade_schema, [engine, engine]))
    assert applied == [[], [COLUMNS, INDEX]]


def test_an_old_version_says_that_a_newer_one_has_upgraded_the_database(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9002'"))
    for refuses in (migrate.require_current, migrate.upgrade_schema):
        with pytest.raises(UnavailableError, match=r"is at 9002, which this version \(.+\) does not know: a newer"):
            refuses(engine)


def test_a_database_of_an_unreleased_version_is_refused_in_one_line(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0006'"))
    for refuses in (migrate.require_current, migrate.upgrade_schema):
        with pytest.raises(UnavailableError, match=r"at 0006, .+ unreleased one .+ new database") as refused:
            refuses(engine)
        assert "\n" not in str(refused.value)
