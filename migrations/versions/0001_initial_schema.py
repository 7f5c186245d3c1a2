"""Initial schema: tables, accounting triggers, report views."""

from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

# Unreleased versions counted from 0001 too: no database of theirs may be taken for one of these.
revision = "1.0001"
down_revision = None

_STATES = (
    "pending",
    "sending",
    "sent",
    "failed",
    "in_doubt",
    "unknown",
    "skipped",
    "cancelled",
    "expired",
)
"""Of messages."""
# Created with the table `messages`.
_MESSAGE_STATE = postgresql.ENUM(name="message_state", create_type=False)
_SQL = Path(__file__).resolve().parent.parent / "sql"


def upgrade() -> None:
    _create_accounts()
    _create_instances()
    _create_audiences()
    _create_messages()
    _create_campaigns()
    _create_looks()
    _create_schedules()
    _create_ticks()
    _create_audit()
    _create_forgetting()
    for script in (
        "segments.sql",
        "written_numbers.sql",
        "failure_counts.sql",
        "accounting.sql",
        "large_campaigns.sql",
        "leases.sql",
        "finishing.sql",
        "audience_recipients.sql",
        "reports.sql",
        "schedules.sql",
        "audit.sql",
        "purging.sql",
        "forgetting.sql",
    ):
        # Not to be looked through for parameters: functions format statements of their own.
        op.get_bind().exec_driver_sql(
            (_SQL / script).read_text(encoding="utf-8"), execution_options={"no_parameters": True}
        )


def _moment(name: str, comment: str, **options: Any) -> sa.Column[Any]:
    return sa.Column(name, sa.DateTime(timezone=True), comment=comment, **options)


def _counter(state: str) -> sa.Column[Any]:
    comment = f"Of those, messages that are {state}."
    return sa.Column(state, sa.BigInteger(), server_default="0", nullable=False, comment=comment)


def _create_accounts() -> None:
    op.create_table(
        "accounts",
        sa.Column(
            "id", sa.Integer(), sa.Identity(always=True), nullable=False, comment="Attempts and doubts carry it."
        ),
        sa.Column(
            "fingerprint",
            sa.LargeBinary(),
            nullable=False,
            comment="Keyed hash of URL and key: tells accounts apart without telling the key.",
        ),
        sa.Column(
            "key_encrypted", sa.LargeBinary(), comment="Its WAChatPro key, sealed for its URL; null: forgotten."
        ),
        sa.Column("base_url", sa.Text(), nullable=False, comment="Where the API answers, without a trailing slash."),
        sa.Column("wire", sa.Enum("json", "form", name="wire"), nullable=False, comment="How requests are encoded."),
        _moment("created_at", "When an instance first had it.", server_default=sa.text("now()"), nullable=False),
        _moment(
            "next_read_at",
            "No chat is read back through it before: reads are paced apart from sends.",
            server_default=sa.text("'-infinity'"),
            nullable=False,
        ),
        sa.Column(
            "reads_a_second",
            sa.SmallInteger(),
            server_default="4",
            nullable=False,
            comment="How many chats are read in a second: more while it answers, half as many where it does not.",
        ),
        _moment("unreadable_since", "Since when its chats cannot be read; null: they can."),
        _moment(
            "next_truth_at",
            "No accepted message is looked for in its chat before.",
            server_default=sa.text("'-infinity'"),
            nullable=False,
        ),
        _moment(
            "truth_since",
            "Only messages that were accepted later are looked for: an operator has resumed its instance then.",
            server_default=sa.text("'-infinity'"),
            nullable=False,
        ),
        sa.Column(
            "truth_sample",
            postgresql.ARRAY(sa.Text()),
            server_default="{}",
            nullable=False,
            comment="The messages that were looked for lately, the latest first: each counts once.",
        ),
        sa.Column(
            "truth_shown",
            sa.Integer(),
            server_default="0",
            nullable=False,
            comment="Of those, so many were shown lately,",
        ),
        sa.Column("truth_missing", sa.Integer(), server_default="0", nullable=False, comment="and so many were not."),
        sa.CheckConstraint("reads_a_second >= 1", name=op.f("accounts_reads_positive_check")),
        sa.PrimaryKeyConstraint("id", name=op.f("accounts_pkey")),
        sa.UniqueConstraint("fingerprint", name=op.f("accounts_fingerprint_key")),
        comment="What instances are at the gateway. One that no instance has any more is kept for reading back.",
    )


