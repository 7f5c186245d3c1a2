"""What reading replies takes from Postgres and gives to it."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

import msgspec

from broadcaster.domain.inbound_meanings import InboundMeaning
from broadcaster.services.reconcile.doubt_rows import DueRead


class DueInbox(DueRead, frozen=True, kw_only=True):
    """An account that is to be read for replies now, as `pick_inboxes.sql` gives it."""

    lane_id: int
    reads: int
    """How many reads it bears in this round."""
    interval_seconds: float
    polls: int | None
    """The number of the list that is to be read; None: only chats are."""
    since: datetime | None
    known_from: datetime | None
    """Up to when lists are known to have left nothing out (gateway's clock)."""
    listed_at: datetime | None


class PickedChat(NamedTuple):
    """A chat that is to be read now. `taken_from`: what is dated later is new, where it is not known."""

    chat: str
    changed_at: datetime | None
    reads: int
    read_until: datetime | None
    taken_from: datetime


class ChatRow(msgspec.Struct, frozen=True):
    """A chat of a list, as `note_chat_list.sql` reads it."""

    chat: str
    changed_at: datetime | None
    is_ours: bool


class ChatReadingRow(msgspec.Struct, frozen=True):
    """What reading a chat came to, as `note_chat_readings.sql` reads it."""

    chat: str
    changed_at: datetime | None
    reads: int
    answered: bool
    is_whole: bool = True
    """Whether it left nothing out that may be new."""
    read_until: datetime | None = None


class InboundRow(msgspec.Struct, frozen=True):
    """A message that a person wrote, as `note_inbound.sql` reads it. `identity` is in hex."""

    identity: str
    gateway_id: str | None
    chat: str
    phone: str | None
    forms: list[str]
    body: str | None
    kind: str | None
    said_at: datetime
    meaning: InboundMeaning | None


class NewInbound(msgspec.Struct, frozen=True):
    """A message that was taken in just now."""

    id: int
    phone: str | None
    body: str | None
    meaning: InboundMeaning | None
    said_at: datetime
