"""What this installation signs proofs with: one key at a time, made once, sealed by the secret keys."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import ColumnElement, Connection, select, update
from sqlalchemy.dialects.postgresql import insert

from broadcaster.crypto import Vault
from broadcaster.db import tables
from broadcaster.db.engine import transaction
from broadcaster.db.reading import Reader, reading
from broadcaster.db.statements import rows
from broadcaster.errors import SettingsError
from broadcaster.services.audit import note_operation
from broadcaster.signatures import new_signing_key, public_key_of

if TYPE_CHECKING:
    from sqlalchemy import Engine

SEALED_TO_SIGN = "proofs"
"""What the key is sealed for, as those of accounts are for their URLs."""
_table = tables.signing_keys


class PublicKey(msgspec.Struct, frozen=True):
    """What others check signatures with, in hex. `signs`: it is the one that signs now."""

    public_key: str
    made_at: datetime
    signs: bool


def public_keys(source: Engine | Reader) -> Sequence[PublicKey]:
    """All that there have been, the latest first."""
    with reading(source) as connection:
        return rows(connection, "public_keys", PublicKey)


def signing_key(engine: Engine, vault: Vault) -> bytes:
    """The private key that signs now, which is made where there is none yet. Raises SettingsError."""
    with transaction(engine) as connection:
        if connection.execute(select(_table.c.public_key).where(_signs())).first() is None:
            _make(connection, vault)
        return open_to_sign(vault, connection.execute(select(_table.c.key_encrypted).where(_signs())).scalar_one())


def replace_signing_key(engine: Engine, vault: Vault) -> str:
    """Sign with a new key from now on, and delete the private one from before; returns the public key in hex."""
    with transaction(engine) as connection:
        connection.execute(update(_table).where(_signs()).values(key_encrypted=None))
        _make(connection, vault)
        return bytes(connection.execute(select(_table.c.public_key).where(_signs())).scalar_one()).hex()


def open_to_sign(vault: Vault, sealed: bytes) -> bytes:
    """The private key. Raises SettingsError, in words of its own, where no secret key opens it."""
    try:
        return bytes.fromhex(vault.open(sealed, SEALED_TO_SIGN))
    except SettingsError:
        raise SettingsError(
            "BROADCASTER_SECRET_KEY: does not open the key that proofs are signed with; configure the secret key that "
            "there was (several may be given, comma separated, newest first). Where that is lost for good, "
            "`broadcaster proof key --new` makes another"
        ) from None


def renew_signing_key(connection: Connection, vault: Vault) -> None:
    """Seal it under the newest secret key where it is not yet."""
    sealed = connection.execute(select(_table.c.key_encrypted).where(_signs()).with_for_update()).scalar_one_or_none()
    if sealed is not None and not vault.is_newest(sealed):
        renewed = vault.seal(open_to_sign(vault, sealed).hex(), SEALED_TO_SIGN)
        connection.execute(update(_table).where(_signs()).values(key_encrypted=renewed))


def _make(connection: Connection, vault: Vault) -> None:
    """Make a key, unless somebody else has just made one: the index lets one of them sign."""
    key = new_signing_key()
    public = public_key_of(key)
    values = {"public_key": public, "key_encrypted": vault.seal(key.hex(), SEALED_TO_SIGN)}
    made = connection.execute(insert(_table).values(values).on_conflict_do_nothing())
    if made.rowcount:
        note_operation(connection, "secrets", "signing key", public_key=public.hex())


def _signs() -> ColumnElement[bool]:
    return _table.c.key_encrypted.is_not(None)
