"""What one verdict by itself means for its message and for its lane. Pure.

One reply is weak evidence, so `judgement` weighs it together with the replies before it.
"""

from __future__ import annotations

from dataclasses import dataclass

from broadcaster.domain.outcomes import Outcome, Verdict
from broadcaster.domain.states import LaneHealth, MessageState

RETRY_BASE = 5.0
"""Seconds before a message's second attempt. They double with each attempt spent."""
RETRY_CAP = 15 * 60.0
INSTANCE_PAUSE = 1.0
"""Seconds before a message is due again after its instance had trouble. Any further wait is the lane's."""
PROBE_BASE = 1.0
"""Seconds before a lane that is down is probed. They double with each failure."""
PROBE_CAP = 8.0
THROTTLE_BASE = 2.0
"""Seconds of rest after a throttling reply without Retry-After. They double with each such reply."""
THROTTLE_CAP = 60.0
"""The longest such rest, in seconds. A gateway that wants a longer one can send Retry-After."""
MOST_RETRY_AFTER = 24 * 3600.0
"""The longest Retry-After that is obeyed, in seconds."""

MOST_ATTEMPTS = 30_000
"""A message fails after this many attempts, spent or not. So many take days, and the counter has 16 bits."""

TROUBLE = frozenset({LaneHealth.THROTTLED, LaneHealth.DOWN, LaneHealth.REFUSED})
"""The healths by which a verdict blames the instance."""


@dataclass(frozen=True, slots=True)
class Transition:
    """Where a message goes after an attempt. `delay` is seconds until it is due again; `spent` is 0 or 1."""

    state: MessageState
    delay: float = 0.0
    spent: int = 0


@dataclass(frozen=True, slots=True)
class LaneChange:
    """The new health of a lane. `rest` is seconds without any request; `reason` is for the operator."""

    health: LaneHealth
    rest: float
    failures: int
    reason: str = ""


_SENT = Transition(MessageState.SENT, spent=1)


def decide(verdict: Verdict, spent: int, max_attempts: int, jitter: float) -> Transition:
    """Where the message goes. `spent` counts the attempts spent before this one; `jitter` is random in [0, 1).

    Trouble of the instance never spends the message's attempts; trouble of the message does.
    """
    match verdict.outcome:
        case Outcome.ACCEPTED:
            return _SENT
        case Outcome.REJECTED:
            return Transition(MessageState.FAILED, spent=1)
        case Outcome.UNKNOWN:
            return Transition(MessageState.IN_DOUBT, spent=1)
        case Outcome.THROTTLED | Outcome.NOT_SENT:
            if verdict.health in TROUBLE:
                return Transition(MessageState.PENDING, delay=INSTANCE_PAUSE)
            asked = None if verdict.retry_after is None else min(verdict.retry_after, MOST_RETRY_AFTER)
            if verdict.outcome is Outcome.NOT_SENT:
                return Transition(MessageState.PENDING, delay=asked or INSTANCE_PAUSE)
            if spent + 1 >= max_attempts:
                return Transition(MessageState.FAILED, spent=1)
            delay = asked or backoff(RETRY_BASE, RETRY_CAP, spent, jitter)
            return Transition(MessageState.PENDING, delay=delay, spent=1)


def within_attempts(transition: Transition, attempt: int) -> Transition:
    """`transition`, or failure if the message has used up MOST_ATTEMPTS. `attempt` is the number of its attempt."""
    if transition.state is MessageState.PENDING and attempt >= MOST_ATTEMPTS:
        return Transition(MessageState.FAILED, spent=transition.spent)
    return transition


def lane_change(verdict: Verdict, health: LaneHealth, failures: int, jitter: float) -> LaneChange | None:
    """What the attempt changes about its lane; None: nothing.

    `failures` counts how often the lane had trouble since its last good reply.
    """
    match verdict.health:
        case None:
            return None
        case LaneHealth.OK:
            return None if health is LaneHealth.OK else LaneChange(LaneHealth.OK, 0.0, 0)
        case LaneHealth.REFUSED | LaneHealth.PAUSED:
            return LaneChange(LaneHealth.REFUSED, 0.0, failures + 1, verdict.reason)
        case LaneHealth.DOWN:
            return lane_down(backoff(PROBE_BASE, PROBE_CAP, failures, jitter), failures, verdict.reason)
        case LaneHealth.THROTTLED:
            rest = verdict.retry_after or backoff(THROTTLE_BASE, THROTTLE_CAP, failures, jitter)
            return LaneChange(LaneHealth.THROTTLED, min(rest, MOST_RETRY_AFTER), failures + 1, verdict.reason)


def lane_down(rest: float, failures: int, reason: str) -> LaneChange:
    """The lane is down and rests for `rest` seconds."""
    return LaneChange(LaneHealth.DOWN, rest, failures + 1, reason)


def backoff(base: float, cap: float, exponent: int, jitter: float) -> float:
    """Exponential backoff in seconds. Jitter adds up to a quarter, to spread messages that failed together."""
    return min(cap, base * 2.0 ** min(exponent, 30)) * (1 + jitter / 4)
