"""How what people write is found in lists of chats and of their entries. Pure.

All moments are by the gateway's clock, which may be wrong: they are compared with each other and, where a time zone's
worth does no harm, with ours. The reasons are in docs/decisions/0031-replies.md.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, Protocol

from broadcaster.domain.chat_pages import ChatEntry
from broadcaster.domain.whatsapp_numbers import dialled_today, forms, is_same_person

CLOCK_ERROR = timedelta(hours=15)
"""A list that is dated further ahead of our clock than any time zone is not believed."""
MOST_PINNED = 5
"""So many chats may stand in a list although older ones are left out: people pin chats to the top."""
LONGEST_BODY = 4_000
"""Characters of a message that are kept."""
HIDDEN = "@lid"
"""The ending of the name of a chat that hides its number."""
_TEXTS = frozenset({"chat", "text", "conversation", "extendedtextmessage"})
_NOT_BY_PEOPLE = frozenset(
    {"broadcast_notification", "call_log", "ciphertext", "e2e_notification", "gp2", "notification"}
    | {"notification_template", "protocol", "security", "system"}
)
"""Kinds of entries that WhatsApp itself puts into chats."""


class ListedChat(Protocol):
    """One chat of a list. A field is None if the gateway does not show it; without phone and lid it is a group."""

    @property
    def phone(self) -> str | None: ...
    @property
    def lid(self) -> str | None: ...
    @property
    def at(self) -> datetime | None: ...
    @property
    def is_ours(self) -> bool | None: ...


class InboxEntry(ChatEntry, Protocol):
    """One entry of a chat, with what it is in the gateway's word."""

    @property
    def kind(self) -> str | None: ...


class WrittenMessage(NamedTuple):
    """A message that a person wrote."""

    identity: bytes
    """What it is known by in its account, however often it is listed."""
    gateway_id: str | None
    body: str | None
    kind: str | None
    said_at: datetime


class ChatPage(NamedTuple):
    """What one reading of a chat has shown."""

    written: list[WrittenMessage]
    phone: str | None
    """Whose chat it is; None: the gateway hides it."""
    read_until: datetime | None
    trouble: str | None
    """Why something in it could not be taken, in words."""


def chat_name(chat: ListedChat) -> str | None:
    """What a chat is called here: its digits, with HIDDEN where they hide a number. None: a group, or unreadable."""
    return chat.phone or (f"{chat.lid}{HIDDEN}" if chat.lid else None)


def complete_since(moments: Sequence[datetime | None], *, is_whole: bool) -> datetime | None:
    """From when on a list of chats with these moments leaves none out that has changed; None: nothing can be said.

    Any list reaches as far back as its oldest entries, apart from those that may be pinned. A whole one, further.
    """
    if is_whole:
        return datetime.min.replace(tzinfo=UTC)
    dated = sorted(each for each in moments if each is not None)
    return dated[MOST_PINNED] if len(dated) > MOST_PINNED else None


def latest_change(moments: Sequence[datetime | None], now: datetime) -> datetime | None:
    """The latest of the moments; of those that lie impossibly far ahead only where all of them do."""
    dated = [each for each in moments if each is not None]
    believed = [each for each in dated if each <= now + CLOCK_ERROR]
    return max(believed or dated, default=None)


def first_watermark(
    moments: Sequence[datetime | None], now: datetime, empty_at: datetime | None, tolerance: timedelta
) -> datetime | None:
    """What is dated no later than this was there before the first reading; None: the list shows nothing yet.

    `empty_at` is when a list was last empty, by our clock: then all chats are new, unless they are dated as if they
    had only been loaded late. Without any moment in the list it is our clock that counts.
    """
    if not moments:
        return None
    latest = latest_change(moments, now)
    if latest is None:
        return now
    return latest if empty_at is None else min(latest, empty_at - tolerance)


def reads_back_to(entries: Sequence[ChatEntry], asked: int, before: datetime) -> bool:
    """Whether a chat's list of at most `asked` entries leaves none out that is dated after `before`."""
    return len(entries) < asked or any(each.at is not None and each.at <= before for each in entries)


def read_page(chat: str, entries: Sequence[InboxEntry], taken_from: datetime) -> ChatPage:
    """What the entries of a chat show that people wrote after `taken_from`."""
    phone = _person(chat, entries)
    seen: Counter[tuple[datetime, str | None, str | None]] = Counter()
    written: dict[bytes, WrittenMessage] = {}
    trouble = None
    for entry in entries:
        if entry.outgoing or (entry.kind or "").casefold() in _NOT_BY_PEOPLE or _is_of_another(entry, phone):
            continue
        if entry.outgoing is None or entry.at is None:
            trouble = "its chats have messages without their " + ("times" if entry.at is None else "directions")
            continue
        looks = (entry.at, entry.body, entry.kind)
        seen[looks] += 1
        if entry.at > taken_from:
            found = _written(chat, entry, entry.at, seen[looks])
            written.setdefault(found.identity, found)
    read_until = max((entry.at for entry in entries if entry.at), default=None)
    return ChatPage(sorted(written.values(), key=lambda each: each.said_at), phone, read_until, trouble)


def phone_forms(phone: str) -> list[str]:
    """Every number that a campaign may have for the person whom the gateway has under `phone`."""
    candidates = (phone, *dialled_today(phone))
    return list(dict.fromkeys(form for each in candidates for form in forms(each)))


def _written(chat: str, entry: InboxEntry, at: datetime, count: int) -> WrittenMessage:
    known_by = ("id", entry.id) if entry.id else (chat, at.isoformat(), entry.kind, entry.body, str(count))
    identity = hashlib.sha256("\0".join(each or "" for each in known_by).encode(errors="replace")).digest()
    is_text = not entry.filename and (entry.kind is None or entry.kind.casefold() in _TEXTS)
    body = entry.body if is_text else entry.caption
    if body is not None and len(body) > LONGEST_BODY:
        body = f"{body[:LONGEST_BODY]}…"
    return WrittenMessage(identity, entry.id, body, entry.kind, at)


def _person(chat: str, entries: Sequence[ChatEntry]) -> str | None:
    """Whose chat it is. Where its name hides the number, some gateways give it beside a message."""
    if not chat.endswith(HIDDEN):
        return chat
    told = Counter(entry.phone for entry in entries if entry.phone)
    return next(iter(told)) if len(told) == 1 else None


def _is_of_another(entry: ChatEntry, phone: str | None) -> bool:
    return entry.phone is not None and phone is not None and not is_same_person(entry.phone, phone)
