"""Recipients that are kept under a name."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Identity,
    PrimaryKeyConstraint,
    Table,
    Text,
    func,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from broadcaster.db.tables.columns import metadata, moment

audiences = Table(
    "audiences",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True, comment="Members carry it."),
    Column("name", Text, nullable=False, unique=True, comment="What operators call it."),
    Column(
        "variables",
        ARRAY(Text),
        nullable=False,
        server_default="{}",
        comment="The variables that its members may have, in the order in which they came.",
    ),
    moment("created_at", "When it was first imported.", nullable=False, server_default=func.now()),
    moment("changed_at", "When its members last changed.", nullable=False, server_default=func.now()),
    comment="Recipients that are kept under a name.",
)

audience_members = Table(
    "audience_members",
    metadata,
    Column(
        "audience_id",
        BigInteger,
        ForeignKey(audiences.c.id, ondelete="CASCADE"),
        nullable=False,
        comment="The audience that it belongs to.",
    ),
    Column("phone", Text, nullable=False, comment="E.164 digits without the plus."),
    Column(
        "variables",
        JSONB,
        nullable=False,
        server_default="{}",
        comment="Template variables by name; one that is not known of this member is left out.",
    ),
    moment("added_at", "When it came in.", nullable=False, server_default=func.now()),
    moment("changed_at", "When its variables last changed.", nullable=False, server_default=func.now()),
    PrimaryKeyConstraint("audience_id", "phone"),
    comment="One phone of one audience each.",
)
