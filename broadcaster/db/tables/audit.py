"""The trail of what operators did."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Identity, Index, Table, Text, func
from sqlalchemy.dialects.postgresql import JSONB

from broadcaster.db.tables.columns import metadata, moment

audit_log = Table(
    "audit_log",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True, comment="In the order of writing."),
    moment("at", "When, by the database's clock.", nullable=False, server_default=func.clock_timestamp()),
    Column("operator", Text, nullable=False, comment="Who: the account of the operating system, as its command says."),
    Column("host", Text, nullable=False, comment="On which machine."),
    Column("command", Text, nullable=False, comment="By which command, without its options."),
    Column("db_role", Text, nullable=False, comment="The role that was logged in, as the database knows."),
    Column("object_kind", Text, nullable=False, comment="instance, campaign, audience, schedule, occurrence or such."),
    Column("object_name", Text, nullable=False, comment="What operators call it."),
    Column("action", Text, nullable=False, comment="added, changed, removed, or noted: what has no before."),
    Column("before", JSONB, comment="What changed, as it was; null: it was not there."),
    Column("after", JSONB, comment="The same as it became; null: it is not there any more."),
    Index("audit_log_object_idx", "object_kind", "object_name", "id"),
    comment="What operators did: rows come, and nobody changes or deletes one.",
)
