"""What follows from one verdict by itself: for the message, and for the lane it went through. Pure.

`judgement` weighs it with those before it, since one reply is weak evidence.
"""

from __future__ import annotations

from dataclasses import dataclass

from broadcaster.domain.outcomes import Outcome, Verdict
from broadcaster.domain.states import LaneHealth, MessageState

RETRY_BASE = 5.0
"""Seconds before a message's second attempt; doubles with each attempt spent."""
RETRY_CAP = 15 * 60.0
INSTANCE_PAUSE = 1.0
"""Seconds before a message tries again that met trouble of its instance; the lane's own clock does the rest."""
PROBE_BASE = 1.0
"""Seconds before a lane that is down is probed; doubles with each failure."""
PROBE_CAP = 8.0
THROTTLE_BASE = 2.0
"""Seconds of rest after a throttling reply that names none; doubles with each one."""
THROTTLE_CAP = 60.0
"""No longer, since a gateway that wants a longer rest can name one."""
MOST_RETRY_AFTER = 24 * 3600.0
"""A gateway that asks for longer is asked again after this."""

MOST_ATTEMPTS = 30_000
"""Attempts of whatever kind after which a message fails: they are counted in 16 bits, and are days of trouble."""

TROUBLE = frozenset({LaneHealth.THROTTLED, LaneHealth.DOWN, LaneHealth.REFUSED})
"""What a verdict says of an instance whose trouble is its own."""


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
    """Where the message goes. `spent` counts attempts before this one; `jitter` is a random number in [0, 1).

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
    """`transition`, or the end of a message whose attempt number `attempt` was one of far too many."""
    if transition.state is MessageState.PENDING and attempt >= MOST_ATTEMPTS:
        return Transition(MessageState.FAILED, spent=transition.spent)
    return transition


def lane_change(verdict: Verdict, health: LaneHealth, failures: int, jitter: float) -> LaneChange | None:
    """What the attempt says of its lane; None when nothing changes.

    `failures` counts the lane's troubles since its last good reply.
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
    """The lane goes down, or stays so, and rests for so many seconds."""
    return LaneChange(LaneHealth.DOWN, rest, failures + 1, reason)


def backoff(base: float, cap: float, exponent: int, jitter: float) -> float:
    """Exponential with up to a quarter of jitter, so that what failed together does not come back together."""
    return min(cap, base * 2.0 ** min(exponent, 30)) * (1 + jitter / 4)
