"""Who has agreed to messages: the evidence."""

from __future__ import annotations

from sqlalchemy import ARRAY, BigInteger, CheckConstraint, Column, Date, Identity, Index, Table, Text, text
from sqlalchemy import func as sql

from broadcaster.db.tables.columns import metadata, moment, of_session

consent_records = Table(
    "consent_records",
    metadata,
    Column(
        "id", BigInteger, Identity(always=True), primary_key=True, comment="In the order in which they were written."
    ),
    Column("phone", Text, nullable=False, comment="E.164 digits without the plus."),
    Column(
        "forms",
        ARRAY(Text),
        nullable=False,
        comment="Every number that is this person's for certain, and nobody else's.",
    ),
    Column("source", Text, nullable=False, comment="How the person agreed, in the operator's words."),
    Column(
        "words",
        Text,
        comment="What the list says of when, as it is written there; null: it has no column of that.",
    ),
    Column("given_on", Date, comment="The day that these words mean; null: they may mean two, or there are none."),
    Column(
        "came_with",
        Text,
        nullable=False,
        comment="The audience or campaign with whose recipients it came, and their list.",
    ),
    Column(
        "operator",
        Text,
        server_default=of_session("operator"),
        comment="Who took it in, as the audit trail says it; null: not known.",
    ),
    Column("command", Text, server_default=of_session("command"), comment="By which command; null: not known."),
    moment("noted_at", "When it was taken in, by the database's clock.", nullable=False, server_default=sql.now()),
    CheckConstraint("phone = ANY (forms)", name="forms"),
    comment="Who has agreed to messages, when and how: the evidence of each consent. "
    "Rows go when the person is forgotten.",
)
Index(
    "consent_records_same_idx",
    consent_records.c.phone,
    consent_records.c.source,
    sql.coalesce(consent_records.c.words, text("''")),
    unique=True,
)
