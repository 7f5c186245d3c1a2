"""The statements of reading back. Each is one guarded statement, committed when the call returns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import msgspec
from psycopg.rows import namedtuple_row

from broadcaster.db.pool import AsyncPool
from broadcaster.db.queries import query
from broadcaster.domain.contents import ContentKind
from broadcaster.domain.instances import Wire
from broadcaster.domain.states import MessageState
from broadcaster.settings import Settings

READ_PACE = 1.0
"""Seconds between two reads through one instance, at least."""
LONGEST_POLL = 300.0
"""Seconds between two readings of a chat, at most."""
LONGEST_REST = 3600.0
"""Seconds without reads through one instance, at most, whatever it asks for."""
PROOF_SECONDS = 600.0
"""For how long a message that was shown proves that those which are accepted are shown."""


class Key(NamedTuple):
    """Names an attempt."""

    segment: int
    campaign_id: int
    seq: int
    attempt: int


@dataclass(frozen=True, slots=True)
class Chat:
    """A chat to be read back, with what a client of its instance needs."""

    id: int
    """Of its lane."""
    name: str
    key_encrypted: bytes
    base_url: str
    wire: Wire
    reply_rules: Mapping[str, Any] | None
    phone: str
    read_at: datetime


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt that has or may have an entry in a chat; `ended_at` is None while it is under way.

    `polls` is the number of the poll where it is in doubt, otherwise None.
    """

    key: Key
    variables: dict[str, str] | None
    gateway_id: str | None
    started_at: datetime
    ended_at: datetime | None
    polls: int | None


@dataclass(frozen=True, slots=True)
class Accepted:
    """An attempt that the gateway is known to have accepted, to whom, and since when."""

    key: Key
    phone: str
    accepted_at: datetime


@dataclass(frozen=True, slots=True)
class Template:
    """What a campaign sends, as its row has it; `body` is empty for a file."""

    kind: ContentKind
    body: str
    caption: str | None
    filename: str | None


class ReadingRow(msgspec.Struct, frozen=True):
    """What a chat said of one doubt, as `note_readings.sql` reads it. `sight` may also be `unreadable`."""

    segment: int
    campaign_id: int
    seq: int
    attempt: int
    polls: int
    sight: str
    gateway_id: str | None


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

    async def pick_chats(self, most: int) -> list[Chat]:
        """At most one due chat of each lane that may be asked now; the caller is the only one to have them."""
        parameters = {
            "most": most,
            "pace": timedelta(seconds=READ_PACE),
            **poll_intervals(self._settings),
        }
        return [
            Chat(
                row.id,
                row.name,
                row.key_encrypted,
                row.base_url,
                Wire(row.wire),
                row.reply_rules,
                row.phone,
                row.read_at,
            )
            for row in await self._execute("pick_chats", parameters)
        ]

    async def reserve_read(self, lane: int, seconds: float = READ_PACE) -> float:
        """Keep a moment of the lane free, with `seconds` after it; returns how many seconds it is away."""
        parameters = {
            "lane": lane,
            "pace": timedelta(seconds=min(seconds, LONGEST_REST)),
            "longest": timedelta(seconds=LONGEST_REST),
        }
        [row] = await self._execute("reserve_read", parameters)
        return float(row.wait)

    async def attempts_to(self, lane: int, phone: str, within: timedelta) -> list[Attempt]:
        """The attempts over the lane to one phone that may have an entry of the time `within` in its chat."""
        rows = await self._execute("chat_attempts", {"lane": lane, "phone": phone, "within": within})
        return [
            Attempt(
                Key(row.segment, row.campaign_id, row.seq, row.attempt),
                row.variables,
                row.gateway_id,
                row.started_at,
                row.ended_at,
                row.polls,
            )
            for row in rows
        ]

    async def template(self, campaign_id: int) -> Template:
        """What the campaign sends."""
        [(_, kind, body, caption, filename)] = await self._execute("campaign_content", {"campaign_id": campaign_id})
        return Template(ContentKind(kind), bytes(body).decode(), caption, filename)

    async def note_readings(
        self, rows: Sequence[ReadingRow], read_at: datetime, words: Mapping[str, str]
    ) -> list[ReadingRow]:
        """Keep what a chat said, each sight in `words` for people; returns the readings by which to resolve."""
        parameters = {
            "rows": _json(rows),
            "words": _json(words),
            "read_at": read_at,
            "settle": timedelta(seconds=self._settings.doubt_settle_seconds),
            "polls": self._settings.doubt_polls,
        }
        ripe = {tuple(row) for row in await self._execute("note_readings", parameters)}
        return [row for row in rows if (row.segment, row.campaign_id, row.seq, row.attempt) in ripe]

    async def resolve(self, rows: Sequence[ReadingRow], read_at: datetime) -> dict[MessageState, int]:
        """Move messages out of doubt; returns how many went where. What cannot be trusted stays in doubt."""
        parameters = {"rows": _json(rows), "read_at": read_at, "proof": timedelta(seconds=PROOF_SECONDS)}
        found = await self._execute("resolve_doubts", parameters)
        return {MessageState(row.state): row.messages for row in found}

    async def accepted_lately(self, lane: int) -> Accepted | None:
        """The latest message that the gateway is known to have accepted through the lane, if it is not too old."""
        parameters = {"lane": lane, "within": timedelta(seconds=PROOF_SECONDS)}
        for row in await self._execute("accepted_lately", parameters):
            return Accepted(Key(row.segment, row.campaign_id, row.seq, row.attempt), row.phone, row.accepted_at)
        return None

    async def wants_proof(self, rows: Sequence[ReadingRow], accepted: Accepted) -> bool:
        """Whether `accepted`, were it shown now, would help to resolve any of these doubts sooner."""
        parameters = {
            "rows": _json(rows),
            "accepted_at": accepted.accepted_at,
            "proof": timedelta(seconds=PROOF_SECONDS),
        }
        [row] = await self._execute("wants_proof", parameters)
        return bool(row.wanted)

    async def prove(self, lane: int, accepted: Accepted) -> None:
        """Keep that `accepted` was shown just now."""
        await self._execute("prove_readback", {"lane": lane, "accepted_at": accepted.accepted_at})

    async def _execute(self, name: str, parameters: Mapping[str, Any]) -> list[Any]:
        async with self._pool.connection() as connection, connection.cursor(row_factory=namedtuple_row) as cursor:
            await cursor.execute(query(name), parameters, prepare=True)
            return await cursor.fetchall() if cursor.description else []


def _json(document: object) -> str:
    # Postgres text cannot hold NUL.
    return msgspec.json.encode(document).decode().replace("\\u0000", "\\ufffd")
