"""What reading back takes from Postgres and gives to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from broadcaster.domain.content_kinds import ContentKind
from broadcaster.domain.instances import Wire


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


class Attempt(NamedTuple):
    """An attempt that has or may have an entry in a chat; `ended_at` is None while it is under way.

    `content_version` says what it sent. `is_known`: the gateway is known to have accepted it. `is_elsewhere`: it
    went through another account. `polls` is the number of the poll where it is in doubt, otherwise None.
    """

    phone: str
    segment: int
    campaign_id: int
    seq: int
    attempt: int
    content_version: int
    variables: dict[str, str] | None
    gateway_id: str | None
    started_at: datetime
    ended_at: datetime | None
    is_known: bool
    is_elsewhere: bool
    polls: int | None

    @property
    def key(self) -> Key:
        return Key(self.segment, self.campaign_id, self.seq, self.attempt)


class Accepted(msgspec.Struct, frozen=True):
    """An attempt that the gateway is known to have accepted, to whom, and since when."""

    segment: int
    campaign_id: int
    seq: int
    attempt: int
    phone: str
    content_kind: ContentKind
    accepted_at: datetime
    apart: float = 0.0
    """Seconds between it and the doubt nearest to it."""
    is_missing: bool = False
    """It was looked for in its chat and not shown, last time."""

    @property
    def key(self) -> Key:
        return Key(self.segment, self.campaign_id, self.seq, self.attempt)


class DueRead(msgspec.Struct, frozen=True):
    """What there is to read, and an account to read it through.

    What `reply_rules` says concerns this account alone, and must not sink its neighbours.
    """

    name: str
    account_id: int
    key_encrypted: bytes
    base_url: str
    wire: Wire
    reply_rules: Any
    read_at: datetime

    @property
    def account(self) -> ReadAccount:
        return ReadAccount(
            name=self.name,
            account_id=self.account_id,
            key_encrypted=self.key_encrypted,
            base_url=self.base_url,
            wire=self.wire,
            reply_rules=self.reply_rules,
            phones=[],
            read_at=self.read_at,
        )


class DueChat(DueRead, frozen=True):
    """A chat that is to be read now, as `pick_chats.sql` gives it."""

    phone: str


class DueTruth(DueRead, frozen=True):
    """An accepted message that is to be looked for, as `pick_truths.sql` gives it."""

    segment: int
    campaign_id: int
    seq: int
    attempt: int
    phone: str
    content_kind: ContentKind
    accepted_at: datetime

    @property
    def accepted(self) -> Accepted:
        return Accepted(
            self.segment, self.campaign_id, self.seq, self.attempt, self.phone, self.content_kind, self.accepted_at
        )


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
