"""What the runtime role may set for itself, an owner for a database, and a server for all: none of it counts."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import Engine, create_engine, text

from broadcaster.db.grants import reset_settings
from broadcaster.db.pool import open_pool
from broadcaster.db.reading import Reader
from broadcaster.services.findings import Level
from broadcaster.services.server_diagnosis import examine_server
from broadcaster.settings import Settings
from tests.support.cli import RunCli, assert_done, assert_refused
from tests.support.database import as_owner
from tests.support.stack import wait_for

ROLE = "broadcaster_runtime"
SAFE = {
    "synchronous_commit": "on",
    "default_transaction_read_only": "off",
    "default_transaction_isolation": "read committed",
    "statement_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "client_encoding": "UTF8",
}
SABOTAGE = [
    "synchronous_commit = off",
    "default_transaction_read_only = on",
    "default_transaction_isolation = serializable",
    "statement_timeout = '1ms'",
    "idle_in_transaction_session_timeout = '1ms'",
    "client_encoding = 'SQL_ASCII'",
    "search_path = pg_temp",
]


def execute(engine: Engine, *statements: str) -> None:
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))


def settings_kept(owner: Engine) -> list[str]:
    with owner.begin() as connection:
        return list(
            connection.scalars(
                text(f"SELECT setconfig::text FROM pg_db_role_setting WHERE setrole = '{ROLE}'::regrole ORDER BY 1")
            )
        )


@pytest.fixture
def sabotaged(engine: Engine, owner: Engine) -> Iterator[None]:
    """The role has done to itself, in this database, what it can."""
    here = f'IN DATABASE "{engine.url.database}"'
    execute(engine, *(f"ALTER ROLE {ROLE} {here} SET {each}" for each in SABOTAGE))
    engine.dispose()
    yield
    execute(owner, f"ALTER ROLE {ROLE} {here} RESET ALL", f"ALTER ROLE {ROLE} RESET ALL")


@pytest.mark.usefixtures("sabotaged")
def test_no_session_begins_with_what_the_role_has_set_for_itself(engine: Engine, settings: Settings) -> None:
    def shows(name: str) -> str:
        return f"SHOW {name}"

    with engine.begin() as connection:
        assert {name: connection.scalar(text(shows(name))) for name in SAFE} == SAFE
        assert connection.scalar(text("SELECT count(*) FROM messages")) == 0
    reader = Reader(settings)
    with reader.begin() as read:
        assert {name: read.execute(shows(name).encode()).fetchone() for name in SAFE} == {
            name: (value,) for name, value in SAFE.items()
        }
    reader.close()

    async def worker() -> None:
        opened = open_pool(settings, size=1, lock_timeout=1.0, statement_timeout=7.0)
        async with opened as pool, pool.connection() as own:
            found = {name: await (await own.execute(shows(name).encode())).fetchone() for name in SAFE}
            assert found == {name: (value,) for name, value in (SAFE | {"statement_timeout": "7s"}).items()}
            assert await (await own.execute("SELECT count(*) FROM messages")).fetchone() == (0,)

    asyncio.run(worker())


@pytest.mark.parametrize("kept", ["local", "remote_write", "remote_apply"])
def test_a_commit_that_is_durable_here_is_as_the_administrator_wants_it(
    engine: Engine, owner: Engine, kept: str
) -> None:
    execute(owner, f'ALTER DATABASE "{engine.url.database}" SET synchronous_commit = {kept}')
    engine.dispose()
    with engine.begin() as connection:
        assert connection.scalar(text("SHOW synchronous_commit")) == kept


@pytest.mark.usefixtures("sabotaged")
def test_an_upgrade_takes_back_what_the_role_has_set_for_itself(
    engine: Engine, owner: Engine, settings: Settings, run_cli: RunCli
) -> None:
    # A library that is not there refuses every connection.
    execute(owner, f"ALTER ROLE {ROLE} SET timezone = 'UTC'")
    here = f'IN DATABASE "{engine.url.database}"'
    execute(owner, f"ALTER ROLE {ROLE} {here} SET local_preload_libraries = '$libdir/plugins/none'")
    assert len(settings_kept(owner)) == 2
    assert_done(run_cli("db", "upgrade"))
    assert settings_kept(owner) == []
    assert [finding.level for finding in examine_server(engine, settings)] == [Level.OK]


@pytest.mark.usefixtures("sabotaged")
def test_doctor_tells_of_them(engine: Engine, settings: Settings) -> None:
    [_, found] = examine_server(engine, settings)
    assert (found.check, found.level, found.command) == ("role settings", Level.WARN, "broadcaster db upgrade")
    assert "statement_timeout=1ms" in found.detail


@pytest.mark.usefixtures("sabotaged")
def test_who_may_not_take_them_back_is_told_what_an_administrator_runs(engine: Engine, owner: Engine) -> None:
    execute(engine, f"ALTER ROLE {ROLE} SET timezone = 'UTC'")
    another = create_engine(as_owner(engine).url.update_query_dict({"options": "-c role=pg_monitor"}))
    assert reset_settings(another, ROLE) == (
        f'ALTER ROLE "{ROLE}" RESET ALL; ALTER ROLE "{ROLE}" IN DATABASE "{engine.url.database}" RESET ALL'
    )
    another.dispose()
    assert len(settings_kept(owner)) == 2


@pytest.mark.parametrize("off", ["fsync", "full_page_writes"])
def test_a_server_that_may_lose_what_is_committed_is_bad(
    engine: Engine, owner: Engine, settings: Settings, run_cli: RunCli, off: str
) -> None:
    assert [finding.level for finding in examine_server(engine, settings)] == [Level.OK]
    with _on_the_server(owner, f"SET {off} = off"):
        wait_for(lambda: _shown(engine, off) == "off", f"{off} to be off")
        [finding] = examine_server(engine, settings)
        assert (finding.check, finding.level) == ("durability", Level.BAD)
        assert_refused(run_cli("db", "check"), f"{off} of this Postgres is off")
    wait_for(lambda: _shown(engine, off) == "on", f"{off} to be on")


@contextmanager
def _on_the_server(owner: Engine, setting: str) -> Iterator[None]:
    """For all sessions of the server, until the end of the block."""
    alone = owner.execution_options(isolation_level="AUTOCOMMIT")
    try:
        execute(alone, f"ALTER SYSTEM {setting}", "SELECT pg_reload_conf()")
        yield
    finally:
        execute(alone, "ALTER SYSTEM RESET ALL", "SELECT pg_reload_conf()")


def _shown(engine: Engine, name: str) -> str:
    with engine.begin() as connection:
        return str(connection.scalar(text(f"SHOW {name}")))
