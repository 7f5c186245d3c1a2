"""Turns a reply into a verdict. Pure and total: no bytes make it raise.

A flag (`"sent": true`) counts more than words, and words count more than nothing. If parts contradict each other, the
outcome is unknown, with one exception: one flag says yes, another says no, no id names a message, and the words say
that the instance itself could not send. Then the yes was about the call, not about the message. A message that is kept
for later, under way or lost is neither sent nor refused, whatever else the reply says.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from broadcaster.domain.outcomes import WRONG_ADDRESS_HINT, Outcome, Verdict
from broadcaster.domain.states import LaneHealth
from broadcaster.gateway.redaction import Redactor
from broadcaster.gateway.reply_signals import Signals, read_signals
from broadcaster.gateway.rules import (
    QUEUED,
    UNDER_WAY,
    ReplyRules,
    StatusRule,
    TextRule,
    begins_as_failure,
    reads_as_success,
    says,
    speaks_against,
)
from broadcaster.gateway.texts import REASON_BYTES, excerpt, is_page, readable, retry_after

_ACCEPTED = StatusRule(Outcome.ACCEPTED, LaneHealth.OK)
_REJECTED = StatusRule(Outcome.REJECTED, LaneHealth.OK)
_THROTTLED = StatusRule(Outcome.THROTTLED, LaneHealth.THROTTLED)
_UNKNOWN = StatusRule(Outcome.UNKNOWN)
_WRONG_ADDRESS = StatusRule(Outcome.NOT_SENT, LaneHealth.DOWN)
# Statuses of an address that does not exist. In a body they mean something else: the address did answer.
_OF_THE_ADDRESS = (404, 405, 410, 415)
_PLAIN_TEXT_CHARACTERS = 500


class _Reading(NamedTuple):
    rule: StatusRule | TextRule
    reason: str
    is_recognised: bool = True


_TAKEN_REASON = "accepted"
_TAKEN = _Reading(_ACCEPTED, _TAKEN_REASON)


class _Reply(NamedTuple):
    """The parts of a reply that are judged."""

    status: int
    headers: Mapping[str, str]
    text: str
    signals: Signals
    words: str
    failure: TextRule | None
    """The text rule that matches the words, unless it means success."""
    rules: ReplyRules


_MEANINGS = {
    402: "the account has no credit or no subscription",
    466: "the account's quota is used up",
    **dict.fromkeys(_OF_THE_ADDRESS, f"nothing answers there as a gateway: {WRONG_ADDRESS_HINT}"),
    415: "it does not take this encoding: is the wire right?",
}
"""The reason for a status whose reply holds no words."""


def classify_response(
    status: int, headers: Mapping[str, str], body: bytes, redact: Redactor, rules: ReplyRules
) -> Verdict:
    """The verdict on a reply to a send, by the instance's `rules`. `redact` removes the key from stored text."""
    text = readable(body)
    signals = read_signals(body, rules)
    rule, reason, is_recognised = _judge(status, headers, text, signals, rules)
    reply = redact(text)
    gateway_id = signals.gateway_id(rules)
    if gateway_id and not (gateway_id in text and reply == text):  # what is clean has clean parts
        gateway_id = redact(gateway_id)
    outcome = rule.outcome
    again = outcome is Outcome.THROTTLED or outcome is Outcome.NOT_SENT
    return Verdict(
        outcome=outcome,
        reason=reason if reason is _TAKEN_REASON else excerpt(redact(reason), REASON_BYTES),
        health=rule.health,
        retry_after=retry_after(headers, rules.longest_retry_after) if again else None,
        http_status=status,
        gateway_id=excerpt(gateway_id, REASON_BYTES) if gateway_id else None,
        reply=excerpt(reply),
        is_recognised=is_recognised or outcome is not Outcome.REJECTED,
    )


def _judge(status: int, headers: Mapping[str, str], text: str, signals: Signals, rules: ReplyRules) -> _Reading:
    is_success = 200 <= status < 300
    if is_success and signals.yes and not (signals.no or signals.absent) and not _is_contradicted(signals, rules):
        return _TAKEN
    words = signals.words or _plain(text)
    by_text = QUEUED if signals.is_kept else rules.for_text(words)
    failure = None if by_text and by_text.outcome is Outcome.ACCEPTED else by_text
    reply = _Reply(status, headers, text, signals, words, failure, rules)
    if not is_success:
        return _judge_failure(reply)
    if signals.yes or signals.no or signals.absent:
        return _judge_flags(reply)
    if by_text and not failure:
        return _Reading(by_text, _TAKEN_REASON)
    return _judge_hints(reply)


def _is_contradicted(signals: Signals, rules: ReplyRules) -> bool:
    """Whether the words of a reply contradict its flag of success."""
    for text in signals.texts:
        # A reply with a message id may repeat the message's text, which can say anything.
        if begins_as_failure(text) or (not signals.ids and _is_doubtful(text, rules)):
            return True
    return signals.is_unread_sentence and not signals.ids


