"""The schema. Comments become `COMMENT ON`, so `\\d+` in psql is its documentation."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Double,
    Enum,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Interval,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    func,
    text,
    true,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from broadcaster.domain.contents import ContentKind
from broadcaster.domain.instances import Wire
from broadcaster.domain.outcomes import Outcome, Resolution
from broadcaster.domain.schedules import Misfire, Overlap
from broadcaster.domain.states import CampaignState, LaneHealth, MessageState, OccurrenceState, ScheduleState

metadata = MetaData(
    naming_convention={
        "ix": "%(table_name)s_%(column_0_N_name)s_idx",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
        "ck": "%(table_name)s_%(constraint_name)s_check",
        "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
        "pk": "%(table_name)s_pkey",
    }
)


def _enum(members: type[StrEnum], name: str) -> Enum:
    return Enum(members, name=name, metadata=metadata, values_callable=lambda e: [m.value for m in e])


def _campaign_id(*references: ForeignKey) -> Column[Any]:
    return Column("campaign_id", BigInteger, *references, nullable=False, comment="The campaign that it belongs to.")


def _moment(name: str, comment: str, **kwargs: Any) -> Column[Any]:
    return Column(name, DateTime(timezone=True), comment=comment, **kwargs)


campaign_state = _enum(CampaignState, "campaign_state")
message_state = _enum(MessageState, "message_state")
lane_health = _enum(LaneHealth, "lane_health")
outcome = _enum(Outcome, "outcome")
wire = _enum(Wire, "wire")
resolution = _enum(Resolution, "resolution")
content_kind = _enum(ContentKind, "content_kind")
schedule_state = _enum(ScheduleState, "schedule_state")
occurrence_state = _enum(OccurrenceState, "occurrence_state")
misfire = _enum(Misfire, "misfire")
overlap = _enum(Overlap, "overlap")

instances = Table(
    "instances",
    metadata,
    Column("id", Integer, Identity(always=True), primary_key=True, comment="Also the id of its lane."),
    Column("name", Text, nullable=False, unique=True, comment="What operators call it."),
    Column("key_encrypted", LargeBinary, nullable=False, comment="The WAChatPro key as a Fernet token."),
    Column("base_url", Text, nullable=False, comment="Where the API answers, without a trailing slash."),
    Column("wire", wire, nullable=False, comment="How requests are encoded."),
    Column("rate_per_second", Double, comment="Messages per second; null: unlimited."),
    Column("burst", Integer, nullable=False, comment="Accepted requests in any window W never exceed rate*W + burst."),
    Column(
        "interval_seconds",
        Double,
        nullable=False,
        comment="Seconds between two messages, 0 when unlimited (domain/pacing.py).",
    ),
    Column(
        "tolerance_seconds",
        Double,
        nullable=False,
        comment="Seconds by which messages may run ahead of the even pace (domain/pacing.py).",
    ),
    Column("max_in_flight", Integer, nullable=False, comment="Requests under way at once, at most."),
    Column("reply_rules", JSONB, comment="Differences from the default reply rules; null: none."),
    _moment("created_at", "When it was added.", nullable=False, server_default=func.now()),
    CheckConstraint("rate_per_second > 0", name="rate_positive"),
    CheckConstraint("burst >= 1", name="burst_positive"),
    CheckConstraint("max_in_flight >= 1", name="max_in_flight_positive"),
    CheckConstraint("interval_seconds >= 0 AND tolerance_seconds >= 0", name="pace_not_negative"),
    comment="One WAChatPro account each.",
)

lanes = Table(
    "lanes",
    metadata,
    Column(
        "id",
        Integer,
        ForeignKey(instances.c.id, ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
        comment="The instance's id.",
    ),
    Column(
        "health",
        lane_health,
        nullable=False,
        server_default=LaneHealth.OK.value,
        comment="Whether it can be sent through (docs/states.md).",
    ),
    Column("health_reason", Text, comment="Why it is not ok, in the gateway's or the operator's words."),
    _moment("health_since", "When the health last changed.", nullable=False, server_default=func.now()),
    Column(
        "failures",
        Integer,
        nullable=False,
        server_default="0",
        comment="Instance troubles since the last good reply: the exponent of the probe's back-off.",
    ),
    _moment("not_before", "No request leaves before this moment (throttled, down)."),
    Column("lease_token", Uuid, comment="Who may send now; null: nobody. Each write of a holder is guarded by it."),
    _moment("lease_expires_at", "From when on another worker may take the lane."),
    Column("lease_holder", Text, comment="The worker that holds the lane, for people."),
    _moment(
        "clock",
        "The GCRA's theoretical arrival time: when the next message is due at an even pace.",
        nullable=False,
        server_default=func.now(),
    ),
    _moment("woken_at", "When a wake-up was last published for it."),
    _moment(
        "next_read_at",
        "No chat is read back through it before: reads are paced apart from sends.",
        nullable=False,
        server_default=text("'-infinity'"),
    ),
    _moment("readback_proven_at", "When reading back last showed a message that was known to be accepted."),
    Column(
        "readback_delay_seconds",
        Double,
        comment="How old that message was: one that is in doubt for less may yet be shown.",
    ),
    comment="The outbound queue of one instance: pace, health, lease. The unit that a worker holds.",
    postgresql_with={"fillfactor": "50"},
)

contents = Table(
    "contents",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True, comment="Campaigns refer to it."),
    Column("kind", content_kind, nullable=False, comment="Which gateway method carries it."),
    Column("digest", LargeBinary, nullable=False, comment="SHA-256 of the body: each is stored once."),
    Column("body", LargeBinary, nullable=False, comment="The template, the file's bytes, or the URL (UTF-8)."),
    UniqueConstraint("kind", "digest"),
    comment="Texts, files and URLs that campaigns send, each stored once.",
)

audiences = Table(
    "audiences",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True, comment="Members carry it."),
    Column("name", Text, nullable=False, unique=True, comment="What operators call it."),
    Column(
        "variables",
        ARRAY(Text),
        nullable=False,
        server_default="{}",
        comment="The variables that its members may have, in the order in which they came.",
    ),
    _moment("created_at", "When it was first imported.", nullable=False, server_default=func.now()),
    _moment("changed_at", "When an import last changed it.", nullable=False, server_default=func.now()),
    comment="Recipients that are kept under a name.",
)

audience_members = Table(
    "audience_members",
    metadata,
    Column(
        "audience_id",
        BigInteger,
        ForeignKey(audiences.c.id, ondelete="CASCADE"),
        nullable=False,
        comment="The audience that it belongs to.",
    ),
    Column("phone", Text, nullable=False, comment="E.164 digits without the plus."),
    Column(
        "variables",
        JSONB,
        nullable=False,
        server_default="{}",
        comment="Template variables by name; one that is not known of this member is left out.",
    ),
    _moment("added_at", "When it came in.", nullable=False, server_default=func.now()),
    _moment("changed_at", "When its variables last changed.", nullable=False, server_default=func.now()),
    PrimaryKeyConstraint("audience_id", "phone"),
    comment="One phone of one audience each.",
)

campaigns = Table(
    "campaigns",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True, comment="Messages and attempts carry it."),
    Column("name", Text, nullable=False, unique=True, comment="What operators call it."),
    Column("state", campaign_state, nullable=False, comment="Where it stands (docs/states.md)."),
    Column("state_reason", Text, comment="Why it is in this state, where a reason is needed."),
    Column("content_id", BigInteger, ForeignKey(contents.c.id), nullable=False, comment="What it sends."),
    Column("caption", Text, comment="Template of the caption (file and file_url)."),
    Column("filename", Text, comment="The file name that recipients see (file)."),
    Column(
        "priority",
        SmallInteger,
        nullable=False,
        server_default="0",
        comment="Higher is sent first; equal ones share a lane equally.",
    ),
    Column(
        "segment",
        BigInteger,
        nullable=False,
        server_default="0",
        comment="The partition of messages and attempts that holds it: 0 shared, otherwise its own.",
    ),
    Column("max_attempts", SmallInteger, nullable=False, comment="Attempts that a message may spend before it fails."),
    Column("recipients_read", BigInteger, nullable=False, server_default="0", comment="Rows in the recipients file."),
    Column("recipients_rejected", BigInteger, nullable=False, server_default="0", comment="Of those, unusable ones."),
    Column("source", Text, comment="Where the recipients came from, for people."),
    _moment("starts_at", "Not to be started before.", nullable=False, server_default=func.now()),
    _moment("created_at", "When it was submitted.", nullable=False, server_default=func.now()),
    _moment("started_at", "When it first became running."),
    _moment("finished_at", "When it reached a final state."),
    Column(
        "audience_id",
        BigInteger,
        ForeignKey(audiences.c.id, ondelete="SET NULL"),
        comment="Whose members it gets as its recipients when it starts; null: those of a file, or removed since.",
    ),
    Column(
        "audience_filter",
        JSONB,
        comment="Conditions that those members meet, all of them (domain/conditions.py); null: none.",
    ),
    Column(
        "variables",
        JSONB,
        comment="Template variables that are the same for all recipients, over their own; null: none.",
    ),
    Column(
        "test_of",
        BigInteger,
        ForeignKey("campaigns.id"),
        comment="The campaign of which it sends one marked copy, counted nowhere; null: no test.",
    ),
    CheckConstraint(
        "(finished_at IS NOT NULL) = (state IN ('finished', 'cancelled', 'failed'))", name="final_has_finished_at"
    ),
    CheckConstraint("max_attempts >= 1", name="max_attempts_positive"),
    comment="Content, recipients, when, and over which instances.",
    postgresql_with={"fillfactor": "70"},
)
Index(
    "campaigns_open_idx",
    campaigns.c.state,
    postgresql_where=text("state IN ('scheduled', 'running', 'paused')"),
)

_COUNTED = [state.value for state in MessageState]

campaign_lanes = Table(
    "campaign_lanes",
    metadata,
    _campaign_id(ForeignKey(campaigns.c.id, ondelete="CASCADE")),
    Column("lane_id", Integer, ForeignKey(lanes.c.id), nullable=False, comment="The lane that sends this part."),
    Column("total", BigInteger, nullable=False, server_default="0", comment="Messages planned for this lane."),
    *(
        Column(state, BigInteger, nullable=False, server_default="0", comment=f"Of those, messages that are {state}.")
        for state in _COUNTED
    ),
    _moment(
        "next_due_at",
        "No pending message is due before: the trigger lowers it, a claim that found nothing raises it.",
        nullable=False,
        server_default=text("'-infinity'"),
    ),
    _moment("last_claimed_at", "Whose turn it is among campaigns with equal rights."),
    Column("version", BigInteger, nullable=False, server_default="0", comment="Counts the trigger's changes."),
    Column(
        "open",
        Boolean,
        nullable=False,
        server_default=true(),
        comment="Until the campaign is final; keeps the index small however many campaigns there were.",
    ),
    PrimaryKeyConstraint("campaign_id", "lane_id"),
    CheckConstraint(f"total = {' + '.join(_COUNTED)}", name="i1_nothing_lost"),
    CheckConstraint(" AND ".join(f"{state} >= 0" for state in _COUNTED), name="counters_not_negative"),
    comment="Rollup of messages by state per campaign and lane, kept by a trigger on messages (invariant I1).",
    postgresql_with={"fillfactor": "50"},
)
Index("campaign_lanes_open_idx", campaign_lanes.c.lane_id, postgresql_where=campaign_lanes.c.open)

messages = Table(
    "messages",
    metadata,
    Column("segment", BigInteger, nullable=False, comment="Partition key: campaigns.segment."),
    _campaign_id(),
    Column("seq", Integer, nullable=False, comment="The row's number among the campaign's recipients, from 1."),
    Column("lane_id", Integer, nullable=False, comment="The instance that sends it."),
    Column("phone", Text, nullable=False, comment="E.164 digits without the plus."),
    Column("variables", JSONB, comment="Template variables by name; null: none."),
    Column(
        "state",
        message_state,
        nullable=False,
        server_default=MessageState.PENDING.value,
        comment="Where it stands (docs/states.md).",
    ),
    _moment("changed_at", "Since when it is in this state.", nullable=False, server_default=func.now()),
    Column("attempt", SmallInteger, nullable=False, server_default="0", comment="Number of the latest attempt."),
    Column(
        "spent",
        SmallInteger,
        nullable=False,
        server_default="0",
        comment="Attempts that count against campaigns.max_attempts; trouble of the instance does not.",
    ),
    _moment(
        "next_attempt_at",
        "The only retry clock: a pending message is due from then on.",
        nullable=False,
        server_default=text("'-infinity'"),
    ),
    Column("lease_token", Uuid, comment="The lane lease under which it was claimed; guards every later write."),
    Column("gateway_id", Text, comment="The gateway's id of the accepted message, where it gave one."),
    Column("reason", Text, comment="Why it is where it is, where that needs a reason."),
    PrimaryKeyConstraint("segment", "campaign_id", "seq"),
    UniqueConstraint("segment", "campaign_id", "phone"),
    comment="One recipient of one campaign each. No foreign keys: ingest writes campaign and messages together.",
    postgresql_partition_by="LIST (segment)",
)
Index(
    "messages_due_idx",
    messages.c.campaign_id,
    messages.c.lane_id,
    messages.c.next_attempt_at,
    messages.c.seq,
    postgresql_where=text("state = 'pending'"),
)
Index(
    "messages_held_idx",
    messages.c.lane_id,
    messages.c.state,
    postgresql_where=text("state IN ('claimed', 'sending', 'in_doubt')"),
)
Index(
    "messages_failure_idx",
    messages.c.campaign_id,
    messages.c.state,
    postgresql_where=text("state IN ('failed', 'unknown', 'skipped', 'expired')"),
)

failure_counts = Table(
    "failure_counts",
    metadata,
    _campaign_id(ForeignKey(campaigns.c.id, ondelete="CASCADE")),
    Column("lane_id", Integer, ForeignKey(lanes.c.id), nullable=False, comment="The lane that was to send them."),
    Column("state", message_state, nullable=False, comment="failed, unknown, skipped or expired."),
    Column("reason", Text, nullable=False, comment="Why; from the 101st on: (other reasons)."),
    Column("messages", BigInteger, nullable=False, comment="How many are in this state for this reason."),
    Column("example_seq", Integer, comment="The last of them that came."),
    _moment("latest", "When the last one came.", nullable=False, server_default=func.now()),
    PrimaryKeyConstraint("campaign_id", "lane_id", "state", "reason"),
    CheckConstraint("messages >= 0", name="messages_not_negative"),
    comment="Rollup of messages that were not sent by reason, kept by the trigger on messages.",
)

attempts = Table(
    "attempts",
    metadata,
    Column("segment", BigInteger, nullable=False, comment="Partition key: campaigns.segment."),
    _campaign_id(),
    Column("seq", Integer, nullable=False, comment="messages.seq"),
    Column("attempt", SmallInteger, nullable=False, comment="Counts from 1 per message."),
    Column("lane_id", Integer, nullable=False, comment="The instance it went through."),
    Column("outcome", outcome, nullable=False, comment="What it came to."),
    Column("reason", Text, nullable=False, comment="What was concluded from the reply or the failure."),
    Column("http_status", SmallInteger, comment="Null: no reply."),
    Column("reply", Text, comment="The raw reply, at most 2 KB, key redacted."),
    Column("duration_ms", Integer, comment="From the request's start to its end; null: nobody measured it."),
    _moment("finished_at", "When its outcome was recorded.", nullable=False, server_default=func.now()),
    PrimaryKeyConstraint("segment", "campaign_id", "seq", "attempt"),
    comment="One HTTP request made, or about to be made, for a message.",
    postgresql_partition_by="LIST (segment)",
)

Index("attempts_lane_idx", attempts.c.lane_id, attempts.c.finished_at)

doubts = Table(
    "doubts",
    metadata,
    Column("segment", BigInteger, nullable=False, comment="campaigns.segment"),
    _campaign_id(),
    Column("seq", Integer, nullable=False, comment="messages.seq"),
    Column("attempt", SmallInteger, nullable=False, comment="attempts.attempt"),
    Column("lane_id", Integer, nullable=False, comment="The instance it went through."),
    Column("phone", Text, nullable=False, comment="Whose chat may show it."),
    _moment("started_at", "When its intent was committed: the request left no earlier.", nullable=False),
    _moment("ended_at", "When its request had ended for certain.", nullable=False),
    Column("polls", SmallInteger, nullable=False, server_default="0", comment="How often its chat was asked for."),
    Column(
        "absences",
        SmallInteger,
        nullable=False,
        server_default="0",
        comment="How many of the latest polls, one after the other and settled, showed that it is not there.",
    ),
    _moment("next_poll_at", "When its chat is asked for next.", nullable=False, server_default=func.now()),
    Column("reading", Text, comment="What the latest poll came to, for people."),
    Column("resolved_as", resolution, comment="What was concluded; null: nothing yet."),
    _moment("resolved_at", "When that was."),
    PrimaryKeyConstraint("segment", "campaign_id", "seq", "attempt"),
    CheckConstraint("(resolved_as IS NULL) = (resolved_at IS NULL)", name="resolved_at_a_time"),
    comment="Attempts of which nobody knows whether the gateway accepted them, and what reading back says of them.",
)
Index("doubts_open_idx", doubts.c.lane_id, doubts.c.next_poll_at, postgresql_where=text("resolved_as IS NULL"))

settlements = Table(
    "settlements",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True, comment="In the order of the settlements."),
    Column("segment", BigInteger, nullable=False, comment="campaigns.segment"),
    _campaign_id(),
    Column("seq", Integer, nullable=False, comment="messages.seq"),
    Column("attempt", SmallInteger, nullable=False, comment="The attempt that was in doubt."),
    Column("from_state", message_state, nullable=False, comment="Where the message stood."),
    Column("to_state", message_state, nullable=False, comment="Where the operator put it; pending: sent again."),
    Column("settled_by", Text, nullable=False, comment="Who said so."),
    Column("reason", Text, comment="Why, in the operator's words."),
    _moment("settled_at", "When it was settled.", nullable=False, server_default=func.now()),
    comment="What operators decided about messages of which nobody knew whether they were accepted.",
)
Index("settlements_campaign_id_idx", settlements.c.campaign_id)

rejected_recipients = Table(
    "rejected_recipients",
    metadata,
    _campaign_id(ForeignKey(campaigns.c.id, ondelete="CASCADE")),
    Column("line", BigInteger, nullable=False, comment="Line of the recipients file."),
    Column("phone", Text, nullable=False, comment="As it stood in the file."),
    Column("reason", Text, nullable=False, comment="Why it became no message."),
    PrimaryKeyConstraint("campaign_id", "line"),
    comment="Rows of a recipients file that became no message, and why.",
)

ticks = Table(
    "ticks",
    metadata,
    Column("name", Text, primary_key=True, comment="Which of the scans that beat fires."),
    Column("period_seconds", Double, nullable=False, comment="How many seconds apart beat fires it."),
    _moment(
        "done_at",
        "When a worker last did it; more than three periods ago: no beat or no worker runs.",
        nullable=False,
    ),
    comment="When each of beat's ticks was last done: one row per tick.",
)

schedules = Table(
    "schedules",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True, comment="Occurrences carry it."),
    Column("name", Text, nullable=False, unique=True, comment="What operators call it; its campaigns begin with it."),
    Column(
        "state",
        schedule_state,
        nullable=False,
        server_default=ScheduleState.ACTIVE.value,
        comment="Whether it makes occurrences (docs/states.md).",
    ),
    Column("cron", Text, comment="When it is due, as a cron expression."),
    Column("every", Text, comment="When it is due, as an interval: 30s, 10m, 2h, 1d, 2w."),
    Column("timezone", Text, nullable=False, comment="Whose clocks the rule goes by: a name of the tz database."),
    _moment("anchor", "Where intervals count from.", nullable=False),
    _moment("next_at", "When it is due next; null: it is not active."),
    _moment("from_at", "Not due before."),
    _moment("until_at", "Not due after."),
    Column("occurrence_limit", Integer, comment="After so many campaigns it ends; null: never."),
    Column("occurrences_made", Integer, nullable=False, server_default="0", comment="Its campaigns so far."),
    Column("misfire", misfire, nullable=False, comment="What becomes of an occurrence that was missed."),
    Column("grace", Interval, nullable=False, comment="For how long a missed one may still be run or held."),
    Column("overlap", overlap, nullable=False, comment="What becomes of one while the one before is still sending."),
    Column(
        "audience_id",
        BigInteger,
        ForeignKey("audiences.id"),
        nullable=False,
        comment="Whom it sends to, each time anew.",
    ),
    Column("audience_filter", JSONB, comment="Which of the members; null: all."),
    Column(
        "content_id", BigInteger, ForeignKey(contents.c.id), nullable=False, comment="What its next campaign sends."
    ),
    Column("caption", Text, comment="campaigns.caption"),
    Column("filename", Text, comment="campaigns.filename"),
    Column("priority", SmallInteger, nullable=False, server_default="0", comment="campaigns.priority"),
    Column("max_attempts", SmallInteger, nullable=False, comment="campaigns.max_attempts"),
    _moment("created_at", "When it was added.", nullable=False, server_default=func.now()),
    CheckConstraint("num_nonnulls(cron, every) = 1", name="one_rule"),
    CheckConstraint("(next_at IS NOT NULL) = (state = 'active')", name="active_has_next_at"),
    CheckConstraint("max_attempts >= 1", name="max_attempts_positive"),
    CheckConstraint("occurrence_limit >= 1", name="occurrence_limit_positive"),
    comment="Recurring broadcasts: what to send to which audience, and by which rule.",
    postgresql_with={"fillfactor": "50"},
)
Index("schedules_due_idx", schedules.c.next_at, postgresql_where=text("state = 'active'"))

schedule_lanes = Table(
    "schedule_lanes",
    metadata,
    Column(
        "schedule_id",
        BigInteger,
        ForeignKey(schedules.c.id, ondelete="CASCADE"),
        nullable=False,
        comment="The schedule that sends through it.",
    ),
    Column("lane_id", Integer, ForeignKey(lanes.c.id), nullable=False, comment="The lane of one of its instances."),
    PrimaryKeyConstraint("schedule_id", "lane_id"),
    comment="Which instances a schedule sends through.",
)

occurrences = Table(
    "occurrences",
    metadata,
    Column(
        "schedule_id",
        BigInteger,
        ForeignKey(schedules.c.id, ondelete="CASCADE"),
        nullable=False,
        comment="The schedule that came due.",
    ),
    _moment("due_at", "When it was due.", nullable=False),
    Column("state", occurrence_state, nullable=False, comment="What became of it (docs/states.md)."),
    Column("reason", Text, comment="Why, where that needs a reason."),
    Column("number", Integer, comment="Counts the schedule's campaigns from 1; null: it made none."),
    Column("campaign_id", BigInteger, ForeignKey(campaigns.c.id), unique=True, comment="Its campaign; null: none."),
    Column("decided_by", Text, comment="The operator who started, approved or rejected it; null: nobody had to."),
    _moment("decided_at", "When that was."),
    _moment("created_at", "When it was noticed.", nullable=False, server_default=func.now()),
    PrimaryKeyConstraint("schedule_id", "due_at"),
    CheckConstraint("(number IS NULL) = (campaign_id IS NULL)", name="numbered_by_campaign"),
    comment="One row per due time of a schedule, whatever became of it: the key starts each exactly once.",
)
Index(
    "occurrences_open_idx",
    occurrences.c.schedule_id,
    occurrences.c.due_at,
    postgresql_where=text("state IN ('queued', 'held')"),
)
