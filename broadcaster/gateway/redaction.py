"""Removes an account's key from its gateway's replies, in whatever form the key comes back.

One search is for the whole key in the spellings of URLs, JSON and HTML. The others are in the plain form of the text:
in lower case, with separators removed, escapes decoded, and other shapes of a letter as the letter. They are for the
key, its encodings and lists of its bytes, and for pieces of these. All are by `in`, which costs almost nothing without
a hit.
"""

from __future__ import annotations

import unicodedata
from bisect import bisect_left
from collections.abc import Iterator
from itertools import count, islice, takewhile

from broadcaster.gateway.escapes import DecodedText, levels_of
from broadcaster.gateway.key_forms import (
    SHORTEST_FORM,
    SHORTEST_KEY,
    blocks_of,
    forms_of,
    pieces_of,
    spellings_of,
    wide_forms_of,
)

MASK = "[key]"
LONGEST_TEXT = 2048
"""The characters of a text that are kept. The rest is cut off and searched only as far as a key may reach into it."""

# How far a key may reach over the end: about sixteen characters for each of its own, as in `&#x006b; `.
_LONGEST_CHARACTER = 16
# An escape that is cut off takes letters of what stands behind it: `&#` takes `12`. So many must be left of a form.
_LEFT = 5
_BETWEEN = {"Cc", "Cf", "Zs", "Zl", "Zp"}


class _Letters(dict[int, str | None]):
    """For str.translate: letters and digits become lower case. The rest goes, or only its visible part stays."""

    def __init__(self, *, only: bool) -> None:
        super().__init__({ord("\N{REPLACEMENT CHARACTER}"): None})
        self._only = only

    def __missing__(self, code: int) -> str | None:
        character = chr(code)
        # None, not an empty text: str.translate is ten times faster with it.
        goes = not character.isalnum() if self._only else unicodedata.category(character) in _BETWEEN
        self[code] = None if goes else _lower(character)
        return self[code]


class _Lower(dict[int, str]):
    def __missing__(self, code: int) -> str:
        self[code] = _lower(chr(code))
        return self[code]


def _lower(character: str) -> str:
    # Each character gives exactly one, so that positions in the text stay the same.
    letter = unicodedata.normalize("NFKC", character)
    lower = letter.lower()
    return lower if len(lower) == 1 else character


_ALPHANUMERIC, _VISIBLE, _LOWER = _Letters(only=True), _Letters(only=False), _Lower()


def _of_ascii(letters: _Letters) -> tuple[bytes, bytes]:
    """The same for bytes.translate: what becomes of the ASCII characters, and those that go."""
    kept = [letters[code] for code in range(128)]
    table = bytes(ord(each) if each else 0 for each in kept) + bytes(128)
    return table, bytes(code for code, each in enumerate(kept) if each is None)


_ASCII = {True: _of_ascii(_ALPHANUMERIC), False: _of_ascii(_VISIBLE)}


