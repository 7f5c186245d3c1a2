"""Who was forgotten, for those who take recipients in.

Nobody's number is kept. What is kept is a keyed hash of each, and the key, sealed by the secret keys: whoever has the
database alone can try no numbers.
"""

from __future__ import annotations

import hmac
import secrets
import unicodedata
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import insert

from broadcaster.crypto import Vault
from broadcaster.db import tables
from broadcaster.db.statements import execute
from broadcaster.domain.names import FORGOTTEN
from broadcaster.domain.phones import PhoneFault
from broadcaster.errors import ContentionError, InputError, SettingsError
from broadcaster.services.recipients.batches import Batch, RejectedRow

SEALED_FOR = "forgotten phones"
"""What the key is sealed for, as those of accounts are for their URLs."""
ENDING = 8
"""The last digits of a number that tell whose it is, as in db/schema/functions/mentions.sql."""
_SHORTEST = 7

OpenVault = Callable[[], Vault]
"""Gives the secret keys. Called only where somebody was forgotten."""

_key = tables.forgetting_key.c.key_encrypted


def no_vault() -> Vault:
    """For those who have no secret keys at hand: they take nobody in once somebody was forgotten."""
    raise SettingsError("BROADCASTER_SECRET_KEY: needed to know who was forgotten")


class Forgotten:
    """Whoever was forgotten when a transaction began to read recipients."""

    def __init__(self, connection: Connection, open_vault: OpenVault = no_vault) -> None:
        """Raises SettingsError where somebody was, and the secret key is not configured."""
        self._digests = _digests(connection)
        self._endings = _endings(connection) if self._digests else frozenset()
        self._key = _read_key(connection, open_vault()) if self._digests else b""

    def __contains__(self, phone: str) -> bool:
        """Whether the person with this number, in E.164 digits, was forgotten."""
        return bool(self._digests) and digest(self._key, phone) in self._digests

    def without(self, batch: Batch) -> Batch:
        """The batch with those who were forgotten among the rejected rows, which do not have their numbers."""
        if not self._digests:
            return batch
        rejected = [row._replace(phone=FORGOTTEN) if self._is_written(row.phone) else row for row in batch.rejected]
        kept = [phone not in self for phone in batch.phones]
        if all(kept):
            return replace(batch, rejected=rejected)
        lines = (line for line, is_kept in zip(batch.lines, kept, strict=False) if not is_kept)
        return batch.kept(kept, [*rejected, *(RejectedRow(line, FORGOTTEN, PhoneFault.FORGOTTEN) for line in lines)])

    def _is_written(self, written: str) -> bool:
        """Whether what is no phone has the last digits of a number that was forgotten in it, however it is written."""
        digits = "".join(str(unicodedata.decimal(each)) for each in written if each.isdecimal())
        # Whole numbers may be shorter than an ending.
        windows = (
            digits[start : start + size]
            for size in range(_SHORTEST, ENDING + 1)
            for start in range(len(digits) - size + 1)
        )
        return any(ending(self._key, window) in self._endings for window in windows)

    def hold(self, connection: Connection) -> None:
        """Nobody else is forgotten until the transaction ends. Call it before the first row is stored.

        Raises ContentionError where somebody has been since, who may be among those that were read.
        """
        hold_off(connection)
        if _digests(connection) - self._digests:
            raise ContentionError("somebody was forgotten meanwhile (nothing was stored): run it again")


def hold_off(connection: Connection) -> None:
    """Nobody is forgotten until the transaction ends."""
    execute(connection, "hold_off_forgetting")


def refuse_forgotten(connection: Connection, phone: str, open_vault: OpenVault = no_vault) -> None:
    """Raise InputError where the number was forgotten; it cannot be until the transaction ends."""
    hold_off(connection)
    if phone in Forgotten(connection, open_vault):
        raise InputError(PhoneFault.FORGOTTEN.sentence)


def digest(key: bytes, phone: str) -> bytes:
    """What a number in E.164 digits is known by."""
    return hmac.digest(key, phone.encode(), "sha256")


def ending(key: bytes, phone: str) -> bytes:
    """What the last digits of a number are known by, which national spellings have too. For rejected rows alone."""
    return hmac.digest(key, b"ending " + phone[-ENDING:].encode(), "sha256")


def digest_key(connection: Connection, vault: Vault) -> bytes:
    """The key of digests, which is made where there is none yet."""
    connection.execute(insert(tables.forgetting_key).values(key_encrypted=new_key(vault)).on_conflict_do_nothing())
    return _read_key(connection, vault)


def new_key(vault: Vault) -> bytes:
    """A key of digests that there has never been, sealed."""
    return vault.seal(secrets.token_hex(32), SEALED_FOR)


def open_key(vault: Vault, sealed: bytes) -> str:
    """The key of digests in hex. Raises SettingsError, in words of its own, where no secret key opens it."""
    try:
        return vault.open(sealed, SEALED_FOR)
    except SettingsError:
        raise SettingsError(
            "BROADCASTER_SECRET_KEY: does not open the key by which forgotten numbers are known; configure the secret "
            "key that there was when they were forgotten (several may be given, comma separated, newest first). Where "
            "that is lost for good, `broadcaster phone reset` shows the way out"
        ) from None


def forgotten_since(connection: Connection, phone: str, open_vault: OpenVault) -> datetime | None:
    """Since when the number, in E.164 digits, is forgotten; None: it is not. Raises SettingsError."""
    table = tables.forgotten_phones
    if not _digests(connection):
        return None
    mark = digest(_read_key(connection, open_vault()), phone)
    return connection.execute(select(table.c.forgotten_at).where(table.c.digest == mark)).scalar_one_or_none()


def _read_key(connection: Connection, vault: Vault) -> bytes:
    """Nobody puts another key in its place until the transaction ends."""
    return bytes.fromhex(open_key(vault, connection.execute(select(_key).with_for_update(read=True)).scalar_one()))


def _digests(connection: Connection) -> frozenset[bytes]:
    return frozenset(connection.execute(select(tables.forgotten_phones.c.digest)).scalars())


def _endings(connection: Connection) -> frozenset[bytes]:
    return frozenset(connection.execute(select(tables.forgotten_phones.c.ending)).scalars())
