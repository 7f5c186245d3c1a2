"""Whom an instance knows: its contacts and, if wanted, those with whom it has a chat."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from broadcaster.domain.phones import PhoneError, normalise_phone
from broadcaster.domain.whatsapp_numbers import GROUP_IDS, HIDDEN_IDS
from broadcaster.gateway import Chat, Contact, WAChatPro
from broadcaster.services.audiences.imports import Member

NAME = "name"
"""The variable that a contact's name becomes."""

MOST_CHATS = 1_000
"""How many chats are asked for; the API's own default is 100."""


class LeftOut(StrEnum):
    """Why an entry of an instance's lists is no member. A closed set."""

    GROUP = "group"
    """Or a channel, or a list of recipients."""
    HIDDEN_NUMBER = "hidden_number"
    """WhatsApp shows no number of this person."""
    NO_NUMBER = "no_number"
    INVALID_NUMBER = "invalid_number"
    """There is no such number in any country."""


@dataclass(frozen=True, slots=True)
class People:
    """What the instance's lists came to."""

    contacts: int
    chats: int | None
    """None: they were not asked for."""
    members: list[Member]
    """Each phone once."""
    contact_phones: list[str]
    """Those of the contacts alone."""
    left_out: Counter[LeftOut]
    """How many entries of the lists are nobody's who could be sent to, and why."""

    @property
    def skipped(self) -> int:
        """How many entries are left out in all."""
        return self.left_out.total()


async def read_people(gateway: WAChatPro, *, with_chats: bool) -> People:
    """Ask the gateway once for each list. Raises GatewayError."""
    contacts = await gateway.contacts()
    chats = await gateway.chats(MOST_CHATS) if with_chats else None
    names: dict[str, str | None] = {}
    contact_phones: list[str] = []
    left_out = Counter[LeftOut]()
    for entry in _entries(contacts, chats or ()):
        phone = _phone(entry.phone)
        if phone is None:
            left_out[_why(entry)] += 1
        else:
            if isinstance(entry, Contact):
                contact_phones.append(phone)
            # A name from the address book goes before what a chat is called.
            names[phone] = names.get(phone) or (entry.name or "").strip() or None
    members: list[Member] = [(phone, {NAME: name} if name else {}) for phone, name in names.items()]
    return People(len(contacts), None if chats is None else len(chats), members, contact_phones, left_out)


def _entries(contacts: Iterable[Contact], chats: Iterable[Chat]) -> Iterable[Contact | Chat]:
    yield from contacts
    yield from chats


def _why(entry: Contact | Chat) -> LeftOut:
    if entry.phone is not None:
        return LeftOut.INVALID_NUMBER
    id_ = entry.id or ""
    if re.search(GROUP_IDS, id_):
        return LeftOut.GROUP
    is_hidden = re.search(HIDDEN_IDS, id_) or getattr(entry, "lid", None)
    return LeftOut.HIDDEN_NUMBER if is_hidden else LeftOut.NO_NUMBER


def _phone(digits: str | None) -> str | None:
    if digits is None:
        return None
    try:
        return normalise_phone(f"+{digits}")
    except PhoneError:
        return None
