"""Reads the chats of one account under every form of their numbers, and matches them with our attempts."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from broadcaster.domain.content_kinds import ContentKind
from broadcaster.domain.contents import Content
from broadcaster.domain.outcomes import Outcome
from broadcaster.domain.readback import LATEST_CLOCK, ChatReading, EntryCandidate, Page, Sight, Why, match_chat
from broadcaster.domain.whatsapp_numbers import forms, number_class
from broadcaster.gateway import GatewayError, WAChatPro
from broadcaster.services.reconcile.doubt_rows import Accepted, Attempt, LookRow
from broadcaster.services.reconcile.doubts import DoubtStore
from broadcaster.settings import Settings

LIMIT = 100
"""How many entries of a chat are requested."""
SHOWN_WITHIN = timedelta(minutes=10)
"""An entry may be dated this much later than the end of its request: the gateway has a queue of its own."""
MOST_AT_ONCE = 16
"""At most this many chats of one account are read at once."""


class ChatReader:
    """The chats of one account."""

    def __init__(self, store: DoubtStore, gateway: WAChatPro, account: int, settings: Settings) -> None:
        self._store = store
        self._gateway = gateway
        self._account = account
        self._clock_difference = timedelta(seconds=settings.gateway_clock_seconds)
        in_doubt = timedelta(seconds=settings.doubt_deadline_seconds) + SHOWN_WITHIN
        self._within = in_doubt + LATEST_CLOCK + 2 * self._clock_difference
        self._places = asyncio.Semaphore(MOST_AT_ONCE)
        self._contents: dict[tuple[int, int], Content] = {}
        """By campaign and version: what was sent, whatever the campaign sends today."""
        self.failures: list[GatewayError] = []
        """How many reads so far were too much for the account."""

    async def pages(self, phone: str) -> list[Page]:
        """The latest entries of the chat, under each readable form of its number.

        Some gateways answer with an error if they have no such chat. Raises GatewayError if no form can be read.
        """
        async with self._places:
            found, failures = await list_chat(self._gateway, phone)
        self.failures += [error for error in failures.values() if not (found and _is_answer(error))]
        if not found:
            raise list(failures.values())[-1]
        return found

    async def attempts(self, phones: Sequence[str]) -> dict[str, list[Attempt]]:
        """By phone, the attempts that its chat may show. Ask after reading the chats, so that no attempt is missed."""
        attempts: dict[str, list[Attempt]] = {phone: [] for phone in phones}
        for attempt in await self._store.attempts_to(self._account, phones, self._within):
            attempts[attempt.phone].append(attempt)
        return attempts

    async def match(self, attempts: Sequence[Attempt], pages: Sequence[Page]) -> list[ChatReading]:
        """What the pages of a chat show of each attempt to its phone. If a page is missing, none counts as absent."""
        candidates = [await self._candidate(attempt) for attempt in attempts]
        readings = match_chat(candidates, pages, clock_difference=self._clock_difference)
        if not attempts or {page.phone for page in pages} >= set(forms(attempts[0].phone)):
            return readings
        return [
            replace(each, sight=Sight.UNDECIDED, why=Why.UNREAD)
            if each.sight in (Sight.ABSENT, Sight.SILENT)
            else each
            for each in readings
        ]

    async def look_for(self, chats: Sequence[tuple[Accepted, Sequence[Page]]]) -> list[Sight]:
        """What chats show of messages that the gateway certainly accepted. Clear results are stored.

        Each must be recognised in the way of a message in doubt: by content and time, not by the gateway's id.
        """
        attempts = await self.attempts(list(dict.fromkeys(accepted.phone for accepted, _ in chats)))
        sights = [await self._sight(accepted, attempts[accepted.phone], pages) for accepted, pages in chats]
        looks = [
            _look(accepted, sight is Sight.FOUND, max(len(page.entries) for page in pages))
            for (accepted, pages), sight in zip(chats, sights, strict=True)
            if sight is not Sight.UNDECIDED
        ]
        if looks:
            await self._store.note_looks(self._account, looks)
        return sights

    async def _sight(self, accepted: Accepted, attempts: Sequence[Attempt], pages: Sequence[Page]) -> Sight:
        ours = [
            attempt._replace(gateway_id=None, is_known=False) if attempt.key == accepted.key else attempt
            for attempt in attempts
        ]
        readings = await self.match(ours, pages)
        sights = [seen.sight for each, seen in zip(ours, readings, strict=True) if each.key == accepted.key]
        return sights[0] if sights else Sight.UNDECIDED

    async def content_kind(self, attempt: Attempt) -> ContentKind:
        """What kind of content the attempt was to send."""
        return (await self._content(attempt)).kind

    async def _content(self, attempt: Attempt) -> Content:
        key = (attempt.campaign_id, attempt.content_version)
        if key not in self._contents:
            self._contents[key] = await self._store.content(*key)
        return self._contents[key]

    async def _candidate(self, attempt: Attempt) -> EntryCandidate:
        content = await self._content(attempt)
        end = None if attempt.ended_at is None else attempt.ended_at + SHOWN_WITHIN
        shown = content.render(attempt.variables or {})
        return EntryCandidate(
            shown, attempt.started_at, end, attempt.gateway_id, attempt.is_known, is_elsewhere=attempt.is_elsewhere
        )


async def list_chat(gateway: WAChatPro, phone: str) -> tuple[list[Page], dict[str, GatewayError]]:
    """The list for each form of the number, and the error for each form that the gateway refuses."""
    pages: list[Page] = []
    failures: dict[str, GatewayError] = {}
    for form in forms(phone):
        try:
            pages.append(Page(form, await gateway.messages(form, LIMIT)))
        except GatewayError as error:
            failures[form] = error
    return pages, failures


def _look(accepted: Accepted, is_shown: bool, entries: int) -> LookRow:
    return LookRow(
        accepted.segment,
        accepted.campaign_id,
        accepted.seq,
        number_class=number_class(accepted.phone),
        content_kind=accepted.content_kind.value,
        accepted_at=accepted.accepted_at,
        is_shown=is_shown,
        entries=entries,
    )


def _is_answer(error: GatewayError) -> bool:
    """Whether the gateway said that it has no such chat or cannot list it."""
    verdict = error.verdict
    return verdict.http_status is not None and verdict.outcome in (Outcome.REJECTED, Outcome.NOT_SENT)
