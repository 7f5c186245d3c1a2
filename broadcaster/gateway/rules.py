"""The rules by which replies are read: one table, overridable per instance.

The API documents no reply. These rules are the conventions of its family of gateways. An instance that answers
otherwise gets rules of its own, as JSON:
`{"texts": [{"pattern": "manutenção", "outcome": "not_sent", "health": "down"}]}`.
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
    """A failure whose text matches `pattern` has this `outcome` and shows this `health` of the instance (null: none).

    The pattern is a regular expression. It is searched in the two forms of the text that `texts.spoken` gives. With
    the outcome `accepted`, a 2xx reply that matches and signals no failure counts as accepted.
    """

    pattern: str
    outcome: Outcome
    health: LaneHealth | None = None


class StatusRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A reply with this HTTP status has the outcome `outcome`, unless its body says more."""

    outcome: Outcome
    health: LaneHealth | None = None
    text: bool | tuple[Outcome, ...] = False
    """Whether a matching text rule decides instead: always, never, or only with one of these outcomes."""
    page: bool = False
    """Whether a web page with this status means a wrong address: not sent, and the instance is down."""
    throttled_by: str | None = None
    """A pattern as in `TextRule`. If it matches, or if Retry-After is given, the reply means "not now" instead."""

    def reads(self, outcome: Outcome) -> bool:
        """Whether a text rule of this outcome decides."""
        return self.text if isinstance(self.text, bool) else outcome in self.text


QUEUED = TextRule(doubts.QUEUED, Outcome.UNKNOWN)
"""The gateway keeps the message for later. That agrees with a sign of success; beside a sign of failure it is a
doubt."""
UNDER_WAY = TextRule(doubts.UNDER_WAY, Outcome.UNKNOWN)
"""The same in words that are less surely about the message. Beside a failure, no sign of success is believed."""

# The first match wins. Doubts come first, then words about one message, then words about the account. A text that may
# mean either matches neither: see reply_words.
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

# Words of doubt leave a doubt, whatever the status.
_DOUBTS = (Outcome.UNKNOWN,)
_WRONG_ADDRESS = StatusRule(Outcome.NOT_SENT, _DOWN, text=_DOUBTS)
_STATUSES = {
    # 307 and 308 say "repeat this request over there": nothing was done here, and the base URL is wrong. An
    # application may answer with any other redirect after it has carried out a POST (RFC 9110, 15.4).
    "307": _WRONG_ADDRESS,
    "308": _WRONG_ADDRESS,
    "3xx": StatusRule(Outcome.UNKNOWN),
    "401": StatusRule(Outcome.NOT_SENT, _REFUSED, text=True),
    # No credit. One gateway of the family answers 466 if a plan is used up.
    "402": StatusRule(Outcome.NOT_SENT, _DOWN, text=_DOUBTS),
    "466": StatusRule(Outcome.NOT_SENT, _DOWN, text=_DOUBTS),
    "403": StatusRule(Outcome.NOT_SENT, _REFUSED, text=True),
    # In words, "not found" may also be about the recipient.
    "404": StatusRule(Outcome.NOT_SENT, _DOWN, text=(Outcome.REJECTED, Outcome.NOT_SENT, *_DOUBTS)),
    "405": _WRONG_ADDRESS,
    "410": StatusRule(Outcome.NOT_SENT, _DOWN, text=(Outcome.REJECTED, Outcome.NOT_SENT, *_DOUBTS)),
    "415": _WRONG_ADDRESS,
    # A proxy that gave up waiting may have passed the request on.
    "408": StatusRule(Outcome.UNKNOWN),
    # Even a proxy's page is about this message only: the next one may be smaller.
    "413": StatusRule(Outcome.REJECTED, _OK, text=_DOUBTS),
    "425": StatusRule(Outcome.THROTTLED, text=_DOUBTS),
    "429": StatusRule(Outcome.THROTTLED, _THROTTLED, text=(Outcome.THROTTLED, *_DOUBTS)),
    "4xx": StatusRule(Outcome.REJECTED, _OK, text=True, page=True),
    # A broken gateway, or a proxy in front of it that lost the reply: the message may be in the queue. So it shows
    # nothing of the instance's health: an accepted message must not count as a failure of the lane.
    "503": StatusRule(Outcome.UNKNOWN, throttled_by=words.BUSY),
    "5xx": StatusRule(Outcome.UNKNOWN),
}
_NEITHER = StatusRule(Outcome.UNKNOWN)
_LONGEST_PATTERN = 300
# A repeated group with a repetition or an alternative inside: `re` tries every way to divide the text among them.
_ENDLESS = re.compile(r"\((?:[^()\\]|\\.)*(?:[*+|]|\{\d*,\d*\})(?:[^()\\]|\\.)*\)(?:[*+]|\{\d+,\})")
_REMEMBERED_TEXTS = 500
_LONGEST_REMEMBERED = 200


