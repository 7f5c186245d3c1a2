"""How often people are messaged."""

from __future__ import annotations

from sqlalchemy import Boolean, CheckConstraint, Column, Double, Integer, Table, Text, text
from sqlalchemy.dialects.postgresql import ARRAY, TIMESTAMP

from broadcaster.db.tables.columns import metadata, moment

caps = Table(
    "caps",
    metadata,
    Column(
        "span_seconds",
        Integer,
        primary_key=True,
        autoincrement=False,
        comment="The span; there is one cap for each.",
    ),
    Column("most", Integer, nullable=False, comment="So many messages to one phone in any span, at most."),
    CheckConstraint("most >= 1", name="most_positive"),
    CheckConstraint("span_seconds >= 1", name="span_positive"),
    comment="How many messages a person gets in any span, whatever the campaigns: all of these hold.",
)

frequency_records = Table(
    "frequency_records",
    metadata,
    Column("is_kept", Boolean, primary_key=True, server_default=text("true"), comment="There is one row, or none."),
    moment("since", "Of what was claimed since then nothing is missing,", nullable=False),
    Column("span_seconds", Integer, nullable=False, comment="as far as it is no older than this and the grace."),
    Column(
        "grace_seconds",
        Double,
        nullable=False,
        comment=(
            "The gateway may accept a message so long after its claim: as the settings have it, which a tick keeps."
        ),
    ),
    CheckConstraint("is_kept", name="alone"),
    CheckConstraint("grace_seconds >= 0", name="grace_not_negative"),
    CheckConstraint("span_seconds >= 1", name="span_positive"),
    comment="Whether claims keep messaged_phones: they do while this row is there, from the first cap or cooldown on.",
)

messaged_phones = Table(
    "messaged_phones",
    metadata,
    Column("phone", Text, primary_key=True, comment="E.164 digits without the plus."),
    Column(
        "moments",
        ARRAY(TIMESTAMP(timezone=True)),
        nullable=False,
        comment="Those moments, the latest first.",
    ),
    Column(
        "cooldown_seconds",
        Integer,
        comment="What the campaign asks for that claimed for this person last, so that one statement decides on the "
        "row as it is.",
    ),
    Column(
        "is_capped",
        Boolean,
        nullable=False,
        server_default=text("true"),
        comment="The same: whether caps hold for it.",
    ),
    moment("free_at", "What that claim was told: so long the person gets nothing of it; null: it could."),
    comment="When each person was messaged lately, by whatever campaign: when it was claimed, unless it provably was "
    "not accepted.",
    postgresql_with={
        "fillfactor": "85",
        "autovacuum_vacuum_scale_factor": "0.02",
        "autovacuum_vacuum_cost_delay": "0",
    },
)
