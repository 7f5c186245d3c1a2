"""All that a report of a campaign tells, as one document: what pages show. Needs no SQLAlchemy.

It is read by a handful of statements of which none goes through the campaign's messages.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import msgspec

from broadcaster.db.reading import Reader, as_of_now, reading
from broadcaster.db.statements import first, rows, value
from broadcaster.domain.campaign_plans import CampaignPlan
from broadcaster.domain.course import (
    Course,
    IdleTime,
    LaneTrouble,
    PacedLane,
    RateChange,
    SlotFigures,
    StateChange,
    TimeSpan,
    course_of,
)
from broadcaster.domain.opening_hours import OpeningHours
from broadcaster.domain.states import FINAL_CAMPAIGN_STATES, CampaignState, MessageState
from broadcaster.services.audit import AuditEntry, hours_of_entries
from broadcaster.services.campaigns.campaign_reports import (
    CampaignDetail,
    CountedByState,
    MayBeQueued,
    campaign_detail,
)
from broadcaster.services.campaigns.move_reports import ToldMove, moves_of_campaign
from broadcaster.services.campaigns.planning import open_work
from broadcaster.services.inbox_reports import ReplyFigures, reply_figures

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from broadcaster.db.statements import Connection

MOST_REASONS = 20
MOST_EVENTS = 100
_MOST_TIMES = 1_000
"""Of instances that were in trouble, or had nothing that was due."""


class RejectedFor(msgspec.Struct, frozen=True):
    """How many rows of the recipients became no message for one reason, and the first of them."""

    reason: str
    rows: int
    line: int
    example: str


class ResolvedDoubts(msgspec.Struct, frozen=True):
    """How many doubts ended in one way (`Resolution`), and after how many seconds; or are `open`, and for how many."""

    resolved: str
    doubts: int
    median_seconds: float | None
    """None: they have not ended."""
    longest_seconds: float


class ToldFailover(msgspec.Struct, frozen=True):
    """From when until when others sent what an instance in trouble had; None: they still do."""

    instance: str
    began_at: datetime
    ended_at: datetime | None
    reason: str | None


class KeptPlan(msgspec.Struct, frozen=True):
    """When a campaign was to end by the plan that was made at its submission, at the earliest and at the latest."""

    made_at: datetime
    ends_at: datetime
    earliest_at: datetime | None
    latest_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignReport:
    """All that is told of a campaign, as it was at one moment."""

    at: datetime
    detail: CampaignDetail
    replies: ReplyFigures
    rejects: Sequence[RejectedFor]
    doubts: Sequence[ResolvedDoubts]
    course: Course | None
    """None: it has not started."""
    lanes: Sequence[PacedLane]
    """Its instances as they may send now."""
    planned: KeptPlan | None
    """What was foreseen; None: nobody could tell, or it was a draft or a schedule's."""
    is_of_schedule: bool
    ahead: CampaignPlan | None
    """When what is left leaves; None: nothing is left, or nobody can tell."""
    moves: Sequence[ToldMove]
    failovers: Sequence[ToldFailover]
    events: Sequence[AuditEntry]
    event_hours: Mapping[int, OpeningHours]
    """The windows that these name by their ids."""

    @property
    def has_requests(self) -> bool:
        """Whether any request was made for it, or is under way."""
        steps = () if self.course is None else self.course.steps
        return self.detail.summary.sending > 0 or any(step.accepted + step.others for step in steps)

    @property
    def was_draft(self) -> bool:
        """Whether it was submitted as one, as far back as its events go."""
        return any(
            (event.after or {}).get("state") == CampaignState.DRAFT
            for event in self.events
            if (event.object_kind, event.action) == ("campaign", "added")
        )

    @property
    def reads_replies(self) -> bool:
        """Whether any of its instances reads what people answer."""
        return any(lane.reads_replies for lane in self.lanes)


def read_campaign_report(source: Engine | Reader, name: str, zone: ZoneInfo) -> CampaignReport:
    """What there is to tell of a campaign, as of one moment, its course by clocks of `zone`. Raises NotFoundError."""
    with as_of_now(source) as moment:
        return _read_campaign_report(moment, name, zone)


