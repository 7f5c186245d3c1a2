"""The shapes of replies. The API page documents none, so the gateway can imitate several similar gateways.

A dialect is one consistent way of answering. An instance speaks one, or all of them in turn (`rotate`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec

from broadcaster.simulator.ledger import INCOMING, Entry

ROTATE = "rotate"

OWN_NUMBER = "15550000000"
"""The phone number that every simulated instance sends from."""

MESSAGES, CHATS, CONTACTS = range(3)
"""What a reply can list, as places in `Dialect.wrappers`."""

Item = dict[str, object]
"""One message, chat or contact of a list."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one kind of gateway phrases its replies."""

    name: str
    accepted: Callable[[str], object]
    """Makes the reply to an accepted message from its id."""
    failed: Callable[[str], object]
    """Makes the reply to a refused message from the reason."""
    wrappers: tuple[str | None, str | None, str | None]
    """The names of the lists of messages, chats and contacts; None: the list is the whole reply."""
    suffix: str
    """What follows the phone in the names of chats."""
    text: str
    """The name of the field with a message's text."""
    identify: Callable[[str], object]
    direct: Callable[[bool, str], dict[str, object]]
    """Makes the fields that say whose message it is, from (outgoing?, chat name)."""
    date: Callable[[int], dict[str, object]]
    """Makes the fields that say when, from the Unix time in ns."""
    shows_latest: bool = False
    """Whether a chat is listed with its latest message."""
    links_files: bool = False
    """Whether a file's text is a link to the gateway's copy, instead of the caption."""

    def messages(self, entries: Iterable[Entry]) -> object:
        """The reply of `/wa/messages`."""
        return self.listed(MESSAGES, [self.message(entry) for entry in entries])

    def chats(self, latest: Iterable[Entry]) -> object:
        """The reply of `/wa/chats`, from the latest message of each chat."""
        return self.listed(CHATS, [self.chat(entry) for entry in latest])

    def contacts(self, phones: Iterable[str]) -> object:
        """The reply of `/wa/contacts`."""
        return self.listed(CONTACTS, [self.contact(phone) for phone in phones])

    def listed(self, kind: int, items: list[Item]) -> object:
        """The reply that lists the items; `kind` is one of MESSAGES, CHATS and CONTACTS."""
        wrapper = self.wrappers[kind]
        return items if wrapper is None else {wrapper: items}

    def chat(self, latest: Entry) -> Item:
        """One chat, from its latest message."""
        phone = latest.phone
        message = {"lastMessage": self.message(latest)} if self.shows_latest else {}
        return {"id": self.identify(f"{phone}{self.suffix}"), "name": phone, **self.date(latest.time_ns), **message}

    def contact(self, phone: str) -> Item:
        """One contact."""
        return {"id": f"{phone}{self.suffix}", "number": phone, "name": phone}

    def gateway_id(self, phone: str, unique: str) -> str:
        """The id that a message gets."""
        return f"true_{phone}{self.suffix}_{unique}"

    def message(self, entry: Entry) -> Item:
        """One message."""
        message: Item = {
            "id": self.identify(entry.gateway_id or ""),
            **self.direct(entry.endpoint != INCOMING, f"{entry.phone}{self.suffix}"),
            **self.date(entry.time_ns),
        }
        filename = entry.filename or entry.url.rpartition("/")[2]
        if not filename:
            return {**message, "type": "chat", self.text: entry.body}
        link = f"https://files.invalid/{entry.seq}/{filename}"
        text = {self.text: link if self.links_files else entry.caption}
        return {**message, "type": "document", "filename": filename, **text, "caption": entry.caption}


def _iso(time_ns: int) -> str:
    return datetime.fromtimestamp(time_ns / 1e9, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


DIALECTS = {
    dialect.name: dialect
    for dialect in (
        Dialect(
            name="sent",
            accepted=lambda gateway_id: {"sent": True, "id": gateway_id, "message": "Message was queued"},
            failed=lambda reason: {"sent": False, "message": reason},
            wrappers=("messages", "dialogs", "contacts"),
            suffix="@c.us",
            text="body",
            identify=lambda gateway_id: gateway_id,
            direct=lambda outgoing, chat: {"fromMe": outgoing, "chatId": chat},
            date=lambda ns: {"time": ns // 10**9},
            links_files=True,
        ),
        Dialect(
            name="status",
            accepted=lambda gateway_id: {"status": "success", "data": {"id": gateway_id}},
            failed=lambda reason: {"status": "error", "message": reason},
            wrappers=("data", "data", "data"),
            suffix="@s.whatsapp.net",
            text="text",
            identify=lambda gateway_id: gateway_id,
            direct=lambda outgoing, chat: {"from_me": outgoing, "phone": chat.partition("@")[0]},
            date=lambda ns: {"timestamp": ns // 10**6},
        ),
        Dialect(
            name="serialized",
            accepted=lambda gateway_id: {
                "success": True,
                "message": "queued",
                "messageId": {"fromMe": True, "_serialized": gateway_id},
            },
            failed=lambda reason: {"success": False, "error": reason},
            wrappers=(None, None, None),
            suffix="@c.us",
            text="body",
            identify=lambda gateway_id: {"_serialized": gateway_id},
            direct=lambda outgoing, chat: {
                "fromMe": outgoing,
                "from": f"{OWN_NUMBER}@c.us" if outgoing else chat,
                "to": chat if outgoing else f"{OWN_NUMBER}@c.us",
            },
            date=lambda ns: {"t": ns // 10**9},
            shows_latest=True,
        ),
        Dialect(
            name="ok",
            accepted=lambda gateway_id: {"ok": True},
            failed=lambda reason: {"ok": False, "error": {"code": 1, "message": reason}},
            wrappers=("results", "chats", "result"),
            suffix="@s.whatsapp.net",
            text="content",
            identify=lambda gateway_id: gateway_id,
            direct=lambda outgoing, chat: {"direction": "outgoing" if outgoing else "incoming", "number": chat},
            date=lambda ns: {"date": _iso(ns)},
        ),
        Dialect(
            name="self",
            accepted=lambda gateway_id: {"status": True, "result": {"message_id": gateway_id, "queued": 1}},
            failed=lambda reason: {"status": False, "reason": reason},
            wrappers=("response", "response", "response"),
            suffix="@c.us",
            text="message",
            identify=lambda gateway_id: gateway_id,
            direct=lambda outgoing, chat: {"self": int(outgoing), "chatId": chat},
            date=lambda ns: {"timestamp": str(ns // 10**9)},
        ),
    )
}

SHAPES = (*DIALECTS, ROTATE)


def encode(reply: Any) -> bytes:
    """The JSON text of a reply."""
    return msgspec.json.encode(reply)
