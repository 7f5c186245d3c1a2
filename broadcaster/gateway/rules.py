"""How replies are read: one table, overridable per instance.

The API documents no reply. These are the conventions of its family of gateways; an instance that answers otherwise
gets rules of its own, as JSON: `{"texts": [{"pattern": "manutenção", "outcome": "not_sent", "health": "down"}]}`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from enum import Enum, auto
from functools import cached_property, lru_cache
from typing import Annotated, Any

import msgspec

from broadcaster.domain.outcomes import Outcome
from broadcaster.domain.states import LaneHealth
from broadcaster.errors import InputError
from broadcaster.gateway import replies_in_doubt as doubts
from broadcaster.gateway import reply_words as words
from broadcaster.gateway.rule_words import fault_words
from broadcaster.gateway.texts import spoken

_OK, _DOWN, _REFUSED, _THROTTLED = LaneHealth.OK, LaneHealth.DOWN, LaneHealth.REFUSED, LaneHealth.THROTTLED


class TextRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A failure whose text matches `pattern` came to `outcome`, and says `health` of the instance (null: nothing).

    The pattern is a regular expression. It is searched for in lower case with `_` and runs of blanks as one blank, and
    in the other form that `texts.spoken` gives. With the outcome `accepted`, a 2xx reply that matches and signals no
    failure counts as accepted.
    """

    pattern: str
    outcome: Outcome
    health: LaneHealth | None = None


class StatusRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A reply with this HTTP status came to `outcome`, except where its body says more."""

    outcome: Outcome
    health: LaneHealth | None = None
    text: bool | tuple[Outcome, ...] = False
    """Whether a text rule that matches decides instead: always, never, or only for one of these outcomes."""
    page: bool = False
    """Whether a web page with this status says that the address is wrong: not sent, the instance is down."""
    throttled_by: str | None = None
    """A pattern as in `TextRule`: where it matches, or Retry-After is given, the reply means "not now" instead."""

    def reads(self, outcome: Outcome) -> bool:
        """Whether a text rule of this outcome decides."""
        return self.text if isinstance(self.text, bool) else outcome in self.text


QUEUED = TextRule(doubts.QUEUED, Outcome.UNKNOWN)
"""The gateway put the message by: no contradiction to a sign of success, and a doubt beside one of failure."""
UNDER_WAY = TextRule(doubts.UNDER_WAY, Outcome.UNKNOWN)
"""The same in words that less surely speak of the message: beside a failure no sign of success is believed."""

# The first match wins. What leaves a doubt comes first, then what is said of one message, then what is said of the
# account: a text that may mean either matches neither, see reply_words.
_TEXTS = (
    QUEUED,
    TextRule(doubts.DOUBT, Outcome.UNKNOWN),
    UNDER_WAY,
    TextRule(words.TOO_LARGE, Outcome.REJECTED, _OK),
    TextRule(words.RECIPIENT_TOO_OFTEN, Outcome.THROTTLED),
    TextRule(words.RECIPIENT, Outcome.REJECTED, _OK),
    TextRule(words.UNUSABLE_FILE, Outcome.REJECTED, _OK),
    TextRule(words.KEY_REFUSED, Outcome.NOT_SENT, _REFUSED),
    TextRule(words.ACCOUNT_ENDED, Outcome.NOT_SENT, _REFUSED),
    TextRule(words.NO_CREDIT, Outcome.NOT_SENT, _DOWN),
    TextRule(words.DOWN, Outcome.NOT_SENT, _DOWN),
    TextRule(words.DOWN_IF_NOBODY_ELSE, Outcome.NOT_SENT, _DOWN),
    TextRule(words.WRONG_ADDRESS, Outcome.NOT_SENT, _DOWN),
    TextRule(words.TOO_FAST, Outcome.THROTTLED, _THROTTLED),
)

# Whatever the status: words that leave a doubt leave it.
_DOUBTS = (Outcome.UNKNOWN,)
_WRONG_ADDRESS = StatusRule(Outcome.NOT_SENT, _DOWN, text=_DOUBTS)
_STATUSES = {
    # 307 and 308 say "repeat this very request over there": nothing was done with it here, the base URL is wrong.
    # Any other redirect is also how an application answers a post that it has carried out (RFC 9110, 15.4).
    "307": _WRONG_ADDRESS,
    "308": _WRONG_ADDRESS,
    "3xx": StatusRule(Outcome.UNKNOWN),
    "401": StatusRule(Outcome.NOT_SENT, _REFUSED, text=True),
    # No credit; 466 is what one gateway of the family says of a plan that is used up.
    "402": StatusRule(Outcome.NOT_SENT, _DOWN, text=_DOUBTS),
    "466": StatusRule(Outcome.NOT_SENT, _DOWN, text=_DOUBTS),
    "403": StatusRule(Outcome.NOT_SENT, _REFUSED, text=True),
    # "Not found" may also be said of the recipient, in words.
    "404": StatusRule(Outcome.NOT_SENT, _DOWN, text=(Outcome.REJECTED, Outcome.NOT_SENT, *_DOUBTS)),
    "405": _WRONG_ADDRESS,
    "410": StatusRule(Outcome.NOT_SENT, _DOWN, text=(Outcome.REJECTED, Outcome.NOT_SENT, *_DOUBTS)),
    "415": _WRONG_ADDRESS,
    # A proxy that gave up waiting may have passed the request on.
    "408": StatusRule(Outcome.UNKNOWN),
    # Also as the page of a proxy it speaks of this message only: the next one may be smaller.
    "413": StatusRule(Outcome.REJECTED, _OK, text=_DOUBTS),
    "425": StatusRule(Outcome.THROTTLED, text=_DOUBTS),
    "429": StatusRule(Outcome.THROTTLED, _THROTTLED, text=(Outcome.THROTTLED, *_DOUBTS)),
    "4xx": StatusRule(Outcome.REJECTED, _OK, text=True, page=True),
    # A broken gateway, or a proxy in front of it that lost the reply: the message may be in the queue. It says
    # nothing of the instance's health either, since what was accepted must not count as a failure of the lane.
    "503": StatusRule(Outcome.UNKNOWN, throttled_by=words.BUSY),
    "5xx": StatusRule(Outcome.UNKNOWN),
}
_NEITHER = StatusRule(Outcome.UNKNOWN)
_LONGEST_PATTERN = 300
# A repeated group with a repetition or an alternative inside: `re` tries every way to share the text out among them.
_ENDLESS = re.compile(r"\((?:[^()\\]|\\.)*(?:[*+|]|\{\d*,\d*\})(?:[^()\\]|\\.)*\)(?:[*+]|\{\d+,\})")
_REMEMBERED_TEXTS = 500
_LONGEST_REMEMBERED = 200


class FieldRole(Enum):
    """What a field with a plain value is read as."""

    VERDICT = auto()
    ERROR = auto()
    CODE = auto()
    TEXT = auto()
    ID = auto()
    ANSWER = auto()
    EXISTS = auto()


class ReplyRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, dict=True):
    """What in a reply means what. Field names are lower case without `_` and `-`, and match every spelling."""

    verdict_fields: tuple[str, ...] = ("success", "sent", "ok", "status", "result", "queued")
    """Fields that say whether the message was taken: true or false, 1 or 0, an HTTP status, or a word."""
    yes_words: tuple[str, ...] = (
        *("true", "yes", "ok", "success", "successful", "succeeded", "sent", "queued", "enqueued", "accepted"),
        *("added", "submitted", "scheduled", "pending", "processing", "done", "delivered", "in_queue", "inqueue"),
        *("server_ack", "sukses", "berhasil", "terkirim", "sucesso", "enviado", "enviada", "éxito", "exito"),
        *("erfolg", "erfolgreich", "gesendet", "başarılı", "basarili", "gönderildi"),
    )
    no_words: tuple[str, ...] = ("false", "no", "denied", "rejected", "invalid", "unauthorized", "forbidden")
    no_prefixes: tuple[str, ...] = (
        *("error", "fail", "not ", "fatal", "exception", "gagal", "erro", "falha", "fallo", "fallid", "fehler"),
        *("fehlgeschlagen", "hata", "başarısız", "basarisiz", "échec", "echec", "erreur", "ошибка"),
    )
    error_fields: tuple[str, ...] = ("error", "errors", "err", "errormessage", "exception")
    """Fields that signal a failure unless they are empty or false."""
    code_fields: tuple[str, ...] = ("code", "statuscode", "errorcode")
    """Fields that repeat an HTTP status. Any other code says nothing by itself, but a name in it is read as words."""
    text_fields: tuple[str, ...] = ("message", "msg", "reason", "description", "detail", "details", "info", "title")
    """Fields that say in words what went wrong, besides the error fields."""
    id_fields: tuple[str, ...] = ("messageid", "msgid", "idmessage", "queueid", "serialized", "id")
    """Fields that name the message at the gateway, the most telling first."""
    answer_fields: tuple[str, ...] = ("response", "data", "results")
    """Fields whose false or whose sentence speaks against success, and never for it."""
    exists_fields: tuple[str, ...] = (
        *("exists", "numberexists", "existswhatsapp", "existsonwhatsapp", "onwhatsapp", "isonwhatsapp", "inwhatsapp"),
        *("isinwhatsapp", "iswhatsapp", "haswhatsapp", "iswhatsappnumber", "iswhatsappuser", "canreceivemessage"),
    )
    """Fields whose false says that the number is not on WhatsApp."""
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
        names = (
            *(self.verdict_fields, self.error_fields, self.code_fields, self.text_fields, self.id_fields),
            *(self.answer_fields, self.exists_fields),
        )
        return {name: role for role, group in reversed(tuple(zip(FieldRole, names, strict=True))) for name in group}

    @cached_property
    def _known_texts(self) -> dict[str, TextRule | None]:
        return {}

    def for_status(self, status: int) -> StatusRule:
        """The rule of a status outside 2xx."""
        for name in (f"{status}", f"{status // 10}x", f"{status // 100}xx"):
            if name in self.statuses:
                return self.statuses[name]
        return _NEITHER

    def knows_status(self, status: int) -> bool:
        """Whether there is a rule for exactly this status."""
        return f"{status}" in self.statuses

    def for_text(self, text: str) -> TextRule | None:
        """The first text rule that matches."""
        known = self._known_texts
        if text in known:
            return known[text]
        found = next(self._all_for(text), None)
        # The same few texts come again and again: most replies are searched once.
        if len(text) <= _LONGEST_REMEMBERED:
            if len(known) >= _REMEMBERED_TEXTS:
                known.clear()
            known[text] = found
        return found

    def fails_besides(self, text: str) -> bool:
        """Whether any text rule but those for a message put by matches."""
        return any(rule not in (QUEUED, UNDER_WAY) for rule in self._all_for(text))

    def _all_for(self, text: str) -> Iterator[TextRule]:
        forms = spoken(text)
        return (rule for rule in self.texts if any(re.search(rule.pattern, form) for form in forms))


def says(text: str, pattern: str) -> bool:
    """Whether a text matches a pattern as in `TextRule`."""
    return any(re.search(pattern, form) for form in spoken(text))


def begins_as_failure(text: str) -> bool:
    """Whether a text reports a failure from its first words."""
    return _says_from_the_start(text[:_LONGEST_REMEMBERED], words.BEGINS_AS_FAILURE)


def reads_as_success(text: str) -> bool:
    """Whether a text says from its first words that all went well."""
    return _says_from_the_start(text[:_LONGEST_REMEMBERED], words.READS_AS_SUCCESS)


def speaks_against(text: str) -> bool:
    """Whether a text holds a word, such as "not", that no report of success needs."""
    return _says_from_the_start(text[:_LONGEST_REMEMBERED], words.SPEAKS_AGAINST)


@lru_cache(maxsize=_REMEMBERED_TEXTS)
def _says_from_the_start(text: str, pattern: str) -> bool:
    return says(text, pattern)


DEFAULT_RULES = ReplyRules()
_NAMES = {
    "": ReplyRules.__struct_fields__,
    "texts": TextRule.__struct_fields__,
    "statuses": StatusRule.__struct_fields__,
}


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
        raise InputError(fault_words(str(error), _faulty_status(overrides), _NAMES)) from None
    own_texts = rules.texts if "texts" in overrides else ()
    _check(own_texts, rules.statuses)
    return msgspec.structs.replace(
        rules,
        texts=(*own_texts, *_TEXTS),
        statuses={**_STATUSES, **rules.statuses},
    )


def _faulty_status(overrides: Mapping[str, Any]) -> str | None:
    """The row of `statuses` that is no such rule, which msgspec does not name."""
    rows = overrides.get("statuses")
    for name, row in rows.items() if isinstance(rows, dict) else ():
        try:
            msgspec.convert(row, StatusRule)
        except msgspec.ValidationError:
            return str(name)
    return None


def _check(texts: tuple[TextRule, ...], statuses: dict[str, StatusRule]) -> None:
    for text in texts:
        _check_pattern("texts", text.pattern)
    for name, status in statuses.items():
        if not re.fullmatch(r"[1345](\d\d|\dx|xx)", name):
            raise InputError(f"statuses: {name!r} is not a status outside 2xx, such as 429, 52x or 4xx")
        if status.throttled_by is not None and status is not _STATUSES.get(name):
            _check_pattern(f"statuses: {name}", status.throttled_by)
    healths = [text.health for text in texts] + [status.health for status in statuses.values()]
    if LaneHealth.PAUSED in healths:
        raise InputError("health: only an operator can pause an instance: give another one")


def _check_pattern(where: str, pattern: str) -> None:
    if len(pattern) > _LONGEST_PATTERN:
        start = pattern[:30]
        raise InputError(f"{where}: {start!r}… is longer than {_LONGEST_PATTERN} characters: split it up")
    try:
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise InputError(
            f"{where}: {pattern!r} is not a regular expression ({error}): write a "
            "backslash, in JSON two, before each of ( ) [ ] { } . * + ? ^ $ | that is meant as such"
        ) from None
    if _ENDLESS.search(pattern):
        raise InputError(
            f"{where}: {pattern!r} repeats a group that repeats or chooses inside: a hostile reply could "
            "keep a worker busy with it for hours; repeat only plain groups"
        )