def _read_campaign_report(source: Reader, name: str, zone: ZoneInfo) -> CampaignReport:
    detail = campaign_detail(source, name)
    summary = detail.summary
    goes_on = summary.state not in FINAL_CAMPAIGN_STATES
    work = open_work(source, name) if goes_on else None
    of_campaign = {"campaign_id": summary.id}
    with reading(source) as connection:
        at: datetime = value(connection, "moment_now")
        lanes = rows(connection, "paced_lanes", PacedLane, **of_campaign)
        sending = None if summary.started_at is None else TimeSpan(summary.started_at, summary.finished_at or at)
        events = _events(connection, detail, sending or TimeSpan(at, at))
        slots = rows(connection, "sent_by_slot", SlotFigures, **of_campaign)
        idle_times = rows(connection, "idle_times_of_campaign", IdleTime, **of_campaign, most=_MOST_TIMES)
        troubles = _troubles(connection, summary.id, sending)
        rejects = rows(connection, "rejected_by_reason", RejectedFor, **of_campaign, most=MOST_REASONS)
        doubts = rows(connection, "doubts_by_resolution", ResolvedDoubts, **of_campaign)
        planned = first(connection, "kept_plan", KeptPlan, **of_campaign)
        is_of_schedule: bool = value(connection, "is_of_schedule", **of_campaign)
        failovers = rows(connection, "failovers_of_campaign", ToldFailover, **of_campaign, most=MOST_EVENTS)
    course = None
    if sending is not None:
        course = course_of(
            sending=sending,
            slots=slots,
            lanes=lanes,
            rate_changes=list(_rate_changes(events)),
            state_changes=list(_state_changes(events, summary.started_at)),
            troubles=troubles,
            idle_times=idle_times,
            hours=summary.hours,
            zone=zone,
        )
    return CampaignReport(
        at=at,
        detail=detail,
        replies=reply_figures(source, summary.id),
        rejects=rejects,
        doubts=doubts,
        course=course,
        lanes=lanes,
        planned=planned,
        is_of_schedule=is_of_schedule,
        ahead=work.plan() if work is not None and summary.state is not CampaignState.PAUSED else None,
        moves=moves_of_campaign(source, name),
        failovers=failovers,
        events=events,
        event_hours=hours_of_entries(source, events),
    )


def resolved_doubts(source: Engine | Reader, campaign_id: int) -> Sequence[ResolvedDoubts]:
    """How the doubts of a campaign ended, by its id."""
    with reading(source) as connection:
        return rows(connection, "doubts_by_resolution", ResolvedDoubts, campaign_id=campaign_id)


class StartedCampaign(CountedByState, MayBeQueued, msgspec.Struct, frozen=True):
    """A campaign in a report of several. `total` is the sum of the nine states."""

    name: str
    id: int
    state: CampaignState
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
    recipients_read: int
    recipients_rejected: int
    started_at: datetime | None
    finished_at: datetime | None
    is_queued: bool
    """Whether it is a draft that its schedule starts."""


class UnsentFor(msgspec.Struct, frozen=True):
    """How many messages were not sent for one reason, in how many campaigns."""

    state: MessageState
    reason: str
    messages: int
    campaigns: int
    latest: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignsReport:
    """What several campaigns came to together, as it was at one moment."""

    at: datetime
    since: datetime | None
    """Since when they started; None: they are those of a schedule."""
    campaigns: Sequence[StartedCampaign]
    """The latest first."""
    failures: Sequence[UnsentFor]

    def count(self, state: MessageState) -> int:
        """How many messages are in it."""
        return sum(campaign.count(state) for campaign in self.campaigns)

    @property
    def total(self) -> int:
        return sum(campaign.total for campaign in self.campaigns)


def read_campaigns_report(
    source: Engine | Reader, *, since: datetime | None = None, ids: Iterable[int] | None = None
) -> CampaignsReport:
    """Of the campaigns that started since a moment (aware), or of those with these ids."""
    wanted = None if ids is None else list(ids)
    with as_of_now(source) as moment, reading(moment) as connection:
        at: datetime = value(connection, "moment_now")
        campaigns = rows(connection, "campaigns_started", StartedCampaign, since=since, ids=wanted)
        found = [campaign.id for campaign in campaigns]
        failures = rows(connection, "failures_of_campaigns", UnsentFor, ids=found, most=MOST_REASONS)
    return CampaignsReport(at=at, since=since, campaigns=campaigns, failures=failures)


def _events(connection: Connection, detail: CampaignDetail, sending: TimeSpan) -> Sequence[AuditEntry]:
    summary = detail.summary
    return rows(
        connection,
        "campaign_events",
        AuditEntry,
        name=summary.name,
        created=summary.created_at,
        instances=[lane.instance for lane in detail.lanes],
        since=sending.begins_at,
        until=sending.ends_at,
        most=MOST_EVENTS,
    )


def _troubles(connection: Connection, campaign_id: int, sending: TimeSpan | None) -> Sequence[LaneTrouble]:
    if sending is None:
        return []
    asked = {"since": sending.begins_at, "until": sending.ends_at, "most": _MOST_TIMES}
    return rows(connection, "troubles_of_campaign", LaneTrouble, campaign_id=campaign_id, **asked)


def _rate_changes(events: Iterable[AuditEntry]) -> Iterator[RateChange]:
    for event in events:
        before = event.before or {}
        if event.object_kind == "instance" and event.action == "changed" and "rate_per_second" in before:
            yield RateChange(event.at, event.object_name, before["rate_per_second"])


def _state_changes(events: Iterable[AuditEntry], started_at: datetime | None) -> Iterator[StateChange]:
    """Those since its start; workers' own are in no trail, but for the pauses of its stops."""
    for event in events:
        state = (event.after or {}).get("state")
        if event.object_kind == "campaign" and state is not None and started_at is not None:
            yield StateChange(event.at, state)
