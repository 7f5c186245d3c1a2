"""What is true of every named statement."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import broadcaster
from broadcaster.db import statements

PACKAGE = Path(broadcaster.__file__).parent


def test_every_sql_file_has_a_caller_and_every_caller_a_file() -> None:
    files = {path.stem for path in (PACKAGE / "db" / "sql").glob("*.sql")}
    sources = "\n".join(path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py"))
    verbs = r"\b(?:rows|first|values?|execute|each|copy)\(connection"
    calls = rf'\b(?:query|naming|composing)\(\s*"(\w+)"|{verbs}, "(\w+)"|\b_statements\.\w+\(\s*"(\w+)"'
    named = {name for found in re.findall(calls, sources) for name in found if name}
    mentioned = {name for name in files if f'"{name}"' in sources}
    assert named <= files
    assert mentioned == files


@pytest.mark.parametrize("path", sorted((PACKAGE / "db" / "sql").glob("*.sql")), ids=lambda path: path.stem)
def test_a_statement_says_its_name_after_its_first_word(path: Path) -> None:
    """Where traces and pg_stat_statements, which cut off what is before that, show it."""
    assert re.match(rf"[A-Z]+ /\* {path.stem} \*/\s", path.read_text(encoding="utf-8"))


def test_identifiers_are_quoted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statements, "query", {"count": "SELECT count(*) FROM {table}"}.__getitem__)
    named = statements.naming("count", table='m"; DROP TABLE x')
    assert named.as_string() == 'SELECT count(*) FROM "m""; DROP TABLE x"'
