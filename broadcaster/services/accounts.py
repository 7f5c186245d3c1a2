"""What an instance is at its gateway: URL and key, and how requests are encoded.

An attempt, a doubt and a reading back belong to the account that sent. An instance that gets another key or URL gets
another account; the key of the one before is kept for as long as anything of it is in doubt.
"""

from __future__ import annotations

from dataclasses import dataclass
from shlex import quote
from typing import Protocol

from sqlalchemy import Connection, Engine, func, select, update
from sqlalchemy.dialects.postgresql import insert

from broadcaster.base_urls import same_server_urls, usable_base_url
from broadcaster.crypto import Vault
from broadcaster.db import tables
from broadcaster.db.engine import transaction
from broadcaster.db.statements import execute, values
from broadcaster.domain.instances import Wire
from broadcaster.errors import ConflictError, InputError, UsageError

LONGEST_KEY = 1_000
"""Characters. Replies are searched for it in all of its forms."""
_accounts, _instances = tables.accounts, tables.instances


@dataclass(frozen=True, slots=True)
class Account:
    """An account in the clear."""

    key: str
    base_url: str
    wire: Wire

    def __repr__(self) -> str:
        return f"Account(key=***, base_url={self.base_url!r}, wire={self.wire.value!r})"


def usable_account(key: str, base_url: str, wire: Wire) -> Account:
    """The account as it is stored. Raises UsageError for an unusable key or URL."""
    stripped = key.strip()
    if not stripped or not stripped.isprintable() or " " in stripped or len(stripped) > LONGEST_KEY:
        # Not quoted: it may be a key after all.
        raise UsageError(
            f"the instance's key is empty, holds blanks or control characters, or is longer than {LONGEST_KEY:,} "
            "characters: give the key and nothing else"
        )
    try:
        return Account(stripped, usable_base_url(base_url, called="--base-url"), wire)
    except InputError as error:
        raise UsageError(str(error)) from None


def store_account(connection: Connection, vault: Vault, account: Account, *, of: int | None = None) -> int:
    """Store the account that an instance is to have; returns its id.

    If it is stored already, it keeps its id. Its key is sealed anew, and its wire becomes the given one. `of` is the
    id of the instance that may have it already. Raises ConflictError where another instance has it.
    """
    _refuse_held(connection, vault, account, of)
    fingerprints = vault.fingerprints(account.key, account.base_url)
    sealed = {"key_encrypted": vault.seal(account.key, account.base_url), "wire": account.wire}
    known = connection.scalar(select(_accounts.c.id).where(_accounts.c.fingerprint.in_(fingerprints)))
    if known is None:
        made = insert(_accounts).values(fingerprint=fingerprints[0], base_url=account.base_url, **sealed)
        made = made.on_conflict_do_update(index_elements=["fingerprint"], set_=sealed)
        return int(connection.execute(made.returning(_accounts.c.id)).scalar_one())
    connection.execute(update(_accounts).where(_accounts.c.id == known).values(sealed))
    return int(known)


def _refuse_held(connection: Connection, vault: Vault, account: Account, of: int | None) -> None:
    """Raise ConflictError where another instance than `of` has the account, however its URL is spelled."""
    spellings = same_server_urls(account.base_url)
    known = [mark for url in spellings for mark in vault.fingerprints(account.key, url)]
    # Two instances that get one account at once, each by another spelling of its URL, would not see each other.
    connection.execute(select(func.pg_advisory_xact_lock(_lock_of(vault, account.key, spellings[0]))))
    held = select(_instances.c.name, _accounts.c.base_url).join(_accounts)
    held = held.where(_accounts.c.fingerprint.in_(known), _instances.c.id != of)
    holder = connection.execute(held.limit(1)).first()
    if holder is not None:
        raise held_already(holder.name, None if holder.base_url == account.base_url else holder.base_url)


def _lock_of(vault: Vault, key: str, base_url: str) -> int:
    # By the oldest secret key, which is the last: processes that know newer ones or not take the same lock.
    return int.from_bytes(vault.fingerprints(key, base_url)[-1][:8], "big", signed=True)


def held_already(holder: str | None, spelled: str | None = None) -> ConflictError:
    """Two instances with one account would answer for each other's messages. `spelled`: the holder's other URL."""
    which = "another instance" if holder is None else f"instance {holder!r}"
    where = f", which it has as {spelled}" if spelled else ""
    command = "" if holder is None else f": change that one with `broadcaster instance set {quote(holder)}`"
    return ConflictError(f"{which} has this key at this URL already{where}{command}")


class SealedAccount(Protocol):
    """What is stored of an account."""

    @property
    def base_url(self) -> str: ...
    @property
    def key_encrypted(self) -> bytes | None: ...


def account_key(vault: Vault, account: SealedAccount) -> str:
    """The key of an account. Raises SettingsError where it cannot be opened, ConflictError where it is gone."""
    if account.key_encrypted is None:
        raise ConflictError("its key is no longer stored: give it one with `broadcaster instance set --key-stdin`")
    return vault.open(account.key_encrypted, account.base_url)


def erase_unused_keys(engine: Engine) -> int:
    """Erase the keys of accounts that no instance has any more and nothing in doubt needs; returns how many."""
    with transaction(engine) as connection:
        unused = values(connection, "lock_unused_accounts")
        if not unused:
            return 0
        return execute(connection, "erase_unused_keys", accounts=unused)
