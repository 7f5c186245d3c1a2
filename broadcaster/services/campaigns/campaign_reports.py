"""What operators ask: where campaigns stand, who got a message and who did not."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from broadcaster.db.reading import Reader, as_of_now, reading
from broadcaster.db.statements import each, first, rows, values
from broadcaster.domain.care import Care
from broadcaster.domain.content_kinds import ContentKind
from broadcaster.domain.meter import SpeedLimit
from broadcaster.domain.opening_hours import OpeningHours
from broadcaster.domain.sharing import Sharing
from broadcaster.domain.states import (
    FINAL_MESSAGE_STATES,
    CampaignState,
    LaneHealth,
    MessageState,
    OccurrenceState,
    told_health,
)
from broadcaster.errors import NotFoundError
from broadcaster.services.campaigns.purged import refuse_purged

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from broadcaster.db.statements import Connection


class CountedByState:
    """Has a field for each state of messages, which says how many are in it."""

    __slots__ = ()

    def count(self, state: MessageState) -> int:
        return int(getattr(self, state.value))

    @property
    def still_open(self) -> int:
        """How many messages are not final yet."""
        return sum(self.count(state) for state in MessageState if state not in FINAL_MESSAGE_STATES)

    @property
    def otherwise(self) -> int:
        """How many were skipped or cancelled: in tables, what has no column of its own."""
        return self.count(MessageState.SKIPPED) + self.count(MessageState.CANCELLED)


class MayBeQueued:
    """A campaign that may wait for the one before it of its schedule."""

    __slots__ = ()
    state: CampaignState
    is_queued: bool

    @property
    def said_state(self) -> str:
        """Its state, as people are told it: nobody has to start what is queued."""
        return OccurrenceState.QUEUED if self.is_queued else self.state


class CampaignSummary(CountedByState, MayBeQueued, msgspec.Struct, frozen=True):
    """Where a campaign stands. `total` is the sum of the nine states."""

    name: str
    id: int
    state: CampaignState
    state_reason: str | None
    content: ContentKind
    priority: int
    total: int
    pending: int
    sending: int
    sent: int
    failed: int
    in_doubt: int
    unknown: int
    skipped: int
    cancelled: int
    expired: int
    instances: list[str] | None
    recipients_read: int
    recipients_rejected: int
    recipients_repeated: int | None
    """How many rows said a phone that an earlier one has; None: nobody knows."""
    source: str
    created_at: datetime
    starts_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    audience: str | None
    purged_at: datetime | None
    locale: str
    expires_at: datetime | None
    hours: OpeningHours | None
    require_consent: bool
    care: Care | None
    sharing: Sharing | None
    """What becomes of messages whose instance is in trouble, and whether people keep theirs; None: nothing."""
    weights: dict[str, float] | None
    """By which its instances share the messages; None: by their rates."""
    limits: list[str]
    """The names of limits that hold for it."""
    judged_since: datetime | None
    """Since when what comes to pass counts for its own limits; None: it has no care, or has not started."""
    open_slices: int | None
    """How many slices of its canary may be sent; None: the same."""
    next_slice_at: datetime | None
    """When the next one opens, if its figures hold; None: there is none, or the one before has not left yet."""
    is_queued: bool
    """Whether it is a draft that its schedule starts, once what it sends now has been sent."""


class CampaignLane(CountedByState, msgspec.Struct, frozen=True):
    """What of a campaign goes through one instance, and how that is doing."""

    instance: str
    health: LaneHealth
    health_reason: str | None
    rate_per_second: float | None
    permitted_per_second: float | None
    """What rate, gaps and rests come to; None: unlimited."""
    burst: int
    total: int
    pending: int
    sending: int
    sent: int
    failed: int
    in_doubt: int
    unknown: int
    skipped: int
    cancelled: int
    expired: int
    retired_at: datetime | None
    """Since when the instance is closed; None: it is in use."""

    @property
    def told_health(self) -> str:
        """The instance's health in a word of people."""
        return told_health(self.health, is_retired=self.retired_at is not None)

    @property
    def may_send(self) -> bool:
        """Whether it has messages left, and its instance is well."""
        return self.pending + self.sending > 0 and self.health.is_well


class Failure(msgspec.Struct, frozen=True):
    """How many messages were not sent through an instance for one reason, and to whom the latest."""

    instance: str
    state: MessageState
    reason: str
    messages: int
    example_phone: str | None
    latest: datetime


class MessageRow(NamedTuple):
    """One message: who got it or did not, and what the gateway last said. Without phone and variables: forgotten.

    `content_version` is that of the latest attempt (`CampaignDetail.contents`).
    """

    phone: str | None
    instance: str
    state: str
    changed_at: datetime
    attempts: int
    reason: str | None
    gateway_id: str | None
    last_outcome: str | None
    last_http_status: int | None
    last_reply: str | None
    content_version: int | None
    variables: Mapping[str, str] | None


class RejectedRecipient(NamedTuple):
    """A row of the recipients file that became no message."""

    line: int
    phone: str
    reason: str


class ContentVersion(msgspec.Struct, frozen=True):
    """What a campaign sends, or sent until it was changed. `body` is the text or the URL; None: it is a file."""

    version: int
    since: datetime
    kind: ContentKind
    body: str | None
    caption: str | None
    filename: str | None
    file_column: str | None
    """Where each recipient has a file of their own: the variable that has its path."""
    locale: str
    sent: int | None
    """How many messages were sent with it; None: they are deleted."""

    @property
    def words(self) -> str:
        """What people know it by: the text, or the name or URL of the file with the caption."""
        own_file = None if self.file_column is None else f"{{{{ {self.file_column} }}}}"
        source = self.body or self.filename or own_file
        return ": ".join(each for each in (source, self.caption) if each is not None)