def _create_looks() -> None:
    op.create_table(
        "looks",
        sa.Column("account_id", sa.Integer(), nullable=False, comment="Whose."),
        sa.Column("segment", sa.BigInteger(), nullable=False, comment="Of the message that was looked for,"),
        sa.Column("campaign_id", sa.BigInteger(), nullable=False, comment="its campaign,"),
        sa.Column("seq", sa.Integer(), nullable=False, comment="and its place in it."),
        sa.Column(
            "number_class", sa.Text(), nullable=False, comment="What its number is (domain/whatsapp_numbers.py)."
        ),
        sa.Column(
            "content_kind",
            postgresql.ENUM(name="content_kind", create_type=False),
            nullable=False,
            comment="What it was.",
        ),
        _moment("accepted_at", "When the gateway took it.", nullable=False),
        _moment("looked_at", "When it was last looked for.", nullable=False),
        sa.Column("is_shown", sa.Boolean(), nullable=False, comment="Whether its chat showed it then."),
        sa.Column(
            "late_seconds",
            sa.Double(),
            nullable=False,
            comment="How old it was when last looked for in vain: others of its kind may be shown as late. 0: never.",
        ),
        sa.Column("entries", sa.Integer(), nullable=False, comment="How long the list was that was looked through."),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("looks_account_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("account_id", "segment", "campaign_id", "seq", name=op.f("looks_pkey")),
        comment="Accepted messages that were lately looked for in their chats: what reading an account back can prove.",
    )


def _create_instances() -> None:
    op.create_table(
        "instances",
        sa.Column("id", sa.Integer(), sa.Identity(always=True), nullable=False, comment="Also the id of its lane."),
        sa.Column("name", sa.Text(), nullable=False, comment="What operators call it."),
        sa.Column(
            "account_id",
            sa.Integer(),
            nullable=False,
            comment="What it is at the gateway; no other instance is the same.",
        ),
        sa.Column("rate_per_second", sa.Double(), comment="Messages per second; null: unlimited."),
        sa.Column(
            "burst",
            sa.Integer(),
            nullable=False,
            comment="Accepted requests in any window W never exceed rate*W + burst.",
        ),
        sa.Column(
            "interval_seconds",
            sa.Double(),
            nullable=False,
            comment="Seconds between two messages, 0 when unlimited (domain/pacing.py).",
        ),
        sa.Column(
            "tolerance_seconds",
            sa.Double(),
            nullable=False,
            comment="Seconds by which messages may run ahead of the even pace (domain/pacing.py).",
        ),
        sa.Column("max_in_flight", sa.Integer(), nullable=False, comment="Requests under way at once, at most."),
        sa.Column("reply_rules", postgresql.JSONB(), comment="Differences from the default reply rules; null: none."),
        _moment("created_at", "When it was added.", server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("burst >= 1", name=op.f("instances_burst_positive_check")),
        sa.CheckConstraint(
            "interval_seconds >= 0 AND tolerance_seconds >= 0", name=op.f("instances_pace_not_negative_check")
        ),
        sa.CheckConstraint("max_in_flight >= 1", name=op.f("instances_max_in_flight_positive_check")),
        sa.CheckConstraint("rate_per_second > 0", name=op.f("instances_rate_positive_check")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("instances_account_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("instances_pkey")),
        sa.UniqueConstraint("account_id", name=op.f("instances_account_id_key")),
        sa.UniqueConstraint("name", name=op.f("instances_name_key")),
        comment="Names for accounts, each with its limits.",
    )
    op.create_table(
        "lanes",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False, comment="The instance's id."),
        sa.Column(
            "health",
            sa.Enum("ok", "throttled", "down", "refused", "paused", name="lane_health"),
            server_default="ok",
            nullable=False,
            comment="Whether it can be sent through (docs/states.md).",
        ),
        sa.Column("health_reason", sa.Text(), comment="Why it is not ok, in the gateway's or the operator's words."),
        _moment("health_since", "When the health last changed.", server_default=sa.text("now()"), nullable=False),
        sa.Column(
            "failures",
            sa.Integer(),
            server_default="0",
            nullable=False,
            comment="Instance troubles since the last good reply: the exponent of the probe's back-off.",
        ),
        sa.Column(
            "outcome_run",
            postgresql.JSONB(),
            comment="What its latest outcomes say together, and which refusals it has learned (domain/outcome_run.py).",
        ),
        _moment("not_before", "No request leaves before this moment (throttled, down)."),
        sa.Column(
            "rest_seconds",
            sa.Double(),
            comment="How long the rest was meant to be: not_before is never taken to lie further ahead.",
        ),
        sa.Column(
            "lease_token",
            sa.Uuid(),
            comment="Who may send now; null: nobody. Each write of a holder is guarded by it.",
        ),
        _moment("lease_expires_at", "From when on another worker may take the lane."),
        sa.Column("lease_holder", sa.Text(), comment="The worker that holds the lane, for people."),
        _moment(
            "clock",
            "The GCRA's theoretical arrival time: when the next message is due at an even pace.",
            server_default=sa.text("now()"),
            nullable=False,
        ),
        _moment("woken_at", "When a wake-up was last published for it."),
        sa.Column(
            "account_id",
            sa.Integer(),
            nullable=False,
            comment="The account that it sends through under its lease; the instance may have another one by now.",
        ),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("lanes_account_id_fkey")),
        sa.ForeignKeyConstraint(["id"], ["instances.id"], name=op.f("lanes_id_fkey"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("lanes_pkey")),
        comment="The outbound queue of one instance: pace, health, lease. The unit that a worker holds.",
        postgresql_with={"fillfactor": "50"},
    )


def _create_audiences() -> None:
    op.create_table(
        "audiences",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False, comment="Members carry it."),
        sa.Column("name", sa.Text(), nullable=False, comment="What operators call it."),
        sa.Column(
            "variables",
            postgresql.ARRAY(sa.Text()),
            server_default="{}",
            nullable=False,
            comment="The variables that its members may have, in the order in which they came.",
        ),
        _moment("created_at", "When it was first imported.", server_default=sa.text("now()"), nullable=False),
        _moment("changed_at", "When an import last changed it.", server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("audiences_pkey")),
        sa.UniqueConstraint("name", name=op.f("audiences_name_key")),
        comment="Recipients that are kept under a name.",
    )
    op.create_table(
        "audience_members",
        sa.Column("audience_id", sa.BigInteger(), nullable=False, comment="The audience that it belongs to."),
        sa.Column("phone", sa.Text(), nullable=False, comment="E.164 digits without the plus."),
        sa.Column(
            "variables",
            postgresql.JSONB(),
            server_default="{}",
            nullable=False,
            comment="Template variables by name; one that is not known of this member is left out.",
        ),
        _moment("added_at", "When it came in.", server_default=sa.text("now()"), nullable=False),
        _moment("changed_at", "When its variables last changed.", server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["audience_id"], ["audiences.id"], name=op.f("audience_members_audience_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("audience_id", "phone", name=op.f("audience_members_pkey")),
        comment="One phone of one audience each.",
    )


def _create_messages() -> None:
    op.create_table(
        "messages",
        sa.Column("segment", sa.BigInteger(), nullable=False, comment="Partition key: campaigns.segment."),
        sa.Column("campaign_id", sa.BigInteger(), nullable=False, comment="The campaign that it belongs to."),
        sa.Column(
            "seq", sa.Integer(), nullable=False, comment="The row's number among the campaign's recipients, from 1."
        ),
        sa.Column("lane_id", sa.Integer(), nullable=False, comment="The instance that sends it."),
        sa.Column("phone", sa.Text(), comment="E.164 digits without the plus; null: forgotten."),
        sa.Column("variables", postgresql.JSONB(), comment="Template variables by name; null: none."),
        sa.Column(
            "state",
            sa.Enum(*_STATES, name="message_state"),
            server_default="pending",
            nullable=False,
            comment="Where it stands (docs/states.md).",
        ),
        _moment("changed_at", "Since when it is in this state.", server_default=sa.text("now()"), nullable=False),
        sa.Column(
            "attempt", sa.SmallInteger(), server_default="0", nullable=False, comment="Number of the latest attempt."
        ),
        sa.Column(
            "spent",
            sa.SmallInteger(),
            server_default="0",
            nullable=False,
            comment="Attempts that count against campaigns.max_attempts; trouble of the instance does not.",
        ),
        _moment(
            "next_attempt_at",
            "The only retry clock: a pending message is due from then on.",
            server_default=sa.text("'-infinity'"),
            nullable=False,
        ),
        sa.Column("claim_token", sa.Uuid(), comment="The claim that took it; guards every later write."),
        sa.Column("gateway_id", sa.Text(), comment="The gateway's id of the accepted message, where it gave one."),
        sa.Column("reason", sa.Text(), comment="Why it is where it is, where that needs a reason."),
        sa.CheckConstraint(
            "phone IS NOT NULL OR state IN ('sent', 'failed', 'unknown', 'skipped', 'cancelled', 'expired')",
            name=op.f("messages_forgotten_is_final_check"),
        ),
        sa.PrimaryKeyConstraint("segment", "campaign_id", "seq", name=op.f("messages_pkey")),
        sa.UniqueConstraint("segment", "campaign_id", "phone", name=op.f("messages_segment_campaign_id_phone_key")),
        comment="One recipient of one campaign each. No foreign keys: ingest writes campaign and messages together.",
        postgresql_partition_by="LIST (segment)",
    )
    op.create_index(
        "messages_due_idx",
        "messages",
        ["campaign_id", "lane_id", "next_attempt_at", "seq"],
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.create_index(
        "messages_failure_idx",
        "messages",
        ["campaign_id", "state"],
        postgresql_where=sa.text("state IN ('failed', 'unknown', 'skipped', 'expired')"),
    )
    op.create_index(
        "messages_held_idx",
        "messages",
        ["lane_id", "state"],
        postgresql_where=sa.text("state IN ('sending', 'in_doubt')"),
    )
    op.create_table(
        "attempts",
        sa.Column("segment", sa.BigInteger(), nullable=False, comment="Partition key: campaigns.segment."),
        sa.Column("campaign_id", sa.BigInteger(), nullable=False, comment="The campaign that it belongs to."),
        sa.Column("seq", sa.Integer(), nullable=False, comment="messages.seq"),
        sa.Column("attempt", sa.SmallInteger(), nullable=False, comment="Counts from 1 per message."),
        sa.Column("account_id", sa.Integer(), nullable=False, comment="The account it went through."),
        sa.Column(
            "outcome",
            sa.Enum("accepted", "rejected", "throttled", "not_sent", "unknown", name="outcome"),
            nullable=False,
            comment="What it came to.",
        ),
        sa.Column("reason", sa.Text(), nullable=False, comment="What was concluded from the reply or the failure."),
        sa.Column("http_status", sa.SmallInteger(), comment="Null: no reply."),
        sa.Column("reply", sa.Text(), comment="The raw reply, at most 2 KB, key redacted."),
        sa.Column(
            "duration_ms", sa.Integer(), comment="From the request's start to its end; null: nobody measured it."
        ),
        _moment("finished_at", "When its outcome was recorded.", server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("segment", "campaign_id", "seq", "attempt", name=op.f("attempts_pkey")),
        comment="One HTTP request made, or about to be made, for a message.",
        postgresql_partition_by="LIST (segment)",
    )
    op.create_index("attempts_account_idx", "attempts", ["account_id", "finished_at"])
    op.create_table(
        "doubts",
        sa.Column("segment", sa.BigInteger(), nullable=False, comment="campaigns.segment"),
        sa.Column("campaign_id", sa.BigInteger(), nullable=False, comment="The campaign that it belongs to."),
        sa.Column("seq", sa.Integer(), nullable=False, comment="messages.seq"),
        sa.Column("attempt", sa.SmallInteger(), nullable=False, comment="attempts.attempt"),
        sa.Column("lane_id", sa.Integer(), nullable=False, comment="The instance it went through."),
        sa.Column("account_id", sa.Integer(), nullable=False, comment="The account whose chats may show it."),
        sa.Column("phone", sa.Text(), comment="Whose chat may show it; null: forgotten."),
        _moment("started_at", "When its intent was committed: the request left no earlier.", nullable=False),
        _moment("ended_at", "When its request had ended for certain.", nullable=False),
        sa.Column(
            "polls", sa.SmallInteger(), server_default="0", nullable=False, comment="How often its chat was asked for."
        ),
        sa.Column(
            "absences",
            sa.SmallInteger(),
            server_default="0",
            nullable=False,
            comment="How many of the latest polls, one after the other and settled, showed that it is not there.",
        ),
        _moment("next_poll_at", "When its chat is asked for next.", server_default=sa.text("now()"), nullable=False),
        sa.Column("reading", sa.Text(), comment="What the latest poll came to, for people."),
        sa.Column(
            "unreadable_seconds",
            sa.Double(),
            server_default="0",
            nullable=False,
            comment="For how long its account could not be read meanwhile: no part of its deadline.",
        ),
        sa.Column(
            "resolved_as",
            sa.Enum("found", "absent", "unknown", "settled", name="resolution"),
            comment="What was concluded; null: nothing yet.",
        ),
        _moment("resolved_at", "When that was."),
        sa.CheckConstraint(
            "(resolved_as IS NULL) = (resolved_at IS NULL)", name=op.f("doubts_resolved_at_a_time_check")
        ),
        sa.CheckConstraint(
            "phone IS NOT NULL OR resolved_as IS NOT NULL", name=op.f("doubts_forgotten_is_resolved_check")
        ),
        sa.PrimaryKeyConstraint("segment", "campaign_id", "seq", "attempt", name=op.f("doubts_pkey")),
        comment="Attempts of which nobody knows whether the gateway accepted them, and what reading back says of them.",
    )
    op.create_index(
        "doubts_open_idx", "doubts", ["account_id", "next_poll_at"], postgresql_where=sa.text("resolved_as IS NULL")
    )
    op.create_table(
        "settlements",
        sa.Column(
            "id", sa.BigInteger(), sa.Identity(always=True), nullable=False, comment="In the order of the settlements."
        ),
        sa.Column("segment", sa.BigInteger(), nullable=False, comment="campaigns.segment"),
        sa.Column("campaign_id", sa.BigInteger(), nullable=False, comment="The campaign that it belongs to."),
        sa.Column("seq", sa.Integer(), nullable=False, comment="messages.seq"),
        sa.Column("attempt", sa.SmallInteger(), nullable=False, comment="The attempt that was in doubt."),
        sa.Column("from_state", _MESSAGE_STATE, nullable=False, comment="Where the message stood."),
        sa.Column(
            "to_state", _MESSAGE_STATE, nullable=False, comment="Where the operator put it; pending: sent again."
        ),
        sa.Column("settled_by", sa.Text(), nullable=False, comment="Who said so."),
        sa.Column("reason", sa.Text(), comment="Why, in the operator's words."),
        _moment("settled_at", "When it was settled.", server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("settlements_pkey")),
        comment="What operators decided about messages of which nobody knew whether they were accepted.",
    )
    op.create_index("settlements_campaign_id_idx", "settlements", ["campaign_id"])


def _create_campaigns() -> None:
    op.create_table(
        "contents",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False, comment="Campaigns refer to it."),
        sa.Column(
            "kind",
            sa.Enum("text", "file", "file_url", name="content_kind"),
            nullable=False,
            comment="Which gateway method carries it.",
        ),
        sa.Column("digest", sa.LargeBinary(), nullable=False, comment="SHA-256 of the body: each is stored once."),
        sa.Column(
            "body", sa.LargeBinary(), nullable=False, comment="The template, the file's bytes, or the URL (UTF-8)."
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("contents_pkey")),
        sa.UniqueConstraint("kind", "digest", name=op.f("contents_kind_digest_key")),
        comment="Texts, files and URLs that campaigns send, each stored once.",
    )
    op.create_table(
        "campaigns",
        sa.Column(
            "id", sa.BigInteger(), sa.Identity(always=False), nullable=False, comment="Messages and attempts carry it."
        ),
        sa.Column("name", sa.Text(), nullable=False, comment="What operators call it."),
        sa.Column(
            "state",
            sa.Enum(
                "draft", "scheduled", "running", "paused", "finished", "cancelled", "failed", name="campaign_state"
            ),
            nullable=False,
            comment="Where it stands (docs/states.md).",
        ),
        sa.Column("state_reason", sa.Text(), comment="Why it is in this state, where a reason is needed."),
        sa.Column("content_id", sa.BigInteger(), nullable=False, comment="What it sends."),
        sa.Column("caption", sa.Text(), comment="Template of the caption (file and file_url)."),
        sa.Column("filename", sa.Text(), comment="The file name that recipients see (file)."),
        sa.Column(
            "priority",
            sa.SmallInteger(),
            server_default="0",
            nullable=False,
            comment="Higher is sent first; equal ones share a lane equally.",
        ),
        sa.Column(
            "segment",
            sa.BigInteger(),
            server_default="0",
            nullable=False,
            comment="The partition of messages and attempts that holds it: 0 shared, otherwise its own.",
        ),
        sa.Column(
            "max_attempts",
            sa.SmallInteger(),
            nullable=False,
            comment="Attempts that a message may spend before it fails.",
        ),
        sa.Column(
            "recipients_read",
            sa.BigInteger(),
            server_default="0",
            nullable=False,
            comment="Rows in the recipients file.",
        ),
        sa.Column(
            "recipients_rejected",
            sa.BigInteger(),
            server_default="0",
            nullable=False,
            comment="Of those, unusable ones.",
        ),
        sa.Column("source", sa.Text(), comment="Where the recipients came from, for people."),
        _moment("starts_at", "Not to be started before.", server_default=sa.text("now()"), nullable=False),
        _moment("created_at", "When it was submitted.", server_default=sa.text("now()"), nullable=False),
        _moment("started_at", "When it first became running."),
        _moment("finished_at", "When it reached a final state."),
        sa.Column(
            "audience_id",
            sa.BigInteger(),
            comment="Whose members it gets as its recipients when it starts; null: those of a file, or removed since.",
        ),
        sa.Column(
            "audience_filter",
            postgresql.JSONB(),
            comment="Conditions that those members meet, all of them (domain/conditions.py); null: none.",
        ),
        sa.Column(
            "variables",
            postgresql.JSONB(),
            comment="Template variables that are the same for all recipients, over their own; null: none.",
        ),
        sa.Column(
            "test_of",
            sa.BigInteger(),
            comment="The campaign of which it sends one marked copy, counted nowhere; null: no test.",
        ),
        _moment("purged_at", "When what is personal of it was deleted; null: not yet."),
        sa.CheckConstraint(
            "(finished_at IS NOT NULL) = (state IN ('finished', 'cancelled', 'failed'))",
            name=op.f("campaigns_final_has_finished_at_check"),
        ),
        sa.CheckConstraint("max_attempts >= 1", name=op.f("campaigns_max_attempts_positive_check")),
        sa.CheckConstraint(
            "purged_at IS NULL OR finished_at IS NOT NULL", name=op.f("campaigns_purged_is_final_check")
        ),
        sa.ForeignKeyConstraint(
            ["audience_id"], ["audiences.id"], name=op.f("campaigns_audience_id_fkey"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(["content_id"], ["contents.id"], name=op.f("campaigns_content_id_fkey")),
        sa.ForeignKeyConstraint(["test_of"], ["campaigns.id"], name=op.f("campaigns_test_of_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("campaigns_pkey")),
        sa.UniqueConstraint("name", name=op.f("campaigns_name_key")),
        comment="Content, recipients, when, and over which instances.",
        postgresql_with={"fillfactor": "70"},
    )
    op.create_index(
        "campaigns_open_idx",
        "campaigns",
        ["state"],
        postgresql_where=sa.text("state IN ('scheduled', 'running', 'paused')"),
    )
    op.create_table(
        "campaign_lanes",
        sa.Column("campaign_id", sa.BigInteger(), nullable=False, comment="The campaign that it belongs to."),
        sa.Column("lane_id", sa.Integer(), nullable=False, comment="The lane that sends this part."),
        sa.Column(
            "total", sa.BigInteger(), server_default="0", nullable=False, comment="Messages planned for this lane."
        ),
        *(_counter(state) for state in _STATES),
        _moment(
            "next_due_at",
            "No pending message is due before: the trigger lowers it, a claim that found nothing raises it.",
            server_default=sa.text("'-infinity'"),
            nullable=False,
        ),
        _moment("last_claimed_at", "Whose turn it is among campaigns with equal rights."),
        sa.Column(
            "version", sa.BigInteger(), server_default="0", nullable=False, comment="Counts the trigger's changes."
        ),
        sa.Column(
            "open",
            sa.Boolean(),
            server_default=sa.text("true"),
            nullable=False,
            comment="Until the campaign is final; keeps the index small however many campaigns there were.",
        ),
        sa.CheckConstraint(
            "open OR pending + sending + in_doubt = 0", name=op.f("campaign_lanes_closed_has_nothing_open_check")
        ),
        sa.CheckConstraint(
            "pending >= 0 AND sending >= 0 AND sent >= 0 AND failed >= 0 AND in_doubt >= 0 AND unknown >= 0 AND skipped >= 0 AND cancelled >= 0 AND expired >= 0",
            name=op.f("campaign_lanes_counters_not_negative_check"),
        ),
        sa.CheckConstraint(
            "total = pending + sending + sent + failed + in_doubt + unknown + skipped + cancelled + expired",
            name=op.f("campaign_lanes_i1_nothing_lost_check"),
        ),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["campaigns.id"], name=op.f("campaign_lanes_campaign_id_fkey"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["lane_id"], ["lanes.id"], name=op.f("campaign_lanes_lane_id_fkey")),
        sa.PrimaryKeyConstraint("campaign_id", "lane_id", name=op.f("campaign_lanes_pkey")),
        comment="Rollup of messages by state per campaign and lane, kept by a trigger on messages (invariant I1).",
        postgresql_with={"fillfactor": "50"},
    )
    op.create_index("campaign_lanes_open_idx", "campaign_lanes", ["lane_id"], postgresql_where=sa.text("open"))
    op.create_table(
        "failure_counts",
        sa.Column("campaign_id", sa.BigInteger(), nullable=False, comment="The campaign that it belongs to."),
        sa.Column("lane_id", sa.Integer(), nullable=False, comment="The lane that was to send them."),
        sa.Column("state", _MESSAGE_STATE, nullable=False, comment="failed, unknown, skipped or expired."),
        sa.Column("reason", sa.Text(), nullable=False, comment="Why; from the 101st on: (other reasons)."),
        sa.Column("messages", sa.BigInteger(), nullable=False, comment="How many are in this state for this reason."),
        sa.Column("example_seq", sa.Integer(), comment="The last of them that came."),
        _moment("latest", "When the last one came.", server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("messages >= 0", name=op.f("failure_counts_messages_not_negative_check")),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["campaigns.id"], name=op.f("failure_counts_campaign_id_fkey"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["lane_id"], ["lanes.id"], name=op.f("failure_counts_lane_id_fkey")),
        sa.PrimaryKeyConstraint("campaign_id", "lane_id", "state", "reason", name=op.f("failure_counts_pkey")),
        comment="Rollup of messages that were not sent by reason, kept by the trigger on messages.",
    )
    op.create_table(
        "rejected_recipients",
        sa.Column("campaign_id", sa.BigInteger(), nullable=False, comment="The campaign that it belongs to."),
        sa.Column("line", sa.BigInteger(), nullable=False, comment="Line of the recipients file."),
        sa.Column("phone", sa.Text(), nullable=False, comment="As it stood in the file, unless it was forgotten."),
        sa.Column("reason", sa.Text(), nullable=False, comment="Why it became no message."),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["campaigns.id"], name=op.f("rejected_recipients_campaign_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("campaign_id", "line", name=op.f("rejected_recipients_pkey")),
        comment="Rows of a recipients file that became no message, and why.",
    )
    op.create_table(
        "purges",
        sa.Column("campaign_id", sa.BigInteger(), nullable=False, comment="Of which it was deleted."),
        _moment("purged_at", "When.", server_default=sa.text("now()"), nullable=False),
        sa.Column(
            "operator",
            sa.Text(),
            nullable=False,
            comment="By whose command, as that says; schedule: by the hourly task.",
        ),
        sa.Column(
            "messages",
            postgresql.JSONB(),
            nullable=False,
            comment="Its messages by state, counted when they were deleted,",
        ),
        sa.Column("attempts", postgresql.JSONB(), nullable=False, comment="its attempts by outcome,"),
        sa.Column("doubts", postgresql.JSONB(), nullable=False, comment="its doubts by what was concluded,"),
        sa.Column("rejected_recipients", sa.BigInteger(), nullable=False, comment="and its rejected rows."),
        sa.Column(
            "accepted_more_than_once",
            sa.BigInteger(),
            nullable=False,
            comment="Messages that the gateway accepted in more than one attempt.",
        ),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaigns.id"], name=op.f("purges_campaign_id_fkey")),
        sa.PrimaryKeyConstraint("campaign_id", name=op.f("purges_pkey")),
        comment="What was deleted of campaigns, in numbers: the proof that their books balanced.",
    )


def _create_schedules() -> None:
    op.create_table(
        "schedules",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False, comment="Occurrences carry it."),
        sa.Column("name", sa.Text(), nullable=False, comment="What operators call it; its campaigns begin with it."),
        sa.Column(
            "state",
            sa.Enum("active", "paused", "ended", name="schedule_state"),
            server_default="active",
            nullable=False,
            comment="Whether it makes occurrences (docs/states.md).",
        ),
        sa.Column("cron", sa.Text(), comment="When it is due, as a cron expression."),
        sa.Column("every", sa.Text(), comment="When it is due, as an interval: 30s, 10m, 2h, 1d, 2w."),
        sa.Column(
            "timezone", sa.Text(), nullable=False, comment="Whose clocks the rule goes by: a name of the tz database."
        ),
        _moment("anchor", "Where intervals count from.", nullable=False),
        _moment("next_at", "When it is due next; null: it is not active."),
        _moment("from_at", "Not due before."),
        _moment("until_at", "Not due after."),
        sa.Column("occurrence_limit", sa.Integer(), comment="After so many campaigns it ends; null: never."),
        sa.Column(
            "occurrences_made", sa.Integer(), server_default="0", nullable=False, comment="Its campaigns so far."
        ),
        sa.Column(
            "misfire",
            sa.Enum("skip", "catch-up", "hold", name="misfire"),
            nullable=False,
            comment="What becomes of an occurrence that was missed.",
        ),
        sa.Column(
            "grace", sa.Interval(), nullable=False, comment="For how long a missed one may still be run or held."
        ),
        sa.Column(
            "overlap",
            sa.Enum("queue", "skip", name="overlap"),
            nullable=False,
            comment="What becomes of one while the one before is still sending.",
        ),
        sa.Column("audience_id", sa.BigInteger(), nullable=False, comment="Whom it sends to, each time anew."),
        sa.Column("audience_filter", postgresql.JSONB(), comment="Which of the members; null: all."),
        sa.Column("content_id", sa.BigInteger(), nullable=False, comment="What its next campaign sends."),
        sa.Column("caption", sa.Text(), comment="campaigns.caption"),
        sa.Column("filename", sa.Text(), comment="campaigns.filename"),
        sa.Column("priority", sa.SmallInteger(), server_default="0", nullable=False, comment="campaigns.priority"),
        sa.Column("max_attempts", sa.SmallInteger(), nullable=False, comment="campaigns.max_attempts"),
        _moment("created_at", "When it was added.", server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "(next_at IS NOT NULL) = (state = 'active')", name=op.f("schedules_active_has_next_at_check")
        ),
        sa.CheckConstraint("max_attempts >= 1", name=op.f("schedules_max_attempts_positive_check")),
        sa.CheckConstraint("num_nonnulls(cron, every) = 1", name=op.f("schedules_one_rule_check")),
        sa.CheckConstraint("occurrence_limit >= 1", name=op.f("schedules_occurrence_limit_positive_check")),
        sa.ForeignKeyConstraint(["audience_id"], ["audiences.id"], name=op.f("schedules_audience_id_fkey")),
        sa.ForeignKeyConstraint(["content_id"], ["contents.id"], name=op.f("schedules_content_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("schedules_pkey")),
        sa.UniqueConstraint("name", name=op.f("schedules_name_key")),
        comment="Recurring broadcasts: what to send to which audience, and by which rule.",
        postgresql_with={"fillfactor": "50"},
    )
    op.create_index("schedules_due_idx", "schedules", ["next_at"], postgresql_where=sa.text("state = 'active'"))
    op.create_table(
        "schedule_lanes",
        sa.Column("schedule_id", sa.BigInteger(), nullable=False, comment="The schedule that sends through it."),
        sa.Column("lane_id", sa.Integer(), nullable=False, comment="The lane of one of its instances."),
        sa.ForeignKeyConstraint(["lane_id"], ["lanes.id"], name=op.f("schedule_lanes_lane_id_fkey")),
        sa.ForeignKeyConstraint(
            ["schedule_id"], ["schedules.id"], name=op.f("schedule_lanes_schedule_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("schedule_id", "lane_id", name=op.f("schedule_lanes_pkey")),
        comment="Which instances a schedule sends through.",
    )
    op.create_table(
        "occurrences",
        sa.Column("schedule_id", sa.BigInteger(), nullable=False, comment="The schedule that came due."),
        _moment("due_at", "When it was due.", nullable=False),
        sa.Column(
            "state",
            sa.Enum("queued", "started", "held", "skipped", "rejected", "failed", name="occurrence_state"),
            nullable=False,
            comment="What became of it (docs/states.md).",
        ),
        sa.Column("reason", sa.Text(), comment="Why, where that needs a reason."),
        sa.Column("number", sa.Integer(), comment="Counts the schedule's campaigns from 1; null: it made none."),
        sa.Column("campaign_id", sa.BigInteger(), comment="Its campaign; null: none."),
        sa.Column(
            "decided_by", sa.Text(), comment="The operator who started, approved or rejected it; null: nobody had to."
        ),
        _moment("decided_at", "When that was."),
        _moment("created_at", "When it was noticed.", server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "(number IS NULL) = (campaign_id IS NULL)", name=op.f("occurrences_numbered_by_campaign_check")
        ),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaigns.id"], name=op.f("occurrences_campaign_id_fkey")),
        sa.ForeignKeyConstraint(
            ["schedule_id"], ["schedules.id"], name=op.f("occurrences_schedule_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("schedule_id", "due_at", name=op.f("occurrences_pkey")),
        sa.UniqueConstraint("campaign_id", name=op.f("occurrences_campaign_id_key")),
        comment="One row per due time of a schedule, whatever became of it: the key starts each exactly once.",
    )
    op.create_index(
        "occurrences_open_idx",
        "occurrences",
        ["schedule_id", "due_at"],
        postgresql_where=sa.text("state IN ('queued', 'held')"),
    )


def _create_ticks() -> None:
    op.create_table(
        "ticks",
        sa.Column("name", sa.Text(), nullable=False, comment="Which of the scans that beat fires."),
        sa.Column("period_seconds", sa.Double(), nullable=False, comment="How many seconds apart beat fires it."),
        _moment(
            "done_at",
            "When a worker last did it; more than three periods ago: no beat or no worker runs.",
            nullable=False,
        ),
        sa.Column(
            "put_back_seconds",
            sa.Double(),
            server_default="0",
            nullable=False,
            comment="By how much the database's clock was put back, until what it had stored is mended; 0: not at all.",
        ),
        _moment("steady_since", "When the database's clock was last found to have been put back; null: never."),
        sa.PrimaryKeyConstraint("name", name=op.f("ticks_pkey")),
        comment="When each of beat's ticks was last done: one row per tick.",
    )


def _create_audit() -> None:
    op.create_table(
        "audit_log",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False, comment="In the order of writing."),
        _moment("at", "When, by the database's clock.", server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column(
            "operator",
            sa.Text(),
            nullable=False,
            comment="Who: the account of the operating system, as its command says.",
        ),
        sa.Column("host", sa.Text(), nullable=False, comment="On which machine."),
        sa.Column("command", sa.Text(), nullable=False, comment="By which command, without its options."),
        sa.Column("db_role", sa.Text(), nullable=False, comment="The role that was logged in, as the database knows."),
        sa.Column(
            "object_kind",
            sa.Text(),
            nullable=False,
            comment="instance, campaign, audience, schedule, occurrence or such.",
        ),
        sa.Column("object_name", sa.Text(), nullable=False, comment="What operators call it."),
        sa.Column(
            "action", sa.Text(), nullable=False, comment="added, changed, removed, or noted: what has no before."
        ),
        sa.Column("before", postgresql.JSONB(), comment="What changed, as it was; null: it was not there."),
        sa.Column("after", postgresql.JSONB(), comment="The same as it became; null: it is not there any more."),
        sa.PrimaryKeyConstraint("id", name=op.f("audit_log_pkey")),
        comment="What operators did: rows come, and nobody changes or deletes one.",
    )
    op.create_index("audit_log_object_idx", "audit_log", ["object_kind", "object_name", "id"])


def _create_forgetting() -> None:
    op.create_table(
        "forgotten_phones",
        sa.Column(
            "digest",
            sa.LargeBinary(),
            nullable=False,
            comment="Keyed hash of the number: tells that it is the same, and never which.",
        ),
        sa.Column(
            "ending",
            sa.LargeBinary(),
            nullable=False,
            comment="The same of its last eight digits: for rejected rows, which are kept as they were written.",
        ),
        _moment("forgotten_at", "When it was forgotten.", server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("forgotten_phones_pkey")),
        comment="Who was forgotten, and is not taken in again.",
    )
    op.create_table(
        "forgetting_key",
        sa.Column(
            "is_only", sa.Boolean(), server_default=sa.text("true"), nullable=False, comment="There is one, for good."
        ),
        sa.Column(
            "key_encrypted",
            sa.LargeBinary(),
            nullable=False,
            comment="What digests are keyed with, sealed like accounts.",
        ),
        sa.CheckConstraint("is_only", name=op.f("forgetting_key_one_check")),
        sa.PrimaryKeyConstraint("is_only", name=op.f("forgetting_key_pkey")),
        comment="The key of forgotten_phones. Numbers are not known any more, so it can never be another one.",
    )
