"""Audiences that are kept, campaigns over them, and test campaigns."""

from pathlib import Path

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"

_SQL = Path(__file__).resolve().parent.parent / "sql"


def upgrade() -> None:
    op.create_table(
        "audiences",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False, comment="Members carry it."),
        sa.Column("name", sa.Text(), nullable=False, comment="What operators call it."),
        sa.Column(
            "variables",
            postgresql.ARRAY(sa.Text()),
            server_default="{}",
            nullable=False,
            comment="The variables that its members may have, in the order in which they came.",
        ),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="When it was first imported.",
        ),
        sa.Column(
            "changed_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="When an import last changed it.",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("audiences_pkey")),
        sa.UniqueConstraint("name", name=op.f("audiences_name_key")),
        comment="Recipients that are kept under a name.",
    )
    op.create_table(
        "audience_members",
        sa.Column("audience_id", sa.BigInteger(), nullable=False, comment="The audience that it belongs to."),
        sa.Column("phone", sa.Text(), nullable=False, comment="E.164 digits without the plus."),
        sa.Column(
            "variables",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default="{}",
            nullable=False,
            comment="Template variables by name; one that is not known of this member is left out.",
        ),
        sa.Column(
            "added_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="When it came in.",
        ),
        sa.Column(
            "changed_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="When its variables last changed.",
        ),
        sa.ForeignKeyConstraint(
            ["audience_id"], ["audiences.id"], name=op.f("audience_members_audience_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("audience_id", "phone", name=op.f("audience_members_pkey")),
        comment="One phone of one audience each.",
    )
    op.add_column(
        "campaigns",
        sa.Column(
            "audience_id",
            sa.BigInteger(),
            nullable=True,
            comment="Whose members it gets as its recipients when it starts; null: those of a file, or removed since.",
        ),
    )
    op.add_column(
        "campaigns",
        sa.Column(
            "audience_filter",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=True,
            comment="Conditions that those members meet, all of them (domain/conditions.py); null: none.",
        ),
    )
    op.add_column(
        "campaigns",
        sa.Column(
            "variables",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=True,
            comment="Template variables that are the same for all recipients, over their own; null: none.",
        ),
    )
    op.add_column(
        "campaigns",
        sa.Column(
            "test_of",
            sa.BigInteger(),
            nullable=True,
            comment="The campaign of which it sends one marked copy, counted nowhere; null: no test.",
        ),
    )
    op.create_foreign_key(
        op.f("campaigns_audience_id_fkey"), "campaigns", "audiences", ["audience_id"], ["id"], ondelete="SET NULL"
    )
    op.create_foreign_key(op.f("campaigns_test_of_fkey"), "campaigns", "campaigns", ["test_of"], ["id"])
    for script in ("0003_audience_recipients.sql", "0003_reports.sql"):
        op.get_bind().exec_driver_sql((_SQL / script).read_text(encoding="utf-8"))
