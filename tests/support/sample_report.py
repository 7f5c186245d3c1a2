"""A report with something in each of its parts, made by hand: a campaign of two days, as pages show it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from math import sin
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from broadcaster.domain.content_kinds import ContentKind
from broadcaster.domain.course import (
    SLOT,
    LaneTrouble,
    OwnLimit,
    PacedLane,
    SlotFigures,
    StateChange,
    TimeSpan,
    course_of,
)
from broadcaster.domain.opening_hours import OpeningHours
from broadcaster.domain.sharing import MoveReason
from broadcaster.domain.states import CampaignState, LaneHealth, MessageState, OccurrenceState
from broadcaster.pages.languages import Catalogs, Language, usable_language
from broadcaster.services.audit import AuditEntry
from broadcaster.services.campaigns.campaign_reports import (
    CampaignDetail,
    CampaignLane,
    CampaignSummary,
    ContentVersion,
    Failure,
    SentFigures,
)
from broadcaster.services.campaigns.full_reports import (
    CampaignReport,
    CampaignsReport,
    KeptPlan,
    RejectedFor,
    ResolvedDoubts,
    StartedCampaign,
    ToldFailover,
    UnsentFor,
)
from broadcaster.services.campaigns.move_reports import ToldMove
from broadcaster.services.inbox_reports import ReplyFigures
from broadcaster.services.schedules.schedule_reports import OccurrenceSummary

ZONE = ZoneInfo("Asia/Jakarta")
HOURS = OpeningHours(windows=("Mon-Sat 09:00-20:00",), zone="Asia/Jakarta")
LEGAL_HOURS = OpeningHours(
    windows=("Mon,Tue 08:00-21:00", "Sat 10:00-14:00"),
    zone="Asia/Jakarta",
    is_by_recipient=True,
    is_legal=True,
    holidays=("ID", "DE"),
    days_off=(date(2026, 12, 24), date(2026, 12, 31)),
)
_GAPS = {"gap": {"least": 20.0, "most": 60.0}, "rest": {"span": {"least": 300.0, "most": 600.0}, "after": 50}}
START = datetime(2026, 11, 23, 9, 0, tzinfo=ZONE).astimezone(UTC)
END = datetime(2026, 11, 24, 11, 25, tzinfo=ZONE).astimezone(UTC)
PAUSED = TimeSpan(START + timedelta(hours=3, minutes=10), START + timedelta(hours=4, minutes=25))
CLOSED = TimeSpan(START + timedelta(hours=11), START + timedelta(hours=24))
TROUBLED = TimeSpan(START + timedelta(hours=6), START + timedelta(hours=7))
NAME = "November reminders"
STATES = {"sent": 11_712, "failed": 146, "unknown": 4, "skipped": 118, "expired": 20}
SENT = SentFigures(accepted=STATES["sent"] - 31, found=31, settled=0)


def language(code: str = "en") -> Language:
    locale = usable_language(code, "--language")
    return Language(locale, ZONE, Catalogs(locale.language))


def counts(**given: int) -> dict[str, int]:
    return {state.value: given.get(state.value, 0) for state in MessageState}


def summary(**changes: Any) -> CampaignSummary:
    fields: dict[str, Any] = {
        "name": NAME,
        "id": 1,
        "state": CampaignState.FINISHED,
        "state_reason": None,
        "content": ContentKind.TEXT,
        "priority": 0,
        "total": sum(STATES.values()),
        **counts(**STATES),
        "instances": ["Jakarta 1", "Jakarta 2", "Surabaya"],
        "recipients_read": 12_345,
        "recipients_rejected": 212,
        "recipients_repeated": 12_345 - 212 - sum(STATES.values()),
        "source": "patients.csv",
        "created_at": START - timedelta(hours=16),
        "starts_at": START,
        "started_at": START,
        "finished_at": END,
        "audience": None,
        "purged_at": None,
        "locale": "id",
        "expires_at": END + timedelta(hours=6),
        "hours": HOURS,
        "require_consent": False,
        "care": None,
        "sharing": None,
        "weights": None,
        "limits": [],
        "judged_since": None,
        "open_slices": None,
        "next_slice_at": None,
        "is_queued": False,
    }
    return CampaignSummary(**{**fields, **changes})


def lane(instance: str, **given: int) -> CampaignLane:
    total = sum(given.values())
    return CampaignLane(instance, LaneHealth.OK, None, 0.25, 0.25, 5, total, **counts(**given), retired_at=None)


def slots() -> list[SlotFigures]:
    """What three instances sent, and nothing while it was paused or closed."""
    found, at, left = [], START, SENT.accepted
    while left > 0 and at < END:
        quiet = any(span.begins_at <= at < span.ends_at for span in (PAUSED, CLOSED))
        if not quiet:
            sent = min(left, 85 + round(12 * sin(at.timestamp() / 3_000)))
            left -= sent
            found.append(SlotFigures(at, sent, 2 if at.minute % 10 == 0 else 0, 0, 0, 1 if at.hour == 4 else 0))
        at += SLOT
    return found


def event(number: int, at: datetime, command: str, *, before: Any = None, after: Any = None) -> AuditEntry:
    action = "changed" if before is not None else "added"
    return AuditEntry(
        number, at, "ayu", "office", command, "broadcaster_runtime", "campaign", NAME, action, before, after
    )


def sample_report(**changes: Any) -> CampaignReport:
    """The report, with other fields of its own."""
    lanes = [
        PacedLane("Jakarta 1", 6 / 60, 1, None, [OwnLimit(None, 5000, 86_400)], reads_replies=True),
        PacedLane("Jakarta 2", 6 / 60, 1, None, [], reads_replies=True),
        PacedLane("Surabaya", 8 / 60, 1, None, [OwnLimit("all of the clinic", 9000, 86_400)], reads_replies=True),
    ]
    pauses = [StateChange(PAUSED.begins_at, "paused"), StateChange(PAUSED.ends_at, "running")]
    report = CampaignReport(
        at=END + timedelta(hours=2),
        detail=CampaignDetail(
            summary(),
            SENT,
            [
                lane("Jakarta 1", sent=3_904, failed=44, skipped=52, expired=6),
                lane("Jakarta 2", sent=3_411, failed=60, skipped=31, expired=7, unknown=4),
                lane("Surabaya", sent=4_397, failed=42, skipped=35, expired=7),
            ],
            [
                _failure("failed", "phone is not registered on WhatsApp: invalid number", 121, "6281234567890"),
                _failure("skipped", "opted out", 118, "6281298765432"),
                _failure("failed", "gateway: file is too large for this phone", 25, "6281311112222"),
                _failure("expired", "the campaign had expired", 20, "6281322223333"),
                _failure("unknown", "the reply is not JSON; its chat was never read back", 4, "6281377778888"),
            ],
            [
                _version(1, "Halo {{ name }}, jangan lupa kontrol {{ day }} pukul {{ time }}.", 7_003),
                _version(2, "Halo {{ name }}, jangan lupa kontrol {{ day }} pukul {{ time }} di klinik utara.", 4_709),
            ],
        ),
        replies=ReplyFigures(1_204, 1_011, 37, 5, 1_260.0),
        rejects=[
            RejectedFor("not a phone number: it has letters", 180, 14, "ask her mother"),
            RejectedFor("too short for Indonesia", 32, 902, "0812-3456"),
        ],
        doubts=[
            ResolvedDoubts("found", 31, 24.0, 95.0),
            ResolvedDoubts("absent", 12, 41.0, 130.0),
            ResolvedDoubts("unknown", 4, 3_600.0, 3_604.0),
        ],
        course=course_of(
            sending=TimeSpan(START, END),
            slots=slots(),
            lanes=lanes,
            rate_changes=[],
            state_changes=pauses,
            troubles=[LaneTrouble("Jakarta 2", LaneHealth.DOWN, "device is disconnected", *TROUBLED)],
            idle_times=[],
            hours=HOURS,
            zone=ZONE,
        ),
        lanes=lanes,
        planned=KeptPlan(
            START - timedelta(hours=16),
            END - timedelta(hours=1),
            END - timedelta(hours=2),
            END - timedelta(minutes=50),
        ),
        is_of_schedule=False,
        ahead=None,
        moves=[
            ToldMove(NAME, "Jakarta 2", "Surabaya", MoveReason.FAILOVER, 486, START + 8 * SLOT, START + 9 * SLOT, None)
        ],
        failovers=[ToldFailover("Jakarta 2", *TROUBLED, "device is disconnected")],
        events=[
            event(1, START - timedelta(hours=16), "campaign submit", after={"name": NAME, "state": "scheduled"}),
            event(2, PAUSED.begins_at, "campaign pause", before={"state": "running"}, after={"state": "paused"}),
            event(3, PAUSED.ends_at, "campaign set", before={"content": 1}, after={"content": 2}),
            event(4, PAUSED.ends_at, "campaign resume", before={"state": "paused"}, after={"state": "running"}),
            event(
                5,
                PAUSED.ends_at + SLOT,
                "instance set",
                before={"rate_per_second": 0.1, "gaps": None, "hours_id": 1},
                after={"rate_per_second": 0.2, "gaps": _GAPS, "hours_id": 2},
            ),
        ],
        event_hours={1: HOURS, 2: LEGAL_HOURS},
    )
    return replace(report, **changes)


def hostile_report(text: str) -> CampaignReport:
    """The same, with this text wherever somebody may have written one."""
    report = sample_report()
    detail = report.detail
    return replace(
        report,
        detail=CampaignDetail(
            msgspec.structs.replace(detail.summary, name=text, state_reason=text, source=text),
            detail.sent,
            [msgspec.structs.replace(each, instance=text, health_reason=text) for each in detail.lanes],
            [msgspec.structs.replace(each, instance=text, reason=text) for each in detail.failures],
            [msgspec.structs.replace(each, body=text) for each in detail.contents],
        ),
        rejects=[msgspec.structs.replace(each, reason=text, example=text) for each in report.rejects],
        lanes=[msgspec.structs.replace(each, instance=text) for each in report.lanes],
        moves=[msgspec.structs.replace(each, from_instance=text, to_instance=text) for each in report.moves],
        failovers=[msgspec.structs.replace(each, instance=text, reason=text) for each in report.failovers],
        events=[
            msgspec.structs.replace(each, operator=text, command=text, object_name=text, after={text[:40]: text})
            for each in report.events
        ],
    )


def sample_campaigns() -> CampaignsReport:
    """Two weeks of campaigns."""
    campaigns = [
        StartedCampaign(
            f"reminder {day + 1}",
            day + 1,
            CampaignState.FINISHED,
            980 + 9 * day,
            **counts(sent=940 + 8 * day, failed=12 + day, skipped=28),
            recipients_read=1_000 + 9 * day,
            recipients_rejected=20,
            started_at=START + timedelta(days=day),
            finished_at=START + timedelta(days=day, hours=2),
            is_queued=False,
        )
        for day in range(14)
    ]
    return CampaignsReport(
        at=START + timedelta(days=14),
        since=START - timedelta(days=1),
        campaigns=campaigns,
        failures=[
            UnsentFor(MessageState.FAILED, "phone is not registered on WhatsApp: invalid number", 259, 14, START),
            UnsentFor(MessageState.SKIPPED, "opted out", 392, 14, START),
        ],
    )


def busy_campaigns() -> CampaignsReport:
    """Some with messages in every state, named by moments, as scripts name them."""
    states = {state.value: 1_234 + 7 * number for number, state in enumerate(MessageState)}
    campaigns = [
        StartedCampaign(
            f"news {START + timedelta(days=number, minutes=52):%Y-%m-%dT%H:%M:%S}",
            number,
            state,
            sum(states.values()),
            **counts(**states),
            recipients_read=12_345,
            recipients_rejected=1_020 * (number % 2),
            is_queued=state is CampaignState.DRAFT,
            started_at=START + timedelta(days=number, seconds=54 * number),
            finished_at=None,
        )
        for number, state in enumerate(CampaignState)
    ]
    return replace(sample_campaigns(), campaigns=campaigns)


def busy_occurrences() -> list[OccurrenceSummary]:
    """Of a schedule, one in every state, with messages in every state."""
    figures = {"total": 12_345, "sent": 10_234, "failed": 146, "skipped": 1_180, "still_open": 20, "rejected": 3}
    figures |= {"cancelled": 700, "expired": 60, "unknown": 5}
    return [
        OccurrenceSummary(
            schedule_id=1,
            schedule="news",
            due_at=START + timedelta(days=number, seconds=30 * number),
            number=number,
            state=state,
            reason="missed, and a later one was due when that was noticed",
            decided_by=None,
            decided_at=None,
            noticed_at=START,
            campaign_id=number,
            campaign=f"news {number}",
            campaign_state=CampaignState.RUNNING,
            started_at=START,
            finished_at=None,
            **figures,
        )
        for number, state in enumerate(OccurrenceState)
    ]


def busy_report() -> CampaignReport:
    """The report, of a campaign that runs, with messages in every state on each of its instances."""
    report = sample_report()
    states = {state.value: 1_234 + 7 * number for number, state in enumerate(MessageState)}
    lanes = [lane(name, **states) for name in ("Jakarta 1", "second-of-the-clinic", "Surabaya")]
    whole = summary(total=3 * sum(states.values()), **{name: 3 * count for name, count in states.items()})
    detail = report.detail
    return replace(report, detail=CampaignDetail(whole, detail.sent, lanes, detail.failures, detail.contents))


def _failure(state: str, reason: str, messages: int, phone: str) -> Failure:
    return Failure("Jakarta 1", MessageState(state), reason, messages, phone, END)


def _version(number: int, body: str, sent: int) -> ContentVersion:
    since = START - timedelta(hours=16) if number == 1 else PAUSED.ends_at
    return ContentVersion(number, since, ContentKind.TEXT, body, None, None, None, "id", sent)
