"""The transactions of reading replies. Each is committed when its call returns."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol, TypeVar

import msgspec
from sqlalchemy import Connection, Engine

from broadcaster.crypto import Vault
from broadcaster.db.engine import transaction
from broadcaster.db.statements import execute, rows
from broadcaster.domain.inbound_meanings import InboundMeaning
from broadcaster.domain.whatsapp_numbers import sure_forms
from broadcaster.services.consent.opt_outs import opt_in_by_reply, opt_out_by_reply
from broadcaster.services.forgetting.forgotten import Forgotten, hold_off
from broadcaster.services.inbox.inbox_rows import ChatReadingRow, ChatRow, DueInbox, InboundRow, NewInbound, PickedChat
from broadcaster.services.reconcile.doubts import LONGEST_REST, LONGEST_ROUND, MOST_READS, ROUND_SECONDS

READ_AGAIN = timedelta(seconds=30)
"""A chat is read again after this time where nothing was heard of its reading: its worker died."""
MOST_TRIES = 5
"""A chat that does not answer so often in a row is given up until it changes again."""

T = TypeVar("T")


class ConfirmOptOut(Protocol):
    """Lets a person (E.164 digits) be told that her opt-out is heard: services/campaigns/confirmations.py."""

    def __call__(self, connection: Connection, phone: str, *, opt_out_id: int, lane_id: int) -> object:
        """In the transaction that opts her out, through the instance to which she wrote."""
        ...


class InboxStore:
    """The inbox reader's view of Postgres: blocking statements, on threads of their own."""

    def __init__(self, engine: Engine, vault: Vault, tolerance: timedelta, confirm: ConfirmOptOut | None) -> None:
        """`tolerance` is by how much clocks of gateways may differ from Postgres's.

        `confirm` lets people know that they have opted out; None: nobody does.
        """
        self._engine = engine
        self._vault = vault
        self._tolerance = tolerance
        self._confirm = confirm
        self._running: set[asyncio.Future[Any]] = set()

    async def aclose(self, within: float) -> None:
        """Close the connections, once what runs has ended or `within` seconds have passed."""
        if self._running:
            await asyncio.wait(self._running, timeout=within)
        self._engine.dispose()

    async def pick_inboxes(self, most: int) -> list[DueInbox]:
        """At most `most` accounts that may be read now; the caller is the only one to have them."""

        def pick(connection: Connection) -> list[DueInbox]:
            return rows(connection, "pick_inboxes", DueInbox, most=most, pace=timedelta(seconds=LONGEST_ROUND))

        return await self._committed(pick)

    async def note_chat_list(
        self,
        inbox: DueInbox,
        chats: Sequence[ChatRow],
        *,
        first_watermark: datetime | None,
        latest: datetime | None,
        complete_since: datetime | None,
        trouble: str | None,
    ) -> None:
        """Take in a list of the account's chats: those that changed are to be read."""

        def note(connection: Connection) -> None:
            execute(
                connection,
                "note_chat_list",
                account=inbox.account_id,
                polls=inbox.polls,
                chats=_json(chats),
                first_watermark=first_watermark,
                latest=latest,
                complete_since=complete_since,
                trouble=trouble,
            )

        await self._committed(note)

    async def pick_chats_of(self, inbox: DueInbox, most: int) -> list[PickedChat]:
        """At most `most` chats of the account that are to be read now."""

        def pick(connection: Connection) -> list[PickedChat]:
            account = inbox.account_id
            return rows(connection, "pick_inbox_chats", PickedChat, account=account, most=most, again=READ_AGAIN)

        return await self._committed(pick)

    async def take_in(
        self,
        inbox: DueInbox,
        messages: Sequence[InboundRow],
        readings: Sequence[ChatReadingRow],
        trouble: str | None,
    ) -> list[NewInbound]:
        """Store what people wrote, do what their words ask for, and keep what was read; all of it or nothing.

        Who was forgotten is not taken in. Returns what was new.
        """

        def take(connection: Connection) -> list[NewInbound]:
            # Before it is asked who was forgotten: nobody is from here until the commit.
            hold_off(connection)
            forgotten = Forgotten(connection, lambda: self._vault)
            kept = [each for each in messages if not any(form in forgotten for form in each.forms)]
            new = rows(
                connection,
                "note_inbound",
                NewInbound,
                account=inbox.account_id,
                lane_id=inbox.lane_id,
                messages=_json(kept),
                tolerance=self._tolerance,
            )
            known = [{"id": each.id, "forms": sure_forms(each.phone)} for each in new if each.phone is not None]
            execute(connection, "note_first_writers", writers=_json(known))
            for each in sorted(new, key=lambda each: each.said_at):
                _do_as_asked(connection, each, inbox.lane_id, self._confirm)
            execute(
                connection,
                "note_chat_readings",
                account=inbox.account_id,
                readings=_json(readings),
                tries=MOST_TRIES,
                next=timedelta(seconds=inbox.interval_seconds),
                trouble=trouble,
            )
            return new

        return await self._committed(take)

    async def note_reads(self, inbox: DueInbox, *, answered: int, failed: int, rest: float) -> None:
        """Of the round so many reads were answered and so many were not; `rest` as for reading back."""

        def note(connection: Connection) -> None:
            execute(
                connection,
                "note_reads",
                account=inbox.account_id,
                read_at=inbox.read_at,
                pace=timedelta(seconds=ROUND_SECONDS),
                answered=answered,
                failed=failed,
                most=MOST_READS,
                rest=timedelta(seconds=min(rest, LONGEST_REST)),
            )

        await self._committed(note)

    async def _committed(self, work: Callable[[Connection], T]) -> T:
        def run() -> T:
            with transaction(self._engine) as connection:
                return work(connection)

        running = asyncio.ensure_future(asyncio.to_thread(run))
        self._running.add(running)
        running.add_done_callback(self._running.discard)
        # Whoever is cancelled leaves a transaction behind that goes on.
        return await asyncio.shield(running)


def _do_as_asked(connection: Connection, said: NewInbound, lane_id: int, confirm: ConfirmOptOut | None) -> None:
    """Opt the person out, or in again if a word had stopped it, in the transaction that takes the message in.

    `lane_id` is the instance to which it was written, which may confirm it.
    """
    if said.phone is None or said.body is None:
        return
    if said.meaning is InboundMeaning.STOP:
        opt_out_id = opt_out_by_reply(connection, said.phone, words=said.body, inbound_id=said.id)
        if opt_out_id is not None and confirm is not None:
            confirm(connection, said.phone, opt_out_id=opt_out_id, lane_id=lane_id)
    elif said.meaning is InboundMeaning.START:
        opt_in_by_reply(connection, said.phone, words=said.body, inbound_id=said.id, said_at=said.said_at)


def _json(document: object) -> str:
    # Postgres text cannot hold NUL.
    return msgspec.json.encode(document).decode().replace("\\u0000", "\\ufffd")
