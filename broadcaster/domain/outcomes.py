"""What an attempt came to."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from broadcaster.domain.states import LaneHealth

WRONG_ADDRESS_HINT = "is the base URL right?"
"""In a reason: something answers at this address, but not as a gateway does."""


class Outcome(StrEnum):
    """A closed set. Only `REJECTED`, `THROTTLED` and `NOT_SENT` are provably not accepted by the gateway."""

    ACCEPTED = "accepted"
    """The gateway said that it took the message."""
    REJECTED = "rejected"
    """The gateway refused this message and would refuse it again."""
    THROTTLED = "throttled"
    """The gateway said: not now."""
    NOT_SENT = "not_sent"
    """No request reached the gateway, or the instance itself could not or would not take any."""
    UNKNOWN = "unknown"
    """The request may have been accepted; nobody knows."""


class Resolution(StrEnum):
    """What was concluded about an attempt whose outcome was `UNKNOWN`."""

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

    `health` is what the attempt shows of the *instance*: OK if it answered as a working instance does; THROTTLED, DOWN
    or REFUSED if the trouble is the instance's and not the message's; None if it shows nothing. `retry_after` is in
    seconds. `reply` is the raw reply: at most 2 KB of text, with the key redacted. `is_recognised` is False for a
    refusal (`REJECTED`) whose words, structure and exact status no rule knows. One such refusal is the message's
    trouble. Many in a row may be the account's trouble in unknown words.
    """

    outcome: Outcome
    reason: str
    health: LaneHealth | None = None
    retry_after: float | None = None
    http_status: int | None = None
    gateway_id: str | None = None
    reply: str | None = None
    is_recognised: bool = True
