"""Reads chats, messages and contacts from list replies of undocumented shape.

Everything here is total: an unreadable value is None, and no JSON makes it raise.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from broadcaster.gateway.reply_signals import fold
from broadcaster.gateway.texts import storable

_LIST_NAMES = ("data", "messages", "chats", "dialogs", "contacts", "result", "response", "results")
_DEEPEST = 4
_ID_NAMES = ("serialized", "id", "messageid", "msgid", "key")
_CHAT_NAMES = ("chatid", "remotejid", "remote", "jid")
# Where newer gateways give the phone of a person whose id hides it.
_ALTERNATIVE_NAMES = ("remotejidalt", "chatalt", "pnjid", "pn")
_SENDER_NAMES = ("senderpn", "senderalt", "participantpn", "participantalt")
_RECIPIENT_NAMES = ("recipientpn", "recipientalt")
_NUMBER_NAMES = ("phone", "number", "phonenumber", "user")
_TIME_NAMES = ("time", "timestamp", "messagetimestamp", "t", "date")
_CHAT_TIME_NAMES = (*_TIME_NAMES, "lasttime", "lastmessagetime", "lastmessagetimestamp", "conversationtimestamp")
_LAST_MESSAGE_NAMES = ("lastmessage", "lastmsg", "latestmessage")
_TEXT_NAMES = ("body", "text", "message", "content", "conversation", "caption")
_OUTGOING_NAMES = ("fromme", "self", "direction")
_PERSON_SUFFIXES = frozenset({"c.us", "s.whatsapp.net", "hosted"})
_HIDING_SUFFIXES = frozenset({"lid", "hosted.lid"})
_GROUP_SUFFIX = "g.us"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CHAT = r"(?:chats?|conversations?|dialogs?|messages?|history|contact|number|phone)"
_GONE = r"(?:(?:was |were |is |are )?not found|(?:does|do|did)(?: not|n.t) exist|(?:is |are )?empty)"
_NO_CHAT = re.compile(
    rf"\bno (?:such )?{_CHAT}\b|\b{_CHAT}(?: [\w@.+:-]+){{0,4}} {_GONE}\b"
    rf"|\b(?:could not|couldn.t|can ?not|can.t|unable to) find (?:\w+ ){{0,3}}{_CHAT}\b"
)
"""How a gateway says that it has no chat with a number, or an empty one."""


def says_no_chat(reply: str) -> bool:
    """Whether a reply without a list says that there is no such chat or nothing in it. A web page never does."""
    return not reply.lstrip().startswith("<") and _NO_CHAT.search(re.sub(r"[_\s]+", " ", reply).casefold()) is not None


class Chat(msgspec.Struct, frozen=True, kw_only=True):
    """A chat of an instance. `phone` is None for groups; `at` is when it last changed, in UTC.

    `lid` is the digits that WhatsApp uses for a person whose number it hides. `is_ours` tells whether its latest
    message is the instance's own, where the gateway shows that.
    """

    id: str | None = None
    phone: str | None = None
    lid: str | None = None
    is_ours: bool | None = None
    name: str | None = None
    at: datetime | None = None

    @property
    def hidden(self) -> bool:
        """Whether it is with a person whose number is not shown."""
        return self.phone is None and self.lid is not None


class GatewayMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A message of a chat.

    `phone` is the other side's number in digits. `outgoing` tells whether the instance sent it. `at` is in UTC. `body`
    is its text; for a file, whatever the gateway puts there. `kind` is the gateway's own word ("chat", "image", …).
    `lid` is the digits that WhatsApp uses for the other side if it hides the number.
    """

    id: str | None = None
    phone: str | None = None
    lid: str | None = None
    outgoing: bool | None = None
    body: str | None = None
    caption: str | None = None
    filename: str | None = None
    at: datetime | None = None
    kind: str | None = None

    @property
    def hidden(self) -> bool:
        """Whether it is to or from a person whose number is not shown."""
        return self.phone is None and self.lid is not None


class Contact(msgspec.Struct, frozen=True, kw_only=True):
    """A contact of an instance. `phone` is None for groups."""

    id: str | None = None
    phone: str | None = None
    name: str | None = None


