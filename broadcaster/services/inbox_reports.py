"""What people wrote, and how far it was read. Needs no SQLAlchemy, for the commands that only show something."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from broadcaster.db.reading import Reader, reading
from broadcaster.db.statements import each, first
from broadcaster.domain.inbound_meanings import InboundMeaning
from broadcaster.errors import NotFoundError

if TYPE_CHECKING:
    from sqlalchemy import Engine


class StoredReply(msgspec.Struct, frozen=True, kw_only=True):
    """A message that a person wrote to an instance, with the campaign that had last messaged that person.

    `phone`, `body` and `gateway_id` are None once it is purged or forgotten. `said_at` is by the gateway's clock,
    `seconds_after` how long after the campaign's message it came.
    """

    id: int
    said_at: datetime
    noted_at: datetime
    phone: str | None
    body: str | None
    kind: str | None
    meaning: InboundMeaning | None
    instance: str | None
    campaign: str | None
    messaged_at: datetime | None
    seconds_after: float | None
    gateway_id: str | None


class ReplyFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which replies are meant: those that meet all that is given. `phones` are the forms of one number.

    `undecided`: those that may ask to stop, and of which nobody has decided (the view `undecided_replies`).
    """

    campaign: str | None = None
    instance: str | None = None
    phones: Sequence[str] | None = None
    since: datetime | None = None
    meaning: InboundMeaning | None = None
    undecided: bool = False
    id: int | None = None


class ReplyFigures(msgspec.Struct, frozen=True):
    """What came back for a campaign: messages, from how many recipients, and the median of how soon the first came.

    Of those recipients `opted_out_by_reply` wrote a stop word; `near_misses` of the others something that may ask to
    stop, whatever was decided of it since.
    """

    replies: int
    answered: int
    opted_out_by_reply: int
    near_misses: int
    seconds_to_first_reply: float | None


class InboxStanding(msgspec.Struct, frozen=True):
    """How far an instance was read for replies. `gap_from` and what it lists are by the gateway's clock."""

    read_replies_seconds: float | None
    reads_a_second: int
    listed_at: datetime | None
    next_poll_at: datetime | None
    chats_waiting: int
    chats_cut: int
    gap_from: datetime | None
    trouble: str | None
    unreadable_since: datetime | None


def list_replies(source: Engine | Reader, wanted: ReplyFilter, limit: int | None = None) -> Iterator[StoredReply]:
    """Replies, the latest first, in bounded memory. To be gone through at once. Raises NotFoundError."""
    with reading(source) as connection:
        campaign = wanted.campaign
        if (
            campaign is not None
            and first(connection, "list_campaigns", tuple, name=campaign, states=None, part=None, limit=1) is None
        ):
            raise NotFoundError(f"no campaign is called {campaign!r}: see `broadcaster campaign list`")
        if (
            wanted.instance is not None
            and first(connection, "read_inbox", InboxStanding, name=wanted.instance) is None
        ):
            raise NotFoundError(f"no instance is called {wanted.instance!r}: see `broadcaster instance list`")
        yield from each(connection, "list_replies", StoredReply, **msgspec.structs.asdict(wanted), limit=limit)


def find_reply(source: Engine | Reader, number: int) -> StoredReply:
    """The reply with this number. Raises NotFoundError."""
    found = next(list_replies(source, ReplyFilter(id=number), 1), None)
    if found is None:
        raise NotFoundError(f"there is no reply {number}: see `broadcaster replies list`")
    return found


def reply_figures(source: Engine | Reader, campaign_id: int) -> ReplyFigures:
    """What came back for a campaign, by its id."""
    with reading(source) as connection:
        found = first(connection, "reply_figures", ReplyFigures, campaign_id=campaign_id)
    return found or ReplyFigures(0, 0, 0, 0, None)


def inbox_standing(source: Engine | Reader, name: str) -> InboxStanding:
    """How far the instance was read for replies. Raises NotFoundError."""
    with reading(source) as connection:
        found = first(connection, "read_inbox", InboxStanding, name=name)
    if found is None:
        raise NotFoundError(f"no instance is called {name!r}: see `broadcaster instance list`")
    return found
