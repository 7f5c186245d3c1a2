"""A reply as a verdict. Pure, and total: no bytes make it raise."""

from __future__ import annotations

from collections.abc import Mapping

from broadcaster.domain.outcomes import Outcome, Verdict
from broadcaster.domain.states import LaneHealth
from broadcaster.gateway.rules import ReplyRules, StatusRule, TextRule
from broadcaster.gateway.signals import Signals, read_signals
from broadcaster.gateway.texts import REASON_BYTES, Redactor, excerpt, readable, retry_after

_ACCEPTED = StatusRule(Outcome.ACCEPTED, LaneHealth.OK)
_REJECTED = StatusRule(Outcome.REJECTED, LaneHealth.OK)
_UNKNOWN = StatusRule(Outcome.UNKNOWN)
_PLAIN_TEXT_CHARACTERS = 500


def classify_response(
    status: int, headers: Mapping[str, str], body: bytes, redact: Redactor, rules: ReplyRules
) -> Verdict:
    """What a reply to a send came to, by the instance's `rules`. `redact` takes the key out of what is kept."""
    text = readable(body)
    signals = read_signals(body, rules)
    rule, reason = _judge(status, signals, text, rules)
    gateway_id = signals.gateway_id(rules)
    again = rule.outcome is Outcome.THROTTLED or rule.outcome is Outcome.NOT_SENT
    return Verdict(
        outcome=rule.outcome,
        reason=excerpt(redact(reason), REASON_BYTES),
        health=rule.health,
        retry_after=retry_after(headers, rules.longest_retry_after) if again else None,
        http_status=status,
        gateway_id=excerpt(redact(gateway_id), REASON_BYTES) if gateway_id else None,
        reply=excerpt(redact(text)),
    )


def _judge(status: int, signals: Signals, text: str, rules: ReplyRules) -> tuple[StatusRule | TextRule, str]:
    if 200 <= status < 300:
        return _judge_success(signals, text, rules)
    words = signals.words or _plain(text)
    rule = rules.for_status(status)
    return (rule.text and rules.for_text(words)) or rule, _with_words(f"HTTP {status}", words)


def _judge_success(signals: Signals, text: str, rules: ReplyRules) -> tuple[StatusRule | TextRule, str]:
    """A 2xx says nothing by itself: only its body can say that the message was taken."""
    if signals.yes and not signals.no:
        return _ACCEPTED, "accepted"
    words = signals.words or _plain(text)
    by_text = rules.for_text(words)
    if signals.no and signals.yes:
        return _UNKNOWN, _with_words("the reply contradicts itself", words)
    if signals.no:
        by_code = rules.for_status(signals.code) if signals.code else _REJECTED
        return by_text or by_code, words or "the gateway refused it without a reason"
    if by_text and by_text.outcome is Outcome.ACCEPTED:
        return by_text, "accepted"
    if signals.hint and not by_text:
        return _ACCEPTED, "accepted"
    if not signals.is_json:
        return _UNKNOWN, "the reply is not JSON"
    return _UNKNOWN, _with_words("the reply says neither accepted nor refused", words)


def _with_words(reason: str, words: str) -> str:
    return f"{reason}: {words}" if words else reason


def _plain(text: str) -> str:
    """The reply itself as words, where it is a short plain text."""
    text = text.strip()
    return "" if len(text) > _PLAIN_TEXT_CHARACTERS or text.startswith(("<", "{", "[")) else text