def _is_doubtful(text: str, rules: ReplyRules) -> bool:
    if reads_as_success(text):
        return False
    rule = rules.for_text(text)
    return _is_failure(rule, text, rules) if rule else speaks_against(text)


def _is_failure(rule: TextRule | None, text: str, rules: ReplyRules) -> bool:
    if rule is UNDER_WAY:
        return rules.fails_besides(text)
    return rule is not None and rule is not QUEUED and rule.outcome is not Outcome.ACCEPTED


def _judge_failure(reply: _Reply) -> _Reading:
    """A status outside 2xx."""
    status, signals, failure, rules = reply.status, reply.signals, reply.failure, reply.rules
    rule = rules.for_status(status)
    reason = _with_words(f"HTTP {status}", reply.words or _MEANINGS.get(status, ""))
    if signals.yes and not signals.absent and rule.outcome not in (Outcome.ACCEPTED, Outcome.UNKNOWN):
        return _contradiction(reply)
    if signals.absent and not _leaves_doubt(failure) and rule.reads(Outcome.REJECTED):
        return _Reading(_REJECTED, reason)
    if failure and rule.reads(failure.outcome):
        return _Reading(failure, reason)
    if rule.page and not signals.is_json and is_page(reply.headers, reply.text):
        return _Reading(_WRONG_ADDRESS, f"HTTP {status}: a web page and no reply of a gateway: {WRONG_ADDRESS_HINT}")
    if rule.page and signals.code and rules.knows_status(signals.code) and signals.code not in _OF_THE_ADDRESS:
        return _Reading(_by_status(signals.code, reply), reason)
    return _Reading(_by_status(status, reply), reason, rules.knows_status(status))


def _judge_flags(reply: _Reply) -> _Reading:
    """A 2xx with a field that says yes or no, except an uncontradicted yes."""
    signals, words, failure = reply.signals, reply.words, reply.failure
    if signals.absent:
        if (signals.yes and signals.ids) or _leaves_doubt(failure):
            return _contradiction(reply)
        return _Reading(_REJECTED, words or "the number is not on WhatsApp")
    if signals.yes:
        return _contradiction(reply)
    reason = words or "the gateway refused it without a reason"
    if failure:
        return _Reading(failure, reason)
    if signals.code is None or signals.code in _OF_THE_ADDRESS:
        return _Reading(_REJECTED, reason, is_recognised=False)
    return _Reading(_by_status(signals.code, reply), reason, reply.rules.knows_status(signals.code))


def _judge_hints(reply: _Reply) -> _Reading:
    """A 2xx that says neither yes nor no. Its status alone shows nothing."""
    signals, words, failure = reply.signals, reply.words, reply.failure
    reports_failure = any(begins_as_failure(text) for text in signals.texts)
    if signals.hint:
        is_sure = not signals.is_unread or signals.ids.keys() - {"id"}
        if is_sure and not (reports_failure or signals.is_unread_sentence or _is_failure(failure, words, reply.rules)):
            return _TAKEN
    elif failure and (signals.is_unread or reports_failure):
        return _Reading(failure, words)
    if not signals.is_json:
        return _Reading(_UNKNOWN, "the reply is not JSON")
    return _Reading(_UNKNOWN, _with_words("the reply says neither accepted nor refused", words))


def _leaves_doubt(failure: TextRule | None) -> bool:
    return failure is not None and failure.outcome is Outcome.UNKNOWN


def _contradiction(reply: _Reply) -> _Reading:
    signals, failure = reply.signals, reply.failure
    says_no = signals.no or reply.status >= 400
    is_of_the_call = not (signals.ids or signals.is_of_the_message)
    if says_no and failure and failure.outcome is Outcome.NOT_SENT and is_of_the_call:
        return _Reading(failure, reply.words)
    return _Reading(_UNKNOWN, _with_words("the reply contradicts itself", reply.words))


def _by_status(status: int, reply: _Reply) -> StatusRule:
    """The rule of a status. Retry-After or certain words turn it into "not now"."""
    rule = reply.rules.for_status(status)
    if rule.throttled_by is None or reply.signals.yes or _leaves_doubt(reply.failure):
        return rule
    # A proxy's page asks for a pause even if the proxy has passed the request on.
    is_of_the_gateway = reply.signals.is_json or not (reply.text.strip() and _is_long_or_page(reply))
    waits = is_of_the_gateway and retry_after(reply.headers, reply.rules.longest_retry_after) is not None
    return _THROTTLED if waits or says(reply.words, rule.throttled_by) else rule


def _is_long_or_page(reply: _Reply) -> bool:
    return not _plain(reply.text) or is_page(reply.headers, reply.text)


def _with_words(reason: str, words: str) -> str:
    return f"{reason}: {words}" if words else reason


def _plain(text: str) -> str:
    """The reply itself as words, if it is a short plain text."""
    text = text.strip()
    return "" if len(text) > _PLAIN_TEXT_CHARACTERS or text.startswith(("<", "{", "[")) else text
