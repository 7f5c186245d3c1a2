"""The files of broadcaster/db/schema are the schema: what they make is what a migrated database has."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from sqlalchemy import Engine

from broadcaster.db import migrate, schema
from broadcaster.db.engine import open_migrator
from broadcaster.settings import load
from tests.support.catalogue import catalogue
from tests.support.servers import TestServers

DIRECTORY = Path(schema.__path__[0])
_KINDS = {
    "types": {"type"},
    "tables": {"table", "constraint", "index", "sequence"},
    "functions": {"function", "trigger"},
    "views": {"view"},
}
"""What a file may make, by where it lies."""


class Made(NamedTuple):
    """What there is in a database that the files alone have made, and by file what came with it or changed."""

    all: dict[str, str]
    by_file: dict[str, dict[str, str]]


@pytest.fixture(scope="module")
def made(servers: TestServers) -> Iterator[Made]:
    """Runs each file in turn, in a database that had nothing."""
    by_file = {}
    before: dict[str, str] = {}
    with servers.environment(migrated=False) as variables:
        engine = open_migrator(load(variables, dotenv=None))
        with engine.begin() as connection:
            for name in schema.FILES:
                connection.exec_driver_sql(schema.script(name), execution_options={"no_parameters": True})
                after = catalogue(connection)
                by_file[name] = dict(after.items() - before.items())
                assert not before.keys() - after.keys(), name
                before = after
        engine.dispose()
        yield Made(before, by_file)


def test_a_migrated_database_has_exactly_what_the_files_make(owner: Engine, made: Made) -> None:
    with owner.connect() as connection:
        assert catalogue(connection) == made.all


@pytest.mark.parametrize("name", schema.FILES)
def test_a_file_makes_what_its_name_says_and_nothing_else(made: Made, name: str) -> None:
    kind, _, stem = name.partition("/")
    came = made.by_file[name]
    assert {thing.split()[0] for thing in came} <= _KINDS[kind]
    functions = {thing: body for thing, body in came.items() if thing.startswith("function ")}
    triggers = [body for thing, body in came.items() if thing.startswith("trigger ")]
    if kind == "functions":
        assert [re.split(r"[ (]", thing)[1] for thing in functions] == [stem]
        assert all(f"EXECUTE FUNCTION {stem}(" in trigger for trigger in triggers)
    if kind == "views":
        assert list(came) == [f"view {stem}"]


def test_every_file_is_listed_once() -> None:
    lying = {str(path.relative_to(DIRECTORY).with_suffix("")) for path in DIRECTORY.rglob("*.sql")}
    assert sorted(schema.FILES) == sorted(lying - {"grants"})


@pytest.mark.parametrize("name", schema.FILES)
def test_functions_and_views_say_what_they_are_for(name: str) -> None:
    text = schema.script(name)
    if name.startswith("functions/"):
        assert re.search(r"^-- .*\nCREATE FUNCTION ", text, re.MULTILINE)
    if name.startswith("views/"):
        assert "COMMENT ON VIEW" in text


def test_the_first_migration_has_a_copy_of_its_own_before_there_is_a_second() -> None:
    # It runs these files as they are. With a second migration they are the state after both.
    versions = sorted((migrate.migrations_dir() / "versions").glob("*.py"))
    assert len(versions) == 1 or "schema.scripts()" not in versions[0].read_text(encoding="utf-8")
