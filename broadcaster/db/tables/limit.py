"""Limits over spans of time, and the lanes that they hold for."""

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
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY

from broadcaster.db.tables.columns import metadata, moment
from broadcaster.db.tables.instance import lanes

limits = Table(
    "limits",
    metadata,
    Column(
        "id", Integer, Identity(always=True), primary_key=True, comment="Limits are locked in the order of their ids."
    ),
    Column(
        "name",
        Text,
        unique=True,
        comment="What operators call one that lanes or campaigns share; null: it is one lane's own.",
    ),
    Column("lane_id", Integer, ForeignKey(lanes.c.id, ondelete="CASCADE"), comment="Whose own it is; null: shared."),
    Column("most", Integer, nullable=False, comment="So many messages in any span, at most."),
    Column("span_seconds", Integer, nullable=False, comment="The span."),
    Column(
        "bucket_seconds",
        Double,
        nullable=False,
        comment="What is claimed in one bucket of time is counted as one.",
    ),
    Column(
        "grace_seconds",
        Double,
        nullable=False,
        comment=(
            "The gateway may accept a message so long after its claim: as the settings have it, which a tick keeps."
        ),
    ),
    Column(
        "counts",
        ARRAY(Integer),
        nullable=False,
        server_default="{}",
        comment="How many were claimed in each bucket, the newest first.",
    ),
    Column(
        "newest",
        BigInteger,
        nullable=False,
        server_default="0",
        comment="Which bucket comes first in counts: its number since 1970.",
    ),
    moment(
        "free_at",
        "When the next place is free, as of the latest claim; -infinity: there was one.",
        nullable=False,
        server_default=text("'-infinity'"),
    ),
    Column(
        "ramp",
        ARRAY(Integer),
        nullable=False,
        server_default="{}",
        comment="What `most` is at each step of a lane that is broken in; empty: it stays as it is.",
    ),
    Column("step", Integer, nullable=False, server_default="1", comment="At which step of the ramp it is, from 1."),
    moment(
        "step_since",
        "Since when. The next step comes after a day in which the lane sent and was well.",
        nullable=False,
        server_default=func.now(),
    ),
    UniqueConstraint("lane_id", "span_seconds", "ramp"),
    CheckConstraint("most >= 1", name="most_positive"),
    CheckConstraint("grace_seconds >= 0", name="grace_not_negative"),
    CheckConstraint("bucket_seconds > 0 AND span_seconds >= bucket_seconds", name="span_has_buckets"),
    CheckConstraint("ramp = '{}' OR most = ramp[step]", name="ramp_says_most"),
    CheckConstraint("(name IS NULL) = (lane_id IS NOT NULL)", name="of_one_or_named"),
    comment=(
        "How many messages may leave in any span, of a lane or of all lanes or campaigns that share it: counts by "
        "bucket of time."
    ),
    postgresql_with={"fillfactor": "50"},
)

lane_limits = Table(
    "lane_limits",
    metadata,
    Column("lane_id", Integer, ForeignKey(lanes.c.id, ondelete="CASCADE"), nullable=False, comment="The lane,"),
    Column(
        "limit_id",
        Integer,
        ForeignKey(limits.c.id, ondelete="CASCADE"),
        nullable=False,
        comment="and a limit that holds for it.",
    ),
    PrimaryKeyConstraint("lane_id", "limit_id"),
    comment="Which limits hold for a lane: its own, and those that it shares.",
)
Index("lane_limits_limit_id_idx", lane_limits.c.limit_id)
