"""The states of campaigns, messages, lanes, schedules, occurrences, and every move between them (docs/states.md)."""

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


class MessageState(StrEnum):
    """Where one recipient of one campaign stands."""

    PENDING = "pending"
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

    @property
    def is_well(self) -> bool:
        """Whether nothing but time keeps its instance from sending."""
        return self in {LaneHealth.OK, LaneHealth.THROTTLED}


def told_health(health: LaneHealth, *, is_retired: bool) -> str:
    """What people call it: one that is retired is paused for good."""
    return "retired" if is_retired else str(health)


class ScheduleState(StrEnum):
    """Whether a schedule makes occurrences."""

    ACTIVE = "active"
    PAUSED = "paused"
    ENDED = "ended"


class OccurrenceState(StrEnum):
    """What became of one occurrence of a schedule."""

    QUEUED = "queued"
    STARTED = "started"
    HELD = "held"
    SKIPPED = "skipped"
    REJECTED = "rejected"
    FAILED = "failed"


_C, _M, _L, _S, _O = CampaignState, MessageState, LaneHealth, ScheduleState, OccurrenceState

CAMPAIGN_TRANSITIONS = MappingProxyType(
    {
        _C.DRAFT: frozenset({_C.SCHEDULED, _C.CANCELLED}),
        _C.SCHEDULED: frozenset({_C.RUNNING, _C.PAUSED, _C.CANCELLED}),
        _C.RUNNING: frozenset({_C.PAUSED, _C.FINISHED, _C.CANCELLED}),
        _C.PAUSED: frozenset({_C.SCHEDULED, _C.RUNNING, _C.FINISHED, _C.CANCELLED}),
        # Only an operator re-opens a campaign, by `retry` or `settle --as resend`.
        _C.FINISHED: frozenset({_C.RUNNING}),
        _C.CANCELLED: frozenset(),
    }
)

MESSAGE_TRANSITIONS = MappingProxyType(
    {
        _M.PENDING: frozenset({_M.SENDING, _M.SKIPPED, _M.CANCELLED, _M.EXPIRED}),
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

SCHEDULE_TRANSITIONS = MappingProxyType(
    {
        _S.ACTIVE: frozenset({_S.PAUSED, _S.ENDED}),
        _S.PAUSED: frozenset({_S.ACTIVE, _S.ENDED}),
        # By a later --until or a larger --count.
        _S.ENDED: frozenset({_S.ACTIVE}),
    }
)

OCCURRENCE_TRANSITIONS = MappingProxyType(
    {
        _O.QUEUED: frozenset({_O.STARTED, _O.SKIPPED}),
        _O.HELD: frozenset({_O.STARTED, _O.QUEUED, _O.REJECTED}),
        _O.STARTED: frozenset(),
        _O.SKIPPED: frozenset(),
        _O.REJECTED: frozenset(),
        _O.FAILED: frozenset(),
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
FINAL_CAMPAIGN_STATES = frozenset({_C.FINISHED, _C.CANCELLED})
