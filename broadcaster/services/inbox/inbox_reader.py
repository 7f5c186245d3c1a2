"""Reads what people write, by asking which chats have changed and what is new in them.

    pick accounts → list their chats → pick those that changed → read them → take in what is new

`domain/inbox_lists.py` decides what is new, `inbox_store.py` holds the statements. The reasons are in
docs/decisions/0031-replies.md.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from time import monotonic
from typing import TypeVar

import structlog

from broadcaster.domain import inbox_lists as decisions
from broadcaster.domain.inbound_meanings import InboundMeaning, ReplyWords
from broadcaster.domain.inbox_lists import HIDDEN, ChatPage, chat_name, phone_forms
from broadcaster.gateway import Chat, GatewayError, GatewayMessage, WAChatPro
from broadcaster.services.inbox.inbox_rows import ChatReadingRow, ChatRow, DueInbox, InboundRow, PickedChat
from broadcaster.services.inbox.inbox_store import InboxStore
from broadcaster.services.reconcile.doubt_rows import ReadAccount
from broadcaster.services.reconcile.doubts import ROUND_SECONDS
from broadcaster.services.reconcile.reconciler import READ_REST, RUN_SECONDS
from broadcaster.settings import Settings

log = structlog.get_logger()

T = TypeVar("T")

LOOK_SECONDS = 0.25
"""A run looks for accounts that are due so often: part of the second that a reply may take beyond its poll."""
FIRST_PAGE = 100
"""How many chats or entries are asked for first, as the API's page has it."""
LONGEST_PAGE = 6_400
GROWTH = 4
"""A list that does not reach back far enough is asked for again, so many times as long."""
_MOST_ACCOUNTS = 100


class InboxReader:
    """One run over the accounts that are due. Any number of runs may go on at once, here and elsewhere."""

    def __init__(
        self,
        store: InboxStore,
        open_gateway: Callable[[ReadAccount], WAChatPro],
        settings: Settings,
        words: ReplyWords,
        is_stopping: Callable[[], bool],
    ) -> None:
        """`open_gateway` makes the client of an account, `words` are those that mean something.

        Once `is_stopping` says so, nothing further is picked.
        """
        self._store = store
        self._open_gateway = open_gateway
        self._tolerance = timedelta(seconds=settings.gateway_clock_seconds)
        self._words = words
        self._is_stopping = is_stopping
        self._counts: dict[str, Counter[str]] = {}

    async def run(self) -> dict[str, dict[str, int]]:
        """Read what is due, for a few seconds. Returns counts per instance name: reads, and what was new."""
        ends = monotonic() + RUN_SECONDS
        rounds: set[asyncio.Task[None]] = set()
        while not self._is_stopping() and monotonic() < ends:
            picked = await self._store.pick_inboxes(_MOST_ACCOUNTS)
            rounds |= {asyncio.create_task(self._guarded(inbox)) for inbox in picked}
            if rounds:
                _, rounds = await asyncio.wait(rounds, timeout=LOOK_SECONDS)
            if not picked and not rounds:
                await asyncio.sleep(LOOK_SECONDS)
        if rounds:
            await asyncio.wait(rounds)
        return {name: dict(counts) for name, counts in self._counts.items()}

    async def _guarded(self, inbox: DueInbox) -> None:
        try:
            counts = self._counts.setdefault(inbox.name, Counter())
            gateway = self._open_gateway(inbox.account)
            await _Round(self._store, gateway, inbox, self._tolerance, self._words, counts).run()
        except Exception as error:  # noqa: BLE001 - its chats stay until the next round; other accounts go on
            log.warning("cannot read replies", instance=inbox.name, error=type(error).__name__)


