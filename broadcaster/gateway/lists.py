"""Chats, messages and contacts out of list replies whose shape is not documented.

Everything here is total: what cannot be read is None, and no JSON makes it raise.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from broadcaster.gateway.signals import fold
from broadcaster.gateway.texts import storable

_LIST_NAMES = ("data", "messages", "chats", "dialogs", "contacts", "result", "response", "results")
_DEEPEST = 4
_ID_NAMES = ("serialized", "id", "messageid", "msgid", "key")
_CHAT_NAMES = ("chatid", "remotejid", "remote", "jid")
_NUMBER_NAMES = ("phone", "number", "user")
_TIME_NAMES = ("time", "timestamp", "messagetimestamp", "t", "date")
_TEXT_NAMES = ("body", "text", "message", "content", "conversation", "caption")
_OUTGOING_NAMES = ("fromme", "self", "direction")
_PERSON_SUFFIXES = frozenset({"c.us", "s.whatsapp.net"})
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Chat(msgspec.Struct, frozen=True, kw_only=True):
    """A chat of an instance. `phone` is None for groups; `at` is when it last changed, in UTC."""

    id: str | None = None
    phone: str | None = None
    name: str | None = None
    at: datetime | None = None


class GatewayMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A message of a chat.

    `phone` is the other side's, in digits; `outgoing` is whether the instance sent it; `at` is in UTC. `body` is
    its text or, for a file, what stands in its place; `kind` is the gateway's own word ("chat", "image", …).
    """

    id: str | None = None
    phone: str | None = None
    outgoing: bool | None = None
    body: str | None = None
    caption: str | None = None
    filename: str | None = None
    at: datetime | None = None
    kind: str | None = None


class Contact(msgspec.Struct, frozen=True, kw_only=True):
    """A contact of an instance. `phone` is None for groups."""

    id: str | None = None
    phone: str | None = None
    name: str | None = None


def find_list(document: Any, names: tuple[str, ...]) -> list[Any] | None:
    """The list in a reply: the reply itself, or what is under one of `names`, or under one of the usual names."""
    return _find(document, (*names, *_LIST_NAMES), 0)


def _find(value: Any, names: tuple[str, ...], depth: int) -> list[Any] | None:
    if isinstance(value, list):
        return value
    if not isinstance(value, dict) or depth == _DEEPEST:
        return None
    fields = _fields(value)
    for name in names:
        found = _find(fields.get(name), names, depth + 1)
        if found is not None:
            return found
    return None


def read_chat(item: Any) -> Chat:
    """One item of a list of chats: an object, or an id as text."""
    fields = _item(item)
    return Chat(
        id=_identity(fields),
        phone=_phone(fields, (*_CHAT_NAMES, "id", *_NUMBER_NAMES)),
        name=_text(fields, ("name", "pushname", "title", "subject")),
        at=_time(fields, (*_TIME_NAMES, "lasttime", "lastmessagetime", "conversationtimestamp")),
    )


def read_contact(item: Any) -> Contact:
    """One item of a list of contacts: an object, or an id as text."""
    fields = _item(item)
    return Contact(
        id=_identity(fields),
        phone=_phone(fields, (*_CHAT_NAMES, "id", *_NUMBER_NAMES)),
        name=_text(fields, ("name", "pushname", "notify", "formattedname", "shortname", "verifiedname")),
    )


def read_message(item: Any) -> GatewayMessage:
    """One item of a list of messages."""
    fields = _item(item)
    for nested in ("key", "id"):
        inner = fields.get(nested)
        if isinstance(inner, dict):
            fields = {**_fields(inner), **fields}
    outgoing = _outgoing(fields)
    side = () if outgoing is None else ("to",) if outgoing else ("from",)
    return GatewayMessage(
        id=_identity(fields),
        phone=_phone(fields, (*_CHAT_NAMES, "id", *side, *_NUMBER_NAMES)),
        outgoing=outgoing,
        body=_text(fields, _TEXT_NAMES),
        caption=_text(fields, ("caption",)),
        filename=_text(fields, ("filename",)),
        at=_time(fields, _TIME_NAMES),
        kind=_text(fields, ("type", "kind", "messagetype")),
    )


