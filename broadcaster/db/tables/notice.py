"""What operators are told of, and who they are."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Double,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from broadcaster.db.tables.columns import metadata, moment, notice_event, receiver_way
from broadcaster.db.tables.instance import instances

receivers = Table(
    "receivers",
    metadata,
    Column("id", Integer, Identity(always=True), primary_key=True, comment="Deliveries carry it."),
    Column("name", Text, nullable=False, unique=True, comment="What operators call it."),
    Column("way", receiver_way, nullable=False, comment="How notices get there."),
    Column(
        "address",
        Text,
        nullable=False,
        comment="Scheme, host and port of a webhook; the mail address; the phone in E.164 digits without the plus.",
    ),
    Column(
        "sealed",
        LargeBinary,
        comment="Of a webhook: the whole URL and the secret that signs, sealed for its address; null: none.",
    ),
    Column(
        "instance_id",
        Integer,
        ForeignKey(instances.c.id),
        comment="The instance that sends to the phone; null: none.",
    ),
    Column("events", ARRAY(notice_event), nullable=False, comment="What it is told of."),
    Column("optouts_above", Double, nullable=False, comment="Above which share of opt-outs it is told of a campaign."),
    moment(
        "since",
        "When it was added: it is told of nothing that was over by then.",
        nullable=False,
        server_default=func.now(),
    ),
    Column(
        "failures",
        Integer,
        nullable=False,
        server_default="0",
        comment="Deliveries that failed since the last one that did not: the exponent of the gap.",
    ),
    moment("not_before", "No delivery begins before: one is under way, or one has failed; null: at once."),
    Column(
        "answer", Text, comment="What it said to the latest try, which it did not take; null: it took it, or none was."
    ),
    CheckConstraint("events <> '{}' AND NOT 'test' = ANY (events)", name="hears_something"),
    CheckConstraint("(instance_id IS NOT NULL) = (way = 'whatsapp')", name="instance_is_for_whatsapp"),
    CheckConstraint("optouts_above >= 0 AND optouts_above <= 1", name="optouts_above"),
    CheckConstraint("(sealed IS NOT NULL) = (way = 'webhook')", name="webhook_is_sealed"),
    comment="Who is told what happens: a webhook, a mail address or a phone, each under a name.",
)

notices = Table(
    "notices",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True, comment="In the order of noting."),
    Column("event", notice_event, nullable=False, comment="What happened."),
    Column("subject", Text, nullable=False, comment="To which campaign, instance or receiver, by name."),
    Column(
        "occurrence",
        Text,
        nullable=False,
        comment="Tells one time from another: it happens again under another one.",
    ),
    Column("document", JSONB, nullable=False, comment="What is said of it, without phones (domain/notices.py)."),
    moment("noted_at", "When it was noted.", nullable=False, server_default=func.now()),
    UniqueConstraint("event", "subject", "occurrence"),
    comment="What happened that receivers are told of, each time once. Kept for 90 days.",
)
Index("notices_noted_idx", notices.c.noted_at)

deliveries = Table(
    "deliveries",
    metadata,
    Column(
        "id",
        Uuid,
        primary_key=True,
        server_default=func.gen_random_uuid(),
        comment="What the receiver knows it by, however often it comes.",
    ),
    Column(
        "notice_id",
        BigInteger,
        ForeignKey(notices.c.id, ondelete="CASCADE"),
        nullable=False,
        comment="What is told,",
    ),
    Column(
        "receiver_id",
        Integer,
        ForeignKey(receivers.c.id, ondelete="CASCADE"),
        nullable=False,
        comment="and to whom.",
    ),
    Column(
        "tries",
        Integer,
        nullable=False,
        server_default="0",
        comment="How often it was tried. A failure is written by the latest try alone.",
    ),
    moment("next_try_at", "It is not tried before.", nullable=False, server_default=func.now()),
    moment("delivered_at", "When the receiver took it, or its message was sent; null: not yet."),
    moment(
        "given_up_at",
        "When nobody tried any more, or its message had ended unsent; null: it is there, or on its way.",
    ),
    Column("answer", Text, comment="What the receiver said last, or why it could not be reached; null: not tried."),
    Column(
        "campaign_id",
        BigInteger,
        comment="The campaign of one message that brings it by WhatsApp; null: none.",
    ),
    UniqueConstraint("notice_id", "receiver_id"),
    CheckConstraint("delivered_at IS NULL OR given_up_at IS NULL", name="ends_one_way"),
    comment="A notice on its way to a receiver, or there: at least once, under one id.",
)
Index(
    "deliveries_undelivered_idx",
    deliveries.c.receiver_id,
    deliveries.c.next_try_at,
    postgresql_where=text("delivered_at IS NULL"),
)

troubles = Table(
    "troubles",
    metadata,
    Column("event", notice_event, nullable=False, comment="What it is told as."),
    Column("subject", Text, nullable=False, comment="Of which campaign or instance, by name."),
    Column("cause", Text, nullable=False, comment="Why: what has another cause is another trouble."),
    moment(
        "seen_since",
        "Since when each look finds it, or would have found it for as long as looks have found it in all.",
        nullable=False,
        server_default=func.now(),
    ),
    moment("noted_at", "When it became a notice; null: it may yet pass by itself."),
    moment("over_since", "Since when no look finds it any more, so that it is soon forgotten; null: it lasts."),
    PrimaryKeyConstraint("event", "subject", "cause"),
    comment="What is not as it should be now, so that receivers are told once of each, "
    "and where they are told when it is over.",
)
