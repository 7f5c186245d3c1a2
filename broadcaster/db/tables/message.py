"""Messages, and what was tried and found out about each."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Double,
    Identity,
    Index,
    Integer,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    false,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from broadcaster.db.tables.columns import campaign_id, message_state, metadata, moment, outcome, resolution
from broadcaster.domain.states import MessageState

messages = Table(
    "messages",
    metadata,
    Column("segment", BigInteger, nullable=False, comment="Partition key: campaigns.segment."),
    campaign_id(),
    Column("seq", Integer, nullable=False, comment="The row's number among the campaign's recipients, from 1."),
    Column("lane_id", Integer, nullable=False, comment="The instance that sends it."),
    Column("phone", Text, comment="E.164 digits without the plus; null: forgotten."),
    Column(
        "ordinal",
        SmallInteger,
        nullable=False,
        server_default="1",
        comment="Which of the campaign's messages to this phone it is; above 1 only with one for each row.",
    ),
    Column(
        "recipient_group",
        SmallInteger,
        nullable=False,
        server_default="0",
        comment="recipient_groups.id, where the campaign's hours go by the recipient; 0: they do not.",
    ),
    Column("variables", JSONB, comment="Template variables by name; null: none."),
    Column(
        "state",
        message_state,
        nullable=False,
        server_default=MessageState.PENDING.value,
        comment="Where it stands (docs/states.md).",
    ),
    moment("changed_at", "Since when it is in this state.", nullable=False, server_default=func.now()),
    Column("attempt", SmallInteger, nullable=False, server_default="0", comment="Number of the latest attempt."),
    Column(
        "spent",
        SmallInteger,
        nullable=False,
        server_default="0",
        comment="Attempts that count against campaigns.max_attempts; trouble of the instance does not.",
    ),
    Column(
        "content_version",
        SmallInteger,
        comment="The content_versions of the latest attempt, as the claim took it; null: none was made.",
    ),
    moment(
        "next_attempt_at",
        "A pending message is due from then on; nothing else says when it is tried again.",
        nullable=False,
        server_default=text("'-infinity'"),
    ),
    Column("claim_token", Uuid, comment="The claim that took it; guards every later write."),
    Column("gateway_id", Text, comment="The gateway's id of the accepted message, where it gave one."),
    Column("reason", Text, comment="Why it is where it is, where that needs a reason."),
    Column(
        "home_lane_id",
        Integer,
        comment="The instance that the person knows, where the campaign asks for it; null: any may send it.",
    ),
    PrimaryKeyConstraint("segment", "campaign_id", "seq"),
    UniqueConstraint("segment", "campaign_id", "phone", "ordinal"),
    CheckConstraint(
        "phone IS NOT NULL OR state IN ('sent', 'failed', 'unknown', 'skipped', 'cancelled', 'expired')",
        name="forgotten_is_final",
    ),
    comment="One recipient of one campaign each. No foreign keys: ingest writes campaign and messages together.",
    postgresql_partition_by="LIST (segment)",
)
Index(
    "messages_due_idx",
    messages.c.campaign_id,
    messages.c.lane_id,
    messages.c.recipient_group,
    messages.c.next_attempt_at,
    messages.c.seq,
    postgresql_where=text("state = 'pending'"),
)
Index(
    "messages_held_idx",
    messages.c.lane_id,
    messages.c.state,
    postgresql_where=text("state IN ('sending', 'in_doubt')"),
)
Index(
    "messages_failure_idx",
    messages.c.campaign_id,
    messages.c.state,
    postgresql_where=text("state IN ('failed', 'unknown', 'skipped', 'expired')"),
)

attempts = Table(
    "attempts",
    metadata,
    Column("segment", BigInteger, nullable=False, comment="Partition key: campaigns.segment."),
    campaign_id(),
    Column("seq", Integer, nullable=False, comment="messages.seq"),
    Column("attempt", SmallInteger, nullable=False, comment="Counts from 1 per message."),
    Column("content_version", SmallInteger, nullable=False, comment="What was sent: of content_versions."),
    Column("account_id", Integer, nullable=False, comment="The account it went through."),
    Column("outcome", outcome, nullable=False, comment="What it came to."),
    Column("reason", Text, nullable=False, comment="What was concluded from the reply or the failure."),
    Column("http_status", SmallInteger, comment="Null: no reply."),
    Column("reply", Text, comment="The raw reply, at most 2 KB, key redacted."),
    Column("duration_ms", Integer, comment="From the request's start to its end; null: nobody measured it."),
    moment("finished_at", "When its outcome was recorded.", nullable=False, server_default=func.now()),
    PrimaryKeyConstraint("segment", "campaign_id", "seq", "attempt"),
    comment="One HTTP request made, or about to be made, for a message.",
    postgresql_partition_by="LIST (segment)",
)

Index("attempts_account_idx", attempts.c.account_id, attempts.c.finished_at)

doubts = Table(
    "doubts",
    metadata,
    Column("segment", BigInteger, nullable=False, comment="campaigns.segment"),
    campaign_id(),
    Column("seq", Integer, nullable=False, comment="messages.seq"),
    Column("attempt", SmallInteger, nullable=False, comment="attempts.attempt"),
    Column("lane_id", Integer, nullable=False, comment="The instance it went through."),
    Column("account_id", Integer, nullable=False, comment="The account whose chats may show it."),
    Column("phone", Text, comment="Whose chat may show it; null: forgotten."),
    moment("started_at", "When its intent was committed: the request left no earlier.", nullable=False),
    moment("ended_at", "When its request had ended for certain.", nullable=False),
    Column("polls", SmallInteger, nullable=False, server_default="0", comment="How often its chat was asked for."),
    Column(
        "absences",
        SmallInteger,
        nullable=False,
        server_default="0",
        comment="How many of the latest polls, one after the other and settled, showed that it is not there.",
    ),
    moment("next_poll_at", "When its chat is asked for next.", nullable=False, server_default=func.now()),
    Column("reading", Text, comment="What the latest poll came to, or the one that decided, for people."),
    Column(
        "is_unread",
        Boolean,
        nullable=False,
        server_default=false(),
        comment="Whether its chat could not be read at the latest poll.",
    ),
    Column(
        "unreadable_seconds",
        Double,
        nullable=False,
        server_default="0",
        comment="For how long its account could not be read meanwhile: no part of its deadline.",
    ),
    Column("resolved_as", resolution, comment="What was concluded; null: nothing yet."),
    moment("resolved_at", "When that was."),
    PrimaryKeyConstraint("segment", "campaign_id", "seq", "attempt"),
    CheckConstraint("(resolved_as IS NULL) = (resolved_at IS NULL)", name="resolved_at_a_time"),
    CheckConstraint("phone IS NOT NULL OR resolved_as IS NOT NULL", name="forgotten_is_resolved"),
    comment="Attempts of which nobody knows whether the gateway accepted them, and what reading back says of them.",
)
Index("doubts_open_idx", doubts.c.account_id, doubts.c.next_poll_at, postgresql_where=text("resolved_as IS NULL"))

settlements = Table(
    "settlements",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True, comment="In the order of the settlements."),
    Column("segment", BigInteger, nullable=False, comment="campaigns.segment"),
    campaign_id(),
    Column("seq", Integer, nullable=False, comment="messages.seq"),
    Column("attempt", SmallInteger, nullable=False, comment="The attempt that was in doubt."),
    Column("from_state", message_state, nullable=False, comment="Where the message stood."),
    Column("to_state", message_state, nullable=False, comment="Where the operator put it; pending: sent again."),
    Column("settled_by", Text, nullable=False, comment="Who said so."),
    Column("reason", Text, comment="Why, in the operator's words."),
    moment("settled_at", "When it was settled.", nullable=False, server_default=func.now()),
    comment="What operators decided about messages of which nobody knew whether they were accepted.",
)
Index("settlements_campaign_id_seq_idx", settlements.c.campaign_id, settlements.c.seq)
