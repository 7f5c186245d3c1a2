"""What a lane's replies say together: whose trouble it is, when the lane stops, and what its messages come to."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from heapq import heappop, heappush
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from broadcaster.domain.decisions import MOST_ATTEMPTS, LaneChange
from broadcaster.domain.judgement import (
    BLAMED,
    MOST_REFUSALS,
    REFUSAL_PAUSE,
    REFUSED_CAP,
    STUBBORN,
    UNKNOWN_CAP,
    UNKNOWN_WORDS,
    AnsweredAttempt,
    Judgement,
    after_probe,
    judge,
)
from broadcaster.domain.outcome_run import (
    HANDFUL,
    LEARNED_WEIGHT,
    MANY,
    MOST_NOTED,
    MOST_TEXTS,
    STALE,
    TEXT_CHARACTERS,
    OutcomeRun,
    Refused,
    text_key,
)
from broadcaster.domain.outcomes import Outcome, Verdict
from broadcaster.domain.states import LANE_TRANSITIONS, MESSAGE_TRANSITIONS, LaneHealth, MessageState

OK, DOWN, THROTTLED, REFUSED = LaneHealth.OK, LaneHealth.DOWN, LaneHealth.THROTTLED, LaneHealth.REFUSED

ACCEPTED = Verdict(Outcome.ACCEPTED, "accepted", OK)
OPEN = Verdict(Outcome.UNKNOWN, "HTTP 500")
NO_WHATSAPP = Verdict(Outcome.REJECTED, "not registered", OK)
NOT_CONNECTED = Verdict(Outcome.NOT_SENT, "not connected", DOWN)
SLOW_DOWN = Verdict(Outcome.THROTTLED, "slow down", THROTTLED)
BAD_KEY = Verdict(Outcome.NOT_SENT, "bad key", REFUSED)
TOO_OFTEN = Verdict(Outcome.THROTTLED, "this recipient too often")
TOO_EARLY = Verdict(Outcome.THROTTLED, "HTTP 425", retry_after=86_400, http_status=425)
TOO_LARGE = Verdict(Outcome.REJECTED, "HTTP 413", OK, http_status=413, reply="<html>413</html>")
NO_RECIPIENT = Verdict(Outcome.REJECTED, "no recipient", http_status=200)
CANNOT_BE_RENDERED = Verdict(Outcome.REJECTED, "cannot be rendered")


def nope(text: str = "nope") -> Verdict:
    """A refusal in words that no rule knows; classified as one that says that the instance works."""
    return Verdict(Outcome.REJECTED, text, OK, is_recognised=False)


@dataclass
class Lane:
    """A lane as its owner keeps it: what `judge` makes of one reply is what it is given with the next."""

    run: OutcomeRun = field(default_factory=OutcomeRun)
    health: LaneHealth = OK
    failures: int = 0
    changes: list[LaneChange] = field(default_factory=list)
    attempts: Counter[str] = field(default_factory=Counter)
    spent: Counter[str] = field(default_factory=Counter)

    def hear(self, verdict: Verdict, message: str = "", left: int | None = None, jitter: float = 0.0) -> Judgement:
        """The reply to a request that left just now, unless `left` says when; each to another message by default."""
        message = message or f"message {self.attempts.total()}"
        self.attempts[message] += 1
        at = self.run.heard if left is None else left
        attempt = AnsweredAttempt(message, self.attempts[message], self.spent[message], 5, at)
        judgement = judge(self.run, verdict, attempt, self.health, self.failures, jitter)
        self.spent[message] += judgement.transition.spent
        self.run = judgement.run
        if judgement.change is not None:
            self.health, self.failures = judgement.change.health, judgement.change.failures
            self.changes.append(judgement.change)
        return judgement

    def hear_all(self, verdicts: Sequence[Verdict]) -> list[MessageState]:
        return [self.hear(verdict).transition.state for verdict in verdicts]


def rests(lane: Lane) -> list[float]:
    return [change.rest for change in lane.changes]


# Words

SAME_WORDS = [
    ("number 62811 nope", "number 62812 nope"),
    ("Number  62811   NOPE", "number 62811 nope"),
    ("no chat with 62811@c.us", "no chat with 499@s.whatsapp.net"),
    ("no chat with +62 811-22", "no chat with +49 (151) 1-2-3"),
    ('no contact "Ann"', 'no contact "Bob Smith"'),
    ("no contact 'Ann'", "no contact 'Bob'"),
    ("kein Kontakt „Ann“", "kein Kontakt „Bob“"),
    ("号码62811没有注册", "号码62812没有注册"),
    ("الرقم ٦٢٨١١ غير مسجل", "الرقم ٤٩ غير مسجل"),
    ("request 3EB0-c7f1_a is void", "request BAE5 is void"),
]


@pytest.mark.parametrize(("one", "other"), SAME_WORDS)
def test_a_text_is_the_same_for_every_recipient(one: str, other: str) -> None:
    assert text_key(one) == text_key(other) != "#"


def test_other_words_are_another_text_and_an_apostrophe_quotes_nothing() -> None:
    assert text_key("号码62811没有注册") != text_key("号码62811已停用")
    assert text_key("it isn't 1 that doesn't") == "it isn't # that doesn't"


@given(st.text(max_size=700))
def test_a_text_is_short_and_can_be_stored(reason: str) -> None:
    text = text_key(reason)
    assert len(text) <= TEXT_CHARACTERS
    assert text.isprintable()
    text.encode()


# One message

PROVISIONAL = [nope(), nope("nenhum"), nope(""), replace(nope(), health=None)]


@pytest.mark.parametrize("verdict", PROVISIONAL)
def test_a_refusal_in_unknown_words_costs_its_message_nothing_and_is_tried_again_in_seconds(verdict: Verdict) -> None:
    for jitter in (0.0, 0.99):
        judgement = Lane().hear(verdict, jitter=jitter)
        assert (judgement.transition.state, judgement.transition.spent) == (MessageState.PENDING, 0)
        assert REFUSAL_PAUSE <= judgement.transition.delay <= 10
        assert judgement.change is None


def test_a_refusal_in_known_words_fails_its_message_at_once() -> None:
    lane = Lane()
    assert lane.hear_all([NO_WHATSAPP] * MANY) == [MessageState.FAILED] * MANY
    assert not (lane.run.noted or lane.run.texts)


def test_a_status_that_tells_of_the_instance_does_so_whatever_the_words() -> None:
    judgement = Lane().hear(replace(nope(), health=DOWN))
    assert (judgement.transition.state, judgement.transition.spent) == (MessageState.PENDING, 0)
    assert judgement.change is not None
    assert judgement.change.health is DOWN


def test_who_is_refused_again_though_another_was_accepted_meanwhile_fails_after_all_attempts() -> None:
    lane, judged = Lane(), []
    for _ in range(6):
        judged.append(lane.hear(nope(), "bad").transition)
        lane.hear(ACCEPTED)
    assert [(each.state.value, each.spent) for each in judged] == [
        ("pending", 0),
        *[("pending", 1)] * 4,
        ("failed", 1),
    ]
    assert [each.delay for each in judged[1:5]] == [5, 10, 20, 40]
    assert not lane.changes
    assert "bad" not in lane.run.noted


def test_words_that_differ_every_time_do_not_keep_a_message_going_for_ever() -> None:
    lane = Lane()
    for number in range(6):
        judgement = lane.hear(nope(f"because {'abcdef'[number]}"), "bad")
        lane.hear(ACCEPTED)
    assert judgement.transition.state is MessageState.FAILED


def test_a_message_that_is_refused_alone_stops_nobody_and_ends_after_half_an_hour() -> None:
    lane = Lane()
    lane.hear(ACCEPTED)
    judgements = [lane.hear(nope(), "sole") for _ in range(MOST_REFUSALS)]
    assert {each.transition.spent for each in judgements[:-1]} == {0}
    assert judgements[-1].transition.state is MessageState.FAILED
    assert sum(each.transition.delay for each in judgements) >= 25 * 60
    assert max(each.transition.delay for each in judgements) <= 30
    assert not lane.changes


def test_a_handful_that_are_refused_again_and_again_and_nobody_else_is_accepted_do_not_fail() -> None:
    lane = Lane()
    for _ in range(MOST_REFUSALS + 10):
        for number in range(HANDFUL):
            assert lane.hear(nope(), f"bad {number}").transition.spent == 0
    assert lane.health is DOWN


def test_what_was_accepted_before_a_refusal_was_heard_of_says_nothing_of_it() -> None:
    lane = Lane()
    before = lane.run.heard
    lane.hear(nope(), "first")
    lane.hear(ACCEPTED, left=before)
    assert lane.hear(nope(), "first").transition.spent == 0
    lane.hear(ACCEPTED)
    assert lane.hear(nope(), "first").transition.spent == 1


def test_a_message_of_far_too_many_attempts_fails_whatever_the_reply() -> None:
    attempt = AnsweredAttempt("old", MOST_ATTEMPTS, 0, 5, 0)
    judgement = judge(OutcomeRun(), nope(), attempt, OK, 0, 0.0)
    assert judgement.transition.state is MessageState.FAILED
    assert not judgement.run.noted


def test_a_recipient_that_is_sent_to_too_often_waits_and_slows_nobody() -> None:
    lane = Lane()
    judgements = [lane.hear(TOO_OFTEN, "often") for _ in range(5)]
    assert [each.transition.spent for each in judgements] == [1] * 5
    assert [each.transition.state.value for each in judgements] == [*["pending"] * 4, "failed"]
    assert not lane.changes


# Texts that are learned


def taught(text: str = "nope", recipients: int = HANDFUL) -> Lane:
    """A lane on which so many recipients were refused with the text, and again after others were accepted."""
    lane = Lane()
    for number in range(recipients):
        for _ in range(2):
            lane.hear(nope(text), f"bad {number}")
            lane.hear(ACCEPTED)
    return lane


def test_a_text_is_learned_by_a_handful_of_recipients_and_fails_from_then_on_at_once() -> None:
    judgement = taught().hear(nope())
    assert (judgement.transition.state, judgement.transition.spent) == (MessageState.FAILED, 1)
    assert taught(recipients=HANDFUL - 1).hear(nope()).transition.state is MessageState.PENDING
    assert taught().hear(nope("nenhum")).transition.state is MessageState.PENDING


def test_one_recipient_teaches_nothing_however_often_refused() -> None:
    lane = Lane()
    for _ in range(5):
        lane.hear(nope(), "bad")
        lane.hear(ACCEPTED)
    assert lane.run.texts == {"nope": 1}


def test_a_text_is_not_learned_with_which_somebody_was_refused_who_was_accepted_later() -> None:
    lane = taught(recipients=HANDFUL - 1)
    lane.hear(nope(), "good")
    lane.hear(ACCEPTED, "good")
    for number in range(20):
        for _ in range(2):
            lane.hear(nope(), f"other {number}")
            lane.hear(ACCEPTED)
    assert lane.run.is_passing("nope")
    assert lane.hear(nope()).transition.state is MessageState.PENDING


def test_learned_words_are_the_account_s_trouble_too_when_everybody_meets_them() -> None:
    lane = taught()
    assert lane.hear_all([nope()] * 200).count(MessageState.FAILED) == MANY // LEARNED_WEIGHT - 1
    assert lane.health is DOWN


def test_learned_words_spend_nobody_while_nobody_is_accepted_and_fail_at_once_afterwards() -> None:
    lane = taught()
    lane.hear_all([nope()] * 10)
    assert [lane.hear(nope(), "bad").transition.spent for _ in range(MOST_REFUSALS)] == [0] * MOST_REFUSALS
    lane.hear(ACCEPTED)
    assert lane.hear(nope(), "bad").transition.state is MessageState.FAILED


def test_of_what_was_under_way_when_the_lane_stopped_learned_words_fail_nobody() -> None:
    lane = taught()
    before = lane.run.heard
    lane.hear_all([nope()] * 2 * HANDFUL)
    spent = [lane.hear(nope(), f"late {number}", left=before).transition.spent for number in range(100)]
    assert sum(spent) == 0


def test_who_was_refused_before_the_words_were_learned_fails_though_no_longer_noted() -> None:
    lane = taught()
    for number in range(100):
        lane.attempts[f"bad {number}"] = 1
    states = [lane.hear(nope(), f"bad {number}").transition.state for number in range(100)]
    assert states == [MessageState.FAILED] * 100
    assert not lane.changes


def test_who_is_refused_again_while_the_lane_is_stopped_bears_no_witness_and_is_not_spent() -> None:
    lane = Lane()
    for number in range(HANDFUL - 1):
        lane.hear(nope(), f"bad {number}")
    lane.hear(ACCEPTED)
    lane.hear_all([nope()] * HANDFUL)
    assert [lane.hear(nope(), f"bad {number}").transition.spent for number in range(HANDFUL - 1)] == [0] * 4
    assert not lane.run.texts


# The lane stops


@pytest.mark.parametrize(
    ("verdicts", "reason"),
    [
        ([nope("Gagal 1")] * 5, "refused 5 attempts in a row with “Gagal 1”, which no rule knows"),
        ([nope(f"{each} is void") for each in "abcde"], "“e is void”"),
        ([OPEN] * 5, "did not say of 5 attempts in a row whether it took them: HTTP 500"),
        ([OPEN, nope(), OPEN, nope(), OPEN], "accepted none of 5 attempts in a row: HTTP 500"),
        ([nope(), NO_WHATSAPP, nope(), nope(), nope(), nope()], "refused 5 attempts in a row"),
        ([nope(), NO_WHATSAPP, OPEN, nope(), TOO_OFTEN, nope()], "accepted none of 5 attempts in a row: nope"),
        ([NO_WHATSAPP] * (MANY - 1) + [TOO_OFTEN, NO_WHATSAPP], "refused 30 attempts in a row with “not registered”"),
    ],
)
def test_a_handful_in_a_row_is_the_account_s_trouble_and_the_operator_is_told(
    verdicts: list[Verdict], reason: str
) -> None:
    lane = Lane()
    lane.hear_all(verdicts[:-1])
    assert lane.health is OK
    change = lane.hear(verdicts[-1]).change
    assert change is not None
    assert change.health is DOWN
    assert reason in change.reason


def test_one_accepted_in_between_keeps_the_lane_well() -> None:
    lane = Lane()
    for _ in range(50):
        lane.hear_all([nope(), OPEN] * 2)
        lane.hear(ACCEPTED)
    assert not lane.changes


def test_bad_numbers_in_known_words_do_not_hide_that_nothing_is_taken() -> None:
    lane = Lane()
    lane.hear_all([OPEN, NO_WHATSAPP] * HANDFUL)
    assert lane.health is DOWN


def test_known_refusals_between_what_is_left_open_do_not_end_the_run() -> None:
    lane = Lane()
    for _ in range(HANDFUL):
        lane.hear_all([NO_WHATSAPP] * 5)
        lane.hear(OPEN)
    assert lane.health is DOWN


def test_a_stopped_lane_goes_on_one_by_one_while_recipients_are_refused_in_known_words() -> None:
    lane = Lane()
    lane.hear_all([OPEN] * HANDFUL)
    for _ in range(MANY - 1):
        judgement = lane.hear(NO_WHATSAPP)
        assert judgement.change is None
        assert judgement.transition.state is MessageState.FAILED
    assert lane.health is DOWN
    assert lane.hear(NO_WHATSAPP).change is not None
    assert lane.hear(NO_WHATSAPP).transition.spent == 0


@pytest.mark.parametrize(
    ("verdict", "most", "expected", "cap"),
    [
        (nope(), HANDFUL, [1, 2, 4, 8, 15, 15, 15], REFUSED_CAP),
        (TOO_EARLY, HANDFUL, [1, 2, 4, 8, 15, 15, 15], REFUSED_CAP),
        (NO_WHATSAPP, MANY, [1, 2, 4, 8, 15, 15, 15], REFUSED_CAP),
        (OPEN, HANDFUL, [2, 4, 8, 16, 32, 40, 40], UNKNOWN_CAP),
    ],
)
def test_the_pauses_between_single_messages_grow_and_leave_healing_noticed_within_a_minute(
    verdict: Verdict, most: int, expected: list[float], cap: float
) -> None:
    lane = Lane()
    lane.hear_all([verdict] * (most + 6))
    assert rests(lane) == expected
    assert cap * 1.25 < 60


def test_failed_reads_do_not_make_the_first_single_message_wait_longer() -> None:
    lane = Lane(OutcomeRun(unknowns=HANDFUL), DOWN, failures=500)
    lane.hear(OPEN)
    assert rests(lane) == [4]


def test_one_accepted_ends_it_and_the_next_run_begins_from_the_start() -> None:
    lane = Lane()
    lane.hear_all([OPEN] * 9)
    assert lane.hear(ACCEPTED).change == LaneChange(OK, 0.0, 0)
    lane.hear_all([OPEN] * (HANDFUL - 1))
    assert lane.health is OK
    lane.hear(OPEN)
    assert rests(lane)[-1] == 2


def test_a_lane_that_is_down_for_a_known_reason_stays_so_when_a_probe_is_not_accepted() -> None:
    for verdict in (nope(), OPEN):
        lane = Lane()
        lane.hear(NOT_CONNECTED)
        assert lane.hear(verdict).change is not None
        assert lane.health is DOWN
    assert lane.hear(NO_WHATSAPP).change == LaneChange(OK, 0.0, 0)
    lane = taught()
    lane.hear(NOT_CONNECTED)
    for message in ("once", "once", "twice"):
        lane.hear(nope(), message)
        assert lane.health is DOWN


@pytest.mark.parametrize("verdict", [NOT_CONNECTED, SLOW_DOWN, OPEN, nope(), TOO_OFTEN, NO_WHATSAPP])
def test_replies_that_were_under_way_together_stop_a_lane_once(verdict: Verdict) -> None:
    lane = Lane()
    for number in range(128):
        lane.hear(verdict, f"message {number}", left=0)
    assert len(lane.changes) == lane.failures == 1
    assert rests(lane)[0] <= 2


def test_a_late_yes_does_not_reopen_a_lane_that_has_stopped_and_a_bad_key_is_heard_even_late() -> None:
    lane = Lane()
    for _ in range(HANDFUL):
        lane.hear(OPEN, left=0)
    assert lane.hear(ACCEPTED, left=0).change is None
    change = lane.hear(BAD_KEY, left=0).change
    assert change is not None
    assert change.health is REFUSED


def test_the_timeouts_of_an_outage_that_is_over_do_not_stop_the_lane_again() -> None:
    lane = Lane()
    for _ in range(HANDFUL):
        lane.hear(OPEN, left=0)
    lane.hear(ACCEPTED)
    for _ in range(16):
        lane.hear(OPEN, left=0)
    assert lane.health is OK


@pytest.mark.parametrize("health", [REFUSED, LaneHealth.PAUSED])
def test_an_operator_s_word_stands(health: LaneHealth) -> None:
    for verdict in (ACCEPTED, OPEN, nope(), NOT_CONNECTED, SLOW_DOWN, BAD_KEY):
        assert Lane(OutcomeRun(unknowns=20), health).hear(verdict).change is None


def test_a_lane_that_an_operator_put_right_begins_a_new_run() -> None:
    lane = Lane(OutcomeRun(unknowns=20, refusals=3))
    lane.hear_all([OPEN] * (HANDFUL - 1))
    assert lane.health is OK


# Words that are known to be about recipients, said of all


@pytest.mark.parametrize("verdict", [NO_WHATSAPP, TOO_LARGE, NO_RECIPIENT])
def test_known_words_that_are_said_of_everybody_fail_thirty_and_stop_the_lane(verdict: Verdict) -> None:
    lane = Lane()
    states = lane.hear_all([verdict] * 200)
    assert states == [MessageState.FAILED] * MANY + [MessageState.PENDING] * (200 - MANY)
    assert (lane.health, lane.spent.total()) == (DOWN, MANY)
    assert lane.changes[0].reason == f"refused {MANY} attempts in a row with “{verdict.reason}”, {BLAMED}"
    assert UNKNOWN_WORDS not in lane.changes[-1].reason
    lane.hear(nope())
    assert lane.changes[-1].reason == "accepted none of 201 attempts in a row: nope"


def test_of_what_was_under_way_when_they_stopped_the_lane_nobody_fails() -> None:
    lane = Lane()
    before = lane.run.heard
    lane.hear_all([NO_WHATSAPP] * MANY)
    late = [lane.hear(NO_WHATSAPP, left=before) for _ in range(100)]
    assert {each.transition.state for each in late} == {MessageState.PENDING}
    assert lane.hear(NO_WHATSAPP).change == replace(
        lane.changes[0], rest=2.0, failures=2, reason=lane.changes[-1].reason
    )


def test_one_accepted_reopens_the_lane_and_who_is_refused_again_fails() -> None:
    lane = Lane()
    lane.hear_all([NO_WHATSAPP] * MANY)
    assert lane.hear(NO_WHATSAPP, "bad").transition.spent == 0
    assert lane.hear(ACCEPTED).change == LaneChange(OK, 0.0, 0)
    assert lane.hear(NO_WHATSAPP, "bad").transition.state is MessageState.FAILED
    assert lane.hear_all([NO_WHATSAPP] * (MANY - 2)) == [MessageState.FAILED] * (MANY - 2)
    assert lane.health is OK


def test_an_operator_who_resumes_again_and_again_brings_a_list_that_is_all_bad_to_its_end() -> None:
    lane, bad = Lane(), [f"bad {number}" for number in range(100)]
    for _ in range(4):
        lane.health = OK
        bad = [name for name in bad if lane.hear(NO_WHATSAPP, name).transition.state is not MessageState.FAILED]
    assert not bad


def test_what_cannot_be_rendered_fails_and_says_nothing_of_the_account() -> None:
    lane = Lane()
    assert lane.hear_all([CANNOT_BE_RENDERED] * 100) == [MessageState.FAILED] * 100
    assert lane.run == OutcomeRun()
    lane.hear_all([NO_WHATSAPP] * MANY)
    judgement = lane.hear(CANNOT_BE_RENDERED)
    assert (judgement.transition.state, judgement.change) == (MessageState.FAILED, None)


def test_known_words_between_known_trouble_of_the_account_do_not_fail_everybody() -> None:
    lane = Lane()
    for _ in range(20):
        left = lane.run.heard
        lane.hear(NOT_CONNECTED, left=left)
        for _ in range(15):
            lane.hear(NO_WHATSAPP, left=left)
        lane.hear(NO_WHATSAPP)
    assert lane.spent.total() <= MANY + 15
    assert lane.health is DOWN


# Put off, as if for the recipient's sake


@pytest.mark.parametrize("verdict", [TOO_OFTEN, TOO_EARLY])
def test_a_handful_of_recipients_that_are_put_off_in_a_row_are_the_account_s_trouble(verdict: Verdict) -> None:
    lane = Lane()
    assert set(lane.hear_all([verdict] * 200)) == {MessageState.PENDING}
    assert (lane.health, lane.spent.total()) == (THROTTLED, HANDFUL - 1)
    assert lane.changes[0].reason == f"put off {HANDFUL} attempts in a row: {verdict.reason}"


def test_fewer_recipients_that_are_put_off_again_and_again_slow_nobody_and_end_after_their_attempts() -> None:
    lane = Lane()
    for _ in range(5):
        judgements = [lane.hear(TOO_OFTEN, f"often {number}") for number in range(HANDFUL - 1)]
    assert {each.transition.state for each in judgements} == {MessageState.FAILED}
    assert not lane.changes


def test_recipients_that_are_put_off_while_others_are_accepted_are_no_trouble() -> None:
    lane = Lane()
    for _ in range(10):
        lane.hear_all([TOO_OFTEN] * (HANDFUL - 1))
        lane.hear(ACCEPTED)
    assert not lane.changes


def test_who_was_put_off_before_one_was_accepted_counts_anew() -> None:
    lane = Lane()
    for number in (*range(HANDFUL - 1), -1, *range(HANDFUL)):
        lane.hear(ACCEPTED if number < 0 else TOO_OFTEN, f"often {number}")
    assert lane.health is THROTTLED


def test_who_is_put_off_in_a_request_that_left_before_the_lane_stopped_is_not_spent() -> None:
    lane = Lane()
    lane.hear(NOT_CONNECTED)
    assert lane.hear(TOO_OFTEN, left=0).transition.spent == 0
    assert lane.run.delays == 0


def test_one_recipient_that_is_all_a_stopped_lane_has_left_is_tried_ever_more_slowly() -> None:
    lane = Lane()
    lane.hear_all([TOO_OFTEN] * HANDFUL)
    judged = [lane.hear(TOO_OFTEN, "message 0").transition for _ in range(10)]
    assert {(each.state, each.spent) for each in judged} == {(MessageState.PENDING, 0)}
    assert rests(lane)[-1] == REFUSED_CAP
    assert lane.hear(ACCEPTED, "message 0").change == LaneChange(OK, 0.0, 0)


def test_how_long_a_gateway_puts_off_one_message_is_kept_by_that_message_alone() -> None:
    lane = Lane()
    lane.hear_all([TOO_EARLY] * HANDFUL)
    judgement = lane.hear(TOO_EARLY)
    assert judgement.transition.delay == TOO_EARLY.retry_after
    assert judgement.change is not None
    assert judgement.change.rest <= REFUSED_CAP


# Whatever comes

replies = st.sampled_from(
    [
        *(ACCEPTED, OPEN, NO_WHATSAPP, NOT_CONNECTED, SLOW_DOWN, TOO_OFTEN, Verdict(Outcome.NOT_SENT, "held back")),
        *(nope("a"), nope("b"), nope("c"), replace(nope("a"), health=None), replace(OPEN, health=OK)),
        *(TOO_EARLY, TOO_LARGE, NO_RECIPIENT, CANNOT_BE_RENDERED),
    ]
)
messages = st.sampled_from([f"m{number}" for number in range(12)])
ages = st.integers(0, 30)
jitters = st.floats(min_value=0, max_value=1, exclude_max=True)
stories = st.lists(st.tuples(replies, messages, ages, jitters), max_size=120)


@given(stories)
def test_every_judgement_is_a_transition_of_the_tables_and_bounded(story: Sequence[tuple[Any, ...]]) -> None:
    lane = Lane()
    for verdict, message, age, jitter in story:
        before = lane.health
        judgement = lane.hear(verdict, message, max(0, lane.run.heard - age), jitter)
        assert judgement.transition.state in MESSAGE_TRANSITIONS[MessageState.SENDING]
        if judgement.change is not None:
            assert lane.health is before or lane.health in LANE_TRANSITIONS[before]
            assert 0 <= judgement.change.rest <= 75
            assert bool(judgement.change.reason) == (lane.health is not OK)
        is_taken_back = judgement.transition.state is MessageState.PENDING
        assert not is_taken_back or verdict.outcome in {Outcome.REJECTED, Outcome.THROTTLED, Outcome.NOT_SENT}
        assert verdict.is_recognised or judgement.transition.state is not MessageState.IN_DOUBT


@given(stories)
def test_unknown_words_fail_nobody_unless_another_was_accepted_since_or_they_are_learned(
    story: Sequence[tuple[Any, ...]],
) -> None:
    lane = Lane()
    refused_at: dict[str, int] = {}
    accepted_at = -1
    for number, (verdict, message, age, jitter) in enumerate(story):
        was_learned = lane.run.is_learned(text_key(verdict.reason))
        state = lane.hear(verdict, message, max(0, lane.run.heard - age), jitter).transition.state
        if verdict is ACCEPTED:
            accepted_at = number
        elif not verdict.is_recognised:
            if state is MessageState.FAILED and not was_learned and lane.attempts[message] < MOST_REFUSALS:
                assert refused_at[message] < accepted_at
            refused_at.setdefault(message, number)


@given(
    st.lists(replies.filter(lambda verdict: verdict is not ACCEPTED), max_size=60),
    st.integers(0, 2 * MANY),
)
def test_whatever_a_gateway_answers_that_accepts_nothing_a_handful_stops_the_lane_for_good(
    verdicts: Sequence[Verdict], bad_numbers: int
) -> None:
    lane = Lane()
    story = [*verdicts[:3], *[NO_WHATSAPP] * bad_numbers, *verdicts[3:]]
    unread = 0
    for verdict in story:
        state = lane.hear(verdict).transition.state
        unread += verdict.outcome is Outcome.UNKNOWN or not verdict.is_recognised
        assert unread < HANDFUL or lane.health is not OK
        assert verdict.is_recognised or state is MessageState.PENDING
    assert not lane.run.texts


rows = st.tuples(replies.filter(lambda verdict: verdict is not ACCEPTED), st.integers(1, 2 * MANY), ages)


@given(st.lists(rows, max_size=12))
def test_whatever_a_gateway_answers_that_accepts_nothing_few_fail_or_are_spent(
    story: Sequence[tuple[Verdict, int, int]],
) -> None:
    lane, spent = Lane(), 0
    for verdict, times, age in story:
        for _ in range(times):
            left = max(0, lane.run.heard - age)
            was_under_way = lane.run.is_late(left)
            transition = lane.hear(verdict, left=left).transition
            is_doubt = transition.state is MessageState.IN_DOUBT
            if not (was_under_way or is_doubt or verdict is CANNOT_BE_RENDERED):
                spent += transition.spent
    assert spent < MANY + HANDFUL


@given(st.lists(st.lists(st.sampled_from([OPEN, nope("a"), nope("b"), NO_WHATSAPP, TOO_OFTEN]), max_size=HANDFUL - 1)))
def test_whatever_comes_in_handfuls_with_one_accepted_in_between_keeps_the_lane_well(
    runs: Sequence[Sequence[Verdict]],
) -> None:
    lane = Lane()
    for verdicts in runs:
        lane.hear_all(verdicts)
        lane.hear(ACCEPTED)
    assert not lane.changes


@given(stories)
def test_a_run_is_the_same_after_it_was_stored(story: Sequence[tuple[Any, ...]]) -> None:
    lane = Lane()
    for verdict, message, age, jitter in story:
        lane.hear(verdict, message, max(0, lane.run.heard - age), jitter)
    assert OutcomeRun.from_document(json.loads(json.dumps(lane.run.to_document()))) == lane.run


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["refusals", "noted", "texts", "heard", "other"]), inner, max_size=3)
        ),
        max_leaves=6,
    )
)
def test_whatever_is_stored_is_a_run_by_which_can_be_judged(document: object) -> None:
    run = OutcomeRun.from_document(document)
    judge(run, nope(), AnsweredAttempt("m", 1, 0, 5, 0), OK, 0, 0.0)


def test_a_document_of_another_version_keeps_what_is_understood() -> None:
    assert OutcomeRun.from_document({"texts": {"nope": HANDFUL}, "colour": "red"}).is_learned("nope")
    assert OutcomeRun.from_document({"answers": 7, "learned": 1, "delayed": ["m"] * 99}).delayed == ("m",) * HANDFUL
    assert OutcomeRun.from_document({"texts": ["nope"]}) == OutcomeRun.from_document(None) == OutcomeRun()


def test_a_run_stays_small_and_keeps_the_first_and_the_last_who_were_refused() -> None:
    lane = Lane()
    for number in range(STALE // 2):
        lane.hear(nope("x" * 200), f"m{number}")
        lane.hear(ACCEPTED)
    half = MOST_NOTED // 2
    assert list(lane.run.noted) == [f"m{number}" for number in (*range(half), *range(STALE // 2 - half, STALE // 2))]
    for number in range(STALE):
        lane.hear(nope("x" * 200), f"n{number}")
        lane.hear(ACCEPTED)
    assert len(lane.run.noted) == MOST_NOTED
    assert "m0" not in lane.run.noted
    assert len(json.dumps(lane.run.to_document())) < 30_000


def test_the_texts_are_bounded_and_what_is_known_outlives_what_is_not() -> None:
    run = OutcomeRun(texts={"known": HANDFUL, "first": 1, "passing": -1})
    for number in range(MOST_TEXTS + 10):
        noted = OutcomeRun(texts=run.texts, noted={"m": Refused(f"text {number}", 0)})
        run = noted.refused_again("m", f"text {number}")
    assert len(run.texts) == MOST_TEXTS
    assert {"known", "passing", f"text {MOST_TEXTS + 9}"} <= run.texts.keys()
    assert "first" not in run.texts


def test_an_older_run_or_none_fails_nobody() -> None:
    lane = Lane()
    lane.hear(nope(), "bad")
    older = lane.run
    lane.hear(ACCEPTED)
    for lost in (older, OutcomeRun()):
        lane.run = lost
        assert lane.hear(nope(), "bad").transition.spent == 0


# Probing by reading

READS: list[tuple[Verdict | None, LaneHealth | None]] = [
    (None, None),
    (Verdict(Outcome.UNKNOWN, "HTTP 501", http_status=501, reply='{"error": "no such method"}'), None),
    (Verdict(Outcome.NOT_SENT, "HTTP 404", DOWN, http_status=404, reply=' {"message": "Cannot POST"}'), None),
    (NO_WHATSAPP, None),
    (Verdict(Outcome.NOT_SENT, "HTTP 404", DOWN, http_status=404, reply="<html>404</html>"), DOWN),
    (Verdict(Outcome.UNKNOWN, "HTTP 405", http_status=405), DOWN),
    (Verdict(Outcome.NOT_SENT, "connection refused", DOWN), DOWN),
    (Verdict(Outcome.NOT_SENT, "too many requests in flight"), DOWN),
    (Verdict(Outcome.UNKNOWN, "timed out"), DOWN),
    (Verdict(Outcome.UNKNOWN, "HTTP 500", http_status=500, reply='{"error": "boom"}'), DOWN),
    (nope("tidak terhubung"), DOWN),
    (SLOW_DOWN, THROTTLED),
    (BAD_KEY, REFUSED),
]


@pytest.mark.parametrize(("read", "health"), READS)
def test_a_single_message_is_tried_only_when_nothing_that_was_read_speaks_against_it(
    read: Verdict | None, health: LaneHealth | None
) -> None:
    change = after_probe(read, 3, 0.0)
    assert (change and change.health) == health
    if change is not None and read is not None:
        assert change.failures == 4
        assert read.reason in change.reason
        assert change.rest <= 16


def test_a_lane_is_read_ever_more_slowly_but_often_enough_to_be_back_soon() -> None:
    changes = [after_probe(Verdict(Outcome.UNKNOWN, "HTTP 500"), failures, 0.0) for failures in range(6)]
    assert [change and change.rest for change in changes] == [1, 2, 4, 8, 8, 8]


def test_a_gateway_that_cannot_list_its_chats_is_sent_a_message_every_few_minutes() -> None:
    tries = [failures for failures in range(200) if after_probe(OPEN, failures, 0.0) is None]
    assert tries == [STUBBORN - 1, 2 * STUBBORN - 1, 3 * STUBBORN - 1, 4 * STUBBORN - 1, 5 * STUBBORN - 1]
    assert all(after_probe(NOT_CONNECTED, failures, 0.0) for failures in range(200))


# Whole campaigns

IN_FLIGHT = 16


@dataclass
class Campaign:
    """What became of a campaign over a gateway, in seconds of a clock of its own."""

    states: dict[str, MessageState]
    requests: list[float]
    down_seconds: float
    ended: float

    def count(self, state: MessageState) -> int:
        return list(self.states.values()).count(state)


def run_campaign(
    names: Sequence[str], gateway: Callable[[str, float], Verdict], seed: int, newest: float = 0.1
) -> Campaign:
    """The send path at its smallest: `IN_FLIGHT` at once while the lane is well, else single ones picked at random.

    The message goes first that is due the longest, but for a share `newest`: so those that try again wait for no
    backlog.
    """
    random, lane, now, down_seconds = Random(seed), Lane(), 0.0, 0.0
    rest_ends = 0.0
    due = dict.fromkeys(names, 0.0)
    under_way: list[tuple[float, str, Verdict, int]] = []
    ended = Campaign(dict.fromkeys(names, MessageState.PENDING), [], 0.0, 0.0)
    while (due or under_way) and now < 3600:
        most = IN_FLIGHT if lane.health is OK else 1
        ready = [name for name, at in due.items() if at <= now] if now >= rest_ends else []
        while len(under_way) < most and ready:
            at = random.randrange(len(ready)) if lane.health is not OK else -1 if random.random() < newest else 0
            name = ready.pop(at)
            del due[name]
            ended.requests.append(now)
            heappush(under_way, (now + random.uniform(0.02, 0.2), name, gateway(name, now), lane.run.heard))
        free = [max(rest_ends, min(due.values()))] if due and len(under_way) < most else []
        then = min([*(each[0] for each in under_way[:1]), *free])
        down_seconds += then - now if lane.health is not OK else 0.0
        now = then
        if not under_way or under_way[0][0] > now:
            continue
        _, name, verdict, left = heappop(under_way)
        judgement = lane.hear(verdict, name, left, random.random())
        ended.states[name] = judgement.transition.state
        if judgement.transition.state is MessageState.PENDING:
            due[name] = now + judgement.transition.delay
        if judgement.change is not None:
            rest_ends = now + judgement.change.rest
            lane.run = OutcomeRun.from_document(json.loads(json.dumps(lane.run.to_document())))
    ended.down_seconds, ended.ended = down_seconds, now
    return ended


def names_with(bad: int, good: int, order: str, random: Random) -> list[str]:
    bads, goods = [f"bad {number}" for number in range(bad)], [f"good {number}" for number in range(good)]
    if order == "shuffled":
        return random.sample([*bads, *goods], bad + good)
    place = {"first": 0, "within": good // 2, "near the end": good - 20}[order]
    return [*goods[:place], *bads, *goods[place:]]


@pytest.mark.parametrize("order", ["shuffled", "first", "within", "near the end"])
@pytest.mark.parametrize("words", ["nomor ini tidak terdaftar", "{name} ungültig", "{random}"])
def test_thirty_bad_numbers_in_unknown_words_hold_the_others_for_less_than_a_minute(order: str, words: str) -> None:
    slow = []
    for seed in range(25):
        random = Random(seed)

        def gateway(name: str, _at: float, random: Random = random) -> Verdict:
            letters = "".join(random.choices("abcdefghijklm", k=12))
            return nope(words.format(name=name, random=letters)) if name.startswith("bad") else ACCEPTED

        ended = run_campaign(names_with(30, 1000, order, random), gateway, seed, newest=seed % 2 / 10)
        assert Counter(ended.states.values()) == {MessageState.SENT: 1000, MessageState.FAILED: 30}
        if ended.down_seconds >= 60:
            slow.append(seed)
    assert len(slow) <= 1


@pytest.mark.parametrize(
    "trouble", [lambda at: nope("perangkat belum terhubung"), lambda at: nope(f"id {at}"), lambda at: nope("")]
)
@pytest.mark.parametrize("outage", [(0.0, 60.0), (1.0, 60.0), (1.0, 300.0)])
def test_an_outage_in_unknown_words_fails_nobody_and_is_over_within_a_minute(
    trouble: Callable[[float], Verdict], outage: tuple[float, float]
) -> None:
    begins, heals = outage
    for seed in range(10):
        names = [f"good {number}" for number in range(400)]
        ended = run_campaign(names, lambda _, at: trouble(at) if begins <= at < heals else ACCEPTED, seed)
        assert ended.count(MessageState.SENT) == 400
        assert ended.ended < heals + 60
        in_vain = sum(begins <= at < heals for at in ended.requests)
        # Yeses of before that are still coming in let as many more leave.
        assert in_vain <= IN_FLIGHT * (2 if begins else 1) + 10 + (heals - begins) / REFUSED_CAP


@pytest.mark.parametrize("order", ["shuffled", "first", "within", "near the end"])
@pytest.mark.parametrize("bad", [30, 60])
def test_bad_numbers_in_known_words_hold_the_others_for_less_than_a_minute(order: str, bad: int) -> None:
    for seed in range(20):
        names = names_with(bad, 1000, order, Random(seed))
        ended = run_campaign(
            names, lambda name, _: NO_WHATSAPP if name.startswith("bad") else ACCEPTED, seed, newest=seed % 2 / 10
        )
        assert Counter(ended.states.values()) == {MessageState.SENT: 1000, MessageState.FAILED: bad}
        assert ended.down_seconds < 60


@pytest.mark.parametrize("trouble", [NO_WHATSAPP, TOO_LARGE, TOO_OFTEN, replace(TOO_EARLY, retry_after=20)])
@pytest.mark.parametrize("outage", [(0.0, 60.0), (1.0, 300.0)])
def test_an_outage_in_words_about_recipients_fails_few_and_is_over_within_a_minute(
    trouble: Verdict, outage: tuple[float, float]
) -> None:
    begins, heals = outage
    # Yeses of before that are still coming in let as many more leave.
    most_failed = (MANY + IN_FLIGHT * bool(begins)) if trouble.outcome is Outcome.REJECTED else 0
    for seed in range(10):
        names = [f"good {number}" for number in range(400)]
        ended = run_campaign(names, lambda _, at: trouble if begins <= at < heals else ACCEPTED, seed)
        assert ended.count(MessageState.FAILED) <= most_failed
        assert ended.count(MessageState.SENT) == 400 - ended.count(MessageState.FAILED)
        assert ended.ended < heals + 60
        in_vain = sum(begins <= at < heals for at in ended.requests)
        assert in_vain <= most_failed + IN_FLIGHT * 2 + 10 + (heals - begins) / REFUSED_CAP


def test_a_list_of_which_half_is_bad_in_known_words_is_not_stopped() -> None:
    for seed in range(10):
        names = names_with(1000, 1000, "shuffled", Random(seed))
        ended = run_campaign(names, lambda name, _: NO_WHATSAPP if name.startswith("bad") else ACCEPTED, seed)
        assert Counter(ended.states.values()) == {MessageState.SENT: 1000, MessageState.FAILED: 1000}
        assert ended.down_seconds == 0


def test_an_outage_that_leaves_everything_open_leaves_few_in_doubt() -> None:
    for seed in range(10):
        names = [f"good {number}" for number in range(400)]
        ended = run_campaign(names, lambda _, at: OPEN if at < 60 else ACCEPTED, seed)
        assert ended.count(MessageState.IN_DOUBT) <= IN_FLIGHT + 10
        assert ended.count(MessageState.SENT) == 400 - ended.count(MessageState.IN_DOUBT)
        assert ended.ended < 120


def test_a_list_of_which_a_third_is_bad_in_unknown_words_is_sent() -> None:
    for seed in range(5):
        names = names_with(900, 2100, "shuffled", Random(seed))
        ended = run_campaign(names, lambda name, _: nope("tidak ada") if name.startswith("bad") else ACCEPTED, seed)
        assert Counter(ended.states.values()) == {MessageState.SENT: 2100, MessageState.FAILED: 900}
        assert ended.down_seconds < 60


@pytest.mark.parametrize("size", [20, 2000])
def test_an_account_that_comes_and_goes_fails_nobody(size: int) -> None:
    for seed in range(10):
        names = [f"good {number}" for number in range(size)]
        ended = run_campaign(names, lambda _, at: nope("offline") if at % 40 < 30 else ACCEPTED, seed)
        assert ended.count(MessageState.SENT) == size


def test_bad_numbers_at_the_very_end_wait_until_another_is_accepted_and_fail_then() -> None:
    def gateway(name: str, at: float) -> Verdict:
        not_yet = Verdict(Outcome.NOT_SENT, "not submitted yet") if name == "later" and at < 200 else ACCEPTED
        return nope("tidak ada") if name.startswith("bad") else not_yet

    names = [*(f"good {number}" for number in range(100)), *(f"bad {number}" for number in range(30)), "later"]
    ended = run_campaign(names, gateway, seed=1)
    assert ended.states["later"] is MessageState.SENT
    assert ended.count(MessageState.FAILED) == 30


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.floats(min_value=0.0, max_value=0.3))
def test_a_gateway_that_is_busy_at_random_loses_no_message_and_few_fail(seed: int, share: float) -> None:
    random = Random(seed)
    names = [f"good {number}" for number in range(200)]
    ended = run_campaign(names, lambda _, __: nope("sibuk") if random.random() < share else ACCEPTED, seed)
    assert ended.count(MessageState.SENT) + ended.count(MessageState.FAILED) == 200
    assert ended.count(MessageState.FAILED) <= 10
