"""Attempts counted for reports."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, PrimaryKeyConstraint, Table

from broadcaster.db.tables.columns import metadata, moment, outcome

attempt_slots = Table(
    "attempt_slots",
    metadata,
    Column("campaign_id", BigInteger, nullable=False, comment="The campaign; what is purged of it stays counted."),
    Column("account_id", Integer, nullable=False, comment="The account that they went through."),
    moment("slot", "When the five minutes began.", nullable=False),
    Column("outcome", outcome, nullable=False, comment="What they came to."),
    Column("attempts", Integer, nullable=False, comment="How many."),
    PrimaryKeyConstraint("campaign_id", "account_id", "slot", "outcome"),
    comment="How many attempts came to what in five minutes, by campaign and account: what reports add up.",
    postgresql_with={"fillfactor": "50"},
)

attempt_hours = Table(
    "attempt_hours",
    metadata,
    Column("account_id", Integer, nullable=False, comment="The account that they went through."),
    moment("hour", "When the hour began.", nullable=False),
    Column("outcome", outcome, nullable=False, comment="What they came to."),
    Column(
        "within_ms",
        Integer,
        nullable=False,
        comment="Within how many milliseconds they ended, by a few bounds (slowest_ms); 2147483647: within none; "
        "0: nobody measured it.",
    ),
    Column("attempts", Integer, nullable=False, comment="How many."),
    PrimaryKeyConstraint("account_id", "hour", "outcome", "within_ms"),
    comment="How many attempts came to what in an hour, and how soon, by account: what reports of instances add up.",
    postgresql_with={"fillfactor": "50"},
)
Index("attempt_hours_hour_idx", attempt_hours.c.hour)

accepted_counts = Table(
    "accepted_counts",
    metadata,
    Column("account_id", Integer, nullable=False, comment="The account that they went through.", autoincrement=False),
    Column("attempts", BigInteger, nullable=False, comment="How many."),
    PrimaryKeyConstraint("account_id"),
    comment="How many attempts the gateway accepted, by account, tests of campaigns apart: what monitors ask for every"
    " few seconds.",
    postgresql_with={"fillfactor": "50"},
)
