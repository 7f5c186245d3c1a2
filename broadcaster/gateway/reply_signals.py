"""What the JSON of a reply says by the conventions of its family: taken or refused, the words, the id."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from broadcaster.gateway.rules import QUEUED, UNDER_WAY, FieldRole, ReplyRules, reads_as_success
from broadcaster.gateway.texts import parse_json, storable

_DEEPEST = 4
_MOST_TEXTS = 10
_NO_ERROR = ("false", "0", "none", "null", "no")
_NO = (False, "false", "no", "0")
_OF_THE_SENDER = ("instance", "session", "device")
_OF_THE_RECIPIENT = ("number", "jid", "phone", "chatid", "to", "remotejid", "recipient", "contact", "wid", "query")
_OF_THE_CALL = (
    *(
        "true",
        "yes",
        "ok",
        "success",
        "successful",
        "succeeded",
        "done",
        "1",
        "sukses",
        "berhasil",
        "sucesso",
        "éxito",
    ),
    *("exito", "erfolg", "erfolgreich", "başarılı", "basarili"),
)
"""Words of success that may be about the call alone. Any other word tells where the message is."""
_KEPT = (
    *("queued", "isqueued", "enqueued", "pending", "ispending", "buffered", "stored", "saved", "scheduled"),
    *("isscheduled", "delayed", "deferred", "postponed", "retrying", "willretry", "autoretry", "inprogress"),
    "processing",
)
_IN_WORDS = frozenset({FieldRole.TEXT, FieldRole.ERROR, FieldRole.ANSWER, FieldRole.VERDICT})


@dataclass(slots=True)
class Signals:
    """The signals of one reply."""

    is_json: bool = False
    yes: bool = False
    """A field says that the message was taken."""
    no: bool = False
    """A field says that it was not."""
    absent: bool = False
    """A field says that the recipient's number is not on WhatsApp."""
    hint: bool = False
    """Something hints at success without saying so: an id, a code in 2xx."""
    is_unread: bool = False
    """A verdict field contains an unknown word or code."""
    is_unread_sentence: bool = False
    """A verdict field or the answer contains an unknown sentence."""
    is_of_the_message: bool = False
    """The yes is about the message, such as `"status": "pending"`, and not about the call alone."""
    is_kept: bool = False
    """A field says that the message is kept for later or under way."""
    code: int | None = None
    """An HTTP error status repeated in the body."""
    texts: list[str] = field(default_factory=list)
    ids: dict[str, str] = field(default_factory=dict)

    @property
    def words(self) -> str:
        """Everything that the reply says in words."""
        return "; ".join(dict.fromkeys(self.texts))

    def gateway_id(self, rules: ReplyRules) -> str | None:
        """The most reliable id; None: there is none."""
        for name in rules.id_fields if self.ids else ():
            if name in self.ids:
                return self.ids[name]
        return None


def read_signals(body: bytes, rules: ReplyRules) -> Signals:
    """Read the body of a reply to a send. Never raises."""
    try:
        document = parse_json(body)
    except ValueError:
        return Signals()
    return signals_of(document, rules, into_lists=True)


def signals_of(document: Any, rules: ReplyRules, *, into_lists: bool) -> Signals:
    """Read a decoded reply.

    `into_lists`: whether a list of one object speaks for the whole reply, as for a send. For a read it is an item.
    """
    signals = Signals(is_json=True)
    _read(signals, document, rules, into_lists, 0)
    return signals


def fold(name: str) -> str:
    """A field name without the differences between spellings."""
    return name.lower().replace("_", "").replace("-", "")


def _read(signals: Signals, value: Any, rules: ReplyRules, into_lists: bool, depth: int) -> None:
    """Read an object that speaks for the whole reply, and those in its containers."""
    if into_lists and isinstance(value, list) and len(value) == 1:
        value = value[0]
    if not isinstance(value, dict):
        return
    for name, inner in value.items():
        # Most names are folded already, and every reply comes through here.
        folded = name if name.isalpha() and name.islower() else fold(name)
        if isinstance(inner, dict | list):
            _note_parts(signals, folded, inner, rules, into_lists)
            if folded in rules.containers and depth < _DEEPEST:
                _read(signals, inner, rules, into_lists, depth + 1)
        elif inner is not None and inner != "":
            _note(signals, folded, inner, value, rules)


def _is_of_the_recipient(value: dict[str, Any]) -> bool:
    """Whether an object that says "does not exist" is about the recipient's number, not about a session."""
    names = [fold(name) for name in value]
    return any(name in _OF_THE_RECIPIENT for name in names) or not any(
        name.startswith(_OF_THE_SENDER) for name in names
    )


