"""Campaigns: what they send, and how far they are."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    false,
    func,
    text,
    true,
)
from sqlalchemy.dialects.postgresql import JSONB

from broadcaster.db.tables.audience import audiences
from broadcaster.db.tables.columns import (
    campaign_id,
    campaign_state,
    content_kind,
    metadata,
    moment,
)
from broadcaster.db.tables.hours import opening_hours
from broadcaster.db.tables.instance import lanes
from broadcaster.db.tables.limit import limits
from broadcaster.domain.states import MessageState

contents = Table(
    "contents",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True, comment="Campaigns refer to it."),
    Column("kind", content_kind, nullable=False, comment="Which gateway method carries it."),
    Column("digest", LargeBinary, nullable=False, comment="SHA-256 of the body: each is stored once."),
    Column(
        "body",
        LargeBinary,
        nullable=False,
        comment="The template, the file's bytes, or the URL (UTF-8); nothing for files that differ.",
    ),
    UniqueConstraint("kind", "digest"),
    comment="Texts, files and URLs that campaigns send, each stored once.",
)

campaigns = Table(
    "campaigns",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True, comment="Messages and attempts carry it."),
    Column("name", Text, nullable=False, unique=True, comment="What operators call it."),
    Column("state", campaign_state, nullable=False, comment="Where it stands (docs/states.md)."),
    Column("state_reason", Text, comment="Why it is in this state, where a reason is needed."),
    Column(
        "content_version",
        SmallInteger,
        nullable=False,
        server_default="1",
        comment="Which of its content_versions it sends now.",
    ),
    Column(
        "file_column",
        Text,
        comment="The variable with the path of each recipient's own file (campaign_files); null: they get the same.",
    ),
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
    Column(
        "require_consent",
        Boolean,
        nullable=False,
        server_default="false",
        comment="Whether it skips whoever has not agreed to messages, when it starts (consent_records).",
    ),
    Column(
        "care",
        JSONB,
        comment="At which figures it pauses itself, in which slices it begins, whom it skips (domain/care.py); "
        "null: none of it.",
    ),
    Column(
        "sharing",
        JSONB,
        comment="What becomes of messages whose instance is in trouble, and whether people keep theirs "
        "(domain/sharing.py); null: nothing.",
    ),
    Column("recipients_read", BigInteger, nullable=False, server_default="0", comment="Rows in the recipients file."),
    Column("recipients_rejected", BigInteger, nullable=False, server_default="0", comment="Of those, unusable ones."),
    Column("source", Text, comment="Where the recipients came from, for people."),
    moment("starts_at", "Not to be started before.", nullable=False, server_default=func.now()),
    Column("hours_id", Integer, ForeignKey(opening_hours.c.id), comment="When it may be sent; null: always."),
    moment("expires_at", "What has not left by then is expired; null: never."),
    moment("created_at", "When it was submitted.", nullable=False, server_default=func.now()),
    moment("started_at", "When it first became running."),
    moment("finished_at", "When it reached a final state."),
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
    Column(
        "rest_of",
        BigInteger,
        ForeignKey("campaigns.id"),
        comment="The first campaign whose recipients it has, those who had not got it, be it by way of other rests; "
        "null: no rest.",
    ),
    moment(
        "rest_taken_at",
        "When others first took what is left of it, so that it is not retried itself any more; null: nobody has.",
    ),
    Column(
        "confirms",
        BigInteger,
        ForeignKey("opt_outs.id"),
        unique=True,
        comment="The opt-out of which its one message tells the person that it is heard; null: it is no confirmation.",
    ),
    moment("purged_at", "When what is personal of it was deleted; null: not yet."),
    CheckConstraint("(finished_at IS NOT NULL) = (state IN ('finished', 'cancelled'))", name="final_has_finished_at"),
    CheckConstraint("confirms IS NULL OR test_of = id", name="confirms_alone"),
    CheckConstraint("max_attempts >= 1", name="max_attempts_positive"),
    CheckConstraint("purged_at IS NULL OR finished_at IS NOT NULL", name="purged_is_final"),
    ForeignKeyConstraint(
        ["id", "content_version"],
        ["content_versions.campaign_id", "content_versions.version"],
        name="campaigns_content_version_fkey",
        deferrable=True,
        initially="DEFERRED",
        use_alter=True,
    ),
    comment="Content, recipients, when, and over which instances.",
    postgresql_with={"fillfactor": "70"},
)
Index(
    "campaigns_open_idx",
    campaigns.c.state,
    postgresql_where=text("state IN ('scheduled', 'running', 'paused')"),
)
Index("campaigns_ended_idx", campaigns.c.finished_at, postgresql_where=text("finished_at IS NOT NULL"))
Index("campaigns_rests_idx", campaigns.c.rest_of, postgresql_where=text("rest_of IS NOT NULL"))

content_versions = Table(
    "content_versions",
    metadata,
    campaign_id(ForeignKey(campaigns.c.id, ondelete="CASCADE")),
    Column("version", SmallInteger, nullable=False, comment="Counts from 1 per campaign."),
    Column(
        "content_id", BigInteger, ForeignKey(contents.c.id), nullable=False, comment="The text, the file or the URL."
    ),
    Column("caption", Text, comment="Template of the caption (file and file_url)."),
    Column("filename", Text, comment="Template of the file name that recipients see (file)."),
    Column(
        "locale",
        Text,
        nullable=False,
        server_default="en",
        comment="Whose dates and numbers they are, that its texts show.",
    ),
    moment("since", "When it became what the campaign sends.", nullable=False, server_default=func.now()),
    PrimaryKeyConstraint("campaign_id", "version"),
    CheckConstraint("version >= 1", name="version_positive"),
    comment=(
        "What a campaign sends, and what it sent before that was changed. Commands and workers change no row of it."
    ),
)
Index("content_versions_content_idx", content_versions.c.content_id)

campaign_files = Table(
    "campaign_files",
    metadata,
    campaign_id(ForeignKey(campaigns.c.id, ondelete="CASCADE")),
    Column("path", Text, nullable=False, comment="As the list wrote it: the value of campaigns.file_column."),
    Column("content_id", BigInteger, ForeignKey(contents.c.id), nullable=False, comment="The file."),
    Column(
        "messages",
        BigInteger,
        nullable=False,
        comment="How many of its messages are of people who were not forgotten.",
    ),
    PrimaryKeyConstraint("campaign_id", "path"),
    CheckConstraint("messages >= 0", name="messages_not_negative"),
    comment="The files of a campaign whose recipients do not get the same one.",
)
Index("campaign_files_content_idx", campaign_files.c.content_id)

_COUNTED = [state.value for state in MessageState]

campaign_lanes = Table(
    "campaign_lanes",
    metadata,
    campaign_id(ForeignKey(campaigns.c.id, ondelete="CASCADE")),
    Column("lane_id", Integer, ForeignKey(lanes.c.id), nullable=False, comment="The lane that sends this part."),
    Column("total", BigInteger, nullable=False, server_default="0", comment="Messages planned for this lane."),
    *(
        Column(state, BigInteger, nullable=False, server_default="0", comment=f"Of those, messages that are {state}.")
        for state in _COUNTED
    ),
    moment(
        "next_due_at",
        "No pending message is due before: the trigger lowers it, a claim that found nothing raises it.",
        nullable=False,
        server_default=text("'-infinity'"),
    ),
    moment(
        "last_claimed_at",
        "When it was last served beside other due campaigns, or had fewer due than slots: whose turn it is.",
    ),
    Column("version", BigInteger, nullable=False, server_default="0", comment="Counts the trigger's changes."),
    Column(
        "open",
        Boolean,
        nullable=False,
        server_default=true(),
        comment="Until the campaign is final; keeps the index small however many campaigns there were.",
    ),
    Column(
        "retired",
        Boolean,
        nullable=False,
        server_default=false(),
        comment=(
            "Its instance was taken away from the campaign: what is pending here goes to the others, and nothing is "
            "claimed."
        ),
    ),
    Column(
        "sent_before",
        BigInteger,
        comment="What sent was when campaign_judgements.since began; null: nothing.",
    ),
    Column("failed_before", BigInteger, comment="The same of failed."),
    Column(
        "weight",
        Double,
        comment="Its part of the messages is in proportion to this; null: to its instance's rate.",
    ),
    PrimaryKeyConstraint("campaign_id", "lane_id"),
    CheckConstraint("open OR pending + sending + in_doubt = 0", name="closed_has_nothing_open"),
    CheckConstraint("weight > 0", name="weight_positive"),
    CheckConstraint(f"total = {' + '.join(_COUNTED)}", name="i1_nothing_lost"),
    CheckConstraint(" AND ".join(f"{state} >= 0" for state in _COUNTED), name="counters_not_negative"),
    comment="Rollup of messages by state per campaign and lane, kept by a trigger on messages (invariant I1).",
    postgresql_with={"fillfactor": "50"},
)
Index("campaign_lanes_open_idx", campaign_lanes.c.lane_id, postgresql_where=campaign_lanes.c.open)

campaign_limits = Table(
    "campaign_limits",
    metadata,
    Column(
        "campaign_id",
        BigInteger,
        ForeignKey(campaigns.c.id, ondelete="CASCADE"),
        nullable=False,
        comment="The campaign, also once it has ended: what it sent counts,",
    ),
    Column(
        "limit_id",
        Integer,
        ForeignKey(limits.c.id, ondelete="CASCADE"),
        nullable=False,
        comment="and a limit that holds for it.",
    ),
    PrimaryKeyConstraint("campaign_id", "limit_id"),
    comment="Which limits hold for a campaign, through whatever lanes. Such a limit holds for no lane.",
)
Index("campaign_limits_limit_id_idx", campaign_limits.c.limit_id)

campaign_plans = Table(
    "campaign_plans",
    metadata,
    Column(
        "campaign_id",
        BigInteger,
        ForeignKey("campaigns.id", ondelete="CASCADE"),
        primary_key=True,
        comment="The campaign that it belongs to.",
    ),
    moment("made_at", "When it was made.", nullable=False, server_default=func.now()),
    moment("ends_at", "When its last message was to leave,", nullable=False),
    moment("earliest_at", "where chance is kind,"),
    moment("latest_at", "and where it is not; null: chance makes no difference."),
    comment="When campaigns were to be sent by the plan that was made when they were submitted: "
    "reports set it beside what happened.",
)

rejected_recipients = Table(
    "rejected_recipients",
    metadata,
    campaign_id(ForeignKey(campaigns.c.id, ondelete="CASCADE")),
    Column("line", BigInteger, nullable=False, comment="Line of the recipients file."),
    Column("phone", Text, nullable=False, comment="As it stood in the file, unless it was forgotten."),
    Column("reason", Text, nullable=False, comment="Why it became no message."),
    PrimaryKeyConstraint("campaign_id", "line"),
    comment="Rows of a recipients file that became no message, and why.",
)

purges = Table(
    "purges",
    metadata,
    Column(
        "campaign_id", BigInteger, ForeignKey(campaigns.c.id), primary_key=True, comment="Of which it was deleted."
    ),
    moment("purged_at", "When.", nullable=False, server_default=func.now()),
    Column("operator", Text, nullable=False, comment="By whose command, as that says; schedule: by the hourly task."),
    Column("messages", JSONB, nullable=False, comment="Its messages by state, counted when they were deleted,"),
    Column("attempts", JSONB, nullable=False, comment="its attempts by outcome,"),
    Column("doubts", JSONB, nullable=False, comment="its doubts by what was concluded,"),
    Column("rejected_recipients", BigInteger, nullable=False, comment="and its rejected rows."),
    Column(
        "accepted_more_than_once",
        BigInteger,
        nullable=False,
        comment="Messages that the gateway accepted in more than one attempt.",
    ),
    comment="What was deleted of campaigns, in numbers: the proof that their books balanced.",
)
