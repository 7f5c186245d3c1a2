"""What campaigns send, prepared once per worker process: compiled templates and encoded files."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass

from broadcaster.domain.contents import Content, ContentKind, MessageContent
from broadcaster.domain.outcomes import Verdict
from broadcaster.gateway import EncodedFile, WAChatPro
from broadcaster.services.sending.sending_store import SendingStore

_MOST_CAMPAIGNS = 1024


@dataclass(frozen=True, slots=True)
class PreparedContent:
    """A campaign's content with its templates compiled and its file encoded, shared by all its messages."""

    content: Content
    file: EncodedFile | None = None

    async def send(self, gateway: WAChatPro, phone: str, message: MessageContent) -> Verdict:
        """One request with what `content` renders for the recipient."""
        if message.text is not None:
            return await gateway.send(phone, message.text)
        if message.url is not None:
            return await gateway.send_file_url(phone, message.url, message.caption)
        if self.file is None or message.filename is None:
            raise ValueError("a file's content needs the file")
        return await gateway.send_file(phone, self.file, message.filename, message.caption)


class PreparedContents:
    """A least-recently-used cache over the store, bounded by the bytes of the encoded files in it."""

    def __init__(self, store: SendingStore, most_bytes: int) -> None:
        self._store = store
        self._most_bytes = most_bytes
        self._prepared: OrderedDict[int, PreparedContent] = OrderedDict()
        self._preparing = asyncio.Lock()

    async def of(self, campaign_id: int) -> PreparedContent:
        """The campaign's content; prepared once, however many messages ask at the same time."""
        if (found := self._prepared.get(campaign_id)) is None:
            async with self._preparing:
                if (found := self._prepared.get(campaign_id)) is None:
                    found = await self._prepare(campaign_id)
                    self._prepared[campaign_id] = found
                    self._evict()
        self._prepared.move_to_end(campaign_id)
        return found

    async def _prepare(self, campaign_id: int) -> PreparedContent:
        content = await self._store.campaign_content(campaign_id)
        if content.kind is not ContentKind.FILE:
            return PreparedContent(content)
        data = await self._store.campaign_file(campaign_id)
        # Off the loop: encoding takes about a millisecond per megabyte.
        return PreparedContent(content, await asyncio.to_thread(EncodedFile.from_bytes, data))

    def _evict(self) -> None:
        while len(self._prepared) > 1 and (len(self._prepared) > _MOST_CAMPAIGNS or self._bytes() > self._most_bytes):
            self._prepared.popitem(last=False)

    def _bytes(self) -> int:
        return sum(each.file.size_in_memory for each in self._prepared.values() if each.file is not None)
