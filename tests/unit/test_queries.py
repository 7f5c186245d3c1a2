"""Every named query is used, and every name that is used exists."""

from __future__ import annotations

import re
from pathlib import Path

import broadcaster

PACKAGE = Path(broadcaster.__file__).parent


def test_every_sql_file_has_a_caller_and_every_caller_a_file() -> None:
    files = {path.stem for path in (PACKAGE / "db" / "sql").glob("*.sql")}
    sources = "\n".join(path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py"))
    named = set(re.findall(r'(?:query|_execute|_move)\(\s*"(\w+)"', sources))
    mentioned = {name for name in files if f'"{name}"' in sources}
    assert named <= files
    assert mentioned == files
