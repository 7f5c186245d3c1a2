"""Merges the lists of one chat: each message once, even if it is listed twice or under two numbers. Pure."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol

from broadcaster.domain.shown_content import Seen, Shown
from broadcaster.domain.whatsapp_numbers import is_same_person


class ChatEntry(Shown, Protocol):
    """One entry of a chat. A field is None if the gateway does not show it."""

    @property
    def id(self) -> str | None: ...
    @property
    def phone(self) -> str | None: ...
    @property
    def lid(self) -> str | None: ...
    @property
    def outgoing(self) -> bool | None: ...
    @property
    def at(self) -> datetime | None: ...


@dataclass(frozen=True, slots=True)
class Page:
    """Entries that the gateway lists for the chat with `phone`: any part of the chat, in any order."""

    phone: str
    entries: Sequence[ChatEntry]


class Placed(NamedTuple):
    """An entry, and whether it belongs to this very chat, as far as can be told."""

    entry: ChatEntry
    is_here: bool


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """A message that may have gone out, by the entry that shows most of it."""

    entry: ChatEntry
    seen: Seen
    id: str | None
    is_here: bool
    """It belongs to this very chat, as far as can be told."""
    is_single: bool
    """No other message has its id, or may be the same. Messages that may be one or many cannot be counted."""
    may_be_two: bool
    """An entry without an id looks the same: it may be this message or another one."""


def place(pages: Sequence[Page]) -> list[list[Placed]]:
    """The entries of each page, each with whether it belongs to this very chat.

    If a page shows entries of other chats, an entry that names no chat may belong to any of them.
    """
    return [_place(page, [each.phone for each in pages]) for page in pages]


def _place(page: Page, numbers: Sequence[str]) -> list[Placed]:
    phones = {entry.phone for entry in page.entries if entry.phone}
    strangers = {phone for phone in phones if not all(is_same_person(number, phone) for number in numbers)}
    hidden = {entry.lid for entry in page.entries if not entry.phone and entry.lid}
    is_alone = not strangers and len(hidden) <= 1
    return [Placed(entry, entry.phone not in strangers if entry.phone else is_alone) for entry in page.entries]


def messages(pages: Iterable[Sequence[Placed]]) -> list[ChatMessage]:
    """The messages that may have gone out, in no particular order. A message that is listed twice counts once.

    Entries with one id are one message, on one page or on several. Entries without ids are one message if their moment
    and content agree: counted twice, they could vouch for two messages. For the same reason an entry without an id
    cannot be counted where one with an id hides its moment and has the same content.
    """
    alike: dict[tuple[str, ...], dict[str | None, list[Placed]]] = defaultdict(lambda: defaultdict(list))
    for page in pages:
        for each in page:
            if each.entry.outgoing is not False:
                alike[_face(each)][bare_id(each.entry.id)].append(each)
    distinct: list[ChatMessage] = []
    named = Counter(id_ for by_id in alike.values() for id_ in by_id)
    timeless = {_content(face) for face, by_id in alike.items() if not face[0] and by_id.keys() - {None}}
    for face, by_id in sorted(alike.items()):
        nameless = by_id.pop(None, [])
        for id_, listed in sorted(by_id.items(), key=lambda item: item[0] or ""):
            distinct.append(_message(id_, listed, named[id_] == 1, bool(nameless)))
        if not by_id:
            distinct.append(_message(None, nameless, _content(face) not in timeless, False))
    return distinct


def _face(placed: Placed) -> tuple[str, ...]:
    """What two listings of one message have in common."""
    entry = placed.entry
    stranger = None if placed.is_here else entry.phone
    moment = entry.at.isoformat() if entry.at else None
    return tuple(part or "" for part in (moment, entry.body, entry.caption, entry.filename, stranger))


def _content(face: tuple[str, ...]) -> tuple[str, ...]:
    _moment, *content, _stranger = face
    return tuple(content)


def _message(id_: str | None, listed: Sequence[Placed], is_single: bool, may_be_two: bool) -> ChatMessage:
    entry = min(
        (each.entry for each in listed), key=lambda each: (each.outgoing is not True, each.id or "", each.phone or "")
    )
    return ChatMessage(entry, Seen(entry), id_, any(each.is_here for each in listed), is_single, may_be_two)


def bare_id(id_: str | None) -> str | None:
    """An id such as `true_4915112345678@c.us_3EB0…` without its chat, which may be listed under another number."""
    return _whatsapp_id(id_) or id_ or None


def is_another(id_: str | None, other: str | None) -> bool:
    """Whether both are ids that WhatsApp gave, for certain to two messages. Any other id may be that of a queue."""
    one, two = _whatsapp_id(id_), _whatsapp_id(other)
    return one is not None and two is not None and one not in two and two not in one


def _whatsapp_id(id_: str | None) -> str | None:
    """What tells messages apart in an id that is in WhatsApp's own form."""
    match = re.fullmatch(r"(?:true|false)_[^_@]*@[^_@]*_(.+)", id_ or "", re.DOTALL)
    return match[1] if match else None
