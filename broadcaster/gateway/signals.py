"""What the JSON of a reply says by the conventions of its family: taken or refused, in which words, which id."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from broadcaster.gateway.rules import FieldRole, ReplyRules
from broadcaster.gateway.texts import parse_json, storable

_DEEPEST = 4
_NO_ERROR = ("false", "0", "none", "null", "no")


@dataclass(slots=True)
class Signals:
    """The signals of one reply."""

    is_json: bool = False
    yes: bool = False
    """A field says that the message was taken."""
    no: bool = False
    """A field says that it was not."""
    hint: bool = False
    """Something that goes with success without saying so: an id, a code in 2xx."""
    code: int | None = None
    """An HTTP error status repeated in the body."""
    texts: list[str] = field(default_factory=list)
    ids: dict[str, str] = field(default_factory=dict)

    @property
    def words(self) -> str:
        """Everything that the reply says in words."""
        return "; ".join(dict.fromkeys(self.texts))

    def gateway_id(self, rules: ReplyRules) -> str | None:
        """The most telling id."""
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

    `into_lists`: a list of one object speaks for the reply, as it does for a send; for a read it is one item.
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
        folded = fold(name)
        if isinstance(inner, dict | list):
            if inner and folded in rules.error_fields:
                signals.no = True
                signals.texts += [
                    storable(text) for text in inner if isinstance(inner, list) and isinstance(text, str)
                ]
            if folded in rules.containers and depth < _DEEPEST:
                _read(signals, inner, rules, into_lists, depth + 1)
        elif inner is not None and inner != "":
            _note(signals, folded, inner, rules)


def _note(signals: Signals, name: str, value: str | float, rules: ReplyRules) -> None:
    match rules.roles.get(name):
        case FieldRole.VERDICT:
            _note_verdict(signals, value, rules)
        case FieldRole.ERROR:
            _note_error(signals, value)
        case FieldRole.CODE:
            _note_number(signals, value)
        case FieldRole.TEXT if isinstance(value, str):
            signals.texts.append(storable(value))
        case FieldRole.ID:
            signals.ids.setdefault(name, storable(str(value)))
            signals.hint = True


def _note_error(signals: Signals, value: str | float) -> None:
    if not value or (isinstance(value, str) and value.strip().lower() in _NO_ERROR):
        signals.yes = True
        return
    signals.no = True
    if isinstance(value, str):
        signals.texts.append(storable(value))


def _note_verdict(signals: Signals, value: str | float, rules: ReplyRules) -> None:
    if isinstance(value, str):
        word = value.strip().lower()
        if word in rules.yes_words:
            signals.yes = True
        elif rules.for_text(word):
            signals.no = True
            signals.texts.append(storable(value))
        elif word in rules.no_words or word.startswith(rules.no_prefixes):
            signals.no = True
        elif word in ("0", "1"):
            signals.yes |= word == "1"
            signals.no |= word == "0"
        else:
            _note_number(signals, word)
    elif value in (0, 1):
        signals.yes |= bool(value)
        signals.no |= not value
    else:
        _note_number(signals, value)


def _note_number(signals: Signals, value: str | float) -> None:
    """An HTTP status, as a number or as its three digits."""
    if isinstance(value, str):
        value = int(value) if re.fullmatch(r"[1-5][0-9]{2}", value.strip()) else 0
    if 200 <= value < 300:
        signals.hint = True
    elif 400 <= value < 600:
        signals.no = True
        signals.code = int(value)
