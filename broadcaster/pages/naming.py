"""What states, outcomes and the like are called on pages. Their values are words of the API, and stay English."""

from __future__ import annotations


def _(text: str) -> str:
    """Marks a text for translators; it is translated where it is shown."""
    return text


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
    # How doubts ended.
    "doubt_found": _("found in the chat: it counts as sent"),
    "doubt_absent": _("shown not to be there: it was sent again"),
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
