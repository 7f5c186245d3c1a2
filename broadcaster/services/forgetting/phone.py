"""Forgets one number everywhere, and takes it in again."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Engine, delete

from broadcaster.crypto import Vault
from broadcaster.db import tables
from broadcaster.db.engine import transaction
from broadcaster.db.queries import query
from broadcaster.errors import ConflictError, ContentionError, quoted
from broadcaster.services.audit import note_operation
from broadcaster.services.forgetting.forgotten import digest, digest_key

PATIENCE = 60.0
"""Seconds that a message which is on its way is waited for."""
_PAUSE = 0.2
_NAME_DIGITS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Traces:
    """What there was of a number before it was forgotten."""

    messages: Mapping[str, int]
    """By state; one a campaign."""
    members: int
    """How many audiences had it."""
    rejected: int
    """Rows of recipients files that were rejected and kept."""
    name: str | None = None
    """What the audit trail calls it: the beginning of its digest. None: nothing was done."""


def traces(engine: Engine, phone: str) -> Traces:
    """What `forget` would find of a number (E.164 digits). Changes nothing."""
    with transaction(engine) as connection:
        row = connection.exec_driver_sql(query("traces_of_phone"), {"phone": phone}).mappings().one()
    return Traces(**row)


def forget(engine: Engine, vault: Vault, phone: str, *, patience: float = PATIENCE) -> Traces:
    """Remove everything of a number (E.164 digits), in one transaction, and keep a keyed hash by which it is known.

    What waits for it is skipped, what is in doubt is unknown, and who sends meanwhile changes nothing. A message that
    is on its way is waited for. Raises ConflictError where it still is after `patience` seconds.
    """
    ends = time.monotonic() + patience
    while True:
        try:
            found = _forget_once(engine, vault, phone)
        except ContentionError:
            if time.monotonic() >= ends:
                raise
        else:
            if isinstance(found, Traces):
                return found
            if time.monotonic() >= ends:
                raise ConflictError(
                    f"a message of campaign {quoted(found)} to this number is on its way, and nobody knows yet what "
                    "becomes of it (nothing was forgotten): see with `broadcaster status` that a worker runs, and run "
                    "this again"
                )
        time.sleep(_PAUSE)


def readmit(engine: Engine, vault: Vault, phone: str) -> str | None:
    """Let a number that was forgotten be taken in again; returns its name in the trail, None where it was not."""
    table = tables.forgotten_phones
    with transaction(engine) as connection:
        mark = digest(digest_key(connection, vault), phone)
        if not connection.execute(delete(table).where(table.c.digest == mark)).rowcount:
            return None
        note_operation(connection, "phone", _name(mark), readmitted=True)
    return _name(mark)


def _forget_once(engine: Engine, vault: Vault, phone: str) -> Traces | str:
    """Returns the campaign of a message that is on its way, where nothing was done for its sake."""
    with transaction(engine) as connection:
        mark = digest(digest_key(connection, vault), phone)
        parameters = {"phone": phone, "digest": mark}
        found = dict(connection.exec_driver_sql(query("forget_phone"), parameters).mappings().one())
        held_by = found.pop("held_by")
        if held_by is not None:
            return str(held_by)
        note_operation(connection, "phone", _name(mark), **found)
    return Traces(**found, name=_name(mark))


def _name(mark: bytes) -> str:
    return mark.hex()[:_NAME_DIGITS]
