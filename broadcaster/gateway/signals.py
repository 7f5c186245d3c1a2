"""What the JSON of a reply says by the conventions of its family: taken or refused, in which words, which id."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from broadcaster.gateway.rules import ReplyRules
from broadcaster.gateway.texts import parse_json, storable

_DEEPEST = 4


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
        return next((self.ids[name] for name in rules.id_fields if name in self.ids), None)


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
    for part in _objects(document, rules, 0, into_lists):
        for name, value in part.items():
            _note(signals, fold(name), value, rules)
    return signals


def fold(name: str) -> str:
    """A field name without the differences between spellings."""
    return name.lower().replace("_", "").replace("-", "")


def _objects(value: Any, rules: ReplyRules, depth: int, into_lists: bool) -> Iterator[dict[str, Any]]:
    """The objects that speak for the whole reply: the outermost one and those in its containers."""
    if into_lists and isinstance(value, list) and len(value) == 1:
        value = value[0]
    if not isinstance(value, dict):
        return
    yield value
    if depth == _DEEPEST:
        return
    for name, inner in value.items():
        if isinstance(inner, dict | list) and fold(name) in rules.containers:
            yield from _objects(inner, rules, depth + 1, into_lists)


def _note(signals: Signals, name: str, value: Any, rules: ReplyRules) -> None:
    if value is None or value == "":
        return
    if name in rules.error_fields:
        _note_error(signals, value)
    elif isinstance(value, dict | list):
        return
    elif name in rules.verdict_fields:
        _note_verdict(signals, value, rules)
    elif name in rules.code_fields:
        _note_number(signals, value)
    elif name in rules.id_fields:
        signals.ids.setdefault(name, storable(str(value)))
        signals.hint = True
    elif name in rules.text_fields and isinstance(value, str):
        signals.texts.append(storable(value))


def _note_error(signals: Signals, value: Any) -> None:
    if value is False or value == 0:
        signals.yes = True
        return
    texts = [text for text in (value if isinstance(value, list) else [value]) if isinstance(text, str)]
    signals.texts += map(storable, texts)
    if value not in ([], {}):
        signals.no = True


def _note_verdict(signals: Signals, value: Any, rules: ReplyRules) -> None:
    if isinstance(value, str):
        word = value.strip().lower()
        if word in rules.yes_words:
            signals.yes = True
        elif word in rules.no_words or word.startswith(rules.no_prefixes) or rules.for_text(word):
            signals.no = True
            signals.texts.append(storable(value))
        else:
            _note_number(signals, word)
    elif value in (0, 1):
        signals.yes |= bool(value)
        signals.no |= not value
    else:
        _note_number(signals, value)


def _note_number(signals: Signals, value: Any) -> None:
    number = (
        int(value) if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) == 3 else value
    )
    if isinstance(number, bool) or not isinstance(number, int):
        return
    if 200 <= number < 300:
        signals.hint = True
    elif 400 <= number < 600:
        signals.no = True
        signals.code = number
