"""What states, outcomes and the like are called on pages. Their values are words of the API, and stay English."""

from __future__ import annotations


def _(text: str) -> str:
    """Marks a text for translators; it is translated where it is shown."""
    return text


def pgettext(_context: str, text: str) -> str:
    """The same of a text that is said otherwise of this."""
    return text


def npgettext(_context: str, one: str, many: str) -> tuple[str, str]:
    """The same of a word beside a number of these, with which it agrees."""
    return one, many


COUNTED = {
    "sent": npgettext("messages", "sent", "sent"),
    "failed": npgettext("messages", "failed", "failed"),
    "pending": npgettext("messages", "pending", "pending"),
    "sending": npgettext("messages", "being sent", "being sent"),
    "in_doubt": npgettext("messages", "in doubt", "in doubt"),
    "unknown": npgettext("messages", "unknown", "unknown"),
    "skipped": npgettext("messages", "skipped", "skipped"),
    "cancelled": npgettext("messages", "cancelled", "cancelled"),
    "expired": npgettext("messages", "expired", "expired"),
}
"""What the states of messages are called beside how many there are."""
CAMPAIGN_CANCELLED = pgettext("campaign", "cancelled")

EVENTS = {
    "campaign submit": _("campaign submitted"),
    "campaign set": _("campaign changed"),
    "campaign start": _("campaign started"),
    "campaign pause": _("campaign paused"),
    "campaign resume": _("campaign resumed"),
    "campaign cancel": _("campaign cancelled"),
    "campaign retry": _("campaign retried"),
    "campaign settle": _("doubts settled"),
    "campaign proof": _("proof made"),
    "instance add": _("instance added"),
    "instance set": _("instance changed"),
    "instance pause": _("instance paused"),
    "instance resume": _("instance resumed"),
    "instance retire": _("instance retired"),
    "instance check": _("instance checked"),
    "instance rules": _("rules of replies changed"),
    "limit add": _("limit added"),
    "limit set": _("limit changed"),
    "limit remove": _("limit removed"),
}
"""What was done by the commands that the audit trail names beside campaigns; other ones are shown as they are."""

NAMES = {
    # Of campaigns.
    "draft": _("draft"),
    "scheduled": _("scheduled"),
    "running": _("running"),
    "paused": _("paused"),
    "finished": _("finished"),
    # Of messages.
    "pending": _("pending"),
    "sending": _("being sent"),
    "sent": _("sent"),
    "failed": _("failed"),
    "in_doubt": _("in doubt"),
    "unknown": _("unknown"),
    "skipped": _("skipped"),
    "cancelled": _("cancelled"),
    "expired": _("expired"),
    # Of attempts.
    "accepted": _("accepted"),
    "rejected": _("rejected"),
    "throttled": _("throttled"),
    "not_sent": _("not sent"),
    # Of lanes.
    "ok": _("ok"),
    "down": _("down"),
    "refused": _("refused"),
    "retired": _("retired"),
    # How doubts ended.
    "doubt_found": _("found in the chat: it counts as sent"),
    "doubt_absent": _("shown not to be there: it had not been sent"),
    "doubt_unknown": _("could not be known: an operator decides"),
    "doubt_settled": _("decided by an operator"),
    "doubt_open": _("still open"),
    # Why messages went from one instance to another.
    "move_failover": _("it was in trouble"),
    "move_back": _("it was well again"),
    "move_replaced": _("an operator took it away"),
    "move_retired": _("an operator retired it"),
    "move_reshared": _("an operator shared anew"),
    # Of occurrences.
    "started": _("started"),
    "queued": _("queued"),
    "held": _("held"),
    "active": _("active"),
    "ended": _("ended"),
}

SETTINGS = {
    # Of campaigns, as the audit trail has them.
    "name": _("name"),
    "state": _("state"),
    "state_reason": _("reason"),
    "priority": _("priority"),
    "segment": _("part of the tables"),
    "max_attempts": _("attempts at most"),
    "require_consent": _("only with consent"),
    "recipients_read": _("rows read"),
    "recipients_rejected": _("rows rejected"),
    "starts_at": _("start"),
    "audience_id": _("audience"),
    "audience_filter": _("conditions"),
    "variables": _("variables"),
    "test_of": _("test of"),
    "windows": _("windows"),
    "expires_at": _("expiry"),
    "care": _("care"),
    "sharing": _("sharing"),
    "instances": _("instances"),
    "limits": _("limits that it shares"),
    "content": _("content"),
    "content_version": _("version of the content"),
    "content_id": _("content"),
    "text": _("text"),
    "file_url": _("URL"),
    "caption": _("caption"),
    "filename": _("filename"),
    "locale": _("language and country"),
    # Of instances and limits.
    "account_id": _("account"),
    "base_url": _("base URL"),
    "key": _("key"),
    "rate": _("rate"),
    "burst": _("burst"),
    "gaps": _("gaps and rests"),
    "max_in_flight": _("requests at once"),
    "reply_rules": _("reply rules"),
    "country": _("country"),
    "read_replies_seconds": _("seconds between readings of replies"),
    "confirm_opt_out": _("confirmation of opt-outs"),
    "stops": _("stops itself at"),
    "retired_at": _("retired"),
    "wire": _("encoding"),
    "truth_shown": _("accepted messages found"),
    "truth_missing": _("accepted messages not found"),
    "health": _("health"),
    "health_reason": _("reason"),
    "outcome_run": _("latest outcomes"),
    "most": _("limit"),
    "span_seconds": _("seconds of the limit"),
    "ramp": _("ramp"),
}
"""What the settings are called that the audit trail names; what it names besides is shown as it is."""
