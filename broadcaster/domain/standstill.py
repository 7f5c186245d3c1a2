"""The facts about instances and campaigns that may stand still, and the sentence about one that does. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from broadcaster.domain.frequency import PersonRule
from broadcaster.domain.gaps import Gaps, Rest, Span
from broadcaster.domain.instances import Wire
from broadcaster.domain.states import CampaignState, LaneHealth


class Cause(StrEnum):
    """Why something does not do what it should.

    An instance sends nothing or is not to be trusted, a campaign stands still, a schedule fails, a reply is not heard
    or not decided, an operator is not told.
    """

    PAUSED = "paused"
    REFUSED = "refused"
    DOWN = "down"
    THROTTLED = "throttled"
    UNREADABLE = "unreadable"
    SUSPECT = "suspect"
    DRAFT = "draft"
    QUEUED = "queued"
    STARTS_LATER = "starts_later"
    NOT_STARTED = "not_started"
    NOT_RUNNING = "not_running"
    REDIS_AWAY = "redis_away"
    INSTANCES = "instances"
    RETRY = "retry"
    PERSON = "person"
    PACED = "paced"
    WINDOW = "window"
    CANARY = "canary"
    OUTRANKED = "outranked"
    IN_DOUBT = "in_doubt"
    UNKNOWN = "unknown"
    STALLED = "stalled"
    HELD = "held"
    REJECTED = "rejected"
    LAGGING = "lagging"
    GAP = "gap"
    UNDECIDED = "undecided"
    AWAY = "away"
    UNDELIVERED = "undelivered"


class What(StrEnum):
    """What does not move."""

    INSTANCE = "instance"
    CAMPAIGN = "campaign"
    SCHEDULE = "schedule"
    INBOX = "inbox"
    """What people write to an instance."""
    RECEIVER = "receiver"
    """Who is told what happens."""


@dataclass(frozen=True, slots=True)
class LaneFacts:
    """What is known of an instance. `reason` is in the gateway's words; rates are in messages per second."""

    name: str
    health: LaneHealth = LaneHealth.OK
    reason: str | None = None
    since: datetime | None = None
    """Since when it has this health."""
    is_retired: bool = False
    """Whether an operator has closed it: then it is paused."""
    not_before: datetime | None = None
    rate: float | None = None
    """None: unlimited."""
    permitted: float | None = None
    """What rate, gaps and rests come to; None: unlimited."""
    gaps: Gaps | None = None
    is_resting: bool = False
    """Whether it has just sent as many as it rests after: it rests until its slot, if that is yet to come."""
    wire: Wire | None = None
    slot: datetime | None = None
    """When its limit allows the next message."""
    full: str | None = None
    """Its limit over a span that has no place before that, in words."""
    used_at: datetime | None = None
    """When a message was last claimed for it."""
    is_tended: bool = True
    """Whether a worker holds it or has just been called."""
    unreadable_since: datetime | None = None
    """Since when the chats with messages to look for cannot be read."""
    next_read_at: datetime | None = None
    unreadable_is_former: bool = False
    """Whether those chats belong to an account that the instance had before."""
    shown: int = 0
    """How many accepted messages were looked for lately and shown in their chats."""
    missing: int = 0
    """How many accepted messages were looked for lately and not shown."""

    @property
    def gap(self) -> Span | None:
        """What keeps its messages apart, where that is more than its rate does."""
        gap = self.gaps.gap if self.gaps else None
        return gap if gap and (self.rate is None or gap.most * self.rate > 1) else None

    @property
    def rest(self) -> Rest | None:
        """What it has until its slot, if that is yet to come."""
        return self.gaps.rest if self.gaps and self.is_resting else None


class QueuedOccurrence(NamedTuple):
    """What a queued occurrence of a schedule, or the first of several, waits for."""

    schedule: str
    is_paused: bool
    """Whether the schedule is: then nothing of it starts."""
    behind: str | None
    """The campaign before it; None: it starts in a moment."""


@dataclass(frozen=True, slots=True)
class CampaignFacts:
    """A campaign that is not final."""

    name: str
    state: CampaignState
    starts_at: datetime
    started_at: datetime | None
    reason: str | None = None
    """Why it is in this state, where that needs a reason."""
    queue: QueuedOccurrence | None = None
    """None: it is no queued occurrence."""
    expires_at: datetime | None = None
    """When what has not left of it expires; None: never."""


class FullLimit(NamedTuple):
    """A limit that campaigns share, of which no place is left."""

    name: str
    allows: str
    """Such as `2000/d`."""
    free_at: datetime
    """When it has one again."""