def _note_parts(
    signals: Signals, name: str, value: dict[str, Any] | list[Any], rules: ReplyRules, into_lists: bool
) -> None:
    """Note the texts in a field's list, or in its object if the field is about errors."""
    role = rules.roles.get(name)
    if role is FieldRole.ERROR and value:
        signals.no = True
        signals.texts += _sentences(value, rules)
    elif into_lists and isinstance(value, list):
        if role in _IN_WORDS:
            signals.texts += _sentences(value, rules)
        elif role is FieldRole.ID and value and type(value[0]) in (str, int):
            signals.ids.setdefault(name, storable(str(value[0])))
            signals.hint = True


def _sentences(value: dict[str, Any] | list[Any], rules: ReplyRules) -> list[str]:
    """The first texts in a list and its inner lists. Texts of an object get its field names: `phone: is invalid`."""
    found: list[str] = []
    for text in _strings(value, rules):
        if len(found) == _MOST_TEXTS:
            break
        found.append(storable(text))
    return found


def _strings(value: Any, rules: ReplyRules, depth: int = 0) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list) and depth < _DEEPEST:
        for inner in value:
            # An object in a list of one is read like the reply itself.
            if not isinstance(inner, dict) or not rules.roles.keys() & map(fold, inner):
                yield from _strings(inner, rules, depth + 1)
    elif isinstance(value, dict) and depth < _DEEPEST:
        for name, inner in value.items():
            if fold(name) not in rules.roles and fold(name) not in rules.containers:
                yield from (f"{name}: {text}" for text in _strings(inner, rules, depth + 1))


def _note(signals: Signals, name: str, value: str | float | bool, beside: dict[str, Any], rules: ReplyRules) -> None:
    role = rules.roles.get(name)
    if value is False and role is not FieldRole.ERROR and name in rules.containers:
        signals.no = True
        return
    match role:
        case FieldRole.VERDICT:
            _note_verdict(signals, value, rules)
            signals.is_kept |= value is True and name in _KEPT
        case FieldRole.ERROR:
            _note_error(signals, value)
        case FieldRole.CODE:
            _note_code(signals, value)
        case FieldRole.TEXT if isinstance(value, str):
            signals.texts.append(storable(value))
        case FieldRole.ID:
            signals.ids.setdefault(name, storable(str(value)))
            signals.hint = True
        case FieldRole.ANSWER if isinstance(value, str) and _is_sentence(value):
            _note_sentence(signals, value)
        case FieldRole.EXISTS if value in _NO:
            signals.absent |= _is_of_the_recipient(beside)
        case None if value is True and name in _KEPT:
            signals.is_kept = True


def _note_error(signals: Signals, value: str | float) -> None:
    if not value or (isinstance(value, str) and value.strip().lower() in _NO_ERROR):
        signals.yes = True
        return
    signals.no = True
    if isinstance(value, str):
        signals.texts.append(storable(value))


def _note_code(signals: Signals, value: str | float) -> None:
    _note_number(signals, value)
    if isinstance(value, str) and re.search(r"[^\W\d]{3}", value):
        signals.texts.append(storable(value))


def _note_verdict(signals: Signals, value: str | float, rules: ReplyRules) -> None:
    if isinstance(value, str):
        _note_word(signals, value, rules)
    elif value in (0, 1):
        signals.yes |= bool(value)
        signals.no |= not value
    else:
        _note_number(signals, value)


def _note_word(signals: Signals, value: str, rules: ReplyRules) -> None:
    word = value.strip().lower()
    if word in rules.yes_words:
        signals.yes = True
        signals.is_of_the_message |= word not in _OF_THE_CALL
    elif word in ("0", "1"):
        signals.yes |= word == "1"
        signals.no |= word == "0"
    elif word.isdigit():
        signals.is_unread |= not _note_number(signals, word)
    elif (rule := rules.for_text(word)) in (QUEUED, UNDER_WAY):
        signals.is_kept = True
        _note_unread(signals, value)
    elif rule:
        signals.no |= rule.outcome.value != "accepted"
        signals.texts.append(storable(value))
    elif word in rules.no_words or word.startswith(rules.no_prefixes):
        signals.no = True
        if _is_sentence(value):
            signals.texts.append(storable(value))
    else:
        _note_unread(signals, value)


def _note_unread(signals: Signals, value: str) -> None:
    if _is_sentence(value):
        _note_sentence(signals, value)
    else:
        signals.is_unread = True


def _is_sentence(value: str) -> bool:
    return " " in value.strip()


def _note_sentence(signals: Signals, value: str) -> None:
    signals.texts.append(storable(value))
    signals.is_unread_sentence |= not reads_as_success(value)


def _note_number(signals: Signals, value: str | float) -> bool:
    """Note an HTTP status, given as a number or three digits. Returns whether it is one."""
    if isinstance(value, str):
        value = int(value) if re.fullmatch(r"[1-5][0-9]{2}", value.strip()) else 0
    if 200 <= value < 300:
        signals.hint = True
    elif 400 <= value < 600:
        signals.no = True
        signals.code = int(value)
    else:
        return False
    return True
