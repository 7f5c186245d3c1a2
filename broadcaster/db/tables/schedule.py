"""Schedules and their occurrences."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Double,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Interval,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from broadcaster.db.tables.campaign import campaigns, contents
from broadcaster.db.tables.columns import metadata, misfire, moment, occurrence_state, overlap, schedule_state
from broadcaster.db.tables.hours import opening_hours
from broadcaster.db.tables.instance import lanes
from broadcaster.db.tables.limit import limits
from broadcaster.domain.states import ScheduleState

schedules = Table(
    "schedules",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True, comment="Occurrences carry it."),
    Column("name", Text, nullable=False, unique=True, comment="What operators call it; its campaigns begin with it."),
    Column(
        "state",
        schedule_state,
        nullable=False,
        server_default=ScheduleState.ACTIVE.value,
        comment="Whether it makes occurrences (docs/states.md).",
    ),
    Column("cron", Text, comment="When it is due, as a cron expression."),
    Column("every", Text, comment="When it is due, as an interval: 30s, 10m, 2h, 1d, 2w."),
    Column("timezone", Text, nullable=False, comment="Whose clocks the rule goes by: a name of the tz database."),
    moment("anchor", "Where intervals count from.", nullable=False),
    moment("next_at", "When it is due next; null: it is not active."),
    moment("from_at", "Not due before."),
    moment("until_at", "Not due after."),
    Column("occurrence_limit", Integer, comment="After so many campaigns it ends; null: never."),
    Column("occurrences_made", Integer, nullable=False, server_default="0", comment="Its campaigns so far."),
    Column("misfire", misfire, nullable=False, comment="What becomes of an occurrence that was missed."),
    Column("grace", Interval, nullable=False, comment="For how long a missed one may still be run or held."),
    Column("overlap", overlap, nullable=False, comment="What becomes of one while the one before is still sending."),
    Column(
        "audience_id",
        BigInteger,
        ForeignKey("audiences.id"),
        nullable=False,
        comment="Whom it sends to, each time anew.",
    ),
    Column("audience_filter", JSONB, comment="Which of the members; null: all."),
    Column(
        "content_id", BigInteger, ForeignKey(contents.c.id), nullable=False, comment="What its next campaign sends."
    ),
    Column("caption", Text, comment="campaigns.caption"),
    Column("filename", Text, comment="campaigns.filename"),
    Column("locale", Text, nullable=False, server_default="en", comment="campaigns.locale"),
    Column("priority", SmallInteger, nullable=False, server_default="0", comment="campaigns.priority"),
    Column("max_attempts", SmallInteger, nullable=False, comment="campaigns.max_attempts"),
    Column("hours_id", Integer, ForeignKey(opening_hours.c.id), comment="campaigns.hours_id"),
    Column("expires_after", Interval, comment="How long after each occurrence its campaign expires; null: never."),
    Column(
        "require_consent",
        Boolean,
        nullable=False,
        server_default="false",
        comment="campaigns.require_consent",
    ),
    Column("care", JSONB, comment="campaigns.care"),
    Column("sharing", JSONB, comment="campaigns.sharing"),
    moment("created_at", "When it was added.", nullable=False, server_default=func.now()),
    CheckConstraint("num_nonnulls(cron, every) = 1", name="one_rule"),
    CheckConstraint("(next_at IS NOT NULL) = (state = 'active')", name="active_has_next_at"),
    CheckConstraint("expires_after > interval '0'", name="expires_after_positive"),
    CheckConstraint("max_attempts >= 1", name="max_attempts_positive"),
    CheckConstraint("occurrence_limit >= 1", name="occurrence_limit_positive"),
    comment="Recurring broadcasts: what to send to which audience, and by which rule.",
    postgresql_with={"fillfactor": "50"},
)
Index("schedules_due_idx", schedules.c.next_at, postgresql_where=text("state = 'active'"))

schedule_lanes = Table(
    "schedule_lanes",
    metadata,
    Column(
        "schedule_id",
        BigInteger,
        ForeignKey(schedules.c.id, ondelete="CASCADE"),
        nullable=False,
        comment="The schedule that sends through it.",
    ),
    Column("lane_id", Integer, ForeignKey(lanes.c.id), nullable=False, comment="The lane of one of its instances."),
    Column("weight", Double, comment="campaign_lanes.weight"),
    PrimaryKeyConstraint("schedule_id", "lane_id"),
    CheckConstraint("weight > 0", name="weight_positive"),
    comment="Which instances a schedule sends through.",
)

schedule_limits = Table(
    "schedule_limits",
    metadata,
    Column(
        "schedule_id",
        BigInteger,
        ForeignKey(schedules.c.id, ondelete="CASCADE"),
        nullable=False,
        comment="The schedule,",
    ),
    Column(
        "limit_id",
        Integer,
        ForeignKey(limits.c.id, ondelete="CASCADE"),
        nullable=False,
        comment="and a limit that its campaigns get.",
    ),
    PrimaryKeyConstraint("schedule_id", "limit_id"),
    comment="Which limits hold for the campaigns of a schedule.",
)
Index("schedule_limits_limit_id_idx", schedule_limits.c.limit_id)

occurrences = Table(
    "occurrences",
    metadata,
    Column(
        "schedule_id",
        BigInteger,
        ForeignKey(schedules.c.id, ondelete="CASCADE"),
        nullable=False,
        comment="The schedule that came due.",
    ),
    moment("due_at", "When it was due.", nullable=False),
    Column("state", occurrence_state, nullable=False, comment="What became of it (docs/states.md)."),
    Column("reason", Text, comment="Why, where that needs a reason."),
    Column("number", Integer, comment="Counts the schedule's campaigns from 1; null: it made none."),
    Column("campaign_id", BigInteger, ForeignKey(campaigns.c.id), unique=True, comment="Its campaign; null: none."),
    Column("decided_by", Text, comment="The operator who started, approved or rejected it; null: nobody had to."),
    moment("decided_at", "When that was."),
    moment("created_at", "When it was noticed.", nullable=False, server_default=func.now()),
    PrimaryKeyConstraint("schedule_id", "due_at"),
    CheckConstraint("(number IS NULL) = (campaign_id IS NULL)", name="numbered_by_campaign"),
    comment="One row per due time of a schedule, whatever became of it: the key starts each exactly once.",
)
Index(
    "occurrences_open_idx",
    occurrences.c.schedule_id,
    occurrences.c.due_at,
    postgresql_where=text("state IN ('queued', 'held')"),
)
