"""What campaigns send, prepared once per worker process: compiled templates and encoded files."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from weakref import WeakValueDictionary

from broadcaster.domain.content_kinds import ContentKind
from broadcaster.domain.contents import Content, MessageContent
from broadcaster.domain.outcomes import Verdict
from broadcaster.gateway import BodyGate, EncodedFile, WAChatPro
from broadcaster.services.sending.sending_store import SendingStore

_MOST_PREPARED = 256


@dataclass(frozen=True, slots=True)
class PreparedContent:
    """A version of a campaign's content, its templates compiled and its file encoded, shared by all its messages."""

    content: Content
    file: EncodedFile | None = None

    async def send(self, gateway: WAChatPro, phone: str, message: MessageContent, gate: BodyGate) -> Verdict:
        """One request with what `content` renders for the recipient, if it may pass `gate`."""
        if message.text is not None:
            return await gateway.send(phone, message.text, gate=gate)
        if message.url is not None:
            return await gateway.send_file_url(phone, message.url, message.caption, gate=gate)
        if self.file is None or message.filename is None:
            raise ValueError("a file's content needs the file")
        return await gateway.send_file(phone, self.file, message.filename, message.caption, gate=gate)


_Key = tuple[int, int] | tuple[int, int, str]
"""A campaign and the version of its content, also with the path of a recipient's own file."""


class PreparedContents:
    """A least-recently-used cache over the store, bounded by the bytes of the encoded files in it."""

    def __init__(self, store: SendingStore, most_bytes: int) -> None:
        self._store = store
        self._most_bytes = most_bytes
        self._prepared: OrderedDict[_Key, PreparedContent] = OrderedDict()
        self._preparing: WeakValueDictionary[_Key, asyncio.Lock] = WeakValueDictionary()

    async def of(self, campaign_id: int, version: int, variables: Mapping[str, str] | None = None) -> PreparedContent:
        """What this version of the campaign's content sends to somebody with these variables.

        Prepared once, however many messages ask at the same time.
        """
        key = (campaign_id, version)
        found = self._prepared.get(key) or await self._prepared_once(key, self._prepare(*key))
        self._prepared.move_to_end(key)
        if (column := found.content.file_column) is None:
            return found
        path = (variables or {})[column]
        own_key = (*key, path)
        own = self._prepared.get(own_key) or await self._prepared_once(
            own_key, self._prepare_own(found.content, campaign_id, path)
        )
        self._prepared.move_to_end(own_key)
        return own

    async def _prepared_once(self, key: _Key, preparing: Coroutine[None, None, PreparedContent]) -> PreparedContent:
        lock = self._preparing.setdefault(key, asyncio.Lock())
        async with lock:
            if (found := self._prepared.get(key)) is not None:
                preparing.close()
                return found
            found = self._prepared[key] = await preparing
            self._evict()
            return found

    async def _prepare(self, campaign_id: int, version: int) -> PreparedContent:
        content = await self._store.campaign_content(campaign_id, version)
        if content.kind is not ContentKind.FILE or content.file_column is not None:
            return PreparedContent(content)
        return await _encoded(content, await self._store.campaign_file(campaign_id, version))

    async def _prepare_own(self, content: Content, campaign_id: int, path: str) -> PreparedContent:
        return await _encoded(content, await self._store.recipient_file(campaign_id, path))

    def _evict(self) -> None:
        while len(self._prepared) > 1 and (len(self._prepared) > _MOST_PREPARED or self._bytes() > self._most_bytes):
            self._prepared.popitem(last=False)

    def _bytes(self) -> int:
        return sum(each.file.size_in_memory for each in self._prepared.values() if each.file is not None)


async def _encoded(content: Content, data: bytes) -> PreparedContent:
    # Off the loop: encoding takes about a millisecond per megabyte.
    return PreparedContent(content, await asyncio.to_thread(EncodedFile.from_bytes, data))
