"""Seals what is kept under the newest secret key where it is not yet, so that the older ones can go."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ARRAY, ColumnElement, Integer, LargeBinary, any_, column, func, literal, select, update
from sqlalchemy.engine import Connection, Engine

from broadcaster.crypto import Vault
from broadcaster.db import tables
from broadcaster.db.engine import transaction
from broadcaster.errors import ConflictError, ContentionError
from broadcaster.services.audit import note_operation
from broadcaster.services.forgetting.forgotten import SEALED_FOR, open_key
from broadcaster.services.signing_keys import renew_signing_key

_accounts = tables.accounts
_TRIES = 5
_VALUES = ("before", "token", "fingerprint")


@dataclass(frozen=True, slots=True)
class Rotation:
    """How many accounts have a key, and how many of these were sealed anew."""

    accounts: int
    renewed: int


@dataclass(frozen=True, slots=True)
class _Renewal:
    account: int
    before: bytes
    token: bytes
    fingerprint: bytes


def rotate_secret_keys(engine: Engine, vault: Vault) -> Rotation:
    """Seal every key that is not under the newest secret key anew, and renew the fingerprints with them.

    The keys by which forgotten numbers are known and proofs are signed, and what webhooks are signed with, are sealed
    anew with them. What is to be written is read and worked out first. Then all of it is written in one transaction:
    everything is renewed, or nothing. Only that transaction locks rows, so workers go on. If a key was changed between
    reading and writing, all begins anew. What is under the newest secret key already is left alone, so this may be run
    again at any time.

    Raises SettingsError where a key opens under none of the secret keys, ConflictError where two accounts turn out to
    be one, ContentionError where it loses against workers time and again.
    """
    for tries_left in reversed(range(_TRIES)):
        accounts, renewals = _plan(engine, vault)
        try:
            with transaction(engine) as connection:
                _write(connection, renewals)
                _renew_forgetting_key(connection, vault)
                renew_signing_key(connection, vault)
                _renew_webhooks(connection, vault)
                note_operation(connection, "secrets", "*", accounts=accounts, renewed=len(renewals))
        except ContentionError:
            if not tries_left:
                raise
        else:
            break
    return Rotation(accounts, len(renewals))


def _plan(engine: Engine, vault: Vault) -> tuple[int, list[_Renewal]]:
    columns = (_accounts.c.id, _accounts.c.base_url, _accounts.c.key_encrypted, _accounts.c.fingerprint)
    with transaction(engine) as connection:
        rows = connection.execute(select(*columns).where(_accounts.c.key_encrypted.is_not(None))).all()
    renewals, marks = [], Counter[bytes]()
    for row in rows:
        key = vault.open(row.key_encrypted, row.base_url)
        newest = vault.fingerprints(key, row.base_url)[0]
        marks[newest] += 1
        if marks[newest] > 1:
            raise ConflictError(
                f"two instances have the same key at {row.base_url}, one under an older secret key: "
                "give one of them another key, or remove it, and run this again"
            )
        if newest != row.fingerprint or not vault.is_newest(row.key_encrypted):
            renewals.append(_Renewal(row.id, row.key_encrypted, vault.seal(key, row.base_url), newest))
    return len(rows), renewals


def _write(connection: Connection, renewals: list[_Renewal]) -> None:
    """Raises ContentionError where one of the keys has changed since it was read."""
    ids = literal([each.account for each in renewals], ARRAY(Integer))
    locked = select(_accounts.c.id).where(_accounts.c.id == any_(ids)).order_by(_accounts.c.id)
    connection.execute(locked.with_for_update())
    values = (literal([getattr(each, name) for each in renewals], ARRAY(LargeBinary)) for name in _VALUES)
    columns: list[ColumnElement[Any]] = [column("id", Integer), *(column(name, LargeBinary) for name in _VALUES)]
    new = func.unnest(ids, *values).table_valued(*columns).render_derived()
    change = update(_accounts).where(_accounts.c.id == new.c.id, _accounts.c.key_encrypted == new.c.before)
    written = connection.execute(change.values(key_encrypted=new.c.token, fingerprint=new.c.fingerprint))
    if written.rowcount != len(renewals):
        raise ContentionError("the keys of accounts keep changing: run it again")


def _renew_forgetting_key(connection: Connection, vault: Vault) -> None:
    key = tables.forgetting_key.c.key_encrypted
    sealed = connection.execute(select(key).with_for_update()).scalar_one_or_none()
    if sealed is not None and not vault.is_newest(sealed):
        renewed = vault.seal(open_key(vault, sealed), SEALED_FOR)
        connection.execute(update(tables.forgetting_key).values(key_encrypted=renewed))


def _renew_webhooks(connection: Connection, vault: Vault) -> None:
    table = tables.receivers
    sealed = (
        select(table.c.id, table.c.address, table.c.sealed).where(table.c.sealed.is_not(None)).order_by(table.c.id)
    )
    for receiver, address, token in connection.execute(sealed.with_for_update(key_share=True)).all():
        if not vault.is_newest(token):
            renewed = vault.seal(vault.open(token, address), address)
            connection.execute(update(table).where(table.c.id == receiver).values(sealed=renewed))
