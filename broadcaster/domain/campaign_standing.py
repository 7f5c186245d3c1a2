"""How an open campaign stands over its lanes, summed up part by part: nothing of a part is kept. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from broadcaster.domain.standstill import CampaignFacts, Cause, LaneFacts, Part, Scene
from broadcaster.domain.states import LaneHealth

SOON = timedelta(seconds=2)
"""Something that is tried again within this time counts as moving."""
SLOW = timedelta(seconds=10)
"""An instance that must wait longer than this for its next message counts as standing still."""
STALLED = timedelta(seconds=60)
"""Messages stand still if they have been due for this long and nothing holds them back."""
RESTED = timedelta(seconds=10)
"""An instance no longer counts as resting this long after the end of its rest."""
TRIED_AGAIN = (LaneHealth.DOWN, LaneHealth.THROTTLED)
"""Healths in which an instance is tried again by itself."""
_MOST_NAMED = 12
"""How many instances one sentence names."""


@dataclass(slots=True)
class HeldParts:
    """The parts of a campaign that one cause holds back."""

    first: list[Part] = field(default_factory=list)
    """The first few of them."""
    parts: int = 0
    pending: int = 0
    since: datetime | None = None
    """The latest moment since which one is held back."""
    next_try: datetime | None = None
    """The earliest moment at which one goes on."""
    soonest: Part | None = None
    """That one."""

    def add(self, part: Part, since: datetime | None, next_try: datetime | None) -> None:
        """Count one more."""
        if len(self.first) < _MOST_NAMED:
            self.first.append(part)
        self.parts += 1
        self.pending += part.pending
        self.since = _latest(self.since, since)
        if next_try is not None and (self.next_try is None or next_try < self.next_try):
            self.next_try, self.soonest = next_try, part


@dataclass(slots=True)
class CampaignStanding:
    """A campaign over those of its lanes that were added."""

    campaign: CampaignFacts
    pending: int = 0
    """Its messages that have not left."""
    in_doubt: int = 0
    """Its messages that may or may not have been accepted."""
    open: int = 0
    """Its messages that are not final."""
    moves: bool = False
    """Whether a part of it is being sent, if the campaign is running."""
    held: dict[Cause, HeldParts] = field(default_factory=dict)
    """What holds back its pending messages, if the campaign is running."""
    doubted_since: datetime | None = None
    next_poll_at: datetime | None = None
    unreadable: int = 0
    """How many doubts have chats that cannot be read now."""
    _decided_by: datetime | None = None
    _is_decided: bool = True

    @property
    def decided_by(self) -> datetime | None:
        """When the last doubt is given up; None: unknown, or not before its chat can be read."""
        return self._decided_by if self._is_decided and not self.unreadable else None

    def add(self, part: Part, scene: Scene) -> None:
        """Sum up one more part."""
        self.pending += part.pending
        self.in_doubt += part.in_doubt
        self.open += part.open
        if part.in_doubt:
            self.doubted_since = _earliest(self.doubted_since, part.doubted_since)
            self.next_poll_at = _earliest(self.next_poll_at, part.next_poll_at)
            self.unreadable += part.unreadable
            self._decided_by = _latest(self._decided_by, part.decided_by)
            self._is_decided = self._is_decided and part.decided_by is not None
        if part.sending:
            self.moves = True
        elif part.pending and not self.moves:
            self._hold(part, scene)

    def _hold(self, part: Part, scene: Scene) -> None:
        cause = _holds(part, scene)
        if cause is None:
            self.moves = True
            return
        since, next_try = _moments(cause, part)
        self.held.setdefault(cause, HeldParts()).add(part, since, next_try)


def is_unwell(lane: LaneFacts, scene: Scene) -> bool:
    """Whether it sends nothing now. It sends again after its rest, and the first accepted message makes it ok."""
    if lane.health is LaneHealth.THROTTLED and lane.not_before is not None:
        return scene.now - lane.not_before < RESTED
    return lane.health is not LaneHealth.OK


def _holds(part: Part, scene: Scene) -> Cause | None:
    """What holds back the pending messages of a part; None: they are being sent."""
    lane, now = part.lane, scene.now
    if is_unwell(lane, scene):
        return Cause.INSTANCES
    if part.opens_at is not None:
        return Cause.WINDOW
    if part.is_held:
        return Cause.CANARY
    if part.next_due_at is not None and part.next_due_at > now + SOON:
        if part.person_is_skipped:
            return None  # it is decided in a moment, and nothing else is waited for
        return Cause.RETRY if part.person_rule is None else Cause.PERSON
    if part.full is not None and part.full.free_at > now + SLOW:
        return Cause.PACED
    if part.outranked_by is not None:
        return Cause.OUTRANKED
    if lane.slot is not None and lane.slot > now + SLOW:
        return Cause.PACED
    since = _idle_since(part)
    return Cause.STALLED if lane.is_tended and since is not None and now - since > STALLED else None


def _moments(cause: Cause, part: Part) -> tuple[datetime | None, datetime | None]:
    """Since when the cause holds back the part, and when it goes on."""
    match cause:
        case Cause.INSTANCES:
            return part.lane.since, part.lane.not_before if part.lane.health in TRIED_AGAIN else None
        case Cause.RETRY:
            return part.last_claimed_at, part.next_due_at
        case Cause.PERSON:
            return None, part.next_due_at
        case Cause.PACED:
            return None, part.lane.slot if part.full is None else part.full.free_at
        case Cause.WINDOW:
            return None, part.opens_at
        case Cause.CANARY:
            return None, part.next_slice_at
        case Cause.STALLED:
            return _idle_since(part), None
        case _:
            return None, None


def _idle_since(part: Part) -> datetime | None:
    known = (part.lane.used_at, part.lane.since, part.campaign.started_at, part.next_due_at)
    return max((moment for moment in known if moment is not None), default=None)


def _latest(one: datetime | None, other: datetime | None) -> datetime | None:
    return max(one, other) if one and other else one or other


def _earliest(one: datetime | None, other: datetime | None) -> datetime | None:
    return min(one, other) if one and other else one or other