class _Round:
    """One account, read once: its list of chats where that is due, and chats that changed."""

    def __init__(
        self,
        store: InboxStore,
        gateway: WAChatPro,
        inbox: DueInbox,
        tolerance: timedelta,
        words: ReplyWords,
        counts: Counter[str],
    ) -> None:
        self._store = store
        self._gateway = gateway
        self._inbox = inbox
        self._tolerance = tolerance
        self._words = words
        self._counts = counts
        self._answered = 0
        self._failures: list[GatewayError] = []

    async def run(self) -> None:
        if self._inbox.polls is not None:
            await self._list()
        left = self._inbox.reads - self._answered - len(self._failures)
        if left > 0 and not self._failures:
            await self._read(await self._store.pick_chats_of(self._inbox, left))
        self._counts["read"] += self._answered + len(self._failures)
        asked = max((error.verdict.retry_after or 0.0 for error in self._failures), default=0.0)
        await self._store.note_reads(
            self._inbox,
            answered=self._answered,
            failed=len(self._failures),
            rest=asked or (ROUND_SECONDS if self._answered else READ_REST),
        )

    async def _list(self) -> None:
        try:
            chats, is_whole = await self._chats()
        except GatewayError as error:
            self._failures.append(error)
            return
        inbox, moments = self._inbox, [chat.at for chat in chats]
        is_dated = any(moments) or not chats
        await self._store.note_chat_list(
            inbox,
            _chat_rows(chats),
            first_watermark=decisions.first_watermark(moments, inbox.read_at, inbox.listed_at, self._tolerance),
            latest=decisions.latest_change(moments, inbox.read_at),
            complete_since=decisions.complete_since(moments, is_whole=is_whole),
            trouble=None if is_dated else "its chats are listed without their times, so that all of them are read",
        )

    async def _chats(self) -> tuple[list[Chat], bool]:
        """The chats, as many as it takes to leave none out that may have changed; and whether they are all there are.

        A gateway that lists no more, however many are asked for, may have more.
        """
        asked, found = FIRST_PAGE, await self._ask(self._gateway.chats(FIRST_PAGE))
        while len(found) >= asked and asked < LONGEST_PAGE and not self._reaches(found):
            before, asked = len(found), asked * GROWTH
            found = await self._ask(self._gateway.chats(asked))
            if len(found) <= before:
                return found, False
        return found, len(found) < asked

    def _reaches(self, chats: Sequence[Chat]) -> bool:
        known, since = self._inbox.known_from, decisions.complete_since([chat.at for chat in chats], is_whole=False)
        return known is None or (since is not None and since <= known)

    async def _ask(self, asking: Awaitable[T]) -> T:
        answer = await asking
        self._answered += 1
        return answer

    async def _read(self, picked: Sequence[PickedChat]) -> None:
        if not picked:
            return
        pages = await asyncio.gather(*map(self._page, picked))
        messages = [
            row
            for chat, (page, _) in zip(picked, pages, strict=True)
            if page is not None
            for row in _inbound_rows(chat.chat, page, self._words)
        ]
        readings = [
            ChatReadingRow(
                chat.chat,
                chat.changed_at,
                chat.reads,
                answered=page is not None,
                is_whole=is_whole,
                read_until=page and page.read_until,
            )
            for chat, (page, is_whole) in zip(picked, pages, strict=True)
        ]
        trouble = next((page.trouble for page, _ in pages if page is not None and page.trouble), None)
        new = await self._store.take_in(self._inbox, messages, readings, trouble)
        self._counts["new"] += len(new)

    async def _page(self, picked: PickedChat) -> tuple[ChatPage | None, bool]:
        """What a chat shows, and whether it left nothing out that may be new; None: it is not readable."""
        known = picked.taken_from if picked.read_until is None else max(picked.taken_from, picked.read_until)
        try:
            entries, is_whole = await self._entries(picked.chat.removesuffix(HIDDEN), known)
        except GatewayError as error:
            self._failures.append(error)
            return None, True
        return decisions.read_page(picked.chat, entries, picked.taken_from), is_whole

    async def _entries(self, number: str, known: datetime) -> tuple[list[GatewayMessage], bool]:
        """As for chats: more entries are asked for until they reach back to what is `known`."""
        asked, found = FIRST_PAGE, await self._ask(self._gateway.messages(number, FIRST_PAGE))
        while not decisions.reads_back_to(found, asked, known) and asked < LONGEST_PAGE:
            before, asked = len(found), asked * GROWTH
            found = await self._ask(self._gateway.messages(number, asked))
            if len(found) <= before:
                return found, False
        return found, decisions.reads_back_to(found, asked, known)


def _chat_rows(chats: Sequence[Chat]) -> list[ChatRow]:
    """Each chat with a person once, as it last changed."""
    latest: dict[str, Chat] = {}
    for chat in chats:
        name = chat_name(chat)
        if name is not None and (name not in latest or _is_later(chat, latest[name])):
            latest[name] = chat
    return [ChatRow(name, chat.at, bool(chat.is_ours)) for name, chat in latest.items()]


def _is_later(chat: Chat, other: Chat) -> bool:
    return chat.at is not None and (other.at is None or chat.at > other.at)


def _inbound_rows(chat: str, page: ChatPage, words: ReplyWords) -> list[InboundRow]:
    forms = phone_forms(page.phone) if page.phone else []
    return [
        InboundRow(
            each.identity.hex(),
            each.gateway_id,
            chat,
            page.phone,
            forms,
            each.body,
            each.kind,
            each.said_at,
            _meaning(each.body, page.phone, words),
        )
        for each in page.written
    ]


def _meaning(body: str | None, phone: str | None, words: ReplyWords) -> InboundMeaning | None:
    """What a message asks for. Where nobody knows from whom it is, a person has to find that out."""
    meaning = words.meaning(body)
    return InboundMeaning.NEAR_MISS if meaning is InboundMeaning.STOP and phone is None else meaning
