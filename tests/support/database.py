"""Looks into a database."""

from __future__ import annotations

from sqlalchemy import Engine, text

from broadcaster.db import tables


def everything(engine: Engine) -> dict[str, list[str]]:
    """Every row of every table, as text: what no refused command may change."""
    with engine.connect() as connection:
        return {
            table.name: sorted(connection.scalars(text(f"SELECT t::text FROM {table.name} t")))
            for table in tables.metadata.sorted_tables
        }
