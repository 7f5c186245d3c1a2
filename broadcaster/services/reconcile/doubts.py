"""The statements of reading back. Each is one guarded statement, committed when the call returns."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec

from broadcaster.db.pool import AsyncPool
from broadcaster.db.statements import Statements
from broadcaster.domain.contents import Content, stored_content
from broadcaster.domain.states import MessageState
from broadcaster.domain.whatsapp_numbers import forms, number_class
from broadcaster.services.reconcile.doubt_rows import (
    Accepted,
    Attempt,
    DueChat,
    DueTruth,
    Key,
    LookRow,
    ReadAccount,
    ReadingRow,
    Sample,
)
from broadcaster.settings import Settings

ROUND_SECONDS = 1.0
"""Seconds between the rounds of reads through one account, at least: each has as many as it bears in a second."""
LONGEST_ROUND = 10.0
"""Seconds after which the next round may begin although nothing was heard of the one before: its worker died."""
MOST_READS = 64
"""Reads through one account in a second, at most."""
LONGEST_POLL = 300.0
"""Seconds between two readings of a chat, at most."""
LONGEST_REST = 3600.0
"""Seconds without reads through one account, at most, whatever it asks for."""
MOST_ACCEPTED = 100
"""Messages that were accepted first and last since a doubt arose, among which are looked for some that prove."""
PROOF_SECONDS = 600.0
"""For how long a message that was shown proves that those which are accepted are shown."""
HIDDEN_SECONDS = 300.0
"""How old an accepted message is that may never be shown, where it has not been until then."""
LOOK_PAUSE = 2.5
"""Seconds between two looks for accepted messages of one kind, for the same doubts."""


class _Truth(NamedTuple):
    shown: int
    missing: int


class _Resolved(msgspec.Struct, frozen=True):
    state: MessageState
    messages: int


def poll_intervals(settings: Settings) -> dict[str, timedelta]:
    """The `first` interval between two readings of a chat, which doubles with each, and the `longest`."""
    return {
        "first": timedelta(seconds=settings.doubt_poll_seconds),
        "longest": timedelta(seconds=max(LONGEST_POLL, settings.doubt_poll_seconds)),
    }


class DoubtStore:
    """The reconciler's view of Postgres."""

    def __init__(self, pool: AsyncPool, settings: Settings) -> None:
        """The pool's statements may take as long as a lease lasts."""
        self._statements = Statements(pool, statement_timeout=settings.lease_seconds)
        self._settings = settings

    async def pick_chats(self, most: int) -> list[ReadAccount]:
        """The due chats of at most `most` accounts that may be read now; the caller is the only one to have them."""
        found = await self._statements.rows(
            "pick_chats",
            DueChat,
            most=most,
            pace=timedelta(seconds=LONGEST_ROUND),
            **poll_intervals(self._settings),
        )
        accounts: dict[int, ReadAccount] = {}
        for row in found:
            accounts.setdefault(row.account_id, row.account).phones.append(row.phone)
        return list(accounts.values())

    async def pick_truths(self, most: int, since: timedelta, until: timedelta) -> list[Sample]:
        """Messages that were accepted between `until` and `since` ago, at most one of an account, to be looked for."""
        every = timedelta(seconds=self._settings.truth_check_seconds)
        found = await self._statements.rows("pick_truths", DueTruth, most=most, since=since, until=until, every=every)
        return [Sample(row.account, row.accepted) for row in found]

    async def note_truth(self, account: int, key: Key, most: int, *, shown: bool) -> tuple[int, int]:
        """Count one more accepted message that was shown or missing; returns how many of late were each.

        Once they are `most`, what was counted before counts half as much. It is not looked for again.
        """
        message = f"{key.campaign_id}/{key.seq}/{key.attempt}"
        [counts] = await self._statements.rows(
            "note_truth", _Truth, account=account, message=message, kept=MOST_ACCEPTED, shown=shown, most=most
        )
        return counts

    async def stop_sending_through(self, account: int, reason: str) -> bool:
        """Stop the instance that has the account until an operator resumes it; False where it is stopped already."""
        return await self._statements.execute("stop_sending_through", account=account, reason=reason) > 0

    async def note_reads(self, account: int, read_at: datetime, *, answered: int, failed: int, rest: float) -> None:
        """Of the round that began at `read_at` so many reads were answered and so many were not.

        `rest` is how many seconds the account rests where any was not.
        """
        await self._statements.execute(
            "note_reads",
            account=account,
            read_at=read_at,
            pace=timedelta(seconds=ROUND_SECONDS),
            answered=answered,
            failed=failed,
            most=MOST_READS,
            rest=timedelta(seconds=min(rest, LONGEST_REST)),
        )

    async def attempts_to(self, account: int, phones: Sequence[str], within: timedelta) -> list[Attempt]:
        """The attempts to these phones that may have an entry of the last `within` in the account's chats."""
        asked = [(phone, form) for phone in phones for form in forms(phone)]
        return await self._statements.rows(
            "chat_attempts",
            Attempt,
            account=account,
            within=within,
            phones=[phone for phone, _ in asked],
            forms=[form for _, form in asked],
        )

    async def content(self, campaign_id: int, version: int) -> Content:
        """A version of what the campaign sends."""
        [row] = await self._statements.rows("campaign_content", tuple, campaign_id=campaign_id, version=version)
        return stored_content(*row)

    async def note_readings(self, rows: Sequence[ReadingRow], read_at: datetime) -> list[ReadingRow]:
        """Keep what chats said; returns the readings by which to resolve."""
        found = await self._statements.rows(
            "note_readings",
            Key,
            rows=_json(rows),
            read_at=read_at,
            settle=timedelta(seconds=self._settings.doubt_settle_seconds),
            first=timedelta(seconds=self._settings.doubt_poll_seconds),
            polls=self._settings.doubt_polls,
        )
        ripe = set(found)
        return [row for row in rows if Key(row.segment, row.campaign_id, row.seq, row.attempt) in ripe]

    async def resolve(self, rows: Sequence[ReadingRow], read_at: datetime) -> dict[MessageState, int]:
        """Move messages out of doubt; returns how many went where. What cannot be trusted stays in doubt."""
        found = await self._statements.rows(
            "resolve_doubts",
            _Resolved,
            rows=_json(rows),
            read_at=read_at,
            proof=timedelta(seconds=PROOF_SECONDS),
            hidden=timedelta(seconds=HIDDEN_SECONDS),
        )
        return {row.state: row.messages for row in found}

    async def accepted_lately(self, account: int) -> Accepted | None:
        """The latest message that the gateway is known to have accepted through the account, if it is not too old."""
        within = timedelta(seconds=PROOF_SECONDS)
        found = await self._statements.rows("accepted_lately", Accepted, account=account, within=within)
        return next(iter(found), None)

    async def accepted_since(self, account: int, rows: Sequence[ReadingRow]) -> list[Accepted]:
        """Messages that the gateway is known to have accepted since these doubts began, in the order of time."""
        return await self._statements.rows(
            "accepted_since",
            Accepted,
            account=account,
            rows=_json(rows),
            within=timedelta(seconds=PROOF_SECONDS),
            most=MOST_ACCEPTED,
        )

    async def wants_look(self, rows: Sequence[ReadingRow], latest: Accepted) -> bool:
        """Whether messages of a kind, with the `latest` one of it, should be looked for on behalf of these doubts."""
        [wanted] = await self._statements.values(
            "wants_look",
            rows=_json(rows),
            number_class=number_class(latest.phone),
            content_kind=latest.content_kind.value,
            accepted_at=latest.accepted_at,
            pause=timedelta(seconds=LOOK_PAUSE),
        )
        return bool(wanted)

    async def note_looks(self, account: int, looks: Sequence[LookRow]) -> None:
        """Keep whether these accepted messages were shown just now."""
        within = timedelta(seconds=PROOF_SECONDS)
        await self._statements.execute("note_looks", account=account, looks=_json(looks), within=within)


def _json(document: object) -> str:
    # Postgres text cannot hold NUL.
    return msgspec.json.encode(document).decode().replace("\\u0000", "\\ufffd")
