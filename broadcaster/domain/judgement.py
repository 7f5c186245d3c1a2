"""What a reply means for its message, for its lane, and for the run of the lane's outcomes. Pure.

A lane stops at once if known words say that the account has trouble. It also stops if a run of replies shows trouble
together (`outcome_run`). It is then probed by reading, which costs no message (`after_probe`). Once reading works,
single messages to random recipients are tried until one is accepted.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from broadcaster.domain.decisions import (
    PROBE_BASE,
    PROBE_CAP,
    TROUBLE,
    LaneChange,
    Transition,
    backoff,
    decide,
    lane_change,
    lane_down,
    within_attempts,
)
from broadcaster.domain.outcome_run import OutcomeRun, text_key
from broadcaster.domain.outcomes import Outcome, Verdict
from broadcaster.domain.states import LaneHealth, MessageState

REFUSAL_PAUSE = 5.0
"""Seconds before a message is tried again if its refusal may be the account's fault. Jitter adds up to as much
again."""
REFUSAL_CAP = 30.0
"""While the lane goes on, the pause doubles with each attempt, up to this many seconds."""
MOST_REFUSALS = 60
"""A message fails after this many refusals if hardly any other message is refused. They take at least half an hour."""
REFUSED_CAP = 15.0
"""The longest pause between single messages, in seconds, while all are refused or put off. No attempt is spent."""
UNKNOWN_BASE = 2.0
UNKNOWN_CAP = 40.0
"""The longest pause between single messages, in seconds, while all are left open. It is longer because each may leave
a doubt, and under a minute because only these messages show that the account works again."""
STUBBORN = 40
"""After this many failed reads (about five minutes) one message is tried: some gateways can send but not list."""
UNKNOWN_WORDS = "which no rule knows"
"""In the reason of a stop: nobody knows whose trouble the words describe."""
BLAMED = "as if every recipient were at fault"
"""In the reason of a stop: the words are known to be about recipients, but everybody got them."""
_QUOTED_CHARACTERS = 120
_NO_SUCH_METHOD = frozenset({404, 405, 501})
_FAILED = Transition(MessageState.FAILED, spent=1)
_OPERATORS = frozenset({LaneHealth.REFUSED, LaneHealth.PAUSED})


@dataclass(frozen=True, slots=True)
class AnsweredAttempt:
    """The attempt that was answered.

    `message` is a text that no other message on the lane has. `number` is this attempt's number, counted from 1.
    `spent` counts earlier attempts that count against `max_attempts`. `heard_at_start` is the run's `heard` when the
    request left. `is_overtaken`: a message whose request left after this one's was accepted before this one's ended.
    """

    message: str
    number: int
    spent: int
    max_attempts: int
    heard_at_start: int
    is_overtaken: bool = False


@dataclass(frozen=True, slots=True)
class Judgement:
    """Where the message goes, how the lane's health changes (None: not at all), and the run including this outcome."""

    transition: Transition
    change: LaneChange | None
    run: OutcomeRun


def judge(
    run: OutcomeRun, verdict: Verdict, attempt: AnsweredAttempt, health: LaneHealth, failures: int, jitter: float
) -> Judgement:
    """What follows from `verdict`. `run`, `health` and `failures` are the lane's, `jitter` is random in [0, 1).

    Words that no rule knows fail a message only in three cases: another message was accepted since its first refusal;
    the words have been learned; or it was refused `MOST_REFUSALS` times while fewer than `HANDFUL` messages are
    refused. Words that everybody gets fail no message.
    """
    if health is LaneHealth.OK and run.is_trouble:
        run = run.restarted()  # somebody else has made the lane well again
    is_refusal = verdict.outcome is Outcome.REJECTED and not verdict.is_recognised
    if is_refusal and verdict.health not in TROUBLE:
        return _judge_refusal(run, verdict, attempt, health, failures, jitter)
    after = _run_after(run, verdict, attempt)
    change = _change(run, after, verdict, attempt, health, failures, jitter)
    # If the status shows that the instance has trouble, the words need not.
    if is_refusal or (verdict.outcome is not Outcome.ACCEPTED and _is_said_of_all(run, after, verdict, attempt)):
        verdict = replace(verdict, outcome=Outcome.NOT_SENT)
    return _judgement(decide(verdict, attempt.spent, attempt.max_attempts, jitter), change, after, attempt)


