"""How replies are read: one table, overridable per instance.

The API documents no reply. These are the conventions of its family of gateways; an instance that answers otherwise
gets rules of its own, as JSON: `{"texts": [{"pattern": "manutenção", "outcome": "not_sent", "health": "down"}]}`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum, auto
from functools import cached_property
from typing import Annotated, Any

import msgspec

from broadcaster.domain.outcomes import Outcome
from broadcaster.domain.states import LaneHealth
from broadcaster.errors import InputError

_OK, _DOWN, _REFUSED, _THROTTLED = LaneHealth.OK, LaneHealth.DOWN, LaneHealth.REFUSED, LaneHealth.THROTTLED


class TextRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A failure whose text matches `pattern` came to `outcome`, and says `health` of the instance (null: nothing).

    The pattern is a regular expression. It is searched for in lower case with `_` and runs of blanks as one blank.
    With the outcome `accepted`, a 2xx reply that matches and signals no failure counts as accepted.
    """

    pattern: str
    outcome: Outcome
    health: LaneHealth | None = None


class StatusRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A reply with this HTTP status came to `outcome`, unless `text` is true and a text rule matches."""

    outcome: Outcome
    health: LaneHealth | None = None
    text: bool = False


# The first match wins.
_TEXTS = (
    # The gateway gave up waiting for its own phone: it may still deliver.
    TextRule(r"timed? ?-?out", Outcome.UNKNOWN),
    TextRule(r"not registered|(not|no) (\S+ ){0,3}whatsapp", Outcome.REJECTED, _OK),
    TextRule(
        r"(invalid|wrong|bad|unknown|missing) (\S+ )?(phone|number|recipient|chat)"
        r"|(phone|number|recipient|chat)( number| id)? (is )?(invalid|not valid|wrong|missing|required)",
        Outcome.REJECTED,
        _OK,
    ),
    TextRule(r"too (long|large|big)|(size|length|character) limit|limit of \d+ (char|byte|mb)", Outcome.REJECTED, _OK),
    TextRule(
        r"(invalid|wrong|bad|incorrect|unknown|missing|expired) (\S+ ){0,2}(key|token)"
        r"|\b(key|token) (\S+ ){0,2}(invalid|wrong|incorrect|not valid|not found|unknown|missing|expired)",
        Outcome.NOT_SENT,
        _REFUSED,
    ),
    TextRule(r"unauthori[sz]ed|forbidden|(access|permission) denied", Outcome.NOT_SENT, _REFUSED),
    TextRule(
        r"(subscription|trial|licen[cs]e|plan|account) (\S+ ){0,2}(expired|ended|suspended|blocked)"
        r"|payment required",
        Outcome.NOT_SENT,
        _REFUSED,
    ),
    TextRule(
        r"not (\S+ )?(running|started|ready|connected|logged in|authenticated|paired)"
        r"|disconnect|log(ged)?[ -]?out|scan .*\bqr\b|\bqr[ -]?code"
        r"|(instance|session) (\S+ ){0,2}(stopped|closed|expired|not found)",
        Outcome.NOT_SENT,
        _DOWN,
    ),
    TextRule(r"too many|limit|quota", Outcome.THROTTLED, _THROTTLED),
)

_STATUSES = {
    # 307 and 308 say "repeat this very request over there": nothing was done with it here, the base URL is wrong.
    # Any other redirect is also how an application answers a post that it has carried out (RFC 9110, 15.4).
    "307": StatusRule(Outcome.NOT_SENT, _DOWN),
    "308": StatusRule(Outcome.NOT_SENT, _DOWN),
    "3xx": StatusRule(Outcome.UNKNOWN),
    "401": StatusRule(Outcome.NOT_SENT, _REFUSED, text=True),
    "403": StatusRule(Outcome.NOT_SENT, _REFUSED, text=True),
    # The message's trouble: the gateway did not get it in time, or not yet.
    "408": StatusRule(Outcome.THROTTLED),
    "425": StatusRule(Outcome.THROTTLED),
    "429": StatusRule(Outcome.THROTTLED, _THROTTLED),
    "4xx": StatusRule(Outcome.REJECTED, _OK, text=True),
    "503": StatusRule(Outcome.THROTTLED, _THROTTLED),
    # A broken gateway, or a proxy in front of it that lost the reply: the message may be in the queue. It says
    # nothing of the instance's health either, since what was accepted must not count as a failure of the lane.
    "5xx": StatusRule(Outcome.UNKNOWN),
}
_NEITHER = StatusRule(Outcome.UNKNOWN)
# What went wrong is said at the beginning; a long text would only take long to search.
_SEARCHED_CHARACTERS = 1000


class FieldRole(Enum):
    """What a field with a plain value is read as."""

    VERDICT = auto()
    ERROR = auto()
    CODE = auto()
    TEXT = auto()
    ID = auto()


class ReplyRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, dict=True):
    """What in a reply means what. Field names are lower case without `_` and `-`, and match every spelling."""

    verdict_fields: tuple[str, ...] = ("success", "sent", "ok", "status", "result", "queued")
    """Fields that say whether the message was taken: true or false, 1 or 0, an HTTP status, or a word."""
    yes_words: tuple[str, ...] = (
        *("true", "yes", "ok", "success", "successful", "succeeded", "sent", "queued", "enqueued", "accepted"),
        *("added", "submitted", "scheduled", "pending", "processing", "done", "delivered"),
    )
    no_words: tuple[str, ...] = ("false", "no", "denied", "rejected", "invalid", "unauthorized", "forbidden")
    no_prefixes: tuple[str, ...] = ("error", "fail", "not ")
    error_fields: tuple[str, ...] = ("error", "errors", "err", "errormessage", "exception")
    """Fields that signal a failure unless they are empty or false."""
    code_fields: tuple[str, ...] = ("code", "statuscode", "errorcode")
    """Fields that repeat an HTTP status."""
    text_fields: tuple[str, ...] = ("message", "msg", "reason", "description", "detail", "details", "info")
    """Fields that say in words what went wrong, besides the error fields."""
    id_fields: tuple[str, ...] = ("messageid", "msgid", "idmessage", "queueid", "serialized", "id")
    """Fields that name the message at the gateway, the most telling first."""
    containers: tuple[str, ...] = (
        *("data", "result", "results", "response", "message", "messages", "error", "key", "id", "messageid"),
    )
    """Fields whose object, or list of one object, is read like the reply itself."""
    texts: tuple[TextRule, ...] = _TEXTS
    statuses: dict[str, StatusRule] = msgspec.field(default_factory=lambda: dict(_STATUSES))
    """By status ("429"), by tens ("52x") or by hundreds ("4xx"); the most exact wins. 2xx is read by its body."""
    longest_retry_after: Annotated[float, msgspec.Meta(ge=0)] = 24 * 3600.0
    """Seconds. A gateway that asks for longer is asked again after this."""

    @cached_property
    def roles(self) -> dict[str, FieldRole]:
        """The role of each field by its name; verdicts before errors, and so on in the order of `FieldRole`."""
        names = (self.verdict_fields, self.error_fields, self.code_fields, self.text_fields, self.id_fields)
        return {name: role for role, group in reversed(tuple(zip(FieldRole, names, strict=True))) for name in group}

    def for_status(self, status: int) -> StatusRule:
        """The rule of a status outside 2xx."""
        for name in (f"{status}", f"{status // 10}x", f"{status // 100}xx"):
            if name in self.statuses:
                return self.statuses[name]
        return _NEITHER

    def for_text(self, text: str) -> TextRule | None:
        """The first text rule that matches."""
        plain = " ".join(text[:_SEARCHED_CHARACTERS].lower().replace("_", " ").split())
        return next((rule for rule in self.texts if re.search(rule.pattern, plain)), None)


DEFAULT_RULES = ReplyRules()


def read_rules(overrides: Mapping[str, Any] | None) -> ReplyRules:
    """The rules of an instance: the defaults, changed by `overrides` (decoded JSON; None or empty: no change).

    `texts` go before the default ones, `statuses` replace single rows, any other field replaces the whole default.
    Raises InputError: one line that says where in the overrides the fault is.
    """
    if not overrides:
        return DEFAULT_RULES
    try:
        rules = msgspec.convert(dict(overrides), ReplyRules)
    except msgspec.ValidationError as error:
        raise InputError(f"reply rules: {error}") from None
    _check(rules)
    return msgspec.structs.replace(
        rules,
        texts=(*rules.texts, *_TEXTS) if "texts" in overrides else _TEXTS,
        statuses={**_STATUSES, **rules.statuses},
    )


def _check(rules: ReplyRules) -> None:
    for rule in rules.texts:
        try:
            re.compile(rule.pattern)
        except re.error as error:
            raise InputError(f"reply rules: texts: {rule.pattern!r} is not a regular expression: {error}") from None
    for name in rules.statuses:
        if not re.fullmatch(r"[1345](\d\d|\dx|xx)", name):
            raise InputError(f"reply rules: statuses: {name!r} is not a status outside 2xx, such as 429, 52x or 4xx")
    healths = [rule.health for rule in rules.texts] + [rule.health for rule in rules.statuses.values()]
    if LaneHealth.PAUSED in healths:
        raise InputError("reply rules: health: only an operator can pause an instance")
