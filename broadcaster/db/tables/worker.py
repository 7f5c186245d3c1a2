"""What workers have measured."""

from __future__ import annotations

from sqlalchemy import Column, Table, Text, text
from sqlalchemy.dialects.postgresql import JSONB

from broadcaster.db.tables.columns import metadata, moment

worker_figures = Table(
    "worker_figures",
    metadata,
    Column("worker", Text, primary_key=True, comment="The name under which the worker holds lanes."),
    moment("since", "When it started.", nullable=False, server_default=text("now()")),
    moment("written_at", "When it last wrote them; long ago: it has ended.", nullable=False),
    Column(
        "figures", JSONB, nullable=False, comment="Histograms: by name the counts between their bounds, and the sum."
    ),
    comment="What workers have measured since they started: one row per worker, written again every few seconds.",
)