def after_probe(read: Verdict | None, failures: int, jitter: float) -> LaneChange | None:
    """How long an unwell lane goes on resting after a read; None: a single message may be tried.

    `read` is the verdict on the failed read; None: the chats could be listed.
    """
    if read is None or _is_unknown_method(read):
        return None
    if read.health in TROUBLE:
        return lane_change(read, LaneHealth.DOWN, failures, jitter)
    if read.outcome is Outcome.REJECTED and read.is_recognised:
        return None  # it understood the request and answered as a running instance does
    if read.outcome is not Outcome.NOT_SENT and failures % STUBBORN == STUBBORN - 1:
        return None
    return lane_down(
        backoff(PROBE_BASE, PROBE_CAP, failures, jitter), failures, f"cannot read its chats: {read.reason}"
    )


def _is_unknown_method(read: Verdict) -> bool:
    """Whether the application itself, not a web server in front of it, says that it has no such method."""
    return read.http_status in _NO_SUCH_METHOD and (read.reply or "").lstrip().startswith(("{", "["))


def _judgement(decided: Transition, change: LaneChange | None, run: OutcomeRun, attempt: AnsweredAttempt) -> Judgement:
    transition = within_attempts(decided, attempt.number)
    if transition.state is MessageState.FAILED:
        run = run.forgotten(attempt.message)
    if change is not None and change.health is not LaneHealth.OK:
        run = run.stopping()
    return Judgement(transition, change, run)


def _judge_refusal(
    run: OutcomeRun, verdict: Verdict, attempt: AnsweredAttempt, health: LaneHealth, failures: int, jitter: float
) -> Judgement:
    """What follows from a refusal in words that no rule knows."""
    text = text_key(verdict.reason)
    goes_on = health is LaneHealth.OK and not run.is_late(attempt.heard_at_start)
    was_refused = attempt.number > attempt.spent + 1
    if goes_on and (run.is_own_trouble(attempt.message, text) or (was_refused and run.is_learned(text))):
        after = run.refused_again(attempt.message, text)
        decided = _FAILED if after.is_learned(text) else _tried(attempt, jitter)
        return _judgement(decided, None, after, attempt)
    after = run.refused(attempt.message, text, attempt.heard_at_start)
    change = _change(run, after, verdict, attempt, health, failures, jitter)
    decided = _doubtful(after, text, attempt, goes_on and change is None, jitter)
    return _judgement(decided, change, after.note(attempt.message, text), attempt)


def _doubtful(run: OutcomeRun, text: str, attempt: AnsweredAttempt, goes_on: bool, jitter: float) -> Transition:
    """Where a refused message goes while nothing shows whether the account is at fault."""
    if not goes_on:
        return Transition(MessageState.PENDING, delay=REFUSAL_PAUSE * (1 + jitter))
    if run.is_learned(text) or attempt.number >= MOST_REFUSALS:
        return _FAILED
    if run.is_vouched(attempt.message):
        return _tried(attempt, jitter)
    doubled = REFUSAL_PAUSE * 2.0 ** min(attempt.number - 1, 10)
    return Transition(MessageState.PENDING, delay=min(doubled, REFUSAL_CAP) * (1 + jitter))


def _tried(attempt: AnsweredAttempt, jitter: float) -> Transition:
    """The message is tried as often as any other, and holds nobody up."""
    return decide(Verdict(Outcome.THROTTLED, ""), attempt.spent, attempt.max_attempts, jitter)


def _run_after(run: OutcomeRun, verdict: Verdict, attempt: AnsweredAttempt) -> OutcomeRun:
    """The run with one more reply, other than a refusal in unknown words."""
    match verdict.outcome:
        case Outcome.ACCEPTED:
            return run.accepted(attempt.message, attempt.heard_at_start)
        case Outcome.UNKNOWN if not attempt.is_overtaken:
            return run.left_open(attempt.heard_at_start)
        case Outcome.THROTTLED if verdict.health not in TROUBLE:
            return run.postponed(attempt.message, attempt.heard_at_start)
        case Outcome.REJECTED if _is_blamed(verdict):
            return run.answered(attempt.heard_at_start)
    return run


