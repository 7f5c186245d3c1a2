"""Who was forgotten, by digests that tell nobody's number."""

from __future__ import annotations

from sqlalchemy import Boolean, CheckConstraint, Column, Index, LargeBinary, Table, func, text, true

from broadcaster.db.tables.columns import metadata, moment

forgotten_phones = Table(
    "forgotten_phones",
    metadata,
    Column(
        "digest",
        LargeBinary,
        primary_key=True,
        comment="Keyed hash of the number: tells that it is the same, and never which.",
    ),
    Column(
        "ending",
        LargeBinary,
        nullable=False,
        comment="The same of its last eight digits: for rejected rows, which are kept as they were written.",
    ),
    moment("forgotten_at", "When it was forgotten.", nullable=False, server_default=func.now()),
    Column(
        "form_of",
        LargeBinary,
        comment="The digest of the number that was given, where this is another one under which WhatsApp may keep the "
        "person.",
    ),
    comment="Who was forgotten, and is not taken in again.",
)

Index(
    "forgotten_phones_form_of_idx",
    forgotten_phones.c.form_of,
    postgresql_where=text("form_of IS NOT NULL"),
)

forgetting_key = Table(
    "forgetting_key",
    metadata,
    Column("is_only", Boolean, primary_key=True, server_default=true(), comment="There is one, for good."),
    Column("key_encrypted", LargeBinary, nullable=False, comment="What digests are keyed with, sealed like accounts."),
    CheckConstraint("is_only", name="one"),
    comment="The key of forgotten_phones. Numbers are not known any more, so it can never be another one.",
)