@dataclass(frozen=True, slots=True)
class Part:
    """What one lane still has to do for one campaign."""

    campaign: CampaignFacts
    lane: LaneFacts
    pending: int = 0
    sending: int = 0
    in_doubt: int = 0
    failed: int = 0
    next_due_at: datetime | None = None
    """When the first pending message is due; None: now."""
    last_claimed_at: datetime | None = None
    """When a claim last found fewer messages due than it had slots for; on a lane with other due campaigns, when a
    claim last served it."""
    outranked_by: str | None = None
    """The campaign with a higher priority whose messages go first."""
    opens_at: datetime | None = None
    """When the windows of instance and campaign open for somebody; None: they do not hold it."""
    is_held: bool = False
    """Whether all that is pending is in slices of a canary that are not open."""
    next_slice_at: datetime | None = None
    """When the next of them opens, if the figures hold; None: nobody knows yet."""
    full: FullLimit | None = None
    """Which of the campaign's limits has no place for longest; None: all have."""
    person_rule: PersonRule | None = None
    """By which the message that is due first waits until its person may get one again; None: it does not."""
    person_is_skipped: bool = False
    """Whether it only waits until it is known that it is skipped: its person did get what was sent lately."""
    doubted_since: datetime | None = None
    decided_by: datetime | None = None
    """When the last doubt is given up; None: unknown."""
    next_poll_at: datetime | None = None
    unreadable: int = 0
    """How many doubts have chats that cannot be read now: that time does not count, and none of them is given up."""

    @property
    def open(self) -> int:
        """Its messages that are not final."""
        return self.pending + self.sending + self.in_doubt


@dataclass(frozen=True, slots=True)
class Scene:
    """What holds for all instances and campaigns at `now`, by the database's clock."""

    now: datetime
    is_ticking: bool = True
    """Whether a beat fires ticks and a worker runs them."""
    ticked_at: datetime | None = None
    """When the last tick was done; None: never."""
    is_redis_away: bool = False
    starter: str = "broadcaster up"
    """The command that starts the missing part, or finds out which part that is."""


class Remedy(NamedTuple):
    """What to do: `advice` leads to the `command`."""

    advice: str
    command: str

    def __str__(self) -> str:
        return f"{self.advice} `{self.command}`"


@dataclass(frozen=True, slots=True)
class Standstill:
    """Something that does not move, and why."""

    what: What
    name: str
    cause: Cause
    says: str
    """The verb phrase after its name, such as `is down`."""
    remedy: Remedy
    detail: str | None = None
    since: datetime | None = None
    next_try: datetime | None = None
    """Never in the past."""
    is_due: bool = False
    """Whether the next try comes now."""
    until: datetime | None = None
    """When undecided doubts are given up."""
    waiting: int = 0
    """How many messages wait for it."""

    @property
    def is_waited_for(self) -> bool:
        """Whether messages wait for it of which it does not say how many there are."""
        return self.waiting > 0 and self.cause not in _SAYS_HOW_MANY

    @property
    def why(self) -> str:
        """The cause in words, without name, moments and numbers."""
        return f"{self.says}: {self.detail}" if self.detail else self.says

    @property
    def follows(self) -> tuple[str, datetime | None] | None:
        """What comes next, and when; without a moment: now. None: nothing that is known."""
        words = _NEXT.get(self.cause)
        if words is None or not (self.next_try or self.is_due):
            return None
        return (words, self.next_try) if self.next_try else (words.removesuffix(" at"), None)

    @property
    def given_up(self) -> str:
        """What becomes of doubts at `until`: a sentence with a hole for that moment."""
        return _GIVEN_UP_ONE if self.waiting == 1 else _GIVEN_UP

    def sentence(self, clock: Callable[[datetime], str], subject: str | None = None) -> str:
        """The whole sentence for people. `clock` formats a moment; `subject`: what stands for its name."""
        since = f" since {clock(self.since)}" if self.since else ""
        subject = subject or f"{self.what} {self.name}"
        clauses = [f"{subject} {self.says}{since}" + (f": {self.detail}" if self.detail else "")]
        if self.follows is not None:
            words, moment = self.follows
            clauses.append(f"{words} {'now' if moment is None else clock(moment)}")
        if self.until:
            clauses.append(self.given_up % {"moment": clock(self.until)})
        if self.is_waited_for:
            clauses.append(f"{counted(self.waiting)} {'waits' if self.waiting == 1 else 'wait'}")
        said = "; ".join(clauses)
        return f"{said}: {self.remedy}" if self.remedy.command else said


_NEXT = {
    Cause.DOWN: "next try",
    Cause.THROTTLED: "it goes on at",
    Cause.UNREADABLE: "next try",
    Cause.STARTS_LATER: "it starts at",
    Cause.INSTANCES: "next try",
    Cause.RETRY: "next try",
    Cause.PERSON: "the first is free at",
    Cause.PACED: "next message at",
    Cause.WINDOW: "it opens at",
    Cause.CANARY: "the next slice opens at",
    Cause.IN_DOUBT: "next reading",
}
_GIVEN_UP = "those still in doubt by their deadlines become unknown, the last of them at %(moment)s"
_GIVEN_UP_ONE = "if it is still in doubt at %(moment)s, it becomes unknown"
_SAYS_HOW_MANY = (Cause.IN_DOUBT, Cause.UNKNOWN)


def counted(messages: int) -> str:
    """`1 message`, `1,200 messages`."""
    return f"{messages:,} {'message' if messages == 1 else 'messages'}"
