"""The schema as it is now, to be read whole: one file per function and per view, tables by subject.

A function's file has the triggers that call it. Comments on tables and columns are in the database too (`\\d+` in
psql). What the role of commands and workers may do is in grants.sql. How the schema changes once it is released:
docs/decisions/0021-schema-in-files.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files

FILES = (
    "types",
    "tables/hours",
    "tables/instance",
    "tables/limit",
    "tables/audience",
    "tables/message",
    "tables/attempt_slot",
    "tables/campaign",
    "tables/lane_time",
    "tables/schedule",
    "tables/tick",
    "tables/worker",
    "tables/audit",
    "tables/forgetting",
    "tables/signing_key",
    "tables/opt_out",
    "tables/consent",
    "tables/confirmation",
    "tables/inbox",
    "tables/known_phone",
    "tables/frequency",
    "tables/samples",
    "tables/notice",
    # Counting messages: what came, what went, and why it was not sent.
    "functions/decimal_digits",
    "functions/plain_digits",
    "functions/without_numbers",
    "functions/mentions",
    "functions/failure_reason",
    "functions/count_failures",
    "functions/counted_reason",
    "functions/count_message_changes",
    "functions/refuse_uncounted",
    "functions/count_messages",
    # Counting attempts, for reports.
    "functions/slowest_ms",
    "functions/count_attempts",
    # When lanes could not send, and had nothing to: for reports, too.
    "functions/keep_lane_trouble",
    "functions/keep_idle_time",
    # Finishing campaigns: nothing is open in one that is finished.
    "functions/close_counters",
    "functions/refuse_finished",
    "functions/check_opened_counter",
    "functions/check_inserted_counters",
    "functions/campaign_balances",
    # Segments of large campaigns.
    "functions/new_segment",
    "functions/drop_abandoned_segments",
    "functions/open_segment",
    "functions/index_segment",
    "functions/delete_repeated_of_segment",
    "functions/number_repeated_of_segment",
    "functions/attach_segment",
    # What the claim and audiences ask.
    "functions/keep_opted_out",
    "functions/due_from",
    "functions/next_place_at",
    "functions/may_send_from",
    "functions/canary_turn",
    "functions/may_confirm",
    "functions/kept_for_others",
    "functions/claims_returned",
    "functions/hold_back",
    "functions/give_back",
    "functions/messaged_between",
    "functions/messaged_lately",
    "functions/free_again",
    "functions/person_free_at",
    "functions/frequency_is_kept",
    "functions/sending_through",
    "functions/sent_through",
    "functions/sent_lately",
    "functions/sent_by_campaigns",
    "functions/places_taken",
    "functions/limit_after",
    "functions/with_recount",
    "functions/open_places",
    "functions/cut_quotas",
    "functions/take_places",
    "functions/fall_back_a_step",
    "functions/limits_in_use",
    "functions/messages_by_state",
    "functions/throttled_lanes",
    "functions/queued_behind",
    "functions/deadline_runs_from",
    "functions/lanes_sent_through",
    "functions/inbox_is_due",
    "functions/taken_from",
    "functions/trimmed",
    "functions/plain_value",
    "functions/folded_value",
    "functions/day_of",
    "functions/member_text",
    "functions/number_of",
    "functions/member_number",
    "functions/member_day",
    "functions/known_of_members",
    "functions/audience_recipients",
    "functions/left_out_of_rest",
    # The trail of what operators did.
    "functions/write_audit",
    "functions/account_for_audit",
    "functions/occurrence_label",
    "functions/audit_change",
    "functions/content_for_audit",
    "functions/audit_content",
    "functions/audit_messages",
    "functions/audit_schedule_lanes",
    "functions/note_operation",
    "functions/refuse_audit_change",
    # Deleting what is personal.
    "functions/kept_because",
    "functions/delete_unused_files",
    "functions/purge_campaign",
    "functions/remove_campaign",
    "functions/purge_inbound",
    "functions/refuse_backdating",
    "functions/spells",
    "functions/forget_phone",
    # Reports.
    "views/campaign_report",
    "views/instance_report",
    "views/unsent_counts",
    "views/failure_report",
    "views/message_log",
    "views/occurrence_report",
    "views/optouts",
    "views/consents",
    "views/replies",
    "views/undecided_replies",
    "views/attempt_report",
    "views/hour_report",
    "views/speed_report",
    "views/sent_report",
    "views/doubt_report",
    "views/reply_report",
)
"""In the order to read them, which is one to make them in: each needs only what comes before."""


def scripts() -> Iterator[str]:
    """The statements that make the whole schema in an empty database, file by file."""
    return map(script, FILES)


def script(name: str) -> str:
    """The text of one of the files, or of `grants`. It may have per cent signs: it takes no parameters."""
    return files(__package__).joinpath(f"{name}.sql").read_text(encoding="utf-8")
