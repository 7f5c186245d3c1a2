"""Who has opted out: the evidence, and what the claim looks up."""

from __future__ import annotations

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    text,
)
from sqlalchemy import func as sql

from broadcaster.db.tables.columns import metadata, moment, of_session, opt_out_way

opt_outs = Table(
    "opt_outs",
    metadata,
    Column(
        "id", BigInteger, Identity(always=True), primary_key=True, comment="In the order in which they were written."
    ),
    Column("phone", Text, comment="E.164 digits without the plus; null: forgotten."),
    Column(
        "forms",
        ARRAY(Text),
        nullable=False,
        comment="Every number under which WhatsApp may keep that person; none: forgotten.",
    ),
    Column(
        "lane_id",
        Integer,
        nullable=False,
        server_default="0",
        comment="The instance whose messages it stops; 0: those of every instance.",
    ),
    Column("way", opt_out_way, nullable=False, comment="By what it began."),
    Column(
        "operator",
        Text,
        server_default=of_session("operator"),
        comment="Who gave the command, as the audit trail says it; null: no operator did.",
    ),
    Column("command", Text, server_default=of_session("command"), comment="The command; null: none."),
    Column(
        "words",
        Text,
        comment="The person's words, or the operator's reason; null: none was given, or forgotten.",
    ),
    Column("inbound_id", BigInteger, comment="The inbound message that said so; null: none did."),
    moment("stopped_at", "When it was written, by the database's clock.", nullable=False, server_default=sql.now()),
    moment("ended_at", "Since when it does not hold any more; null: it holds."),
    Column("ended_way", opt_out_way, comment="By what it ended."),
    Column("ended_operator", Text, comment="Who ended it, as the audit trail says it."),
    Column("ended_command", Text, comment="By which command."),
    Column("ended_words", Text, comment="In which words, or for which reason."),
    Column("ended_inbound_id", BigInteger, comment="The inbound message that ended it; null: none did."),
    Column("digest", LargeBinary, comment="forgotten_phones.digest, where the number is forgotten."),
    CheckConstraint("(ended_at IS NULL) = (ended_way IS NULL)", name="ended"),
    CheckConstraint("CASE WHEN phone IS NULL THEN forms = '{}' ELSE phone = ANY (forms) END", name="forms"),
    CheckConstraint("(phone IS NULL) = (digest IS NOT NULL)", name="forgotten"),
    comment="Who is never messaged again, since when and why: the evidence of each opt-out, and of its end. "
    "No row is deleted.",
)
Index(
    "opt_outs_holding_idx",
    opt_outs.c.phone,
    opt_outs.c.lane_id,
    opt_outs.c.way,
    unique=True,
    postgresql_where=text("ended_at IS NULL AND phone IS NOT NULL"),
)
Index("opt_outs_phone_idx", opt_outs.c.phone, postgresql_where=text("ended_at IS NOT NULL AND phone IS NOT NULL"))
Index("opt_outs_digest_idx", opt_outs.c.digest, postgresql_where=text("digest IS NOT NULL"))

opted_out = Table(
    "opted_out",
    metadata,
    Column("phone", Text, primary_key=True, comment="One of opt_outs.forms."),
    Column("opt_out_id", BigInteger, primary_key=True, autoincrement=False, comment="opt_outs.id"),
    Column("lane_id", Integer, nullable=False, comment="opt_outs.lane_id"),
    comment="What the claim looks up: each form of the number of each opt-out that holds. "
    "A trigger on opt_outs keeps it.",
)

confirmed_opt_outs = Table(
    "confirmed_opt_outs",
    metadata,
    Column("lane_id", Integer, nullable=False, comment="The instance."),
    Column("phone", Text, comment="E.164 digits without the plus; null: forgotten."),
    Column("opt_out_id", BigInteger, ForeignKey(opt_outs.c.id), nullable=False, comment="What was confirmed."),
    Column("digest", LargeBinary, comment="forgotten_phones.digest, where the number is forgotten."),
    CheckConstraint("(phone IS NULL) = (digest IS NOT NULL)", name="forgotten"),
    comment="Who has had a confirmation through an instance, and gets no other one: each form of the number. "
    "No row is deleted.",
)
Index(
    "confirmed_opt_outs_phone_idx",
    confirmed_opt_outs.c.phone,
    confirmed_opt_outs.c.lane_id,
    unique=True,
    postgresql_where=text("phone IS NOT NULL"),
)
Index("confirmed_opt_outs_digest_idx", confirmed_opt_outs.c.digest, postgresql_where=text("digest IS NOT NULL"))
