"""The client of one WAChatPro instance: its six methods."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx
import msgspec

from broadcaster.base_urls import DEFAULT_BASE_URL, usable_base_url
from broadcaster.domain.instances import Wire
from broadcaster.domain.outcomes import Outcome, Verdict
from broadcaster.domain.states import LaneHealth
from broadcaster.errors import BroadcasterError
from broadcaster.gateway.classify import classify_response
from broadcaster.gateway.failures import classify_exception
from broadcaster.gateway.files import EncodedFile
from broadcaster.gateway.gates import BodyGate
from broadcaster.gateway.key_ring import KeyRing
from broadcaster.gateway.lists import (
    Chat,
    Contact,
    GatewayMessage,
    find_list,
    read_chat,
    read_contact,
    read_message,
    says_no_chat,
)
from broadcaster.gateway.redaction import Redactor
from broadcaster.gateway.reply_signals import signals_of
from broadcaster.gateway.rules import DEFAULT_RULES, ReplyRules
from broadcaster.gateway.texts import REASON_BYTES, excerpt, parse_json
from broadcaster.gateway.transport import HttpxTransport, Reply, Transport, open_transport
from broadcaster.gateway.wire import CONTENT_TYPES, Body, Fields, encode_call, encode_file_call

SEND_REPLY_BYTES = 64 * 1024
LIST_REPLY_BYTES = 4 * 1024 * 1024
MOST_ENTRIES = 20_000
"""The most chats or messages in a list. An honest list with more is longer than LIST_REPLY_BYTES; another is an attack
on the loop."""
MOST_CONTACTS = 150_000
"""The most contacts in a list. Only a command reads them, and LIST_REPLY_BYTES hold hardly more."""
_Entry = TypeVar("_Entry", Chat, Contact, GatewayMessage)
_TEXTS = ("id", "name", "body", "caption", "filename", "kind")
"""The fields of entries that a gateway may write anything into."""
_UNENCODABLE = Verdict(Outcome.REJECTED, "the text holds half of a surrogate pair, which cannot be sent")


class GatewayError(BroadcasterError):
    """A read failed. `verdict` says how, in the same terms as for a send."""

    def __init__(self, method: str, verdict: Verdict) -> None:
        super().__init__(f"{method}: {verdict.reason}")
        self.verdict = verdict


class WAChatPro:
    """One instance of WAChatPro, by its key.

    A send makes one request and returns its verdict. It never raises for trouble of the gateway or the network, and
    never repeats a request. With a `gate`, nothing of the message leaves that has not passed it, and nothing after the
    send has ended or was cancelled. A read raises GatewayError.
    """

    __slots__ = ("_base_url", "_key", "_owned", "_redact", "_rules", "_timeout", "_transport", "_wire")

    def __init__(
        self,
        key: str,
        base_url: str = DEFAULT_BASE_URL,
        *,
        wire: Wire = Wire.JSON,
        transport: Transport | httpx.AsyncBaseTransport | None = None,
        timeout: float = 30.0,
        rules: ReplyRules = DEFAULT_RULES,
        keys: KeyRing | None = None,
    ) -> None:
        """The caller closes a given `transport`, which may be shared. Without one, the client opens and closes its
        own. `timeout` is how many seconds one request may take, from the call to the last byte of the reply. The
        `keys` of all accounts that share them stay out of what is kept of a reply. Raises InputError unless
        `base_url` is an http(s) URL of a host, with or without a path.
        """
        self._key = key
        self._base_url = usable_base_url(base_url)
        # A plain "json" from a row would not equal Wire.JSON by identity.
        self._wire = Wire(wire)
        self._owned = transport is None
        self._transport: Transport = (
            HttpxTransport(transport)
            if isinstance(transport, httpx.AsyncBaseTransport)
            else transport or open_transport(connect_timeout=min(10.0, timeout / 2))
        )
        self._timeout = timeout
        self._rules = rules
        self._redact = Redactor(key) if keys is None else keys.redactor(key)

    def __repr__(self) -> str:
        return f"WAChatPro({self._base_url!r}, wire={self._wire.value!r})"

    async def send(self, phone: str, body: str, *, gate: BodyGate | None = None) -> Verdict:
        """Send a text. `phone` is digits in international format."""
        return await self._send("send", {"key": self._key, "phone": phone, "body": body}, gate)

    async def send_file(
        self, phone: str, file: EncodedFile, filename: str, caption: str | None = None, *, gate: BodyGate | None = None
    ) -> Verdict:
        """Send a file under the name `filename`."""
        if not file.is_prepared(self._wire):
            await asyncio.to_thread(file.pieces, self._wire)
        after: dict[str, str | int] = {"filename": filename}
        if caption is not None:
            after["caption"] = caption
        try:
            content = encode_file_call(self._wire, {"key": self._key, "phone": phone}, file, after)
        except UnicodeEncodeError:
            return _UNENCODABLE
        return await self._deliver("sendfile", content, gate)

    async def send_file_url(
        self, phone: str, url: str, caption: str | None = None, *, gate: BodyGate | None = None
    ) -> Verdict:
        """Send the file at `url`. The gateway fetches it."""
        fields: dict[str, str | int] = {"key": self._key, "phone": phone, "url": url}
        if caption is not None:
            fields["caption"] = caption
        return await self._send("sendfileurl", fields, gate)

    async def chats(self, limit: int = 100) -> list[Chat]:
        """The instance's chats. Raises GatewayError."""
        found = await self._list("chats", {"key": self._key, "limit": limit}, ("chats", "dialogs"))
        return [self._cleaned(read_chat(item)) for item in found]

    async def messages(self, phone: str, limit: int = 100) -> list[GatewayMessage]:
        """The last messages of the chat with `phone`, in the gateway's order.

        Every item of the gateway's list gives one entry, even if nothing in it can be read. So a message that is
        missing here is missing there. An error that says that there is no such chat counts as an empty list. Raises
        GatewayError, also if a reply holds no list.
        """
        try:
            found = await self._list("messages", {"key": self._key, "phone": phone, "limit": limit}, ("messages",))
        except GatewayError as error:
            if says_no_chat(error.verdict.reply or ""):
                return []
            raise
        return [self._cleaned(read_message(item)) for item in found]

    async def contacts(self) -> list[Contact]:
        """The instance's contacts. Raises GatewayError."""
        found = await self._list("contacts", {"key": self._key}, ("contacts",), most=MOST_CONTACTS)
        return [self._cleaned(read_contact(item)) for item in found]

    async def aclose(self) -> None:
        """Close the client's own transport; a shared one stays open."""
        if self._owned:
            await self._transport.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def _send(self, method: str, fields: Fields, gate: BodyGate | None) -> Verdict:
        try:
            content = encode_call(self._wire, fields)
        except UnicodeEncodeError:
            return _UNENCODABLE
        return await self._deliver(method, content, gate)

    async def _deliver(self, method: str, content: Body, gate: BodyGate | None) -> Verdict:
        try:
            reply = await self._post(method, content, SEND_REPLY_BYTES, gate)
        except Exception as failure:  # noqa: BLE001 - whatever it was, the request may have left
            verdict = self._failed(failure)
        else:
            verdict = classify_response(reply.status, reply.headers, reply.body, self._redact, self._rules)
        finally:
            # Giving up on a request, by time or by cancellation, does not end it.
            has_left = gate is None or not gate.shut()
        if gate is None or has_left:
            return verdict
        return _not_left(verdict, gate.refused)

    async def _list(
        self, method: str, fields: Fields, names: tuple[str, ...], *, most: int = MOST_ENTRIES
    ) -> list[Any]:
        try:
            reply = await self._post(method, encode_call(self._wire, fields), LIST_REPLY_BYTES)
        except Exception as failure:  # noqa: BLE001 - as for sends
            raise GatewayError(method, self._failed(failure)) from None
        found = self._found(reply, names)
        if found is None:
            raise GatewayError(method, self._without_list(reply))
        if len(found) > most:
            raise GatewayError(method, Verdict(Outcome.UNKNOWN, f"the reply lists more than {most:,} entries"))
        return found

    def _found(self, reply: Reply, names: tuple[str, ...]) -> list[Any] | None:
        """The list in a reply; None unless the reply is complete, successful and holds a list."""
        if not (200 <= reply.status < 300 and reply.is_whole):
            return None
        try:
            document = parse_json(reply.body)
        except ValueError:
            return None
        failed = signals_of(document, self._rules, into_lists=False).no
        return None if failed else find_list(document, names)

    def _without_list(self, reply: Reply) -> Verdict:
        verdict = classify_response(reply.status, reply.headers, reply.body, self._redact, self._rules)
        if 200 <= reply.status < 300 and not reply.is_whole:
            return replace(verdict, outcome=Outcome.UNKNOWN, health=None, reason="the reply is too long to be read")
        if verdict.outcome is Outcome.ACCEPTED:
            return replace(verdict, outcome=Outcome.UNKNOWN, health=None, reason="the reply holds no list")
        return verdict

    def _cleaned(self, entry: _Entry) -> _Entry:
        """The entry with the key removed from its texts, because they are stored and shown."""
        texts = {name: text for name in _TEXTS if (text := getattr(entry, name, None))}
        cleaned = {name: clean for name, text in texts.items() if (clean := self._redact.whole(text)) != text}
        return msgspec.structs.replace(entry, **cleaned) if cleaned else entry

    async def _post(self, method: str, content: Body, limit: int, gate: BodyGate | None = None) -> Reply:
        url, content_type = f"{self._base_url}/wa/{method}", CONTENT_TYPES[self._wire]
        return await self._transport.post(url, content_type, content, within=self._timeout, limit=limit, gate=gate)

    def _failed(self, failure: Exception) -> Verdict:
        verdict = classify_exception(failure)
        return replace(verdict, reason=excerpt(self._redact(verdict.reason), REASON_BYTES))


def _not_left(verdict: Verdict, refused: str | None) -> Verdict:
    """The verdict on a request of which nothing has passed its gate, because that has `refused`, or was not asked."""
    if refused is not None:
        return Verdict(Outcome.NOT_SENT, refused)
    if verdict.outcome is Outcome.UNKNOWN:
        return replace(verdict, outcome=Outcome.NOT_SENT, health=LaneHealth.DOWN)
    return verdict
