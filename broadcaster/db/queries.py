"""Named queries in real SQL: `query("turn_over")` is the text of `sql/turn_over.sql`, with psycopg placeholders."""

from functools import cache
from importlib.resources import files


@cache
def query(name: str) -> str:
    """The SQL of `name`, ready for psycopg (`%(parameter)s`)."""
    return (files(__package__) / "sql" / f"{name}.sql").read_text(encoding="utf-8")
