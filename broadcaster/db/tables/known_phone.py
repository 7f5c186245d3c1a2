"""Whom accounts know."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Integer, PrimaryKeyConstraint, Table, Text, func

from broadcaster.db.tables.columns import metadata, moment
from broadcaster.db.tables.instance import accounts

known_phones = Table(
    "known_phones",
    metadata,
    Column(
        "account_id",
        Integer,
        ForeignKey(accounts.c.id, ondelete="CASCADE"),
        nullable=False,
        comment="Who knows the person.",
    ),
    Column("phone", Text, nullable=False, comment="One of the numbers that are this person's for certain."),
    Column(
        "is_contact", Boolean, nullable=False, comment="Whether it is a contact; otherwise the person wrote first."
    ),
    moment("noted_at", "Since when that is known.", nullable=False, server_default=func.now()),
    PrimaryKeyConstraint("account_id", "phone", "is_contact"),
    comment="Whom an account knows: its contacts, as they were last read, and who wrote to it before any campaign had "
    "messaged them.",
)