class FieldRole(Enum):
    """How a field with a plain value is read."""

    VERDICT = auto()
    ERROR = auto()
    CODE = auto()
    TEXT = auto()
    ID = auto()
    ANSWER = auto()
    EXISTS = auto()


class ReplyRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, dict=True):
    """How the parts of a reply are read. Field names are lower case without `_` and `-`, and match every spelling."""

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
    """Fields that repeat an HTTP status. Another code shows nothing by itself, but a name in it is read as words."""
    text_fields: tuple[str, ...] = ("message", "msg", "reason", "description", "detail", "details", "info", "title")
    """Fields besides the error fields that say in words what went wrong."""
    id_fields: tuple[str, ...] = ("messageid", "msgid", "idmessage", "queueid", "serialized", "id")
    """Fields with the gateway's id of the message, the most reliable first."""
    answer_fields: tuple[str, ...] = ("response", "data", "results")
    """Fields that can speak against success, by false or by a sentence, but never for it."""
    exists_fields: tuple[str, ...] = (
        *("exists", "numberexists", "existswhatsapp", "existsonwhatsapp", "onwhatsapp", "isonwhatsapp", "inwhatsapp"),
        *("isinwhatsapp", "iswhatsapp", "haswhatsapp", "iswhatsappnumber", "iswhatsappuser", "canreceivemessage"),
    )
    """Fields whose value false says that the number is not on WhatsApp."""
    containers: tuple[str, ...] = (
        *("data", "result", "results", "response", "message", "messages", "error", "key", "id", "messageid"),
    )
    """Fields whose object (or list of one object) is read like the reply itself."""
    texts: tuple[TextRule, ...] = _TEXTS
    statuses: dict[str, StatusRule] = msgspec.field(default_factory=lambda: dict(_STATUSES))
    """Rules by status ("429"), tens ("52x") or hundreds ("4xx"). The most exact wins. A 2xx is read by its body."""
    longest_retry_after: Annotated[float, msgspec.Meta(ge=0)] = 24 * 3600.0
    """The longest Retry-After that is obeyed, in seconds."""

    @cached_property
    def roles(self) -> dict[str, FieldRole]:
        """The role of each field by name. A field in two lists gets the earlier role in the order of `FieldRole`."""
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
        # The same few texts come again and again, so each is searched only once.
        if len(text) <= _LONGEST_REMEMBERED:
            if len(known) >= _REMEMBERED_TEXTS:
                known.clear()
            known[text] = found
        return found

    def fails_besides(self, text: str) -> bool:
        """Whether any text rule matches, except those for a message kept for later."""
        return any(rule not in (QUEUED, UNDER_WAY) for rule in self._all_for(text))

    def _all_for(self, text: str) -> Iterator[TextRule]:
        forms = spoken(text)
        return (rule for rule in self.texts if any(re.search(rule.pattern, form) for form in forms))


def says(text: str, pattern: str) -> bool:
    """Whether a text matches a pattern as in `TextRule`."""
    return any(re.search(pattern, form) for form in spoken(text))


def begins_as_failure(text: str) -> bool:
    """Whether the first words of a text report a failure."""
    return _says_from_the_start(text[:_LONGEST_REMEMBERED], words.BEGINS_AS_FAILURE)


def reads_as_success(text: str) -> bool:
    """Whether the first sentence of a text says that all went well."""
    return _says_from_the_start(text[:_LONGEST_REMEMBERED], words.READS_AS_SUCCESS)


def speaks_against(text: str) -> bool:
    """Whether a text contains a word, such as "not", that no report of success needs."""
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

    `texts` come before the default ones, `statuses` replace single rows, and any other field replaces the whole
    default. Raises InputError with one line that says where in the overrides the fault is.
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
    """The first row of `statuses` that is not a rule: msgspec does not name it."""
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
