"""What a database's schema consists of, as Postgres itself describes it."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection

_SQL = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
_OF_ALEMBIC = "alembic_version"


def catalogue(connection: Connection) -> dict[str, str]:
    """By object (`function trimmed(text)`, `trigger audit of lanes`): what it is. Alembic's own table is left out."""
    rows = connection.exec_driver_sql(_SQL, execution_options={"no_parameters": True})
    return {str(name): str(definition) for name, definition in rows if _OF_ALEMBIC not in name}
