"""Whom an account knows: kept when its contacts are read, for campaigns that go to nobody else."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Engine

from broadcaster.crypto import Vault
from broadcaster.db.engine import transaction
from broadcaster.db.statements import execute
from broadcaster.domain.whatsapp_numbers import sure_forms
from broadcaster.services.forgetting.forgotten import Forgotten, hold_off


def note_contacts(engine: Engine, vault: Vault, account_id: int, phones: Iterable[str]) -> None:
    """The account's contacts are these (E.164 digits) from now on, without whoever was forgotten."""
    with transaction(engine) as connection:
        # Nobody is forgotten between the look and the commit.
        hold_off(connection)
        forgotten = Forgotten(connection, lambda: vault)
        kept = [form for phone in phones if phone not in forgotten for form in sure_forms(phone)]
        execute(connection, "note_contacts", account=account_id, phones=kept)
