"""When lanes could not send, and when they had nothing to send."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    text,
)

from broadcaster.db.tables.campaign import campaign_lanes
from broadcaster.db.tables.columns import lane_health, metadata, moment
from broadcaster.db.tables.instance import lanes

lane_troubles = Table(
    "lane_troubles",
    metadata,
    Column("lane_id", Integer, ForeignKey(lanes.c.id, ondelete="CASCADE"), nullable=False, comment="Which lane."),
    moment("began_at", "Since when it had this health.", nullable=False),
    moment("ended_at", "Until when; infinity: it has it.", nullable=False, server_default=text("'infinity'")),
    Column("health", lane_health, nullable=False, comment="Any but ok."),
    Column(
        "reason",
        Text,
        comment="Why, in the gateway's or the operator's words, without numbers, as it was when that began.",
    ),
    PrimaryKeyConstraint("lane_id", "began_at"),
    comment="When lanes were not ok, and why: what reports show beside what was sent.",
    postgresql_with={"fillfactor": "50"},
)

idle_times = Table(
    "idle_times",
    metadata,
    Column("campaign_id", BigInteger, nullable=False, comment="Which campaign,"),
    Column("lane_id", Integer, nullable=False, comment="and on which lane."),
    moment("began_at", "Since when.", nullable=False),
    moment("ended_at", "Until when, or until when at the latest; infinity: nobody knows.", nullable=False),
    PrimaryKeyConstraint("campaign_id", "lane_id", "began_at"),
    ForeignKeyConstraint(
        ["campaign_id", "lane_id"], [campaign_lanes.c.campaign_id, campaign_lanes.c.lane_id], ondelete="CASCADE"
    ),
    comment="When nothing of a campaign was due on a lane: none is pending, or all that is waits for its moment.",
    postgresql_with={"fillfactor": "50"},
)
