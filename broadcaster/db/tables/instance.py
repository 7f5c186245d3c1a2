"""Instances, their accounts at the gateway, and their lanes."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Double,
    ForeignKey,
    Identity,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from broadcaster.db.tables.columns import content_kind, lane_health, metadata, moment, wire
from broadcaster.db.tables.hours import opening_hours
from broadcaster.domain.states import LaneHealth

accounts = Table(
    "accounts",
    metadata,
    Column("id", Integer, Identity(always=True), primary_key=True, comment="Attempts and doubts carry it."),
    Column(
        "fingerprint",
        LargeBinary,
        nullable=False,
        unique=True,
        comment="Keyed hash of URL and key: tells accounts apart without telling the key.",
    ),
    Column("key_encrypted", LargeBinary, comment="Its WAChatPro key, sealed for its URL; null: erased."),
    Column("base_url", Text, nullable=False, comment="Where the API answers, without a trailing slash."),
    Column("wire", wire, nullable=False, comment="How requests are encoded."),
    moment("created_at", "When an instance first had it.", nullable=False, server_default=func.now()),
    moment(
        "next_read_at",
        "No chat is read back through it before: reads are paced apart from sends.",
        nullable=False,
        server_default=text("'-infinity'"),
    ),
    Column(
        "reads_a_second",
        SmallInteger,
        nullable=False,
        server_default="4",
        comment="How many chats are read in a second: more while it answers, half as many where it does not.",
    ),
    moment("unreadable_since", "Since when its chats cannot be read; null: they can."),
    moment(
        "next_truth_at",
        "No accepted message is looked for in its chat before.",
        nullable=False,
        server_default=text("'-infinity'"),
    ),
    moment(
        "truth_since",
        "Only messages that were accepted later are looked for: an operator has resumed its instance then.",
        nullable=False,
        server_default=text("'-infinity'"),
    ),
    Column(
        "truth_sample",
        ARRAY(Text),
        nullable=False,
        server_default="{}",
        comment="The messages that were looked for lately, the latest first: each counts once.",
    ),
    Column("truth_shown", Integer, nullable=False, server_default="0", comment="Of those, so many were shown lately,"),
    Column("truth_missing", Integer, nullable=False, server_default="0", comment="and so many were not."),
    CheckConstraint("reads_a_second >= 1", name="reads_positive"),
    comment="What instances are at the gateway. One that no instance has any more is kept for reading back.",
)

looks = Table(
    "looks",
    metadata,
    Column("account_id", Integer, ForeignKey(accounts.c.id, ondelete="CASCADE"), nullable=False, comment="Whose."),
    Column("segment", BigInteger, nullable=False, comment="Of the message that was looked for,"),
    Column("campaign_id", BigInteger, nullable=False, comment="its campaign,"),
    Column("seq", Integer, nullable=False, comment="and its place in it."),
    Column("number_class", Text, nullable=False, comment="What its number is (domain/whatsapp_numbers.py)."),
    Column("content_kind", content_kind, nullable=False, comment="What it was."),
    moment("accepted_at", "When the gateway took it.", nullable=False),
    moment("looked_at", "When it was last looked for.", nullable=False),
    Column("is_shown", Boolean, nullable=False, comment="Whether its chat showed it then."),
    Column(
        "late_seconds",
        Double,
        nullable=False,
        comment="How old it was when last looked for in vain: others of its kind may be shown as late. 0: never.",
    ),
    Column("entries", Integer, nullable=False, comment="How long the list was that was looked through."),
    PrimaryKeyConstraint("account_id", "segment", "campaign_id", "seq"),
    comment="Accepted messages that were lately looked for in their chats: what reading an account back can prove.",
)

instances = Table(
    "instances",
    metadata,
    Column("id", Integer, Identity(always=True), primary_key=True, comment="Also the id of its lane."),
    Column("name", Text, nullable=False, unique=True, comment="What operators call it."),
    Column(
        "account_id",
        Integer,
        ForeignKey(accounts.c.id),
        nullable=False,
        unique=True,
        comment="What it is at the gateway; no other instance is the same.",
    ),
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
    Column(
        "country",
        Text,
        comment="ISO 3166 code of numbers that are written without their country code; null: not known.",
    ),
    Column(
        "read_replies_seconds",
        Double,
        comment="How many seconds apart its chats are listed for replies; null: they are not.",
    ),
    Column(
        "confirm_opt_out",
        Text,
        comment="What a person gets from it, once for ever, who opts out by a word; null: nothing.",
    ),
    Column("hours_id", Integer, ForeignKey(opening_hours.c.id), comment="When it may send; null: always."),
    moment("created_at", "When it was added.", nullable=False, server_default=func.now()),
    CheckConstraint("rate_per_second > 0", name="rate_positive"),
    CheckConstraint("read_replies_seconds > 0", name="read_replies_positive"),
    CheckConstraint("burst >= 1", name="burst_positive"),
    CheckConstraint("country ~ '^[A-Z]{2}$'", name="country_code"),
    CheckConstraint("max_in_flight >= 1", name="max_in_flight_positive"),
    CheckConstraint("interval_seconds >= 0 AND tolerance_seconds >= 0", name="pace_not_negative"),
    comment="Names for accounts, each with its limits.",
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
    moment("health_since", "When the health last changed.", nullable=False, server_default=func.now()),
    Column(
        "failures",
        Integer,
        nullable=False,
        server_default="0",
        comment="Instance troubles since the last good reply: the exponent of the probe's back-off.",
    ),
    Column(
        "outcome_run",
        JSONB,
        comment="What its latest outcomes say together, and which refusals it has learned (domain/outcome_run.py).",
    ),
    moment("not_before", "No request leaves before this moment (throttled, down)."),
    Column(
        "rest_seconds",
        Double,
        comment="How long the rest was meant to be: not_before is never taken to lie further ahead.",
    ),
    Column("lease_token", Uuid, comment="Who may send now; null: nobody. Each write of a holder is guarded by it."),
    moment("lease_expires_at", "From when on another worker may take the lane."),
    Column("lease_holder", Text, comment="The worker that holds the lane, for people."),
    moment(
        "clock",
        "The GCRA's theoretical arrival time: when the next message is due at an even pace.",
        nullable=False,
        server_default=func.now(),
    ),
    moment("woken_at", "When a wake-up was last published for it."),
    Column(
        "account_id",
        Integer,
        ForeignKey(accounts.c.id),
        nullable=False,
        comment="The account that it sends through under its lease; the instance may have another one by now.",
    ),
    comment="The outbound queue of one instance: pace, health, lease. The unit that a worker holds.",
    postgresql_with={"fillfactor": "50"},
)
