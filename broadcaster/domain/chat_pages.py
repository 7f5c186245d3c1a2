"""The messages that lists of a chat show, each once, however often and under whichever number it is listed. Pure."""

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
    """One entry of a chat, as far as the gateway shows it: None is what it does not show."""

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
    """What the gateway lists of the chat with `phone`, in any order. It may be any part of the chat."""

    phone: str
    entries: Sequence[ChatEntry]


class Placed(NamedTuple):
    """An entry, and whether it is of this very chat, as far as can be told."""

    entry: ChatEntry
    is_here: bool


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """A message that may have gone out, by the entry that shows most of it."""

    entry: ChatEntry
    seen: Seen
    id: str | None
    is_here: bool
    """It is of this very chat, as far as can be told."""
    is_single: bool
    """No other bears its id. Several under one id may be one message or many: nothing can be counted by them."""
    may_be_two: bool
    """It is also listed without an id, and that may be the same or another."""


def place(pages: Sequence[Page]) -> list[list[Placed]]:
    """The entries of each page, each with whether it is of this very chat.

    On a page that shows anybody else's entries, one that does not say whose it is may be anybody's.
    """
    return [_place(page, [each.phone for each in pages]) for page in pages]


def _place(page: Page, numbers: Sequence[str]) -> list[Placed]:
    phones = {entry.phone for entry in page.entries if entry.phone}
    strangers = {phone for phone in phones if not all(is_same_person(number, phone) for number in numbers)}
    hidden = {entry.lid for entry in page.entries if not entry.phone and entry.lid}
    is_alone = not strangers and len(hidden) <= 1
    return [Placed(entry, entry.phone not in strangers if entry.phone else is_alone) for entry in page.entries]


def messages(pages: Iterable[Sequence[Placed]]) -> list[ChatMessage]:
    """What may have gone out, in an order that is not the lists'; what is listed more than once counts once.

    The same message under one id is one, on one page or on several. Without ids, what was shown at one moment with one
    content is one: counted twice, it could vouch for two.
    """
    alike: dict[tuple[str, ...], dict[str | None, list[Placed]]] = defaultdict(lambda: defaultdict(list))
    for page in pages:
        for each in page:
            if each.entry.outgoing is not False:
                alike[_face(each)][bare_id(each.entry.id)].append(each)
    distinct: list[ChatMessage] = []
    named = Counter(id_ for by_id in alike.values() for id_ in by_id)
    for _, by_id in sorted(alike.items()):
        nameless = by_id.pop(None, [])
        for id_, listed in sorted(by_id.items(), key=lambda item: item[0] or ""):
            distinct.append(_message(id_, listed, named[id_] == 1, bool(nameless)))
        if not by_id:
            distinct.append(_message(None, nameless, True, False))
    return distinct


def _face(placed: Placed) -> tuple[str, ...]:
    """What two listings of one message have in common."""
    entry = placed.entry
    stranger = None if placed.is_here else entry.phone
    moment = entry.at.isoformat() if entry.at else None
    return tuple(part or "" for part in (moment, entry.body, entry.caption, entry.filename, stranger))


def _message(id_: str | None, listed: Sequence[Placed], is_single: bool, may_be_two: bool) -> ChatMessage:
    entry = min(
        (each.entry for each in listed), key=lambda each: (each.outgoing is not True, each.id or "", each.phone or "")
    )
    return ChatMessage(entry, Seen(entry), id_, any(each.is_here for each in listed), is_single, may_be_two)


def bare_id(id_: str | None) -> str | None:
    """An id such as `true_4915112345678@c.us_3EB0…` without the chat, which may be listed under another number."""
    match = re.fullmatch(r"(?:true|false)_[^_@]*@[^_@]*_(.+)", id_ or "", re.DOTALL)
    return match[1] if match else id_ or None
