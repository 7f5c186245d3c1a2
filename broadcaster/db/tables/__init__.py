"""The schema, by subject. Comments become `COMMENT ON`, so `\\d+` in psql is its documentation."""

from __future__ import annotations

from broadcaster.db.tables.attempt_slot import accepted_counts, attempt_hours, attempt_slots
from broadcaster.db.tables.audience import audience_members, audiences
from broadcaster.db.tables.audit import audit_log
from broadcaster.db.tables.campaign import (
    campaign_files,
    campaign_lanes,
    campaign_limits,
    campaign_plans,
    campaigns,
    content_versions,
    contents,
    purges,
    rejected_recipients,
)
from broadcaster.db.tables.campaign_course import campaign_judgements, failovers, failure_counts, lane_moves
from broadcaster.db.tables.columns import metadata
from broadcaster.db.tables.consent import consent_records
from broadcaster.db.tables.forgetting import forgetting_key, forgotten_phones
from broadcaster.db.tables.frequency import caps, frequency_records, messaged_phones
from broadcaster.db.tables.hours import opening_hours, openings, recipient_groups
from broadcaster.db.tables.inbox import inbound_messages, inbox_chats, inboxes
from broadcaster.db.tables.instance import accounts, instances, lanes, looks
from broadcaster.db.tables.known_phone import known_phones
from broadcaster.db.tables.lane_time import idle_times, lane_troubles
from broadcaster.db.tables.limit import lane_limits, limits
from broadcaster.db.tables.message import attempts, doubts, messages, settlements
from broadcaster.db.tables.notice import deliveries, notices, receivers, troubles
from broadcaster.db.tables.opt_out import confirmed_opt_outs, opt_outs, opted_out
from broadcaster.db.tables.schedule import occurrences, schedule_lanes, schedule_limits, schedules
from broadcaster.db.tables.signing_key import signing_keys
from broadcaster.db.tables.tick import ticks
from broadcaster.db.tables.worker import worker_figures

__all__ = [
    "accepted_counts",
    "accounts",
    "attempt_hours",
    "attempt_slots",
    "attempts",
    "audience_members",
    "audiences",
    "audit_log",
    "campaign_files",
    "campaign_judgements",
    "campaign_lanes",
    "campaign_limits",
    "campaign_plans",
    "campaigns",
    "caps",
    "confirmed_opt_outs",
    "consent_records",
    "content_versions",
    "contents",
    "deliveries",
    "doubts",
    "failovers",
    "failure_counts",
    "forgetting_key",
    "forgotten_phones",
    "frequency_records",
    "idle_times",
    "inbound_messages",
    "inbox_chats",
    "inboxes",
    "instances",
    "known_phones",
    "lane_limits",
    "lane_moves",
    "lane_troubles",
    "lanes",
    "limits",
    "looks",
    "messaged_phones",
    "messages",
    "metadata",
    "notices",
    "occurrences",
    "opening_hours",
    "openings",
    "opt_outs",
    "opted_out",
    "purges",
    "receivers",
    "recipient_groups",
    "rejected_recipients",
    "schedule_lanes",
    "schedule_limits",
    "schedules",
    "settlements",
    "signing_keys",
    "ticks",
    "troubles",
    "worker_figures",
]
