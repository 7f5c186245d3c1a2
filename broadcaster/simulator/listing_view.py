"""The chats of one instance as its listing shows them."""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from heapq import merge
from itertools import islice
from typing import Literal

from msgspec import structs

from broadcaster.simulator.dialects import CHATS, MESSAGES, Dialect, Item
from broadcaster.simulator.ledger import BY_HAND, Entry, Ledger
from broadcaster.simulator.listings import HONEST, Hide, Listing
from broadcaster.simulator.numbers import LID, renaming
from broadcaster.simulator.text_changes import CHANGES

_NEVER_TOO_NEW = 2**63
_Endpoint = Literal["/wa/messages", "/wa/chats", "/wa/contacts"]
_TIMES = frozenset({"time", "timestamp", "t", "date"})
_MEMBERS = {
    "times": _TIMES,
    "ids": frozenset({"id"}),
    "directions": frozenset({"fromMe", "from_me", "direction", "self"}),
}


class ListingView:
    """What an instance lists now. `visible_after` is in seconds and applies only to `/wa/messages`."""

    def __init__(self, listing: Listing, ledger: Ledger, instance: str, visible_after: float) -> None:
        self._listing = listing
        self._is_honest = listing == HONEST
        self._ledger = ledger
        self._instance = instance
        self._messages_lag = max(listing.lag, visible_after)
        self._rename = renaming(listing.aliases) if listing.aliases else None
        self._names: dict[str, str] = {}
        self._since = time.monotonic()
        self._omitted = frozenset[str]().union(*(_MEMBERS[name] for name in listing.omits))
        if listing.duplicates == "without_ids":
            self._omitted |= _MEMBERS["ids"]

    def messages(self, dialect: Dialect, phone: str, limit: int) -> object:
        """The reply of `/wa/messages`."""
        visible = self._visible(self._conversation(phone), "/wa/messages", self._messages_lag)
        if self._is_honest:
            return dialect.messages(islice(visible, limit))
        copies = 1 if self._listing.duplicates == "no" else 2
        speaker = self._speaker(dialect)
        items = [self._item(speaker, entry) for entry in self._page(visible, limit)]
        return speaker.listed(MESSAGES, [item for item in items for _ in range(copies)])

    def chats(self, dialect: Dialect, limit: int) -> object:
        """The reply of `/wa/chats`."""
        latest = self._page(self._latest("/wa/chats"), limit)
        if self._is_honest:
            return dialect.chats(latest)
        speaker, omitted = self._speaker(dialect), _TIMES & self._omitted
        return speaker.listed(CHATS, [_without(speaker.chat(self._renamed(entry)), omitted) for entry in latest])

    def contacts(self, dialect: Dialect) -> object:
        """The reply of `/wa/contacts`."""
        if self._is_honest:
            return dialect.contacts(self._ledger.phones(self._instance))
        latest = self._latest("/wa/contacts")
        return self._speaker(dialect).contacts(self._kept(entry.phone) for entry in latest)

    def _conversation(self, asked: str) -> Iterator[Entry]:
        """Newest first."""
        if self._rename is None:
            return self._ledger.conversation(self._instance, asked)
        answers = {"kept": {asked}, "both": {asked, self._kept(asked)}, "none": set[str]()}[self._listing.answers]
        phones = [phone for phone in self._ledger.phones(self._instance) if self._kept(phone) in answers]
        conversations = (self._ledger.conversation(self._instance, phone) for phone in phones)
        return merge(*conversations, key=lambda entry: -entry.seq)

    def _latest(self, endpoint: _Endpoint) -> Iterator[Entry]:
        """The latest message of each shown chat, the latest chat first."""
        phones = self._ledger.phones(self._instance)
        conversations = (self._ledger.conversation(self._instance, phone) for phone in phones)
        if self._is_honest:
            return (next(conversation) for conversation in conversations)
        shown = (self._visible(conversation, endpoint, self._listing.lag) for conversation in conversations)
        latest: dict[str, Entry] = {}
        # One chat may have been written to under two numbers. The later message is its latest.
        for entry in sorted(_firsts(shown), key=lambda entry: -entry.seq):
            latest.setdefault(self._kept(entry.phone), entry)
        return iter(latest.values())

    def _visible(self, entries: Iterator[Entry], endpoint: _Endpoint, lag: float) -> Iterator[Entry]:
        now = time.time_ns()
        # Tests may date messages into the future.
        newest = now - int(lag * 1e9) if lag else _NEVER_TOO_NEW
        elapsed = time.monotonic() - self._since
        hides = [hide for hide in self._listing.hides if hide.endpoint in (None, endpoint) and elapsed >= hide.after]
        if not hides:
            return (entry for entry in entries if entry.time_ns <= newest)
        return (
            entry
            for entry in entries
            if entry.time_ns <= newest and not any(_is_hidden(entry, hide, now) for hide in hides)
        )

    def _page(self, newest_first: Iterator[Entry], limit: int) -> Iterable[Entry]:
        size = limit if self._listing.page is None else min(limit, self._listing.page)
        match self._listing.order:
            case "newest":
                return islice(newest_first, size)
            case "oldest":
                return list(newest_first)[::-1][:size]
            case "newest_ascending":
                return list(islice(newest_first, size))[::-1]

    def _item(self, dialect: Dialect, entry: Entry) -> Item:
        shown = self._renamed(entry)
        if self._listing.texts or self._listing.replaces:
            shown = structs.replace(shown, body=self._text(shown.body), caption=self._text(shown.caption))
        item = dialect.message(shown)
        if self._listing.thumbnails and "filename" in item:
            item = {**_without(item, frozenset({"filename", "caption"})), dialect.text: _thumbnail(entry)}
        return _without(item, self._omitted)

    def _renamed(self, entry: Entry) -> Entry:
        if self._rename is None and not self._listing.clock:
            return entry
        time_ns = entry.time_ns + int(self._listing.clock * 1e9)
        return structs.replace(entry, phone=self._kept(entry.phone), time_ns=time_ns)

    def _speaker(self, dialect: Dialect) -> Dialect:
        return replace(dialect, suffix="@lid") if self._listing.aliases == LID else dialect

    def _kept(self, phone: str) -> str:
        if self._rename is None:
            return phone
        name = self._names.get(phone)
        if name is None:
            name = self._names[phone] = self._rename(phone)
        return name

    def _text(self, text: str) -> str:
        for old, new in self._listing.replaces.items():
            text = text.replace(old, new)
        for name in self._listing.texts:
            text = CHANGES[name](text)
        return text


def _firsts(iterators: Iterable[Iterator[Entry]]) -> Iterator[Entry]:
    for iterator in iterators:
        yield from islice(iterator, 1)


def _is_hidden(entry: Entry, hide: Hide, now: int) -> bool:
    if hide.phone is not None:
        phone, prefix = entry.phone, hide.phone.removesuffix("*")
        if not (phone.startswith(prefix) if hide.phone.endswith("*") else phone == prefix):
            return False
    if hide.older_than and now - entry.time_ns <= hide.older_than * 1e9:
        return False
    if hide.younger_than is not None and now - entry.time_ns >= hide.younger_than * 1e9:
        return False
    match hide.what:
        case "everything":
            return True
        case "files":
            return bool(entry.filename or entry.url)
        case "texts":
            return not (entry.filename or entry.url)
        case "sent_by_api":
            return entry.endpoint not in BY_HAND


def _without(item: Item, members: frozenset[str]) -> Item:
    return {name: value for name, value in item.items() if name not in members} if members else item


def _thumbnail(entry: Entry) -> str:
    """Something that looks like a small JPEG file: the same for each call."""
    return base64.b64encode(b"\xff\xd8\xff\xe0" + hashlib.sha256(entry.content_sha256.encode()).digest() * 8).decode()