def _item(item: Any) -> dict[str, Any]:
    return _fields(item) if isinstance(item, dict) else {"id": item}


def _fields(value: Mapping[str, Any]) -> dict[str, Any]:
    """The object with its names folded; of two spellings of one name, the first that has a value."""
    fields: dict[str, Any] = {}
    for name, inner in value.items():
        if inner is not None and inner != "":
            fields.setdefault(fold(name), inner)
    return fields


def _identity(fields: Mapping[str, Any]) -> str | None:
    for name in _ID_NAMES:
        value = fields.get(name)
        if isinstance(value, dict):
            value = next((found for found in map(_fields(value).get, _ID_NAMES) if _is_scalar(found)), None)
        if _is_scalar(value):
            return storable(str(value))
    return None


def _is_scalar(value: Any) -> bool:
    return isinstance(value, str | int) and not isinstance(value, bool)


def _text(fields: Mapping[str, Any], names: Iterable[str]) -> str | None:
    """The first of the fields that is a text, or an object that holds one under a text's name."""
    for name in names:
        value = fields.get(name)
        if isinstance(value, dict):
            value = next((text for text in map(_fields(value).get, _TEXT_NAMES) if isinstance(text, str)), None)
        if isinstance(value, str) and value:
            return storable(value)
    return None


def _outgoing(fields: Mapping[str, Any]) -> bool | None:
    for name in _OUTGOING_NAMES:
        value = fields.get(name)
        if isinstance(value, str):
            word = value.strip().lower()
            if word in ("true", "1", "out", "outgoing", "outbound", "sent"):
                return True
            if word in ("false", "0", "in", "incoming", "inbound", "received"):
                return False
        elif isinstance(value, int) and value in (0, 1):
            return bool(value)
    # WhatsApp's own ids begin with it: true_4915112345678@c.us_3EB0…
    match = re.match(r"(true|false)_", _identity(fields) or "")
    return match[1] == "true" if match else None


def _phone(fields: Mapping[str, Any], names: Iterable[str]) -> str | None:
    for name in names:
        value = fields.get(name)
        if isinstance(value, dict):
            inner = _fields(value)
            value = inner.get("serialized") or inner.get("remote") or inner.get("user")
        phone = _digits(str(value), bare=name != "id") if _is_scalar(value) else None
        if phone:
            return phone
    return None


def _digits(text: str, *, bare: bool) -> str | None:
    """The phone in an id such as `4915112345678@c.us`; with `bare`, also one that is only a number.

    None for groups (`@g.us`), for ids that hide the number (`@lid`) and for everything else.
    """
    match = re.fullmatch(
        r"(?:(?:true|false)_)?\+?([0-9]{5,20})(?::[0-9]+)?(?:@([a-z.]+)(?:_.*)?)?", text.strip(), re.DOTALL
    )
    if not match:
        return None
    suffix = match[2]
    return match[1] if (bare if suffix is None else suffix in _PERSON_SUFFIXES) else None


def _time(fields: Mapping[str, Any], names: Iterable[str]) -> datetime | None:
    for name in names:
        moment = _moment(fields.get(name))
        if moment:
            return moment
    return None


def _moment(value: Any) -> datetime | None:
    """A moment in seconds, milli- or microseconds since 1970, or in ISO 8601 (UTC unless it says otherwise)."""
    if isinstance(value, dict):
        # How JavaScript's protobuf writes a 64-bit number.
        value = value.get("low")
    if isinstance(value, str):
        text = value.strip()
        if not re.fullmatch(r"[0-9]{1,20}(\.[0-9]*)?", text):
            return _iso(text)
        value = float(text)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e17 or math.isnan(value):
        return None
    seconds = value / 1e6 if value >= 1e14 else value / 1e3 if value >= 1e11 else value
    return _EPOCH + timedelta(seconds=seconds)


def _iso(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
