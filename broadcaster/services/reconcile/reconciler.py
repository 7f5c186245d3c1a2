"""Resolves messages in doubt by reading their chats back: found is sent, shown to be absent is sent again.

    pick chats → read one → match → keep what it said → resolve, once reading back has proved itself

`domain/readback.py` does the matching, `doubts.py` holds the statements, docs/decisions/0008-reading-back.md the
reasons.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import timedelta
from time import monotonic

import structlog

from broadcaster.domain.contents import ContentKind
from broadcaster.domain.readback import Claim, Reading, ShownContent, Sight, read_back
from broadcaster.domain.templates import compile_template
from broadcaster.gateway import GatewayError, GatewayMessage, WAChatPro
from broadcaster.services.reconcile.doubts import READ_PACE, Accepted, Attempt, Chat, DoubtStore, ReadingRow, Template
from broadcaster.settings import Settings

log = structlog.get_logger()

LIMIT = 100
"""Entries of a chat that are asked for."""
SHOWN_WITHIN = timedelta(minutes=10)
"""By how much an entry may be dated later than its request ended: the gateway has a queue of its own."""
READ_REST = 10.0
"""Seconds without reads through an instance whose chat could not be read, unless it asks for more."""
RUN_SECONDS = 5.0
"""How long one run goes on picking chats: until the next tick starts another."""
_MOST_CHATS = 100
_UNREADABLE = "unreadable"
_WORDS: dict[str, str] = {
    Sight.FOUND: "found in its chat",
    Sight.ABSENT: "not in its chat, and reading back has not proved itself since",
    Sight.UNDECIDED: "its chat does not tell",
}


class ChatReader:
    """Reads chats of one instance and matches them with our attempts."""

    def __init__(self, store: DoubtStore, gateway: WAChatPro, lane: int, settings: Settings) -> None:
        self._store = store
        self._gateway = gateway
        self._lane = lane
        self._clock_difference = timedelta(seconds=settings.gateway_clock_seconds)
        self._within = timedelta(seconds=settings.doubt_deadline_seconds) + SHOWN_WITHIN + 2 * self._clock_difference

    async def attempts(self, phone: str) -> list[Attempt]:
        """The attempts that the chat may show."""
        return await self._store.attempts_to(self._lane, phone, self._within)

    async def entries(self, phone: str) -> list[GatewayMessage]:
        """The latest entries of the chat. Raises GatewayError."""
        return await self._gateway.messages(phone, LIMIT)

    async def match(self, phone: str, attempts: Sequence[Attempt], entries: Sequence[GatewayMessage]) -> list[Reading]:
        """What `entries` say of each attempt."""
        claims = [await self._claim(attempt) for attempt in attempts]
        return read_back(claims, entries, phone, limit=LIMIT, clock_difference=self._clock_difference)

    async def recognises(self, accepted: Accepted, entries: Sequence[GatewayMessage]) -> bool:
        """Whether the chat shows a message that the gateway is known to have accepted.

        It must be recognised as one in doubt is, by its content and time, and not by the id that it was given.
        """
        attempts = [
            replace(attempt, gateway_id=None) if attempt.key == accepted.key else attempt
            for attempt in await self.attempts(accepted.phone)
        ]
        readings = await self.match(accepted.phone, attempts, entries)
        return any(
            reading.sight is Sight.FOUND and attempt.key == accepted.key
            for attempt, reading in zip(attempts, readings, strict=True)
        )

    async def _claim(self, attempt: Attempt) -> Claim:
        template = await self._store.template(attempt.key.campaign_id)
        end = None if attempt.ended_at is None else attempt.ended_at + SHOWN_WITHIN
        return Claim(_shown(template, attempt.variables or {}), attempt.started_at, end, attempt.gateway_id)


class Reconciler:
    """One run over the chats that are due. Any number may run at once, here and elsewhere."""

    def __init__(
        self,
        store: DoubtStore,
        open_gateway: Callable[[Chat], WAChatPro],
        settings: Settings,
        is_stopping: Callable[[], bool],
    ) -> None:
        """`open_gateway` makes the client of a chat's instance; once `is_stopping`, no further chat is picked."""
        self._store = store
        self._open_gateway = open_gateway
        self._settings = settings
        self._is_stopping = is_stopping
        self._counts: dict[str, Counter[str]] = {}

    async def run(self) -> dict[str, dict[str, int]]:
        """Read back what is due. Returns counts per instance name: chats read, and messages by their new state."""
        ends = monotonic() + RUN_SECONDS
        while not self._is_stopping():
            chats = await self._store.pick_chats(_MOST_CHATS)
            # From here, which is later than the pick by the database's clock: then the next one is not too early.
            next_pick = monotonic() + READ_PACE
            await asyncio.gather(*(self._guarded(chat) for chat in chats))
            if not chats or next_pick >= ends:
                break
            await asyncio.sleep(next_pick - monotonic())
        return {name: dict(counts) for name, counts in self._counts.items()}

    async def _guarded(self, chat: Chat) -> None:
        try:
            await self._reconcile(chat)
        except Exception as error:  # noqa: BLE001 - its doubts stay until the next poll, and the other chats go on
            log.warning("cannot read back", instance=chat.name, error=type(error).__name__)

    async def _reconcile(self, chat: Chat) -> None:
        counts = self._counts.setdefault(chat.name, Counter())
        counts["read"] += 1
        reader = ChatReader(self._store, self._open_gateway(chat), chat.id, self._settings)
        ripe = await self._look(reader, chat)
        if not ripe:
            return
        resolved = Counter(await self._store.resolve(ripe, chat.read_at))
        if resolved.total() < len(ripe) and await self._prove(reader, chat.id, ripe):
            resolved.update(await self._store.resolve(ripe, chat.read_at))
        counts.update(resolved)

    async def _look(self, reader: ChatReader, chat: Chat) -> list[ReadingRow]:
        """Read the chat and keep what it says of its doubts; returns the readings by which to resolve."""
        try:
            entries = await reader.entries(chat.phone)
        except GatewayError as error:
            await self._store.reserve_read(chat.id, max(READ_REST, error.verdict.retry_after or 0.0))
            attempts = await reader.attempts(chat.phone)
            rows = _rows((attempt, _UNREADABLE, None) for attempt in attempts)
            return await self._store.note_readings(rows, chat.read_at, {_UNREADABLE: f"not readable: {error}"})
        # After the chat, so that whatever it shows of ours is among them.
        attempts = await reader.attempts(chat.phone)
        readings = await reader.match(chat.phone, attempts, entries)
        rows = _rows((each, seen.sight, seen.gateway_id) for each, seen in zip(attempts, readings, strict=True))
        return await self._store.note_readings(rows, chat.read_at, _WORDS)

    async def _prove(self, reader: ChatReader, lane: int, ripe: Sequence[ReadingRow]) -> bool:
        """Whether the lane's reading back shows, now, a message that the gateway is known to have accepted.

        It is only asked where that could resolve any of `ripe`.
        """
        accepted = await self._store.accepted_lately(lane)
        if accepted is None or not await self._store.wants_proof(ripe, accepted):
            return False
        wait = await self._store.reserve_read(lane)
        if wait > READ_REST:
            return False  # The lane rests, or very many wait for it: the next poll tries again.
        await asyncio.sleep(wait)
        try:
            entries = await reader.entries(accepted.phone)
        except GatewayError:
            return False
        proven = await reader.recognises(accepted, entries)
        if proven:
            await self._store.prove(lane, accepted)
        return proven


def _rows(readings: Iterable[tuple[Attempt, str, str | None]]) -> list[ReadingRow]:
    """What was said of those attempts that are in doubt."""
    return [
        ReadingRow(*attempt.key, attempt.polls, sight, gateway_id)
        for attempt, sight, gateway_id in readings
        if attempt.polls is not None
    ]


def _shown(template: Template, variables: dict[str, str]) -> ShownContent:
    """What a chat can show of a campaign's message to one recipient."""
    caption = None if template.caption is None else compile_template(template.caption).render(variables)
    match template.kind:
        case ContentKind.TEXT:
            return ShownContent(text=compile_template(template.body).render(variables))
        case ContentKind.FILE:
            return ShownContent(filename=template.filename or "file", caption=caption)
        case ContentKind.FILE_URL:
            return ShownContent(url=template.body, caption=caption)
