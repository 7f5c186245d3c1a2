"""`broadcaster db`, through the real command line."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from broadcaster.settings import load
from tests.support.cli import RunCli, assert_refused
from tests.support.servers import TestServers


@pytest.fixture
def empty_database(servers: TestServers) -> Iterator[dict[str, str]]:
    with servers.environment(migrated=False) as variables:
        yield variables


def test_upgrade_makes_an_empty_database_current_and_does_nothing_the_second_time(
    run_cli: RunCli, empty_database: dict[str, str]
) -> None:
    before = run_cli("db", "check", environ=empty_database)
    first = run_cli("db", "upgrade", environ=empty_database)
    second = run_cli("db", "upgrade", environ=empty_database)
    after = run_cli("db", "check", environ=empty_database)
    assert (before.code, before.stdout) == (1, "")
    assert before.stderr.startswith("error: the database schema is at nothing")
    assert before.stderr.endswith("run `broadcaster db upgrade`\n")
    assert (first.code, first.stderr) == (0, "")
    assert first.stdout.startswith("upgraded: 1.0001")
    assert (second.code, second.stdout) == (0, "the database is up to date\n")
    assert (after.code, after.stdout, after.stderr) == (0, "the database is up to date\n", "")


@pytest.mark.parametrize(
    "other", ["DROP TABLE audit_log CASCADE", "ALTER TABLE audit_log RENAME COLUMN operator TO former"]
)
def test_a_command_says_that_the_tables_are_those_of_another_version(
    run_cli: RunCli, environ: dict[str, str], other: str
) -> None:
    owner = load(environ, dotenv=None).migration_url
    with psycopg.connect(owner.replace("+psycopg", "")) as connection:
        connection.execute(other)
    result = run_cli("audit")
    assert_refused(result, "tables", "another version", "run `broadcaster db upgrade`")
