"""Whom an instance knows: its contacts and, if wanted, those with whom it has a chat."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from broadcaster.domain.phones import PhoneError, normalise_phone
from broadcaster.gateway import Chat, Contact, WAChatPro
from broadcaster.services.audiences.imports import Member

NAME = "name"
"""The variable that a contact's name becomes."""

MOST_CHATS = 1_000
"""How many chats are asked for; the API's own default is 100."""


@dataclass(frozen=True, slots=True)
class People:
    """What the instance's lists came to."""

    contacts: int
    chats: int | None
    """None: they were not asked for."""
    members: list[Member]
    """Each phone once."""
    skipped: int
    """Entries without a phone: groups, hidden numbers, what could not be read."""


async def read_people(gateway: WAChatPro, *, with_chats: bool) -> People:
    """Ask the gateway once for each list. Raises GatewayError."""
    contacts = await gateway.contacts()
    chats = await gateway.chats(MOST_CHATS) if with_chats else None
    names: dict[str, str | None] = {}
    skipped = 0
    for entry in _entries(contacts, chats or ()):
        phone = _phone(entry.phone)
        if phone is None:
            skipped += 1
        else:
            # A name from the address book goes before what a chat is called.
            names[phone] = names.get(phone) or (entry.name or "").strip() or None
    members: list[Member] = [(phone, {NAME: name} if name else {}) for phone, name in names.items()]
    return People(len(contacts), None if chats is None else len(chats), members, skipped)


def _entries(contacts: Iterable[Contact], chats: Iterable[Chat]) -> Iterable[Contact | Chat]:
    yield from contacts
    yield from chats


def _phone(digits: str | None) -> str | None:
    if digits is None:
        return None
    try:
        return normalise_phone(f"+{digits}")
    except PhoneError:
        return None
