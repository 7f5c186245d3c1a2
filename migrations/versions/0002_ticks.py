"""When each of beat's ticks was last done."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "ticks",
        sa.Column("name", sa.Text(), nullable=False, comment="Which of the scans that beat fires."),
        sa.Column("period_seconds", sa.Double(), nullable=False, comment="How many seconds apart beat fires it."),
        sa.Column(
            "done_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="When a worker last did it; more than three periods ago: no beat or no worker runs.",
        ),
        sa.PrimaryKeyConstraint("name", name=op.f("ticks_pkey")),
        comment="When each of beat's ticks was last done: one row per tick.",
    )
