"""Looks into a database."""

from __future__ import annotations

from sqlalchemy import Engine, NullPool, create_engine, text

from broadcaster.db import tables


def everything(engine: Engine) -> dict[str, list[str]]:
    """Every row of every table, as text: what no refused command may change.

    Without groups of recipients: one that has a number keeps it, whatever becomes of the submission that asked for it.
    """
    names = [table.name for table in tables.metadata.sorted_tables if table is not tables.recipient_groups]
    rows: dict[str, list[str]] = {name: [] for name in names}
    # All in one statement: some tests look a thousand times.
    with engine.connect() as connection:
        for name, row in connection.execute(
            text(" UNION ALL ".join(f"SELECT '{name}', t::text FROM {name} t" for name in names))
        ):
            rows[name].append(row)
    return {name: sorted(found) for name, found in rows.items()}


def as_owner(engine: Engine) -> Engine:
    """The same database as the owner of its schema: for what a test makes of the tables itself."""
    url = engine.url.set(username="broadcaster")
    passfile = str(url.query["passfile"]).removesuffix("-runtime")
    # Without a pool there is nothing to dispose of.
    return create_engine(url.update_query_dict({"passfile": passfile}), poolclass=NullPool)
