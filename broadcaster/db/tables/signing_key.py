"""What proofs are signed with."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, Index, LargeBinary, Table, func

from broadcaster.db.tables.columns import metadata, moment

signing_keys = Table(
    "signing_keys",
    metadata,
    Column("public_key", LargeBinary, primary_key=True, comment="What others check signatures with."),
    Column(
        "key_encrypted",
        LargeBinary,
        comment="The private key, sealed like those of accounts; null: it was replaced, and signs nothing more.",
    ),
    moment("made_at", "When it was made.", nullable=False, server_default=func.now()),
    CheckConstraint("length(public_key) = 32", name="public_key_length"),
    comment="What proofs are signed with (Ed25519). Those from before remain, to be known again.",
)

Index(
    "signing_keys_one_signs_idx",
    signing_keys.c.key_encrypted.is_not(None),
    unique=True,
    postgresql_where=signing_keys.c.key_encrypted.is_not(None),
)
