"""The script by which docker-compose.yml's Postgres gets its two roles, run by a real psql on a real Postgres."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import URL, Engine, NullPool, create_engine, text
from sqlalchemy.exc import DBAPIError

from broadcaster.db.engine import open_engine
from broadcaster.db.grants import excess, require_privileges
from broadcaster.embedded.postgres_install import bundled
from broadcaster.settings import load
from tests.support.cli import RunCli, assert_done, assert_refused
from tests.support.reference import ROOT

SCRIPT = ROOT / "deploy" / "postgres-roles.sql"
OWNER, RUNTIME, DATABASE = "composed_owner", "composed_runtime", "composed"


@dataclass(frozen=True, slots=True)
class Server:
    """A Postgres on which the script has roles and a database to itself: with other names, since its own are taken."""

    administrator: URL
    script: Path

    def run(self, owner: str | None = "owner-password", runtime: str = "runtime-'password") -> str:
        """What psql says on stderr; None leaves a variable out."""
        url = self.administrator.set(drivername="postgresql", database="postgres")
        passwords = {"OWNER_PASSWORD": owner, "RUNTIME_PASSWORD": runtime}
        done = subprocess.run(
            [bundled().program("psql"), "--no-psqlrc", "--dbname", url.render_as_string(), "--file", self.script],
            env={name: value for name, value in passwords.items() if value is not None},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return done.stderr

    def url(self, role: str, password: str, database: str = DATABASE) -> str:
        url = URL.create(
            "postgresql", role, password, database=database, query={"host": self.administrator.query["host"]}
        )
        return url.render_as_string(hide_password=False)

    def environ(self, owner: str = "owner-password", runtime: str = "runtime-'password") -> dict[str, str]:
        return {
            "BROADCASTER_DATABASE_URL": self.url(RUNTIME, runtime),
            "BROADCASTER_MIGRATION_DATABASE_URL": self.url(OWNER, owner),
        }


@pytest.fixture
def server(owner: Engine, tmp_path: Path) -> Iterator[Server]:
    script = tmp_path / "roles.sql"
    script.write_text(SCRIPT.read_text().replace("broadcaster", DATABASE))
    yield Server(owner.url, script)
    postgres = create_engine(owner.url.set(database="postgres"), isolation_level="AUTOCOMMIT")
    with postgres.connect() as connection:
        connection.execute(text(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)"))
        for role in (OWNER, RUNTIME):
            if connection.scalar(text(f"SELECT to_regrole('{role}')")):
                connection.execute(text(f"DROP OWNED BY {role}"))
                connection.execute(text(f"DROP ROLE {role}"))
    postgres.dispose()


def test_the_schema_is_made_by_the_one_role_and_used_by_the_other(server: Server, run_cli: RunCli) -> None:
    assert server.run() == ""
    environ = server.environ()
    assert_done(run_cli("db", "upgrade", environ=environ))
    assert_done(run_cli("instance", "add", "main", "--key-stdin", stdin="a-key", environ=environ))
    assert_done(run_cli("db", "check", environ=environ))
    runtime = open_engine(load(environ, dotenv=None))
    require_privileges(runtime)
    assert excess(runtime) == []
    for statement in ("DELETE FROM messages", "SELECT lo_create(0)"):
        with pytest.raises(DBAPIError, match="permission denied"), runtime.begin() as connection:
            connection.execute(text(statement))
    runtime.dispose()
    elsewhere = create_engine(runtime.url.set(database="postgres"), poolclass=NullPool)
    with pytest.raises(DBAPIError, match="permission denied for database"), elsewhere.connect():
        pass


def test_neither_role_may_more_than_own_or_use_the_database(server: Server, owner: Engine) -> None:
    assert server.run() == ""
    with owner.begin() as connection:
        rights = connection.execute(
            text(
                "SELECT rolname, rolsuper OR rolcreatedb OR rolcreaterole OR rolreplication OR rolbypassrls,"
                f" pg_has_role(rolname, datdba, 'MEMBER'), has_database_privilege(rolname, '{DATABASE}', 'CREATE')"
                f" FROM pg_roles, pg_database WHERE rolname LIKE '{DATABASE}%' AND datname = '{DATABASE}'"
            )
        )
        assert set(map(tuple, rights)) == {(OWNER, False, True, True), (RUNTIME, False, False, False)}
        strangers = f"SELECT has_database_privilege('broadcaster_runtime', '{DATABASE}', 'CONNECT')"
        assert connection.scalar(text(strangers)) is False
        assert connection.scalar(text(f"SELECT has_parameter_privilege('{OWNER}', 'wal_compression', 'SET')")) is True


def test_run_again_it_changes_the_passwords_and_nothing_else(server: Server, run_cli: RunCli) -> None:
    assert server.run() == ""
    assert_done(run_cli("db", "upgrade", environ=server.environ()))
    assert server.run("another", "a third") == ""
    assert_done(run_cli("db", "check", environ=server.environ("another", "a third")))
    assert_refused(run_cli("instance", "list", environ=server.environ()), "password authentication failed")


def test_without_a_password_it_stops(server: Server, owner: Engine) -> None:
    assert "error" in server.run(owner=None)
    with owner.begin() as connection:
        assert connection.scalar(text(f"SELECT rolcanlogin FROM pg_roles WHERE rolname = '{OWNER}'")) in (None, False)
