"""Beat's ticks."""

from __future__ import annotations

from sqlalchemy import (
    Column,
    Double,
    Table,
    Text,
)

from broadcaster.db.tables.columns import metadata, moment

ticks = Table(
    "ticks",
    metadata,
    Column("name", Text, primary_key=True, comment="Which of the scans that beat fires."),
    Column("period_seconds", Double, nullable=False, comment="How many seconds apart beat fires it."),
    moment(
        "done_at",
        "When a worker last did it; more than three periods ago: no beat or no worker runs.",
        nullable=False,
    ),
    Column(
        "put_back_seconds",
        Double,
        nullable=False,
        server_default="0",
        comment="By how much the database's clock was put back, until what it had stored is mended; 0: not at all.",
    ),
    moment("steady_since", "When the database's clock was last found to have been put back; null: never."),
    comment="When each of beat's ticks was last done: one row per tick.",
)
