"""What becomes of campaigns while they are sent: moves, judgements, and why messages were not sent."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    func,
    text,
)

from broadcaster.db.tables.campaign import campaign_lanes, campaigns
from broadcaster.db.tables.columns import (
    campaign_id,
    message_state,
    metadata,
    moment,
    move_reason,
    of_session,
)
from broadcaster.db.tables.instance import lanes

failovers = Table(
    "failovers",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True, comment="In the order in which they began."),
    campaign_id(),
    Column("lane_id", Integer, nullable=False, comment="The lane that was in trouble."),
    Column("reason", Text, comment="lanes.health_reason when it began."),
    moment("began_at", "From when on its pending messages go to others.", nullable=False, server_default=func.now()),
    moment("ended_at", "When it got its part again; null: not yet."),
    Column(
        "seen_version",
        BigInteger,
        comment="campaign_lanes.version when nothing there was left to move: until it changes, a tick need not look.",
    ),
    ForeignKeyConstraint(
        ["campaign_id", "lane_id"], [campaign_lanes.c.campaign_id, campaign_lanes.c.lane_id], ondelete="CASCADE"
    ),
    comment="When lanes were in trouble for so long that what they had to send of a campaign went to its other lanes.",
    postgresql_with={"fillfactor": "50"},
)
Index(
    "failovers_open_idx",
    failovers.c.campaign_id,
    failovers.c.lane_id,
    unique=True,
    postgresql_where=failovers.c.ended_at.is_(None),
)

lane_moves = Table(
    "lane_moves",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True, comment="In the order of the moves."),
    campaign_id(),
    Column("from_lane_id", Integer, nullable=False, comment="The lane that was to send them,"),
    Column("to_lane_id", Integer, nullable=False, comment="and the one that is."),
    Column("reason", move_reason, nullable=False, comment="Why (domain/sharing.py)."),
    Column("messages", BigInteger, nullable=False, comment="How many."),
    Column(
        "moved_by",
        Text,
        server_default=of_session("operator"),
        comment="The operator whose command it was; null: a tick.",
    ),
    moment("moved_at", "When.", nullable=False, server_default=func.now()),
    CheckConstraint("messages > 0", name="messages_positive"),
    comment="Pending messages that went from one lane of their campaign to another. No foreign keys: whoever moves "
    "them has messages locked.",
)
Index("lane_moves_campaign_idx", lane_moves.c.campaign_id)
Index("lane_moves_from_idx", lane_moves.c.from_lane_id)
Index("lane_moves_to_idx", lane_moves.c.to_lane_id)

campaign_judgements = Table(
    "campaign_judgements",
    metadata,
    Column(
        "campaign_id",
        BigInteger,
        ForeignKey(campaigns.c.id, ondelete="CASCADE"),
        primary_key=True,
        comment="The campaign that it belongs to.",
    ),
    moment(
        "since",
        "What came to pass before says nothing: it started then, or an operator has let it go on.",
        nullable=False,
        server_default=func.now(),
    ),
    moment(
        "replies_due_at",
        "When it is looked next who has answered.",
        nullable=False,
        server_default=text("'-infinity'"),
    ),
    Column(
        "open_slices",
        SmallInteger,
        nullable=False,
        server_default="0",
        comment="How many slices of its canary may be sent.",
    ),
    Column(
        "released_slices",
        SmallInteger,
        nullable=False,
        server_default="0",
        comment="Of those, how many have no message left that is held.",
    ),
    moment(
        "next_slice_at",
        "When the next slice opens if its figures hold; null: there is none, or the one before has not left yet.",
    ),
    CheckConstraint("released_slices BETWEEN 0 AND open_slices", name="released_are_open"),
    comment="Where campaigns stand that started with care, or lost a canary: since when they are judged, open slices.",
    postgresql_with={"fillfactor": "50"},
)

failure_counts = Table(
    "failure_counts",
    metadata,
    campaign_id(ForeignKey(campaigns.c.id, ondelete="CASCADE")),
    Column("lane_id", Integer, ForeignKey(lanes.c.id), nullable=False, comment="The lane that was to send them."),
    Column("state", message_state, nullable=False, comment="failed, unknown, skipped or expired."),
    Column("reason", Text, nullable=False, comment="Why; from the 101st on: (other reasons)."),
    Column("messages", BigInteger, nullable=False, comment="How many are in this state for this reason."),
    Column("example_seq", Integer, comment="The last of them that came."),
    moment("latest", "When the last one came.", nullable=False, server_default=func.now()),
    PrimaryKeyConstraint("campaign_id", "lane_id", "state", "reason"),
    CheckConstraint("messages >= 0", name="messages_not_negative"),
    comment="Rollup of messages that were not sent by reason, kept by the trigger on messages.",
)
Index(
    "failure_counts_unknown_idx",
    failure_counts.c.campaign_id,
    postgresql_where=text("state = 'unknown'"),
)
