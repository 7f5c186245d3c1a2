"""Everything that is stored of one person, for one who asks, or complains."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Engine

from broadcaster.db.engine import transaction
from broadcaster.db.statements import rows
from broadcaster.domain.whatsapp_numbers import forms
from broadcaster.services.forgetting.forgotten import OpenVault, forgotten_since

Record = Mapping[str, Any]
"""What one row says, by name: moments end in `_at`."""


class PersonRecords(NamedTuple):
    """The rows about a person, the oldest first; `db/sql/records_of_phone.sql` has their keys."""

    consents: Sequence[Record]
    messages: Sequence[Record]
    replies: Sequence[Record]
    opt_outs: Sequence[Record]
    audiences: Sequence[Record]
    known_to: Sequence[Record]
    messaged_lately: Sequence[Record]
    rejected: Sequence[Record]


def records_of_phone(engine: Engine, phone: str, open_vault: OpenVault) -> tuple[datetime | None, PersonRecords]:
    """Since when a number (E.164 digits) is forgotten (None: it is not), and what is stored of it. Changes nothing.

    Under all of its forms: also what was written to, or came from, another one.
    """
    with transaction(engine) as connection:
        [found] = rows(connection, "records_of_phone", PersonRecords, phones=list(forms(phone)))
        with_moments = PersonRecords(*(list(map(_with_moments, each)) for each in found))
        return forgotten_since(connection, phone, open_vault), with_moments


def _with_moments(record: Record) -> Record:
    """The record with its moments, which are text in the database's JSON."""
    return {
        name: datetime.fromisoformat(value) if name.endswith("_at") and value else value
        for name, value in record.items()
    }
