"""The states of campaigns, messages and lanes, and every move between them (drawn in docs/states.md)."""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType


class CampaignState(StrEnum):
    """Where a campaign stands."""

    DRAFT = "draft"
    SCHEDULED = "scheduled"
    RUNNING = "running"
    PAUSED = "paused"
    FINISHED = "finished"
    CANCELLED = "cancelled"
    FAILED = "failed"


class MessageState(StrEnum):
    """Where one recipient of one campaign stands."""

    PENDING = "pending"
    CLAIMED = "claimed"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    IN_DOUBT = "in_doubt"
    UNKNOWN = "unknown"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class LaneHealth(StrEnum):
    """Whether an instance can be sent through."""

    OK = "ok"
    THROTTLED = "throttled"
    DOWN = "down"
    REFUSED = "refused"
    PAUSED = "paused"


_C, _M, _L = CampaignState, MessageState, LaneHealth

CAMPAIGN_TRANSITIONS = MappingProxyType(
    {
        _C.DRAFT: frozenset({_C.SCHEDULED, _C.CANCELLED, _C.FAILED}),
        _C.SCHEDULED: frozenset({_C.RUNNING, _C.PAUSED, _C.CANCELLED, _C.FAILED}),
        _C.RUNNING: frozenset({_C.PAUSED, _C.FINISHED, _C.CANCELLED}),
        _C.PAUSED: frozenset({_C.SCHEDULED, _C.RUNNING, _C.FINISHED, _C.CANCELLED}),
        # Only `retry` and `settle --as resend` re-open a campaign, by an operator's explicit word.
        _C.FINISHED: frozenset({_C.RUNNING}),
        _C.CANCELLED: frozenset(),
        _C.FAILED: frozenset(),
    }
)

MESSAGE_TRANSITIONS = MappingProxyType(
    {
        _M.PENDING: frozenset({_M.CLAIMED, _M.SKIPPED, _M.CANCELLED, _M.EXPIRED}),
        _M.CLAIMED: frozenset({_M.SENDING, _M.PENDING, _M.CANCELLED}),
        _M.SENDING: frozenset({_M.SENT, _M.FAILED, _M.PENDING, _M.IN_DOUBT}),
        _M.IN_DOUBT: frozenset({_M.SENT, _M.PENDING, _M.UNKNOWN, _M.FAILED}),
        _M.UNKNOWN: frozenset({_M.SENT, _M.PENDING, _M.FAILED}),
        _M.FAILED: frozenset({_M.PENDING}),
        _M.SENT: frozenset(),
        _M.SKIPPED: frozenset(),
        _M.CANCELLED: frozenset(),
        _M.EXPIRED: frozenset(),
    }
)

LANE_TRANSITIONS = MappingProxyType(
    {
        _L.OK: frozenset({_L.THROTTLED, _L.DOWN, _L.REFUSED, _L.PAUSED}),
        _L.THROTTLED: frozenset({_L.OK, _L.DOWN, _L.REFUSED, _L.PAUSED}),
        _L.DOWN: frozenset({_L.OK, _L.THROTTLED, _L.REFUSED, _L.PAUSED}),
        _L.REFUSED: frozenset({_L.OK, _L.PAUSED}),
        _L.PAUSED: frozenset({_L.OK}),
    }
)

FINAL_MESSAGE_STATES = frozenset(
    {
        _M.SENT,
        _M.FAILED,
        _M.UNKNOWN,
        _M.SKIPPED,
        _M.CANCELLED,
        _M.EXPIRED,
    }
)
FINAL_CAMPAIGN_STATES = frozenset({_C.FINISHED, _C.CANCELLED, _C.FAILED})
