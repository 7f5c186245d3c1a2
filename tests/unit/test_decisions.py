"""What follows from each outcome."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broadcaster.domain.decisions import (
    INSTANCE_PAUSE,
    MOST_ATTEMPTS,
    MOST_RETRY_AFTER,
    PROBE_CAP,
    RETRY_CAP,
    LaneChange,
    Transition,
    decide,
    lane_change,
    within_attempts,
)
from broadcaster.domain.outcomes import Outcome, Verdict
from broadcaster.domain.states import LANE_TRANSITIONS, MESSAGE_TRANSITIONS, LaneHealth, MessageState

verdicts = st.builds(
    Verdict,
    outcome=st.sampled_from(Outcome),
    reason=st.just("why"),
    health=st.sampled_from([None, LaneHealth.OK, LaneHealth.THROTTLED, LaneHealth.DOWN, LaneHealth.REFUSED]),
    retry_after=st.one_of(st.none(), st.floats(min_value=0, max_value=1e9)),
)
jitters = st.floats(min_value=0, max_value=1, exclude_max=True)


def test_accepted_is_sent() -> None:
    assert decide(Verdict(Outcome.ACCEPTED, ""), 0, 5, 0.0).state is MessageState.SENT


def test_rejected_fails_at_once_because_it_would_be_rejected_again() -> None:
    assert decide(Verdict(Outcome.REJECTED, ""), 0, 5, 0.0).state is MessageState.FAILED


@given(spent=st.integers(0, 10), most=st.integers(1, 10), jitter=jitters)
def test_unknown_is_never_retried_blind(spent: int, most: int, jitter: float) -> None:
    assert decide(Verdict(Outcome.UNKNOWN, ""), spent, most, jitter).state is MessageState.IN_DOUBT


@pytest.mark.parametrize("health", [LaneHealth.THROTTLED, LaneHealth.DOWN, LaneHealth.REFUSED])
@pytest.mark.parametrize("outcome", [Outcome.THROTTLED, Outcome.NOT_SENT])
def test_trouble_of_the_instance_never_spends_an_attempt(outcome: Outcome, health: LaneHealth) -> None:
    transition = decide(Verdict(outcome, "", health), 99, 5, 0.0)
    assert (transition.state, transition.spent) == (MessageState.PENDING, 0)


def test_trouble_of_the_message_backs_off_and_fails_when_attempts_are_exhausted() -> None:
    verdict = Verdict(Outcome.THROTTLED, "timed out at the gateway")
    delays = [decide(verdict, spent, 5, 0.0).delay for spent in range(4)]
    assert delays == [5, 10, 20, 40]
    assert decide(verdict, 4, 5, 0.0).state is MessageState.FAILED


def test_retry_after_is_honoured_by_the_message_or_by_the_lane() -> None:
    """A lane that an operator resumes goes on with all its messages, also with the one that was told to wait."""
    assert decide(Verdict(Outcome.THROTTLED, "", retry_after=30), 0, 5, 0.5).delay == 30
    of_the_lane = Verdict(Outcome.THROTTLED, "", LaneHealth.THROTTLED, retry_after=30)
    assert decide(of_the_lane, 0, 5, 0.5).delay == INSTANCE_PAUSE
    change = lane_change(of_the_lane, LaneHealth.OK, 0, 0.5)
    assert change is not None
    assert change.rest == 30


@given(verdict=verdicts, spent=st.integers(0, 100), most=st.integers(1, 10), jitter=jitters)
def test_every_decision_is_a_transition_of_the_table_and_bounded_in_time(
    verdict: Verdict, spent: int, most: int, jitter: float
) -> None:
    transition = decide(verdict, spent, most, jitter)
    assert transition.state in MESSAGE_TRANSITIONS[MessageState.SENDING]
    assert 0 <= transition.delay <= max(MOST_RETRY_AFTER, RETRY_CAP * 1.25)


@given(verdict=verdicts, spent=st.integers(0, 100), most=st.integers(1, 10), jitter=jitters)
def test_only_what_is_provably_not_accepted_becomes_pending(
    verdict: Verdict, spent: int, most: int, jitter: float
) -> None:
    if decide(verdict, spent, most, jitter).state is MessageState.PENDING:
        assert verdict.outcome in {Outcome.THROTTLED, Outcome.NOT_SENT}


@given(verdict=verdicts, health=st.sampled_from(LaneHealth), failures=st.integers(0, 10_000), jitter=jitters)
def test_every_lane_change_is_a_transition_of_the_table(
    verdict: Verdict, health: LaneHealth, failures: int, jitter: float
) -> None:
    if health in {LaneHealth.PAUSED, LaneHealth.REFUSED}:
        return  # no request leaves through such a lane
    change = lane_change(verdict, health, failures, jitter)
    if change is not None:
        assert change.health is health or change.health in LANE_TRANSITIONS[health]
        assert 0 <= change.rest <= MOST_RETRY_AFTER


def test_a_lane_that_is_down_is_probed_ever_more_slowly_but_often_enough_to_be_back_soon() -> None:
    down = Verdict(Outcome.NOT_SENT, "connection refused", LaneHealth.DOWN)
    rests = [lane_change(down, LaneHealth.DOWN, failures, 0.0) for failures in range(6)]
    assert [change and change.rest for change in rests] == [1, 2, 4, 8, 8, 8]
    assert PROBE_CAP * 1.25 <= 10


def test_a_lane_is_throttled_for_seconds_at_first_and_for_about_a_minute_at_most() -> None:
    throttled = Verdict(Outcome.THROTTLED, "slow down", LaneHealth.THROTTLED)
    rests = [lane_change(throttled, LaneHealth.THROTTLED, failures, 0.0) for failures in (0, 1, 2, 9, 99)]
    assert [change and change.rest for change in rests] == [2, 4, 8, 60, 60]


def test_a_good_reply_closes_the_breaker() -> None:
    assert lane_change(Verdict(Outcome.ACCEPTED, "", LaneHealth.OK), LaneHealth.DOWN, 7, 0.0) == LaneChange(
        LaneHealth.OK, 0.0, 0
    )


def test_a_rejected_message_says_that_the_instance_works() -> None:
    change = lane_change(Verdict(Outcome.REJECTED, "", LaneHealth.OK), LaneHealth.THROTTLED, 1, 0.0)
    assert change == LaneChange(LaneHealth.OK, 0.0, 0)


def test_a_refused_key_parks_the_lane() -> None:
    change = lane_change(Verdict(Outcome.NOT_SENT, "bad key", LaneHealth.REFUSED), LaneHealth.OK, 0, 0.0)
    assert change == LaneChange(LaneHealth.REFUSED, 0.0, 1, "bad key")


def test_a_message_that_has_met_trouble_for_days_fails_before_its_attempts_can_no_longer_be_counted() -> None:
    again, sent = Transition(MessageState.PENDING, delay=1.0), Transition(MessageState.SENT, spent=1)
    assert within_attempts(again, MOST_ATTEMPTS - 1) == again
    assert within_attempts(again, MOST_ATTEMPTS) == Transition(MessageState.FAILED)
    assert within_attempts(sent, MOST_ATTEMPTS) == sent
