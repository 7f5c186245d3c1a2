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
        sa.Column(
            "put_back_seconds",
            sa.Double(),
            server_default="0",
            nullable=False,
            comment="By how much the database's clock was put back, until what it had stored is mended; 0: not at all.",
        ),
        sa.Column(
            "steady_since",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="When the database's clock was last found to have been put back; null: never.",
        ),
        sa.PrimaryKeyConstraint("name", name=op.f("ticks_pkey")),
        comment="When each of beat's ticks was last done: one row per tick.",
    )
