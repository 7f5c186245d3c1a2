"""Initial schema: tables, accounting triggers, report views."""

from pathlib import Path

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None

# Created with the table `messages`.
_MESSAGE_STATE = postgresql.ENUM(name="message_state", create_type=False)
_SQL = Path(__file__).resolve().parent.parent / "sql"


def upgrade() -> None:
    op.create_table(
        "attempts",
        sa.Column("segment", sa.BigInteger(), nullable=False, comment="Partition key: campaigns.segment."),
        sa.Column("campaign_id", sa.BigInteger(), nullable=False, comment="The campaign that it belongs to."),
        sa.Column("seq", sa.Integer(), nullable=False, comment="messages.seq"),
        sa.Column("attempt", sa.SmallInteger(), nullable=False, comment="Counts from 1 per message."),
        sa.Column("lane_id", sa.Integer(), nullable=False, comment="The instance it went through."),
        sa.Column(
            "outcome",
            sa.Enum("accepted", "rejected", "throttled", "not_sent", "unknown", name="outcome"),
            nullable=False,
            comment="What it came to.",
        ),
        sa.Column("reason", sa.Text(), nullable=False, comment="What was concluded from the reply or the failure."),
        sa.Column("http_status", sa.SmallInteger(), nullable=True, comment="Null: no reply."),
        sa.Column("reply", sa.Text(), nullable=True, comment="The raw reply, at most 2 KB, key redacted."),
        sa.Column(
            "duration_ms",
            sa.Integer(),
            nullable=True,
            comment="From the request's start to its end; null: nobody measured it.",
        ),
        sa.Column(
            "finished_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="When its outcome was recorded.",
        ),
        sa.PrimaryKeyConstraint("segment", "campaign_id", "seq", "attempt", name=op.f("attempts_pkey")),
        comment="One HTTP request made, or about to be made, for a message.",
        postgresql_partition_by="LIST (segment)",
    )
    op.create_index("attempts_lane_idx", "attempts", ["lane_id", "finished_at"], unique=False)
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
        "instances",
        sa.Column("id", sa.Integer(), sa.Identity(always=True), nullable=False, comment="Also the id of its lane."),
        sa.Column("name", sa.Text(), nullable=False, comment="What operators call it."),
        sa.Column("key_encrypted", sa.LargeBinary(), nullable=False, comment="The WAChatPro key as a Fernet token."),
        sa.Column("base_url", sa.Text(), nullable=False, comment="Where the API answers, without a trailing slash."),
        sa.Column("wire", sa.Enum("json", "form", name="wire"), nullable=False, comment="How requests are encoded."),
        sa.Column("rate_per_second", sa.Double(), nullable=True, comment="Messages per second; null: unlimited."),
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
        sa.Column(
            "reply_rules",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=True,
            comment="Differences from the default reply rules; null: none.",
        ),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="When it was added.",
        ),
        sa.CheckConstraint("burst >= 1", name=op.f("instances_burst_positive_check")),
        sa.CheckConstraint(
            "interval_seconds >= 0 AND tolerance_seconds >= 0", name=op.f("instances_pace_not_negative_check")
        ),
        sa.CheckConstraint("max_in_flight >= 1", name=op.f("instances_max_in_flight_positive_check")),
        sa.CheckConstraint("rate_per_second > 0", name=op.f("instances_rate_positive_check")),
        sa.PrimaryKeyConstraint("id", name=op.f("instances_pkey")),
        sa.UniqueConstraint("name", name=op.f("instances_name_key")),
        comment="One WAChatPro account each.",
    )
    op.create_table(
        "messages",
        sa.Column("segment", sa.BigInteger(), nullable=False, comment="Partition key: campaigns.segment."),
        sa.Column("campaign_id", sa.BigInteger(), nullable=False, comment="The campaign that it belongs to."),
        sa.Column(
            "seq", sa.Integer(), nullable=False, comment="The row's number among the campaign's recipients, from 1."
        ),
        sa.Column("lane_id", sa.Integer(), nullable=False, comment="The instance that sends it."),
        sa.Column("phone", sa.Text(), nullable=False, comment="E.164 digits without the plus."),
        sa.Column(
            "variables",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=True,
            comment="Template variables by name; null: none.",
        ),
        sa.Column(
            "state",
            sa.Enum(
                "pending",
                "claimed",
                "sending",
                "sent",
                "failed",
                "in_doubt",
                "unknown",
                "skipped",
                "cancelled",
                "expired",
                name="message_state",
            ),
            server_default="pending",
            nullable=False,
            comment="Where it stands (docs/states.md).",
        ),
        sa.Column(
            "changed_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="Since when it is in this state.",
        ),
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
        sa.Column(
            "next_attempt_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("'-infinity'"),
            nullable=False,
            comment="The only retry clock: a pending message is due from then on.",
        ),
        sa.Column(
            "lease_token",
            sa.Uuid(),
            nullable=True,
            comment="The lane lease under which it was claimed; guards every later write.",
        ),
        sa.Column(
            "gateway_id",
            sa.Text(),
            nullable=True,
            comment="The gateway's id of the accepted message, where it gave one.",
        ),
        sa.Column("reason", sa.Text(), nullable=True, comment="Why it is where it is, where that needs a reason."),
        sa.PrimaryKeyConstraint("segment", "campaign_id", "seq", name=op.f("messages_pkey")),
        sa.UniqueConstraint("segment", "campaign_id", "phone", name=op.f("messages_segment_campaign_id_phone_key")),
        comment="One recipient of one campaign each. No foreign keys: ingest writes campaign and messages together.",
        postgresql_partition_by="LIST (segment)",
    )
    op.create_index(
        "messages_due_idx",
        "messages",
        ["campaign_id", "lane_id", "next_attempt_at", "seq"],
        unique=False,
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.create_index(
        "messages_failure_idx",
        "messages",
        ["campaign_id", "state"],
        unique=False,
        postgresql_where=sa.text("state IN ('failed', 'unknown', 'skipped', 'expired')"),
    )
    op.create_index(
        "messages_held_idx",
        "messages",
        ["lane_id", "state"],
        unique=False,
        postgresql_where=sa.text("state IN ('claimed', 'sending', 'in_doubt')"),
    )
    op.create_table(
        "campaigns",
        sa.Column(
            "id", sa.BigInteger(), sa.Identity(always=True), nullable=False, comment="Messages and attempts carry it."
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
        sa.Column(
            "state_reason", sa.Text(), nullable=True, comment="Why it is in this state, where a reason is needed."
        ),
        sa.Column("content_id", sa.BigInteger(), nullable=False, comment="What it sends."),
        sa.Column("caption", sa.Text(), nullable=True, comment="Template of the caption (file and file_url)."),
        sa.Column("filename", sa.Text(), nullable=True, comment="The file name that recipients see (file)."),
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
        sa.Column("source", sa.Text(), nullable=True, comment="Where the recipients came from, for people."),
        sa.Column(
            "starts_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="Not to be started before.",
        ),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="When it was submitted.",
        ),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True, comment="When it first became running."),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True, comment="When it reached a final state."),
        sa.CheckConstraint(
            "(finished_at IS NOT NULL) = (state IN ('finished', 'cancelled', 'failed'))",
            name=op.f("campaigns_final_has_finished_at_check"),
        ),
        sa.CheckConstraint("max_attempts >= 1", name=op.f("campaigns_max_attempts_positive_check")),
        sa.ForeignKeyConstraint(["content_id"], ["contents.id"], name=op.f("campaigns_content_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("campaigns_pkey")),
        sa.UniqueConstraint("name", name=op.f("campaigns_name_key")),
        comment="Content, recipients, when, and over which instances.",
        postgresql_with={"fillfactor": "70"},
    )
    op.create_index(
        "campaigns_open_idx",
        "campaigns",
        ["state"],
        unique=False,
        postgresql_where=sa.text("state IN ('scheduled', 'running', 'paused')"),
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
        sa.Column(
            "health_reason",
            sa.Text(),
            nullable=True,
            comment="Why it is not ok, in the gateway's or the operator's words.",
        ),
        sa.Column(
            "health_since",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="When the health last changed.",
        ),
        sa.Column(
            "failures",
            sa.Integer(),
            server_default="0",
            nullable=False,
            comment="Instance troubles since the last good reply: the exponent of the probe's back-off.",
        ),
        sa.Column(
            "not_before",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="No request leaves before this moment (throttled, down).",
        ),
        sa.Column(
            "lease_token",
            sa.Uuid(),
            nullable=True,
            comment="Who may send now; null: nobody. Each write of a holder is guarded by it.",
        ),
        sa.Column(
            "lease_expires_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="From when on another worker may take the lane.",
        ),
        sa.Column("lease_holder", sa.Text(), nullable=True, comment="The worker that holds the lane, for people."),
        sa.Column(
            "clock",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="The GCRA's theoretical arrival time: when the next message is due at an even pace.",
        ),
        sa.Column(
            "woken_at", sa.DateTime(timezone=True), nullable=True, comment="When a wake-up was last published for it."
        ),
        sa.Column(
            "next_read_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("'-infinity'"),
            nullable=False,
            comment="No chat is read back through it before: reads are paced apart from sends.",
        ),
        sa.Column(
            "readback_proven_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="When reading back last showed a message that was known to be accepted.",
        ),
        sa.Column(
            "readback_delay_seconds",
            sa.Double(),
            nullable=True,
            comment="How old that message was: one that is in doubt for less may yet be shown.",
        ),
        sa.ForeignKeyConstraint(["id"], ["instances.id"], name=op.f("lanes_id_fkey"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("lanes_pkey")),
        comment="The outbound queue of one instance: pace, health, lease. The unit that a worker holds.",
        postgresql_with={"fillfactor": "50"},
    )
    op.create_table(
        "campaign_lanes",
        sa.Column("campaign_id", sa.BigInteger(), nullable=False, comment="The campaign that it belongs to."),
        sa.Column("lane_id", sa.Integer(), nullable=False, comment="The lane that sends this part."),
        sa.Column(
            "total", sa.BigInteger(), server_default="0", nullable=False, comment="Messages planned for this lane."
        ),
        sa.Column(
            "pending",
            sa.BigInteger(),
            server_default="0",
            nullable=False,
            comment="Of those, messages that are pending.",
        ),
        sa.Column(
            "claimed",
            sa.BigInteger(),
            server_default="0",
            nullable=False,
            comment="Of those, messages that are claimed.",
        ),
        sa.Column(
            "sending",
            sa.BigInteger(),
            server_default="0",
            nullable=False,
            comment="Of those, messages that are sending.",
        ),
        sa.Column(
            "sent", sa.BigInteger(), server_default="0", nullable=False, comment="Of those, messages that are sent."
        ),
        sa.Column(
            "failed",
            sa.BigInteger(),
            server_default="0",
            nullable=False,
            comment="Of those, messages that are failed.",
        ),
        sa.Column(
            "in_doubt",
            sa.BigInteger(),
            server_default="0",
            nullable=False,
            comment="Of those, messages that are in_doubt.",
        ),
        sa.Column(
            "unknown",
            sa.BigInteger(),
            server_default="0",
            nullable=False,
            comment="Of those, messages that are unknown.",
        ),
        sa.Column(
            "skipped",
            sa.BigInteger(),
            server_default="0",
            nullable=False,
            comment="Of those, messages that are skipped.",
        ),
        sa.Column(
            "cancelled",
            sa.BigInteger(),
            server_default="0",
            nullable=False,
            comment="Of those, messages that are cancelled.",
        ),
        sa.Column(
            "expired",
            sa.BigInteger(),
            server_default="0",
            nullable=False,
            comment="Of those, messages that are expired.",
        ),
        sa.Column(
            "next_due_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("'-infinity'"),
            nullable=False,
            comment="No pending message is due before: the trigger lowers it, a claim that found nothing raises it.",
        ),
        sa.Column(
            "last_claimed_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="Whose turn it is among campaigns with equal rights.",
        ),
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
            "pending >= 0 AND claimed >= 0 AND sending >= 0 AND sent >= 0 AND failed >= 0 AND in_doubt >= 0 AND unknown >= 0 AND skipped >= 0 AND cancelled >= 0 AND expired >= 0",
            name=op.f("campaign_lanes_counters_not_negative_check"),
        ),
        sa.CheckConstraint(
            "total = pending + claimed + sending + sent + failed + in_doubt + unknown + skipped + cancelled + expired",
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
    op.create_index("campaign_lanes_open_idx", "campaign_lanes", ["lane_id"], unique=False, postgresql_where="open")
    op.create_table(
        "rejected_recipients",
        sa.Column("campaign_id", sa.BigInteger(), nullable=False, comment="The campaign that it belongs to."),
        sa.Column("line", sa.BigInteger(), nullable=False, comment="Line of the recipients file."),
        sa.Column("phone", sa.Text(), nullable=False, comment="As it stood in the file."),
        sa.Column("reason", sa.Text(), nullable=False, comment="Why it became no message."),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["campaigns.id"], name=op.f("rejected_recipients_campaign_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("campaign_id", "line", name=op.f("rejected_recipients_pkey")),
        comment="Rows of a recipients file that became no message, and why.",
    )
    op.create_table(
        "doubts",
        sa.Column("segment", sa.BigInteger(), nullable=False, comment="campaigns.segment"),
        sa.Column("campaign_id", sa.BigInteger(), nullable=False, comment="The campaign that it belongs to."),
        sa.Column("seq", sa.Integer(), nullable=False, comment="messages.seq"),
        sa.Column("attempt", sa.SmallInteger(), nullable=False, comment="attempts.attempt"),
        sa.Column("lane_id", sa.Integer(), nullable=False, comment="The instance it went through."),
        sa.Column("phone", sa.Text(), nullable=False, comment="Whose chat may show it."),
        sa.Column(
            "started_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="When its intent was committed: the request left no earlier.",
        ),
        sa.Column(
            "ended_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="When its request had ended for certain.",
        ),
        sa.Column(
            "polls",
            sa.SmallInteger(),
            server_default="0",
            nullable=False,
            comment="How often its chat was asked for.",
        ),
        sa.Column(
            "absences",
            sa.SmallInteger(),
            server_default="0",
            nullable=False,
            comment="How many of the latest polls, one after the other and settled, showed that it is not there.",
        ),
        sa.Column(
            "next_poll_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="When its chat is asked for next.",
        ),
        sa.Column("reading", sa.Text(), nullable=True, comment="What the latest poll came to, for people."),
        sa.Column(
            "resolved_as",
            sa.Enum("found", "absent", "unknown", "settled", name="resolution"),
            nullable=True,
            comment="What was concluded; null: nothing yet.",
        ),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True, comment="When that was."),
        sa.CheckConstraint(
            "(resolved_as IS NULL) = (resolved_at IS NULL)", name=op.f("doubts_resolved_at_a_time_check")
        ),
        sa.PrimaryKeyConstraint("segment", "campaign_id", "seq", "attempt", name=op.f("doubts_pkey")),
        comment="Attempts of which nobody knows whether the gateway accepted them, and what reading back says of them.",
    )
    op.create_index(
        "doubts_open_idx",
        "doubts",
        ["lane_id", "next_poll_at"],
        unique=False,
        postgresql_where=sa.text("resolved_as IS NULL"),
    )
    op.create_table(
        "settlements",
        sa.Column(
            "id",
            sa.BigInteger(),
            sa.Identity(always=True),
            nullable=False,
            comment="In the order of the settlements.",
        ),
        sa.Column("segment", sa.BigInteger(), nullable=False, comment="campaigns.segment"),
        sa.Column("campaign_id", sa.BigInteger(), nullable=False, comment="The campaign that it belongs to."),
        sa.Column("seq", sa.Integer(), nullable=False, comment="messages.seq"),
        sa.Column("attempt", sa.SmallInteger(), nullable=False, comment="The attempt that was in doubt."),
        sa.Column("from_state", _MESSAGE_STATE, nullable=False, comment="Where the message stood."),
        sa.Column(
            "to_state",
            _MESSAGE_STATE,
            nullable=False,
            comment="Where the operator put it; pending: sent again.",
        ),
        sa.Column("settled_by", sa.Text(), nullable=False, comment="Who said so."),
        sa.Column("reason", sa.Text(), nullable=True, comment="Why, in the operator's words."),
        sa.Column(
            "settled_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="When it was settled.",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("settlements_pkey")),
        comment="What operators decided about messages of which nobody knew whether they were accepted.",
    )
    op.create_index("settlements_campaign_id_idx", "settlements", ["campaign_id"], unique=False)
    for script in ("0001_accounting.sql", "0001_reports.sql"):
        op.get_bind().exec_driver_sql((_SQL / script).read_text(encoding="utf-8"))
