"""The statements of reading back. Each is one guarded statement, committed when the call returns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import msgspec
from psycopg.rows import namedtuple_row

from broadcaster.db.pool import AsyncPool
from broadcaster.db.queries import query
from broadcaster.domain.contents import Content, ContentKind, stored_content
from broadcaster.domain.instances import Wire
from broadcaster.domain.states import MessageState
from broadcaster.domain.whatsapp_numbers import forms, number_class
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


class Key(NamedTuple):
    """Names an attempt."""

    segment: int
    campaign_id: int
    seq: int
    attempt: int


@dataclass(frozen=True, slots=True)
class ReadAccount:
    """An account whose chats are to be read back, with what a client of it needs."""

    name: str
    """Of its instance."""
    account_id: int
    key_encrypted: bytes
    base_url: str
    wire: Wire
    reply_rules: Mapping[str, Any] | None
    phones: list[str]
    """Whose chats are due."""
    read_at: datetime


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt that has or may have an entry in a chat; `ended_at` is None while it is under way.

    `is_known`: the gateway is known to have accepted it. `polls` is the number of the poll where it is in doubt,
    otherwise None.
    """

    phone: str
    key: Key
    variables: dict[str, str] | None
    gateway_id: str | None
    started_at: datetime
    ended_at: datetime | None
    is_known: bool
    polls: int | None


@dataclass(frozen=True, slots=True)
class Accepted:
    """An attempt that the gateway is known to have accepted, to whom, and since when."""

    key: Key
    phone: str
    content_kind: ContentKind
    accepted_at: datetime
    apart: float = 0.0
    """Seconds between it and the doubt nearest to it."""
    is_missing: bool = False
    """It was looked for in its chat and not shown, last time."""


@dataclass(frozen=True, slots=True)
class Sample:
    """An accepted message that is to be looked for in its chat."""

    account: ReadAccount
    accepted: Accepted


class ReadingRow(msgspec.Struct, frozen=True):
    """What a chat said of one doubt, as `note_readings.sql` and `resolve_doubts.sql` read it.

    `sight` may also be `unreadable`; `reading` says it to people. The rest says what kind of proof a silence needs:
    the class of its number, the kind of its content, and how long the list was.
    """

    segment: int
    campaign_id: int
    seq: int
    attempt: int
    polls: int
    sight: str
    reading: str
    gateway_id: str | None
    number_class: str
    content_kind: str
    entries: int


class LookRow(msgspec.Struct, frozen=True):
    """An accepted message that was looked for in its chat, as `note_looks.sql` reads it.

    `entries` is how long the list was.
    """

    segment: int
    campaign_id: int
    seq: int
    number_class: str
    content_kind: str
    accepted_at: datetime
    is_shown: bool
    entries: int


def poll_intervals(settings: Settings) -> dict[str, timedelta]:
    """The `first` interval between two readings of a chat, which doubles with each, and the `longest`."""
    return {
        "first": timedelta(seconds=settings.doubt_poll_seconds),
        "longest": timedelta(seconds=max(LONGEST_POLL, settings.doubt_poll_seconds)),
    }