class SentFigures(msgspec.Struct, frozen=True):
    """Why the messages of a campaign count as sent: their sum is how many do."""

    accepted: int
    """The gateway said yes."""
    found: int
    """They were in doubt, and their chats show them."""
    settled: int
    """An operator said so."""


@dataclass(frozen=True, slots=True)
class CampaignDetail:
    """Where a campaign stands, in sum, by instance, by the reasons of its failures, and what it sent."""

    summary: CampaignSummary
    sent: SentFigures
    lanes: Sequence[CampaignLane]
    failures: Sequence[Failure]
    contents: Sequence[ContentVersion]


def list_campaigns(
    source: Engine | Reader,
    *,
    limit: int = 50,
    states: Collection[CampaignState] | None = None,
    part: str | None = None,
) -> Sequence[CampaignSummary]:
    """The latest campaigns, newest first: all of them, or those in these states, with `part` in their names."""
    wanted = None if states is None else [state.value for state in states]
    with reading(source) as connection:
        return rows(connection, "list_campaigns", CampaignSummary, name=None, states=wanted, part=part, limit=limit)


class _CampaignLimit(NamedTuple):
    campaign_id: int
    per_second: float
    burst: int


def speed_limits(source: Engine | Reader, campaign_ids: Collection[int]) -> dict[int, SpeedLimit]:
    """What rates, gaps and rests of their instances permit together, by the ids of campaigns.

    Without those where one has no limit.
    """
    with reading(source) as connection:
        found = rows(connection, "speed_limits", _CampaignLimit, campaign_ids=list(campaign_ids))
    return {each.campaign_id: SpeedLimit(each.per_second, each.burst) for each in found}


def campaign_summary(source: Engine | Reader, name: str) -> CampaignSummary:
    """Where one campaign stands; cheap, whatever its size. Raises NotFoundError."""
    with reading(source) as connection:
        return named_campaign(connection, name)


def campaign_detail(source: Engine | Reader, name: str) -> CampaignDetail:
    """All that `campaign report` shows, as of one moment. Raises NotFoundError."""
    with as_of_now(source) as moment, reading(moment) as connection:
        summary = named_campaign(connection, name)
        lanes = rows(connection, "lanes_of_campaign", CampaignLane, campaign_id=summary.id)
        failures = rows(connection, "campaign_failures", Failure, campaign_id=summary.id)
        contents = rows(connection, "versions_of_campaign", ContentVersion, campaign_id=summary.id)
        sent = first(connection, "sent_figures", SentFigures, campaign_id=summary.id) or SentFigures(0, 0, 0)
        return CampaignDetail(summary, sent, lanes, failures, contents)


def export_messages(
    source: Engine | Reader, name: str, states: Collection[MessageState] = tuple(MessageState)
) -> Iterator[MessageRow]:
    """The messages of a campaign in `states`, in file order, with flat memory.

    Raises NotFoundError, and ConflictError where they are deleted.
    """
    with reading(source) as connection:
        wanted = [state.value for state in states]
        yield from each(
            connection, "export_messages", MessageRow, campaign_id=_unpurged(connection, name), states=wanted
        )


def variable_names(source: Engine | Reader, name: str) -> Sequence[str]:
    """The variables that the messages of a campaign have, all of them the same ones, unless somebody was forgotten.

    Raises NotFoundError, and ConflictError where the messages are deleted.
    """
    with reading(source) as connection:
        found = values(connection, "first_variables", campaign_id=_unpurged(connection, name))
        return list((found[0] or {}) if found else ())


def rejected_recipients(source: Engine | Reader, name: str) -> Sequence[RejectedRecipient]:
    """The rows of the recipients file that became no message: line, phone as written, reason.

    Raises NotFoundError, and ConflictError where they are deleted.
    """
    with reading(source) as connection:
        campaign_id = _unpurged(connection, name)
        return rows(connection, "rejected_recipients", RejectedRecipient, campaign_id=campaign_id)


def what_cancelling_does(campaign: CampaignSummary) -> str:
    """Who has got it and who will not any more, for whoever is about to cancel it: all of its messages."""
    if campaign.audience is not None and campaign.started_at is None:
        return "nobody has got it, and nobody will"
    counts = [("have got it", campaign.sent), ("will not get it any more", campaign.pending)]
    perhaps = [
        ("are being sent to", campaign.sending),
        ("may have got it (in doubt)", campaign.in_doubt),
        ("may have got it (unknown)", campaign.unknown),
        ("have not got it (failed)", campaign.failed),
        ("have not got it (skipped)", campaign.skipped),
        ("have not got it (cancelled)", campaign.cancelled),
        ("have not got it (expired)", campaign.expired),
    ]
    return ", ".join(f"{what}: {messages:,}" for what, messages in [*counts, *(each for each in perhaps if each[1])])


def _unpurged(connection: Connection, name: str) -> int:
    """The id of a campaign whose messages are there."""
    summary = named_campaign(connection, name)
    refuse_purged(name, summary.purged_at)
    return summary.id


def named_campaign(connection: Connection, name: str) -> CampaignSummary:
    """Where one campaign stands, as this transaction sees it. Raises NotFoundError."""
    found = first(connection, "list_campaigns", CampaignSummary, name=name, states=None, part=None, limit=1)
    if found is None:
        raise NotFoundError(f"no campaign is called {name!r}: see `broadcaster campaign list`")
    return found
