"""Schedules and their occurrences."""

from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"

_SQL = Path(__file__).resolve().parent.parent / "sql"


def _moment(name: str, comment: str, **options: Any) -> sa.Column[Any]:
    return sa.Column(name, sa.DateTime(timezone=True), comment=comment, **options)


def upgrade() -> None:
    op.create_table(
        "schedules",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False, comment="Occurrences carry it."),
        sa.Column("name", sa.Text(), nullable=False, comment="What operators call it; its campaigns begin with it."),
        sa.Column(
            "state",
            sa.Enum("active", "paused", "ended", name="schedule_state"),
            server_default="active",
            nullable=False,
            comment="Whether it makes occurrences (docs/states.md).",
        ),
        sa.Column("cron", sa.Text(), comment="When it is due, as a cron expression."),
        sa.Column("every", sa.Text(), comment="When it is due, as an interval: 30s, 10m, 2h, 1d, 2w."),
        sa.Column(
            "timezone", sa.Text(), nullable=False, comment="Whose clocks the rule goes by: a name of the tz database."
        ),
        _moment("anchor", "Where intervals count from.", nullable=False),
        _moment("next_at", "When it is due next; null: it is not active."),
        _moment("from_at", "Not due before."),
        _moment("until_at", "Not due after."),
        sa.Column("occurrence_limit", sa.Integer(), comment="After so many campaigns it ends; null: never."),
        sa.Column(
            "occurrences_made", sa.Integer(), server_default="0", nullable=False, comment="Its campaigns so far."
        ),
        sa.Column(
            "misfire",
            sa.Enum("skip", "catch-up", "hold", name="misfire"),
            nullable=False,
            comment="What becomes of an occurrence that was missed.",
        ),
        sa.Column(
            "grace", sa.Interval(), nullable=False, comment="For how long a missed one may still be run or held."
        ),
        sa.Column(
            "overlap",
            sa.Enum("queue", "skip", name="overlap"),
            nullable=False,
            comment="What becomes of one while the one before is still sending.",
        ),
        sa.Column("audience_id", sa.BigInteger(), nullable=False, comment="Whom it sends to, each time anew."),
        sa.Column("audience_filter", postgresql.JSONB(), comment="Which of the members; null: all."),
        sa.Column("content_id", sa.BigInteger(), nullable=False, comment="What its next campaign sends."),
        sa.Column("caption", sa.Text(), comment="campaigns.caption"),
        sa.Column("filename", sa.Text(), comment="campaigns.filename"),
        sa.Column("priority", sa.SmallInteger(), server_default="0", nullable=False, comment="campaigns.priority"),
        sa.Column("max_attempts", sa.SmallInteger(), nullable=False, comment="campaigns.max_attempts"),
        _moment("created_at", "When it was added.", server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("num_nonnulls(cron, every) = 1", name=op.f("schedules_one_rule_check")),
        sa.CheckConstraint(
            "(next_at IS NOT NULL) = (state = 'active')", name=op.f("schedules_active_has_next_at_check")
        ),
        sa.CheckConstraint("max_attempts >= 1", name=op.f("schedules_max_attempts_positive_check")),
        sa.CheckConstraint("occurrence_limit >= 1", name=op.f("schedules_occurrence_limit_positive_check")),
        sa.ForeignKeyConstraint(["audience_id"], ["audiences.id"], name=op.f("schedules_audience_id_fkey")),
        sa.ForeignKeyConstraint(["content_id"], ["contents.id"], name=op.f("schedules_content_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("schedules_pkey")),
        sa.UniqueConstraint("name", name=op.f("schedules_name_key")),
        comment="Recurring broadcasts: what to send to which audience, and by which rule.",
        postgresql_with={"fillfactor": "50"},
    )
    op.create_index("schedules_due_idx", "schedules", ["next_at"], postgresql_where=sa.text("state = 'active'"))
    op.create_table(
        "schedule_lanes",
        sa.Column("schedule_id", sa.BigInteger(), nullable=False, comment="The schedule that sends through it."),
        sa.Column("lane_id", sa.Integer(), nullable=False, comment="The lane of one of its instances."),
        sa.ForeignKeyConstraint(
            ["schedule_id"], ["schedules.id"], name=op.f("schedule_lanes_schedule_id_fkey"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["lane_id"], ["lanes.id"], name=op.f("schedule_lanes_lane_id_fkey")),
        sa.PrimaryKeyConstraint("schedule_id", "lane_id", name=op.f("schedule_lanes_pkey")),
        comment="Which instances a schedule sends through.",
    )
    op.create_table(
        "occurrences",
        sa.Column("schedule_id", sa.BigInteger(), nullable=False, comment="The schedule that came due."),
        _moment("due_at", "When it was due.", nullable=False),
        sa.Column(
            "state",
            sa.Enum("queued", "started", "held", "skipped", "rejected", "failed", name="occurrence_state"),
            nullable=False,
            comment="What became of it (docs/states.md).",
        ),
        sa.Column("reason", sa.Text(), comment="Why, where that needs a reason."),
        sa.Column("number", sa.Integer(), comment="Counts the schedule's campaigns from 1; null: it made none."),
        sa.Column("campaign_id", sa.BigInteger(), comment="Its campaign; null: none."),
        sa.Column(
            "decided_by",
            sa.Text(),
            comment="The operator who started, approved or rejected it; null: nobody had to.",
        ),
        _moment("decided_at", "When that was."),
        _moment("created_at", "When it was noticed.", server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "(number IS NULL) = (campaign_id IS NULL)", name=op.f("occurrences_numbered_by_campaign_check")
        ),
        sa.ForeignKeyConstraint(
            ["schedule_id"], ["schedules.id"], name=op.f("occurrences_schedule_id_fkey"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaigns.id"], name=op.f("occurrences_campaign_id_fkey")),
        sa.PrimaryKeyConstraint("schedule_id", "due_at", name=op.f("occurrences_pkey")),
        sa.UniqueConstraint("campaign_id", name=op.f("occurrences_campaign_id_key")),
        comment="One row per due time of a schedule, whatever became of it: the key starts each exactly once.",
    )
    op.create_index(
        "occurrences_open_idx",
        "occurrences",
        ["schedule_id", "due_at"],
        postgresql_where=sa.text("state IN ('queued', 'held')"),
    )
    op.get_bind().exec_driver_sql((_SQL / "0004_schedules.sql").read_text(encoding="utf-8"))
