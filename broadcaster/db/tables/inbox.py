"""What people write to our instances, and how far that was read."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    false,
    func,
    text,
)

from broadcaster.db.tables.columns import inbound_meaning, metadata, moment
from broadcaster.db.tables.instance import accounts

inboxes = Table(
    "inboxes",
    metadata,
    Column(
        "account_id",
        Integer,
        ForeignKey(accounts.c.id),
        primary_key=True,
        autoincrement=False,
        comment="Whose chats are listed.",
    ),
    moment(
        "since",
        "What is dated no later was there before, and is no reply (gateway's clock); null: nothing was listed yet.",
    ),
    moment("listed_until", "The latest change that a list of its chats has shown (gateway's clock)."),
    moment(
        "gap_from",
        "From when on lists have left chats out that may have changed (gateway's clock); null: no gap is open.",
    ),
    Column(
        "polls",
        BigInteger,
        nullable=False,
        server_default="0",
        comment="How often its chats were listed: a list that comes late changes nothing.",
    ),
    moment("next_poll_at", "When its chats are listed next.", nullable=False, server_default=text("'-infinity'")),
    moment("listed_at", "When a list was last taken in; null: none yet."),
    Column(
        "chats_cut",
        BigInteger,
        nullable=False,
        server_default="0",
        comment="Readings of chats that did not show all that may be new: given up, or older entries cut off.",
    ),
    Column("trouble", Text, comment="What keeps it from being read whole, in words, as last seen; null: nothing."),
    comment="How far an account was read for what people write to it. Moments that say so are by the gateway's clock.",
)

inbox_chats = Table(
    "inbox_chats",
    metadata,
    Column(
        "account_id",
        Integer,
        ForeignKey(inboxes.c.account_id, ondelete="CASCADE"),
        nullable=False,
        comment="Whose chat it is.",
    ),
    Column(
        "chat",
        Text,
        nullable=False,
        comment="The digits that the gateway has it under, with @lid where they hide a number.",
    ),
    moment("changed_at", "When it last changed, as listed (gateway's clock); null: not listed."),
    Column(
        "is_ours",
        Boolean,
        nullable=False,
        server_default=false(),
        comment="Whether its latest message is known to be our own: then others are read first.",
    ),
    Column("looks", SmallInteger, nullable=False, comment="How often it is yet to be read for this change."),
    moment("due_at", "When it is read next.", nullable=False, server_default=func.now()),
    Column(
        "reads",
        BigInteger,
        nullable=False,
        server_default="0",
        comment="How often it was read: a reading that comes late changes nothing here.",
    ),
    Column(
        "tries",
        SmallInteger,
        nullable=False,
        server_default="0",
        comment="How many readings in a row were not answered.",
    ),
    moment("read_until", "The latest entry that it has shown (gateway's clock); null: none yet."),
    PrimaryKeyConstraint("account_id", "chat"),
    comment="Chats that changed lately, until they have been read.",
)
Index(
    "inbox_chats_due_idx",
    inbox_chats.c.account_id,
    inbox_chats.c.is_ours,
    inbox_chats.c.due_at,
    postgresql_where=text("looks > 0"),
)

inbound_messages = Table(
    "inbound_messages",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True, comment="In the order of taking them in."),
    Column("account_id", Integer, ForeignKey(accounts.c.id), nullable=False, comment="The account that it came to."),
    Column("lane_id", Integer, nullable=False, comment="The instance that had the account then."),
    Column(
        "identity",
        LargeBinary,
        nullable=False,
        comment="Hash of the gateway's id, or without one of chat, moment, content and count; random: forgotten.",
    ),
    Column("gateway_id", Text, comment="The gateway's id; null: it gave none, or purged or forgotten."),
    Column("chat", Text, comment="The chat as the gateway has it; null: purged or forgotten."),
    Column(
        "phone",
        Text,
        comment="Who wrote, in E.164 digits, as the campaign wrote the number; null: hidden, purged or forgotten.",
    ),
    Column("body", Text, comment="The text, or the caption of a file; null: none, or purged or forgotten."),
    Column("kind", Text, comment="What it is, in the gateway's word; null: not said."),
    moment("said_at", "When it was written, by the gateway's clock.", nullable=False),
    moment("noted_at", "When it was taken in.", nullable=False, server_default=func.now()),
    Column("campaign_id", BigInteger, comment="The campaign that last messaged that person; null: none did."),
    Column("seq", Integer, comment="Its message to that person."),
    moment("messaged_at", "When that was sent."),
    Column(
        "meaning",
        inbound_meaning,
        comment="What its words ask for, of those that mean something; null: nothing known.",
    ),
    UniqueConstraint("account_id", "identity"),
    comment="What people wrote to our instances, each message once. No row is deleted.",
)
Index(
    "inbound_messages_campaign_idx",
    inbound_messages.c.campaign_id,
    inbound_messages.c.seq,
    postgresql_where=text("campaign_id IS NOT NULL"),
)
Index(
    "inbound_messages_stop_idx",
    inbound_messages.c.campaign_id,
    postgresql_where=text("meaning = 'stop'"),
)
Index(
    "inbound_messages_near_miss_idx",
    inbound_messages.c.phone,
    postgresql_where=text("meaning = 'near_miss' AND phone IS NOT NULL"),
)
Index("inbound_messages_phone_idx", inbound_messages.c.phone, postgresql_where=text("phone IS NOT NULL"))
Index("inbound_messages_noted_idx", inbound_messages.c.noted_at)
