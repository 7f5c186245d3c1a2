"""`broadcaster db`, through the real command line."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.cli import RunCli
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
