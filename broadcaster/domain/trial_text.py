"""The text of a trial message, and how a gateway changed it in its list. Pure."""

from __future__ import annotations

import html
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

_PARTS = (
    ("Emoji", "❤️ ☎️ 👍🏽"),
    ("Quotes", "\"double\" 'single' “curly” ‘both’"),
    ("Markup", "*bold* _italic_ ~strike~"),
    ("Accents", "Ä ö ü ß é ñ"),
    ("Signs", "<b> & %"),
)
"""The name of each line, and characters that gateways are known to change. The hearts and telephones hold U+FE0F."""
_MARKUP = str.maketrans("", "", "*_~")
_VARIATION = str.maketrans("", "", "\ufe0e\ufe0f")


def trial_text(mark: str, token: str) -> str:
    """The text. It begins with `mark` and holds `token` (digits and small letters), by which it is recognised."""
    lines = "\n".join(f"{name}: {part}" for name, part in _PARTS)
    return f"{mark} This is check {token} of Broadcaster.\n{lines}\n\nThe end."


@dataclass(frozen=True, slots=True)
class TextChange:
    """A part of the text (`what`) that came back changed, and how, in words for people."""

    what: str
    how: str


def text_changes(sent: str, shown: str) -> tuple[TextChange, ...]:
    """The differences between the sent text and `shown`, the listed one."""
    if shown == sent:
        return ()
    changes = [*_changed_parts(shown), *_changed_breaks(sent, shown)]
    return tuple(changes) or (TextChange("text", f"came back as {_visible(shown)}"),)


def _changed_parts(shown: str) -> list[TextChange]:
    changes = []
    for name, part in _PARTS:
        found = _part_of(shown, name)
        if found is None:
            changes.append(TextChange(name.lower(), "are not shown"))
        elif found != part:
            changes.append(TextChange(name.lower(), _how(part, found)))
    return changes


def _part_of(shown: str, name: str) -> str | None:
    """The text between the name of a part and the next name; None: the name is missing."""
    low = shown.lower()
    names = [f"{each.lower()}:" for each, _ in _PARTS] + ["the end."]
    start = low.find(f"{name.lower()}:")
    if start < 0:
        return None
    start += len(name) + 1
    end = low.find(names[[each for each, _ in _PARTS].index(name) + 1], start)
    found = shown[start:] if end < 0 else shown[start:end]
    for trace in ("<br>", "<br/>", "<br />", "\\n", "\\r"):
        found = found.replace(trace, " ")
    return found.strip()


def _how(sent: str, shown: str) -> str:
    named = [words for words, undone in _KNOWN if undone(sent, shown)]
    return named[0] if named else f"came back as {_visible(shown)}" if shown else "are left out"


_KNOWN: tuple[tuple[str, Callable[[str, str], bool]], ...] = (
    ("are escaped for HTML", lambda sent, shown: html.unescape(shown) == sent),
    ("came back without their marks", lambda sent, shown: sent.translate(_MARKUP) == shown),
    ("came back without U+FE0F", lambda sent, shown: sent.translate(_VARIATION) == shown),
    (
        "came back in another form of Unicode",
        lambda sent, shown: unicodedata.normalize("NFC", sent) == unicodedata.normalize("NFC", shown),
    ),
    ("came back in other capitals", lambda sent, shown: sent.casefold() == shown.casefold()),
)


def _changed_breaks(sent: str, shown: str) -> list[TextChange]:
    what = "line breaks"
    if "\r" in shown:
        return [TextChange(what, "came back as CR LF")]
    if "<br" in shown.lower():
        return [TextChange(what, "came back as <br>")]
    if shown.count("\n") == sent.count("\n"):
        return []
    return [TextChange(what, "are folded into one" if "\n" in shown else "are left out")]


def _visible(text: str) -> str:
    """The text in quotes, with invisible and combining characters written out."""
    return repr("".join(_escaped(character) for character in text)).replace("\\\\", "\\")


def _escaped(character: str) -> str:
    if unicodedata.category(character) in ("Cf", "Mn", "Me"):
        return f"\\u{ord(character):04x}"
    return character