def find_list(document: Any, names: tuple[str, ...]) -> list[Any] | None:
    """The list in a reply: the reply itself, or the list under one of `names` or of the usual names."""
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
    last = next((each for each in map(fields.get, _LAST_MESSAGE_NAMES) if isinstance(each, dict)), {})
    names = (*_CHAT_NAMES, "id")
    lid = _lid(fields, (*names, "lid", "lidjid"))
    phone = _phone(fields, (*names, *_ALTERNATIVE_NAMES, *_NUMBER_NAMES), lid)
    return Chat(
        id=_identity(fields),
        phone=phone or (read_message(last).phone if lid else None),
        lid=lid,
        is_ours=read_message(last).outgoing if last else None,
        name=_text(fields, ("name", "pushname", "title", "subject")),
        at=max(filter(None, (_latest(fields, _CHAT_TIME_NAMES), _latest(_fields(last), _TIME_NAMES))), default=None),
    )


def read_contact(item: Any) -> Contact:
    """One item of a list of contacts: an object, or an id as text."""
    fields = _item(item)
    names = (*_CHAT_NAMES, "id")
    return Contact(
        id=_identity(fields),
        phone=_phone(fields, (*names, *_ALTERNATIVE_NAMES, *_NUMBER_NAMES), _lid(fields, names)),
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
    side = () if outgoing is None else ("to", *_RECIPIENT_NAMES) if outgoing else ("from", *_SENDER_NAMES)
    names = (*_CHAT_NAMES, "id", *side[:1])
    lid = _lid(fields, names)
    return GatewayMessage(
        id=_identity(fields),
        phone=_phone(fields, (*names, *_ALTERNATIVE_NAMES, *side[1:], *_NUMBER_NAMES), lid),
        lid=lid,
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
    """The object with its names folded. Of two spellings of one name, the first with a value counts."""
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
    """The first of the fields that is a text, or is an object with a text under a usual name."""
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
    # WhatsApp's own ids begin with the direction: true_4915112345678@c.us_3EB0…
    match = re.match(r"(true|false)_", _identity(fields) or "")
    return match[1] == "true" if match else None


def _phone(fields: Mapping[str, Any], names: Sequence[str], lid: str | None) -> str | None:
    """The first of the fields that gives a phone. A value that equals the `lid` is no phone."""
    addresses = {name: _address(fields.get(name)) for name in names}
    if any(suffix == _GROUP_SUFFIX for _, suffix in addresses.values()):
        return None  # Any other phone here belongs to the person who wrote into the group.
    for name, (digits, suffix) in addresses.items():
        is_phone = name != "id" and digits != lid if suffix is None else suffix in _PERSON_SUFFIXES
        if digits and is_phone:
            return digits
    return None


def _lid(fields: Mapping[str, Any], names: Iterable[str]) -> str | None:
    addresses = (_address(fields.get(name)) for name in names)
    return next((digits for digits, suffix in addresses if suffix in _HIDING_SUFFIXES), None)


def _address(value: Any) -> tuple[str | None, str | None]:
    """The digits and the suffix of an id such as `4915112345678@c.us`; for a number only the digits."""
    if isinstance(value, dict):
        inner = _fields(value)
        user, server = inner.get("user"), inner.get("server")
        whole = f"{user}@{server}" if _is_scalar(user) and isinstance(server, str) else user
        value = inner.get("serialized") or inner.get("remote") or whole
    if not _is_scalar(value):
        return None, None
    text = str(value).strip()
    if "@g.us" in text:
        return None, _GROUP_SUFFIX
    match = re.fullmatch(r"(?:(?:true|false)_)?\+?([0-9]{5,20})(?::[0-9]+)?(?:@([a-z.]+)(?:_.*)?)?", text, re.DOTALL)
    return (match[1], match[2]) if match else (None, None)


def _time(fields: Mapping[str, Any], names: Iterable[str]) -> datetime | None:
    return next((moment for moment in map(_moment, map(fields.get, names)) if moment), None)


def _latest(fields: Mapping[str, Any], names: Iterable[str]) -> datetime | None:
    return max(filter(None, map(_moment, map(fields.get, names))), default=None)


def _moment(value: Any) -> datetime | None:
    """A moment, from seconds, milli- or microseconds since 1970, or from ISO 8601 (UTC unless it names an offset)."""
    if isinstance(value, dict):
        # JavaScript's protobuf writes a 64-bit number so.
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
