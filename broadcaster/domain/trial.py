"""What a trial message has shown of a gateway, and which rules follow from it. Pure.

A rule is proposed only if it narrows what counts as accepted. One message is weak evidence: the gateway may answer
otherwise to another kind of message. So a person confirms the rule.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from broadcaster.domain.chat_pages import ChatEntry, Page, bare_id
from broadcaster.domain.contents import MessageContent
from broadcaster.domain.shown_content import Seen, Wanted, compare
from broadcaster.domain.trial_text import TextChange, text_changes
from broadcaster.errors import listed

_DEEPEST = 4
_YES_WORDS = "yes_words"
_TRUE = "true"
"""The JSON value `true` is no word and always counts as a yes."""


@dataclass(frozen=True, slots=True)
class Appearance:
    """A trial message as its chat shows it."""

    forms: tuple[str, ...]
    """Those of the requested numbers whose lists show it."""
    number: str | None
    """The number of its chat, if the entry itself names one."""
    id: str | None
    is_same_id: bool | None
    """Whether its id is the one in the reply. None: one of the ids is missing."""
    text: str | None
    changes: tuple[TextChange, ...]
    """How its text differs from the text that was sent."""
    is_recognised: bool
    """Whether reading back recognises the sent message by this text, time and direction."""
    missing: tuple[str, ...]
    """What reading back needs and this entry does not show."""


def find_trial(token: str, sent: str, gateway_id: str | None, pages: Sequence[Page]) -> Appearance | None:
    """The message with `token` in its text, or else with the reply's id; None: no page shows it."""
    by_text = [(page, entry) for page in pages for entry in page.entries if token in _words(entry).lower()]
    by_id = [(page, entry) for page in pages for entry in page.entries if _is_same(gateway_id, entry.id)]
    found = by_text or by_id
    if not found:
        return None
    entry = found[0][1]
    shown = entry.body or entry.caption
    is_alike = compare(Wanted(MessageContent(text=sent)), Seen(entry)) is True
    missing = {"time": entry.at is None, "direction": entry.outgoing is None, "id": entry.id is None}
    return Appearance(
        forms=tuple(dict.fromkeys(page.phone for page, _ in found)),
        number=entry.phone,
        id=entry.id,
        is_same_id=_is_same(gateway_id, entry.id) if gateway_id and entry.id else None,
        text=shown,
        changes=text_changes(sent, shown) if shown else (TextChange("text", "is not shown"),),
        is_recognised=is_alike and entry.at is not None and entry.outgoing is True,
        missing=tuple(what for what, is_missing in missing.items() if is_missing),
    )


class ReplyVocabulary(Protocol):
    """The part of the reply rules that decides whether a field says yes."""

    @property
    def verdict_fields(self) -> tuple[str, ...]: ...
    @property
    def yes_words(self) -> tuple[str, ...]: ...
    @property
    def containers(self) -> tuple[str, ...]: ...


@dataclass(frozen=True, slots=True)
class Flag:
    """A field of a reply that says yes: `data.status` and its value."""

    path: str
    value: str | float | bool


@dataclass(frozen=True, slots=True)
class Advice:
    """Which rules to propose after a trial. `rules` are all differences from the defaults, including the proposed one.

    None: nothing is proposed, for the reason in `reason`.
    """

    reason: str
    rules: Mapping[str, Any] | None = None


def yes_flags(reply: Any, rules: ReplyVocabulary) -> tuple[Flag, ...]:
    """The fields of a decoded reply that say that the message was taken."""
    return tuple(_flags(reply, rules, "", 0))


def advise(
    reply: Any, overrides: Mapping[str, Any], rules: ReplyVocabulary, *, is_accepted: bool, is_shown: bool
) -> Advice:
    """What to propose after a trial with this decoded reply. `rules` are the defaults changed by `overrides`.

    The proposal is to count only the word that this gateway uses as a yes.
    """
    flags = yes_flags(reply, rules)
    said = ", ".join(f"{flag.path} = {_spelt(flag.value)}" for flag in flags)
    fields = ", ".join(rules.verdict_fields)
    if not is_accepted:
        return Advice(
            f"{said} says yes, but something else in the reply speaks against it"
            if flags
            else f"none of the fields {fields} says yes in the reply"
        )
    if not flags:
        return Advice(
            f"none of the fields {fields} says yes, and it counts as accepted by weaker signs, such as an id"
        )
    if not is_shown:
        return Advice(f"{said} says yes, but the chat does not show the message, and so the yes is not proven")
    if any(text.get("outcome") == "accepted" for text in overrides.get("texts", ())):
        return Advice("the instance has a rule of its own for what is accepted, which stays")
    used = {_word(flag.value) for flag in flags} & {*rules.yes_words} or {_TRUE}
    words = [word for word in rules.yes_words if word in used]
    others = [word for word in rules.yes_words if word not in used]
    if not words or not {*others} - {_TRUE}:
        return Advice("only the words of this reply count as a yes already")
    said_words = " and ".join(words)
    return Advice(
        f"take only {said_words} for a yes from now on. The gateway said yes by {said}, and the chat shows the "
        f"message. Other words, such as {listed(others, 3)}, would no longer count as a yes: a message that "
        "is answered so, a file perhaps, would not count as sent before it is found in its chat. "
        "You may as well leave it as it is",
        {**overrides, _YES_WORDS: words},
    )


def only_narrows(before: Mapping[str, Any], after: Mapping[str, Any], yes_words: Sequence[str]) -> bool:
    """Whether everything that `after` counts as accepted also counts by `before`, whose yes words are `yes_words`."""
    rest = [{name: value for name, value in each.items() if name != _YES_WORDS} for each in (before, after)]
    return rest[0] == rest[1] and set(after.get(_YES_WORDS, ())) <= set(yes_words) and _YES_WORDS in after


def _words(entry: ChatEntry) -> str:
    return f"{entry.body or ''} {entry.caption or ''}"


def _is_same(ours: str | None, theirs: str | None) -> bool:
    return bool(ours) and bare_id(ours) == bare_id(theirs)


def _flags(value: Any, rules: ReplyVocabulary, path: str, depth: int) -> Iterator[Flag]:
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if not isinstance(value, dict):
        return
    for name, inner in value.items():
        folded = name.lower().replace("_", "").replace("-", "")
        if isinstance(inner, dict | list):
            if folded in rules.containers and depth < _DEEPEST:
                yield from _flags(inner, rules, f"{path}{name}.", depth + 1)
        elif folded in rules.verdict_fields and _says_yes(inner, rules):
            yield Flag(f"{path}{name}", inner)


def _says_yes(value: Any, rules: ReplyVocabulary) -> bool:
    if isinstance(value, str):
        return _word(value) == "1" or _word(value) in rules.yes_words
    return isinstance(value, int | float) and value == 1


def _word(value: object) -> str | None:
    return value.strip().lower() if isinstance(value, str) else None


def _spelt(value: str | float | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
