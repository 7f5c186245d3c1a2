"""Whether what a chat shows is a message of ours, however a gateway has spelt it. Pure.

Gateways escape what they list for HTML, leave out markup and invisible characters, cut texts short, and show files by
a name, a link, a caption or a thumbnail. Two texts are the same if they are so in a *loose* spelling that undoes this.
Something is another message only where a *bare* spelling, of letters and digits alone, does not fit either.
"""

from __future__ import annotations

import html
import re
import unicodedata
from functools import cached_property
from typing import Protocol
from urllib.parse import unquote, urlsplit

from broadcaster.domain.contents import MessageContent

_MOST_ESCAPES = 64
"""How often a text may have been escaped for HTML, by its author and on its way, until it is not read to its end."""
_LONGEST_WORD = 60
"""Characters without white space of which no text is made, but thumbnails in base64 are."""
_LONGEST_SINGLE_WORD = 24
"""The same for a text of one word."""


class Shown(Protocol):
    """What an entry of a chat shows of its content: None is what it does not show."""

    @property
    def body(self) -> str | None: ...
    @property
    def caption(self) -> str | None: ...
    @property
    def filename(self) -> str | None: ...


class Spelling:
    """A text in the spellings by which it is compared."""

    def __init__(self, text: str | None) -> None:
        self.text = text or ""

    @cached_property
    def loose(self) -> str:
        """Without escapes, markup, invisible characters and typography; white space folded; NFC."""
        text, escaped = self.text, ""
        for _ in range(_MOST_ESCAPES):
            if "&" not in text or text == escaped:
                break
            text, escaped = html.unescape(text), text
        text = _BREAK.sub(" ", text)
        text = unicodedata.normalize("NFC", text.translate(_LOOSENED))
        # A text that is nothing but markup is itself.
        return " ".join(text.split()) or self.text.strip()

    @cached_property
    def bare(self) -> str:
        """Its letters and digits alone, without case and accents, and without what looks like tags."""
        text = _TAG.sub("", self.loose) if "<" in self.loose else self.loose
        if not text.isascii():
            text = unicodedata.normalize("NFKD", text)
        return "".join(filter(str.isalnum, text.casefold()))

    def __bool__(self) -> bool:
        return bool(self.loose)


class Wanted:
    """A content that is looked for."""

    def __init__(self, content: MessageContent) -> None:
        self.is_text = content.text is not None
        self.text = Spelling(content.text)
        self.name = Spelling(content.filename or unquote(urlsplit(content.url or "").path.rpartition("/")[2]))
        self.url = Spelling(content.url)
        self.caption = Spelling(content.caption)


class Seen:
    """The content of an entry."""

    def __init__(self, entry: Shown) -> None:
        self.body = Spelling(entry.body)
        self.caption = Spelling(entry.caption)
        self.name = Spelling(entry.filename)

    def words(self, wanted: Spelling) -> bool:
        """Whether its caption, or what stands in its place, is the wanted one."""
        return bool(wanted) and wanted.loose in (self.caption.loose, self.body.loose)


def compare(wanted: Wanted, seen: Seen) -> bool | None:
    """Whether the entry shows this content; None where it does not show enough to tell."""
    return _compare_text(wanted, seen) if wanted.is_text else _compare_file(wanted, seen)


def _compare_text(wanted: Wanted, seen: Seen) -> bool | None:
    if not seen.body:
        return None
    if seen.body.loose == wanted.text.loose:
        # A file may bear the same words, and then it is another message.
        return None if seen.name or seen.caption else True
    return None if _is_left_of(seen.body, wanted.text) else False


def _compare_file(wanted: Wanted, seen: Seen) -> bool | None:
    if seen.words(wanted.url):
        return True
    if seen.name and seen.name.loose == wanted.name.loose:
        # The same file under different words is another message of ours.
        has_words = seen.words(wanted.caption) if wanted.caption else not seen.caption or seen.words(wanted.name)
        return True if has_words else None
    if not seen.name and seen.words(wanted.caption):
        return True
    is_text = not seen.name and not seen.caption and seen.body and _is_wording(seen.body.text)
    return False if is_text and not (wanted.caption and _is_left_of(seen.body, wanted.caption)) else None


def _is_left_of(seen: Spelling, wanted: Spelling) -> bool:
    """Whether `seen` may be what a gateway left of `wanted`: its beginning, or most of its characters."""
    if wanted.bare.startswith(seen.bare):
        return True
    rest = iter(wanted.bare)
    return 2 * len(seen.bare) >= len(wanted.bare) and all(character in rest for character in seen.bare)


def _is_wording(text: str) -> bool:
    """Whether a text is made of words, and so neither a thumbnail nor a link nor a name."""
    words = text.split()
    if len(words) > 1:
        return all(len(word) < _LONGEST_WORD or "://" in word for word in words)
    return len(text) < _LONGEST_SINGLE_WORD and "://" not in text and "." not in text


_BREAK = re.compile(r"<br\s*/?>|\\r|\\n", re.IGNORECASE)
_TAG = re.compile(r"<[^<>]{1,200}>")


class _Loosened(dict[int, str]):
    """For str.translate: markup and invisible characters go, typography becomes plain, the rest stays."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        self[code] = "" if unicodedata.category(character) == "Cf" else character
        return self[code]


_LOOSENED = _Loosened(
    {ord(character): "" for character in "*_~`\ufe0e\ufe0f"}
    | {ord(character): "'" for character in "‘’‚‛′´"}
    | {ord(character): '"' for character in "“”„‟″«»"}
    | {ord(character): "-" for character in "‐‑‒–—―−"}
    | {ord("…"): "..."}
)
