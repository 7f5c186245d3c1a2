"""What campaigns send, prepared once per worker process: compiled templates and encoded files."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from broadcaster.domain.contents import ContentKind
from broadcaster.domain.outcomes import Verdict
from broadcaster.domain.templates import compile_template
from broadcaster.gateway import EncodedFile, WAChatPro
from broadcaster.services.sending.store import CampaignContent, SendingStore

_MOST_CAMPAIGNS = 1024


class Payload(Protocol):
    """A message's content, rendered and ready to go."""

    async def send(self, gateway: WAChatPro, phone: str) -> Verdict:
        """One request."""
        ...


@dataclass(frozen=True, slots=True)
class TextPayload:
    """A text message."""

    body: str

    async def send(self, gateway: WAChatPro, phone: str) -> Verdict:
        """`/wa/send`"""
        return await gateway.send(phone, self.body)


@dataclass(frozen=True, slots=True)
class FilePayload:
    """A file, encoded once and shared by all messages of the campaign."""

    file: EncodedFile
    filename: str
    caption: str | None

    async def send(self, gateway: WAChatPro, phone: str) -> Verdict:
        """`/wa/sendfile`"""
        return await gateway.send_file(phone, self.file, self.filename, self.caption)


@dataclass(frozen=True, slots=True)
class FileUrlPayload:
    """A file that the gateway fetches."""

    url: str
    caption: str | None

    async def send(self, gateway: WAChatPro, phone: str) -> Verdict:
        """`/wa/sendfileurl`"""
        return await gateway.send_file_url(phone, self.url, self.caption)


@dataclass(frozen=True, slots=True)
class PreparedContent:
    """A campaign's content with its templates compiled."""

    render: Callable[[Mapping[str, str]], Payload]
    """Makes the payload for one recipient's variables."""
    file: EncodedFile | None = None


class Contents:
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
        if ContentKind(content.kind) is not ContentKind.FILE:
            return prepare(content)
        data = await self._store.file_bytes(content.content_id)
        # Off the loop: encoding takes about a millisecond per megabyte.
        return prepare(content, await asyncio.to_thread(EncodedFile.from_bytes, data))

    def _evict(self) -> None:
        while len(self._prepared) > 1 and (len(self._prepared) > _MOST_CAMPAIGNS or self._bytes() > self._most_bytes):
            self._prepared.popitem(last=False)

    def _bytes(self) -> int:
        return sum(each.file.size_in_memory for each in self._prepared.values() if each.file is not None)


def prepare(content: CampaignContent, file: EncodedFile | None = None) -> PreparedContent:
    """Compile the content's templates. `file` is what it sends, where that is a file."""
    match ContentKind(content.kind), file:
        case ContentKind.TEXT, _:
            body = compile_template(content.body.decode())
            return PreparedContent(lambda variables: TextPayload(body.render(variables)))
        case ContentKind.FILE, EncodedFile():
            name, caption = content.filename or "file", _caption(content)
            return PreparedContent(lambda variables: FilePayload(file, name, caption(variables)), file)
        case ContentKind.FILE_URL, _:
            url, caption = content.body.decode(), _caption(content)
            return PreparedContent(lambda variables: FileUrlPayload(url, caption(variables)))
    raise ValueError("a file's content needs the file")


def _caption(content: CampaignContent) -> Callable[[Mapping[str, str]], str | None]:
    if content.caption is None:
        return lambda _variables: None
    return compile_template(content.caption).render
