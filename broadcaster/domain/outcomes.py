"""What an attempt came to."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from broadcaster.domain.states import LaneHealth

WRONG_ADDRESS_HINT = "is the base URL right?"
"""How a reason says that something answers there, and not as a gateway."""


class Outcome(StrEnum):
    """A closed set. Only `REJECTED`, `THROTTLED` and `NOT_SENT` are provably not accepted by the gateway."""

    ACCEPTED = "accepted"
    """The gateway said that it took the message."""
    REJECTED = "rejected"
    """The gateway refused this message; sending it again would be refused again."""
    THROTTLED = "throttled"
    """The gateway said: not now."""
    NOT_SENT = "not_sent"
    """No request reached the gateway, or the instance itself could not or would not take any."""
    UNKNOWN = "unknown"
    """The request may have been accepted; nobody knows."""


class Resolution(StrEnum):
    """What was concluded of an attempt whose outcome was `UNKNOWN`."""

    FOUND = "found"
    """The chat shows it."""
    ABSENT = "absent"
    """The chat was shown not to hold it."""
    UNKNOWN = "unknown"
    """Neither could be shown in time."""
    SETTLED = "settled"
    """An operator decided."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """One attempt, classified.

    `health` is what it says of the *instance*: OK when it answered as a working instance does, THROTTLED, DOWN or
    REFUSED when the trouble is the instance's and not the message's, None when it says nothing either way.
    `retry_after` is in seconds. `reply` is the raw reply, at most 2 KB of text with the key redacted.
    `is_recognised` is False where a refusal (`REJECTED`) rests on no rule that knows its words, its structure or its
    exact status: one such refusal is the message's, many in a row may be the account's trouble in words not known.
    """

    outcome: Outcome
    reason: str
    health: LaneHealth | None = None
    retry_after: float | None = None
    http_status: int | None = None
    gateway_id: str | None = None
    reply: str | None = None
    is_recognised: bool = True