class DoubtStore:
    """The reconciler's view of Postgres."""

    def __init__(self, pool: AsyncPool, settings: Settings) -> None:
        self._pool = pool
        self._settings = settings

    async def pick_chats(self, most: int) -> list[ReadAccount]:
        """The due chats of at most `most` accounts that may be read now; the caller is the only one to have them."""
        parameters = {
            "most": most,
            "pace": timedelta(seconds=LONGEST_ROUND),
            **poll_intervals(self._settings),
        }
        accounts: dict[int, ReadAccount] = {}
        for row in await self._execute("pick_chats", parameters):
            accounts.setdefault(row.account_id, _account(row)).phones.append(row.phone)
        return list(accounts.values())

    async def pick_truths(self, most: int, since: timedelta, until: timedelta) -> list[Sample]:
        """Messages that were accepted between `until` and `since` ago, at most one of an account, to be looked for."""
        every = timedelta(seconds=self._settings.truth_check_seconds)
        parameters = {"most": most, "since": since, "until": until, "every": every}
        return [Sample(_account(row), _accepted(row)) for row in await self._execute("pick_truths", parameters)]

    async def note_truth(self, account: int, key: Key, most: int, *, shown: bool) -> tuple[int, int]:
        """Count one more accepted message that was shown or missing; returns how many of late were each.

        Once they are `most`, what was counted before counts half as much. It is not looked for again.
        """
        message = f"{key.campaign_id}/{key.seq}/{key.attempt}"
        parameters = {"account": account, "message": message, "kept": MOST_ACCEPTED, "shown": shown, "most": most}
        [row] = await self._execute("note_truth", parameters)
        return row.truth_shown, row.truth_missing

    async def stop_sending_through(self, account: int, reason: str) -> bool:
        """Stop the instance that has the account until an operator resumes it; False where it is stopped already."""
        return bool(await self._execute("stop_sending_through", {"account": account, "reason": reason}))

    async def note_reads(self, account: int, read_at: datetime, *, answered: int, failed: int, rest: float) -> None:
        """Of the round that began at `read_at` so many reads were answered and so many were not.

        `rest` is how many seconds the account rests where any was not.
        """
        await self._execute(
            "note_reads",
            {
                "account": account,
                "read_at": read_at,
                "pace": timedelta(seconds=ROUND_SECONDS),
                "answered": answered,
                "failed": failed,
                "most": MOST_READS,
                "rest": timedelta(seconds=min(rest, LONGEST_REST)),
            },
        )

    async def attempts_to(self, account: int, phones: Sequence[str], within: timedelta) -> list[Attempt]:
        """The attempts to these phones that may have an entry of the last `within` in the account's chats."""
        asked = [(phone, form) for phone in phones for form in forms(phone)]
        parameters = {"phones": [phone for phone, _ in asked], "forms": [form for _, form in asked]}
        rows = await self._execute("chat_attempts", {"account": account, "within": within, **parameters})
        return [
            Attempt(
                row.phone,
                Key(row.segment, row.campaign_id, row.seq, row.attempt),
                row.variables,
                row.gateway_id,
                row.started_at,
                row.ended_at,
                row.is_known,
                row.polls,
            )
            for row in rows
        ]

    async def content(self, campaign_id: int) -> Content:
        """What the campaign sends."""
        [row] = await self._execute("campaign_content", {"campaign_id": campaign_id})
        return stored_content(*row)

    async def note_readings(self, rows: Sequence[ReadingRow], read_at: datetime) -> list[ReadingRow]:
        """Keep what chats said; returns the readings by which to resolve."""
        parameters = {
            "rows": _json(rows),
            "read_at": read_at,
            "settle": timedelta(seconds=self._settings.doubt_settle_seconds),
            "first": timedelta(seconds=self._settings.doubt_poll_seconds),
            "polls": self._settings.doubt_polls,
        }
        ripe = {tuple(row) for row in await self._execute("note_readings", parameters)}
        return [row for row in rows if (row.segment, row.campaign_id, row.seq, row.attempt) in ripe]

    async def resolve(self, rows: Sequence[ReadingRow], read_at: datetime) -> dict[MessageState, int]:
        """Move messages out of doubt; returns how many went where. What cannot be trusted stays in doubt."""
        parameters = {
            "rows": _json(rows),
            "read_at": read_at,
            "proof": timedelta(seconds=PROOF_SECONDS),
            "hidden": timedelta(seconds=HIDDEN_SECONDS),
        }
        found = await self._execute("resolve_doubts", parameters)
        return {MessageState(row.state): row.messages for row in found}

    async def accepted_lately(self, account: int) -> Accepted | None:
        """The latest message that the gateway is known to have accepted through the account, if it is not too old."""
        parameters = {"account": account, "within": timedelta(seconds=PROOF_SECONDS)}
        return next(map(_accepted, await self._execute("accepted_lately", parameters)), None)

    async def accepted_since(self, account: int, rows: Sequence[ReadingRow]) -> list[Accepted]:
        """Messages that the gateway is known to have accepted since these doubts began, in the order of time."""
        parameters = {
            "account": account,
            "rows": _json(rows),
            "within": timedelta(seconds=PROOF_SECONDS),
            "most": MOST_ACCEPTED,
        }
        found = await self._execute("accepted_since", parameters)
        return [replace(_accepted(row), apart=row.apart, is_missing=row.is_missing) for row in found]

    async def wants_look(self, rows: Sequence[ReadingRow], latest: Accepted) -> bool:
        """Whether messages of a kind, with the `latest` one of it, should be looked for on behalf of these doubts."""
        parameters = {
            "rows": _json(rows),
            "number_class": number_class(latest.phone),
            "content_kind": latest.content_kind.value,
            "accepted_at": latest.accepted_at,
            "pause": timedelta(seconds=LOOK_PAUSE),
        }
        [row] = await self._execute("wants_look", parameters)
        return bool(row.wanted)

    async def note_looks(self, account: int, looks: Sequence[LookRow]) -> None:
        """Keep whether these accepted messages were shown just now."""
        within = timedelta(seconds=PROOF_SECONDS)
        await self._execute("note_looks", {"account": account, "looks": _json(looks), "within": within})

    async def _execute(self, name: str, parameters: Mapping[str, Any]) -> list[Any]:
        async with self._pool.connection() as connection, connection.cursor(row_factory=namedtuple_row) as cursor:
            await cursor.execute(query(name), parameters, prepare=True)
            return await cursor.fetchall() if cursor.description else []


def _account(row: Any) -> ReadAccount:
    return ReadAccount(
        name=row.name,
        account_id=row.account_id,
        key_encrypted=row.key_encrypted,
        base_url=row.base_url,
        wire=Wire(row.wire),
        reply_rules=row.reply_rules,
        phones=[],
        read_at=row.read_at,
    )


def _accepted(row: Any) -> Accepted:
    key = Key(row.segment, row.campaign_id, row.seq, row.attempt)
    return Accepted(key, row.phone, ContentKind(row.content_kind), row.accepted_at)


def _json(document: object) -> str:
    # Postgres text cannot hold NUL.
    return msgspec.json.encode(document).decode().replace("\\u0000", "\\ufffd")