class Redactor:
    """Blanks out an account's key in a text, even if it is escaped, encoded, reversed, or in pieces."""

    __slots__ = ("_blocks", "_forms", "_plain", "_reach", "_spellings", "_wide")

    def __init__(self, key: str) -> None:
        """`key` may be empty: then nothing is blanked."""
        # The letters of a key that is mostly punctuation would be found in ordinary text.
        self._plain = _ALPHANUMERIC if len(key.translate(_ALPHANUMERIC)) >= SHORTEST_FORM else _VISIBLE
        self._forms = tuple(forms_of(key, self._plain)) if key else ()
        # Of a key that is mostly punctuation, pieces could be ordinary text.
        self._wide = tuple(wide_forms_of(key, self._plain)) if self._plain is _ALPHANUMERIC else ()
        # Each piece holds a whole block, and these are few. The pieces of one key would take 300 KB.
        self._blocks = tuple({block for form, width in self._wide for block, _ in blocks_of(form, width)})
        # Nobody escapes letters and digits. A key of these alone has no spelling besides its forms.
        spelled = {text.translate(_LOWER) for text in spellings_of(key)} if key else set()
        self._spellings = tuple(spelled.difference(self._forms))
        self._reach = LONGEST_TEXT + _LONGEST_CHARACTER * (len(key) + LONGEST_TEXT // 8)

    def __call__(self, text: str) -> str:
        """The first LONGEST_TEXT characters of the text, without the key."""
        return self._blanked(text[: self._reach], LONGEST_TEXT)

    def whole(self, text: str) -> str:
        """The text without the key, however long it is: for what a list of the gateway shows."""
        return self._blanked(text, len(text))

    def _blanked(self, text: str, longest: int) -> str:
        kept: list[str] = []
        end = 0
        for start, stop in _joined(self._places(text)):
            if start >= longest:
                break
            kept += (text[end:start], MASK)
            end = stop
        return "".join((*kept, text[end:longest]))

    def _places(self, text: str) -> Iterator[tuple[int, int]]:
        """The start and end of each part of the key."""
        lower = text.lower() if text.isascii() else text.translate(_LOWER)
        for spelling in self._spellings:
            if spelling in lower:
                found = ((start, start + len(spelling)) for start in _found(spelling, lower))
                yield from (at for at in found if len(spelling) >= SHORTEST_KEY or _is_word(lower, *at))
        for level in levels_of(text):
            seen: list[int] = []
            for start, end in self._in_plain_text(self._in_plain(level.text)):
                seen = seen or [index for index, each in enumerate(level.text) if each.translate(self._plain)]
                yield level.starts[seen[start]], level.ends[seen[end - 1]]
            if level.cuts:
                yield from self._behind_cuts(level)

    def _in_plain_text(self, plain: str) -> Iterator[tuple[int, int]]:
        """The start and end of each whole form, and each piece, in a plain text."""
        for form in self._forms:
            if form in plain:
                yield from ((start, start + len(form)) for start in _found(form, plain))
        for block in self._blocks:
            if block in plain:
                for piece in self._pieces(block):
                    yield from ((start, start + len(piece)) for start in _found(piece, plain))

    def _pieces(self, block: str) -> set[str]:
        """The pieces of the key that hold this block."""
        return {
            piece
            for form, width in self._wide
            for each, start in blocks_of(form, width)
            if each == block
            for piece in pieces_of(form[max(0, start - width + len(block)) : start + width], width)
        }

    def _behind_cuts(self, level: DecodedText) -> Iterator[tuple[int, int]]:
        """The start and end of each form and piece of which an escape that was cut off has taken the first letters."""
        forms = (*self._wide, *((form, len(form)) for form in self._forms))
        together = "\n".join(form for form, _ in forms)
        farthest = _LONGEST_CHARACTER * max(map(len, self._forms), default=0)
        for cut, end in level.cuts:
            first = bisect_left(level.starts, end)
            taken = self._in_plain(cut)
            left = self._in_plain(level.text[first : first + _LEFT * _LONGEST_CHARACTER])[:_LEFT]
            if len(left) < _LEFT or taken[-1:] + left not in together:
                continue
            plain = self._in_plain(level.text[first : first + farthest])
            for form, width in forms:
                for at in _found(left, form):
                    before = _shared(taken[::-1], form[:at][::-1])
                    behind = _shared(plain, form[at:])
                    if before and before + behind >= width:
                        letters = (index for index in count(first) if level.text[index].translate(self._plain))
                        yield end - before, level.ends[next(islice(letters, behind - 1, None))]

    def _in_plain(self, text: str) -> str:
        """The plain form of a text."""
        if text.isascii():
            # Five times as fast, and nearly every reply is.
            table, others = _ASCII[self._plain is _ALPHANUMERIC]
            return text.encode("ascii").translate(table, others).decode("ascii")
        return text.translate(self._plain)


def _found(what: str, text: str) -> Iterator[int]:
    start = text.find(what)
    while start >= 0:
        yield start
        start = text.find(what, start + 1)


def _shared(one: str, other: str) -> int:
    """How many characters both begin with."""
    alike = takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False))
    return sum(1 for _ in alike)


def _is_word(text: str, start: int, end: int) -> bool:
    """Whether no letter or digit stands right before or behind this part of a text."""
    return not (text[max(start - 1, 0) : start].isalnum() or text[end : end + 1].isalnum())


def _joined(places: Iterator[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """The places in order, with overlapping ones joined."""
    last: tuple[int, int] | None = None
    for start, end in sorted(places):
        if last and start < last[1]:
            last = (last[0], max(last[1], end))
        else:
            if last:
                yield last
            last = (start, end)
    if last:
        yield last
