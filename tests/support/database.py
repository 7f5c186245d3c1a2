"""Looks into a database."""

from __future__ import annotations

from sqlalchemy import Engine, NullPool, create_engine, text

from broadcaster.db import tables


def everything(engine: Engine) -> dict[str, list[str]]:
    """Every row of every table, as text: what no refused command may change.

    Without groups of recipients: one that has a number keeps it, whatever becomes of the submission that asked for it.
    """
    with engine.connect() as connection:
        return {
            table.name: sorted(connection.scalars(text(f"SELECT t::text FROM {table.name} t")))
            for table in tables.metadata.sorted_tables
            if table is not tables.recipient_groups
        }


def as_owner(engine: Engine) -> Engine:
    """The same database as the owner of its schema: for what a test makes of the tables itself."""
    url = engine.url.set(username="broadcaster")
    passfile = str(url.query["passfile"]).removesuffix("-runtime")
    # Without a pool there is nothing to dispose of.
    return create_engine(url.update_query_dict({"passfile": passfile}), poolclass=NullPool)
