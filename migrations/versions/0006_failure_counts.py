"""Messages that were not sent, counted by reason."""

from pathlib import Path

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"

_SQL = Path(__file__).resolve().parent.parent / "sql"


def upgrade() -> None:
    op.create_table(
        "failure_counts",
        sa.Column("campaign_id", sa.BigInteger(), nullable=False, comment="The campaign that it belongs to."),
        sa.Column("lane_id", sa.Integer(), nullable=False, comment="The lane that was to send them."),
        sa.Column(
            "state",
            postgresql.ENUM(name="message_state", create_type=False),
            nullable=False,
            comment="failed, unknown, skipped or expired.",
        ),
        sa.Column("reason", sa.Text(), nullable=False, comment="Why; from the 101st on: (other reasons)."),
        sa.Column("messages", sa.BigInteger(), nullable=False, comment="How many are in this state for this reason."),
        sa.Column("example_seq", sa.Integer(), nullable=True, comment="The last of them that came."),
        sa.Column(
            "latest",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="When the last one came.",
        ),
        sa.CheckConstraint("messages >= 0", name=op.f("failure_counts_messages_not_negative_check")),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["campaigns.id"], name=op.f("failure_counts_campaign_id_fkey"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["lane_id"], ["lanes.id"], name=op.f("failure_counts_lane_id_fkey")),
        sa.PrimaryKeyConstraint("campaign_id", "lane_id", "state", "reason", name=op.f("failure_counts_pkey")),
        comment="Rollup of messages that were not sent by reason, kept by the trigger on messages.",
    )
    # Nobody writes messages between the count and the trigger that goes on with it: a second for a million failures.
    op.execute("LOCK TABLE messages IN SHARE ROW EXCLUSIVE MODE")
    op.get_bind().exec_driver_sql((_SQL / "0006_failure_counts.sql").read_text(encoding="utf-8"))