def _is_blamed(verdict: Verdict) -> bool:
    """Whether the gateway refuses a recipient in known words. A message that cannot be rendered never reaches it."""
    is_reply = verdict.health is LaneHealth.OK or (verdict.health is None and verdict.http_status is not None)
    return verdict.is_recognised and is_reply


def _is_said_of_all(run: OutcomeRun, after: OutcomeRun, verdict: Verdict, attempt: AnsweredAttempt) -> bool:
    """Whether everybody gets these words, although they are about one recipient. Then no attempt is spent."""
    match verdict.outcome:
        case Outcome.REJECTED:
            return run.is_said_of_all and _is_blamed(verdict)
        case Outcome.THROTTLED:
            return after.is_trouble or run.is_late(attempt.heard_at_start)
    return False


def _change(
    run: OutcomeRun,
    after: OutcomeRun,
    verdict: Verdict,
    attempt: AnsweredAttempt,
    health: LaneHealth,
    failures: int,
    jitter: float,
) -> LaneChange | None:
    """The lane's new health. Replies to requests from before a stop do not stop the lane again."""
    if health is LaneHealth.OK and verdict.health is LaneHealth.OK and verdict.outcome is Outcome.ACCEPTED:
        return None  # as almost always
    if health in _OPERATORS:
        return None
    if run.is_late(attempt.heard_at_start) and verdict.health not in _OPERATORS:
        return None
    if verdict.health in TROUBLE or verdict.health in _OPERATORS:
        return lane_change(verdict, health, failures, jitter)
    if _rests(after, verdict, health):
        return _stop(after, verdict, failures, jitter)
    if health is LaneHealth.OK:
        return None
    # After a run has stopped the lane, a recipient's refusal only ends the rest: the lane still sends one by one.
    is_good = verdict.outcome is Outcome.ACCEPTED or (verdict.health is LaneHealth.OK and not after.is_trouble)
    return LaneChange(LaneHealth.OK, 0.0, 0) if is_good else None


def _rests(run: OutcomeRun, verdict: Verdict, health: LaneHealth) -> bool:
    """Whether its run stops the lane, or keeps it resting, after a reply that says nothing of the account."""
    match verdict.outcome:
        case Outcome.REJECTED if verdict.is_recognised:
            return run.is_said_of_all and _is_blamed(verdict)
        case Outcome.REJECTED | Outcome.UNKNOWN:
            return run.is_trouble or health is not LaneHealth.OK
        case Outcome.THROTTLED:
            return run.is_trouble
    return False


def _stop(run: OutcomeRun, verdict: Verdict, failures: int, jitter: float) -> LaneChange:
    """The lane stops because of its run, or goes on resting: longer with each single message that came to nothing."""
    is_open = verdict.outcome is Outcome.UNKNOWN
    base, cap = (UNKNOWN_BASE, UNKNOWN_CAP) if is_open else (PROBE_BASE, REFUSED_CAP)
    health = LaneHealth.THROTTLED if verdict.outcome is Outcome.THROTTLED else LaneHealth.DOWN
    return LaneChange(health, backoff(base, cap, run.excess, jitter), failures + 1, _why(run, verdict))


def _why(run: OutcomeRun, verdict: Verdict) -> str:
    said = verdict.reason[:_QUOTED_CHARACTERS]
    refused = run.refusals + run.learned
    known = run.answers if run.is_said_of_all else 0
    together = refused + known + run.unknowns + run.delays
    if verdict.outcome is Outcome.REJECTED and verdict.is_recognised:
        return f"refused {run.answers + run.learned} attempts in a row with “{said}”, {BLAMED}"
    if together <= 1:
        return said
    if together == refused:
        return f"refused {refused} attempts in a row with “{said}”, {UNKNOWN_WORDS}"
    if together == run.unknowns:
        return f"did not say of {run.unknowns} attempts in a row whether it took them: {said}"
    if together == run.delays:
        return f"put off {run.delays} attempts in a row: {said}"
    return f"accepted none of {together} attempts in a row: {said}"
