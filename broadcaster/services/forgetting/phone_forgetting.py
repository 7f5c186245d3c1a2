"""Forgets one number everywhere, and takes it in again."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import msgspec
from sqlalchemy import Connection, Engine, delete, func, or_, select, update

from broadcaster.crypto import Vault
from broadcaster.db import tables
from broadcaster.db.engine import transaction
from broadcaster.db.statements import execute, rows
from broadcaster.domain.whatsapp_numbers import forms
from broadcaster.errors import ConflictError, ContentionError, quoted
from broadcaster.services.audit import note_operation
from broadcaster.services.forgetting.forgotten import OpenVault, digest, digest_key, ending, forgotten_since, new_key
from broadcaster.time_zones import shown_time

PATIENCE = 60.0
"""Seconds that a message which is on its way is waited for."""
_PAUSE = 0.2
_NAME_DIGITS = 12


class Traces(msgspec.Struct, frozen=True, kw_only=True):
    """What there was of a number before it was forgotten."""

    messages: Mapping[str, int]
    """By state; one a campaign."""
    members: int
    """How many audiences had it."""
    rejected: int
    """Rows of recipients files that were rejected and kept."""
    opt_outs: int = 0
    """They hold on by the digest alone."""
    consents: int = 0
    """They are gone: who is taken in again has to agree anew."""
    replies: int = 0
    """Messages that the person wrote: without number and words they are still counted."""
    forgotten_at: datetime | None = None
    """Since when the number was forgotten already, where that was looked for; None: it was not."""
    name: str | None = None
    """What the audit trail calls it: the beginning of its digest. None: nothing was done."""


class _Forgotten(NamedTuple):
    """What there was; or where a message is on its way, the campaign that holds it, and until when."""

    held_by: str | None
    held_until: datetime | None
    wait: float | None
    messages: Mapping[str, int]
    members: int
    rejected: int
    opt_outs: int
    consents: int
    replies: int


def traces_of_phone(engine: Engine, phone: str, open_vault: OpenVault) -> Traces:
    """What `forget_phone` would find of a number (E.164 digits). Changes nothing."""
    with transaction(engine) as connection:
        [found] = rows(connection, "traces_of_phone", Traces, phones=list(forms(phone)))
        return msgspec.structs.replace(found, forgotten_at=forgotten_since(connection, phone, open_vault))


@dataclass(frozen=True, slots=True)
class OnItsWay:
    """A message that may yet reach the person, and so nothing was changed."""

    campaign: str
    until: datetime | None
    """From when on nobody hands it on any more; None: it is being sent, and nobody knows yet what becomes of it."""
    wait: float | None
    """In how many seconds that is, by the database's clock."""

    def __str__(self) -> str:
        """Which one, for people."""
        what = f"a message of campaign {quoted(self.campaign)} to this number"
        if self.until is None:
            return f"{what} is on its way"
        return f"{what} is in doubt, and may arrive until {shown_time(self.until)}"


def forget_phone(
    engine: Engine,
    vault: Vault,
    phone: str,
    *,
    patience: float = PATIENCE,
    on_wait: Callable[[OnItsWay], None] = lambda _: None,
) -> Traces:
    """Remove everything of a number (E.164 digits), in one transaction, and keep a keyed hash by which it is known.

    What waits for it is skipped, what is in doubt is unknown, and who sends meanwhile changes nothing. A message that
    is on its way, or that the gateway may still hand on, is waited for; `on_wait` is called with the first one. Raises
    ConflictError where there is one after `patience` seconds, or will be.
    """
    ends = time.monotonic() + patience
    told = False
    while True:
        try:
            found = _forget_once(engine, vault, phone)
        except ContentionError:
            if time.monotonic() >= ends:
                raise
        else:
            if isinstance(found, Traces):
                return found
            _refuse_late(found, ends)
            if not told:
                on_wait(found)
                told = True
        time.sleep(_PAUSE)


def _refuse_late(held: OnItsWay, ends: float) -> None:
    """Raise ConflictError where a message is on its way for longer than until `ends`, on the monotonic clock."""
    left = ends - time.monotonic()
    if held.wait is None:
        if left <= 0:
            raise ConflictError(
                f"{held}, and nobody knows yet what becomes of it (nothing was forgotten): see with `broadcaster "
                "status` that a worker runs, and run this again"
            )
    elif held.wait > left:
        raise ConflictError(f"{held} (nothing was forgotten): run this again then")


def readmit_phone(engine: Engine, vault: Vault, phone: str) -> str | None:
    """Let a number that was forgotten be taken in again; returns its name in the trail, None where it was not.

    What it had opted out from it still is.
    """
    table = tables.forgotten_phones
    with transaction(engine) as connection:
        form = digest(digest_key(connection, vault), phone)
        given = select(func.coalesce(table.c.form_of, table.c.digest)).where(table.c.digest == form)
        mark = connection.execute(given).scalar_one_or_none()
        if mark is None:
            return None
        connection.execute(delete(table).where(or_(table.c.digest == mark, table.c.form_of == mark)))
        execute(connection, "readmit_opt_outs", digest=mark, phone=phone, forms=list(forms(phone)))
        note_operation(connection, "phone", _name(mark), readmitted=True)
    return _name(mark)


def forgotten_count(engine: Engine) -> int:
    """How many numbers are forgotten. Needs no secret key."""
    with transaction(engine) as connection:
        return _count_people(connection)


def reset_forgotten(engine: Engine, vault: Vault) -> int:
    """Forget who was forgotten, and make another key; returns how many may be taken in again.

    For those who have lost the secret key that the key of the digests is sealed with.
    """
    with transaction(engine) as connection:
        # First the key: whoever forgets somebody meanwhile holds it, and is waited for.
        connection.execute(update(tables.forgetting_key).values(key_encrypted=new_key(vault)))
        count = _count_people(connection)
        connection.execute(delete(tables.forgotten_phones))
        note_operation(connection, "phone", "*", reset=count)
    return count


def _count_people(connection: Connection) -> int:
    """How many were forgotten, whatever forms their numbers have."""
    table = tables.forgotten_phones
    return int(connection.execute(select(func.count()).where(table.c.form_of.is_(None))).scalar_one())


def _forget_once(engine: Engine, vault: Vault, phone: str) -> Traces | OnItsWay:
    """Returns a message that is on its way, where nothing was done for its sake."""
    with transaction(engine) as connection:
        key = digest_key(connection, vault)
        mark = digest(key, phone)
        numbers = list(forms(phone))
        digests = [digest(key, number) for number in numbers]
        parameters = {"phones": numbers, "digests": digests, "ending": ending(key, phone)}
        [found] = rows(connection, "forget_phone", _Forgotten, **parameters)
    if found.held_by is not None:
        return OnItsWay(found.held_by, found.held_until, found.wait)
    return Traces(
        messages=found.messages,
        members=found.members,
        rejected=found.rejected,
        opt_outs=found.opt_outs,
        consents=found.consents,
        replies=found.replies,
        name=_name(mark),
    )


def _name(mark: bytes) -> str:
    return mark.hex()[:_NAME_DIGITS]
