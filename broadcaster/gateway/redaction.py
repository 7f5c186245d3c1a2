"""Removes an account's key from its gateway's replies, in whatever form the key comes back.

There are three searches, all by `in`, which costs almost nothing without a hit. One is for the whole key in the
spellings of URLs, JSON and HTML. One is for the key, its encodings and lists of its bytes in the plain form of the
text: in lower case, with separators removed, escapes decoded, and other shapes of a letter as the letter. The last is
for pieces of these. Only a hit is then located.
"""

from __future__ import annotations

import base64
import html
import json
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from urllib.parse import quote, quote_plus, unquote

MASK = "[key]"
LONGEST_TEXT = 2048
"""The characters of a text that are kept. The rest is cut off and searched only as far as a key may reach into it."""

# A shorter form of the key may be ordinary text. The same holds for the key without separators. A key that is
# shorter than _SHORTEST_KEY is searched as a word of its own: `k` is in `thanks`.
_SHORTEST_FORM = 8
_SHORTEST_KEY = 4
# So many letters and digits of the key are a piece of it, if so many of them are different.
_PIECE = 12
_DIFFERENT = 5
# How far a key may reach over the end: about sixteen characters for each of its own, as in `&#x006b; `.
_LONGEST_CHARACTER = 16
_ESCAPE = re.compile(
    r"(?:\\++u[0-9a-f]{4})+|\\++u\{0*[0-9a-f]{1,6}\}|\\++x[0-9a-f]{2}|\\[\"'\\/]"
    r"|(?:%[0-9a-f]{2})+|&(?:#[0-9]{1,7}|#x[0-9a-f]{1,7}|[a-z][a-z0-9]{1,30});?",
    re.IGNORECASE,
)
_ESCAPED_BLANK = re.compile(
    r"\\++[bfnrt]|%(?:25)*+(?:20|0[9ad])"
    r"|&(?:nbsp|#0*+(?:9|10|13|32|160)(?![0-9])|#x0*+(?:9|a|d|20|a0)(?![0-9a-f]));?",
    re.IGNORECASE,
)
# A cut-off escape in front of a form may swallow this many characters of it when decoded: `&#` and a number.
_TAKEN = 7
# First blanks: the text between them may be plain. Then nested escapes, such as JSON in a URL in HTML.
_STEPS = (_ESCAPED_BLANK, _ESCAPE, _ESCAPE, _ESCAPE)
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

    __slots__ = ("_blocks", "_forms", "_plain", "_reach", "_spellings", "_tails", "_wide")

    def __init__(self, key: str) -> None:
        """`key` may be empty: then nothing is blanked."""
        # The letters of a key that is mostly punctuation would be found in ordinary text.
        self._plain = _ALPHANUMERIC if len(key.translate(_ALPHANUMERIC)) >= _SHORTEST_FORM else _VISIBLE
        self._forms = tuple(_forms(key, self._plain)) if key else ()
        # Made when a reply with escapes comes, since most gateways send none.
        self._tails: dict[str, str] | None = None
        # Of a key that is mostly punctuation, pieces could be ordinary text.
        self._wide = tuple(_wide(key)) if self._plain is _ALPHANUMERIC else ()
        # Each piece holds a whole block, and these are few. The pieces of one key would take 300 KB.
        self._blocks = tuple({block for form, width in self._wide for block, _ in _blocks(form, width)})
        # Nobody escapes letters and digits. A key of these alone has no spelling besides its forms.
        spelled = {text.translate(_LOWER) for text in _spellings(key)} if key else set()
        self._spellings = tuple(spelled.difference(self._forms))
        self._reach = LONGEST_TEXT + _LONGEST_CHARACTER * (len(key) + LONGEST_TEXT // 8)

    def __call__(self, text: str) -> str:
        """The first LONGEST_TEXT characters of the text, without the key."""
        searched = text[: self._reach]
        return self._blanked(searched, LONGEST_TEXT) if self._is_in(searched) else text[:LONGEST_TEXT]

    def whole(self, text: str) -> str:
        """The text without the key, however long it is: for what a list of the gateway shows."""
        return self._blanked(text, len(text)) if self._is_in(text) else text

    def _blanked(self, text: str, longest: int) -> str:
        kept: list[str] = []
        end = 0
        for start, stop in _joined(self._places(text)):
            if start >= longest:
                break
            kept += (text[end:start], MASK)
            end = stop
        return "".join((*kept, text[end:longest]))

    def _is_in(self, text: str) -> bool:
        if self._spellings:
            lower = text.lower() if text.isascii() else text.translate(_LOWER)
            if any(spelling in lower for spelling in self._spellings):
                return True
        if self._is_any_in(text, self._forms):
            return True
        for escape in _STEPS:
            if not ("\\" in text or "%" in text or "&" in text):
                return False
            escaped, text = text, escape.sub(_unescaped, text)
            if text != escaped and self._is_any_in(text, self._forms_by_tail()):
                return True
        return False

    def _is_any_in(self, text: str, forms: Iterable[str]) -> bool:
        plain = self._in_plain(text)
        for form in forms:
            if form in plain:
                return True
        for block in self._blocks:  # noqa: SIM110 - `any` takes longer
            if block in plain and self._is_piece_in(plain, block):
                return True
        return False

    def _is_piece_in(self, plain: str, block: str) -> bool:
        """Whether a piece of the key that holds this block is in a plain text."""
        return any(
            piece in plain
            for form, width in self._wide
            for each, start in _blocks(form, width)
            if each == block
            for piece in _windows(form[max(0, start - width + len(block)) : start + width], width)
        )

    def _forms_by_tail(self) -> dict[str, str]:
        """Each form by the part of it that no escape swallows: the whole form if too little would be left."""
        if self._tails is None:
            long = _TAKEN + _SHORTEST_FORM
            self._tails = {form[_TAKEN if len(form) >= long else 0 :]: form for form in self._forms}
        return self._tails

    def _in_plain(self, text: str) -> str:
        """The plain form of a text."""
        if text.isascii():
            # Five times as fast, and nearly every reply is.
            table, others = _ASCII[self._plain is _ALPHANUMERIC]
            return text.encode("ascii").translate(table, others).decode("ascii")
        return text.translate(self._plain)

    def _pieces(self) -> set[str]:
        """The pieces of the key that are searched."""
        return {piece for form, width in self._wide for piece in _windows(form, width)}

    def _places(self, text: str) -> Iterator[tuple[int, int]]:
        """The start and end of each part of the key."""
        lower = text.translate(_LOWER)
        pieces = self._pieces()
        for spelling in self._spellings:
            found = ((start, start + len(spelling)) for start in _found(spelling, lower))
            yield from (at for at in found if len(spelling) >= _SHORTEST_KEY or _is_word(lower, *at))
        for level, starts, ends in _levels(text):
            seen = [index for index, character in enumerate(level) if character.translate(self._plain)]
            plain = level.translate(self._plain)
            for tail, form in self._forms_by_tail().items():
                for start in _found(tail, plain):
                    first = max(start - len(form) + len(tail), 0)
                    yield starts[seen[first]], ends[seen[start + len(tail) - 1]]
            for piece in pieces:
                for start in _found(piece, plain):
                    yield starts[seen[start]], ends[seen[start + len(piece) - 1]]


def _levels(text: str) -> Iterator[tuple[str, list[int], list[int]]]:
    """The text as it is, then after each of `_STEPS` that changes it; each with where its characters began and end."""
    starts, ends = list(range(len(text))), list(range(1, len(text) + 1))
    yield text, starts, ends
    for escape in _STEPS:
        parts: list[str] = []
        next_starts: list[int] = []
        next_ends: list[int] = []
        end = 0
        for match in escape.finditer(text):
            read = _unescaped(match)
            parts += (text[end : match.start()], read)
            next_starts += starts[end : match.start()] + [starts[match.start()]] * len(read)
            next_ends += ends[end : match.start()] + [ends[match.end() - 1]] * len(read)
            end = match.end()
        if not parts:
            continue
        text = "".join((*parts, text[end:]))
        starts, ends = next_starts + starts[end:], next_ends + ends[end:]
        yield text, starts, ends


def _unescaped(match: re.Match[str]) -> str:
    text = match[0]
    if match.re is _ESCAPED_BLANK:
        return ""
    if text[0] == "%":
        return unquote(text)
    if text[0] == "&":
        return html.unescape(text)
    if len(text) > 2:
        codes = [int(part.strip("{}"), 16) for part in re.split(r"\\+[uUxX]", text)[1:]]
        characters = "".join(chr(code) if code <= 0x10FFFF else "" for code in codes)
        return characters.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text[1]


def _found(what: str, text: str) -> Iterator[int]:
    start = text.find(what)
    while start >= 0:
        yield start
        start = text.find(what, start + 1)


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


def _forms(key: str, plain: _Letters) -> Iterator[str]:
    """The forms of the key that are searched in the plain form of a text."""
    bare = key.translate(plain)
    utf8, utf16 = key.encode("utf-8", "replace"), key.encode("utf-16-be", "replace")
    latin = key.encode("latin-1", "ignore")
    # UTF-16 in either byte order, without the zero at its start or end.
    little = key.encode("utf-16-le", "replace")[:-1]
    encoded = {utf8, utf16[1:], little, latin}
    forms = {
        bare[::-1],
        # UTF-8 decoded as another encoding, with and without the characters that the other encoding lacks.
        utf8.decode("latin-1").translate(plain),
        utf8.decode("cp1252", "replace").translate(plain),
        key.encode("ascii", "ignore").decode().translate(plain),
        *(data.hex() for data in encoded),
        utf8.hex()[::-1],
        *(text.translate(plain) for text in _numbers(utf8)),
        *(core.translate(plain)[::-1] for core in _base64_cores(utf8)),
        *(core.translate(plain) for core in _base32_cores(utf8)),
        *(group.translate(plain) for group in _base85_groups(utf8)),
        *(core.translate(plain) for twice in _encoded_once(utf8) for core in _base64_cores(twice)),
        *(core.translate(plain) for data in encoded for core in _base64_cores(data)),
    }
    yield from (form for form in forms if len(form) >= _SHORTEST_FORM and form != bare)
    if len(bare) >= _SHORTEST_KEY:
        yield bare


def _wide(key: str) -> Iterator[tuple[str, int]]:
    """Forms of which pieces are searched too, and how wide these are: twelve letters of the key."""
    bare, utf8 = key.translate(_ALPHANUMERIC), key.encode("utf-8", "replace")
    yield from ((form, _PIECE) for form in (bare, bare[::-1]))
    yield from ((form, 2 * _PIECE) for form in (utf8.hex(), *_numbers(utf8)))
    # Twelve letters take sixteen characters, of which one is mixed with what stands before or behind them.
    yield from ((core.translate(_ALPHANUMERIC), 4 * _PIECE // 3 - 1) for core in _base64_cores(utf8))


def _blocks(form: str, width: int) -> Iterator[tuple[str, int]]:
    """Parts of the form of which every piece of this width holds a whole one, and where they start."""
    half = width // 2
    return ((form[start : start + half], start) for start in range(0, len(form) - half + 1, half))


def _windows(form: str, width: int) -> Iterator[str]:
    """All pieces of this width, but for those that say as little as `000000000000`."""
    pieces = (form[start : start + width] for start in range(len(form) - width + 1))
    return (piece for piece in pieces if len(set(piece)) >= _DIFFERENT)


def _numbers(data: bytes) -> Iterator[str]:
    """Its bytes as decimal, octal and hexadecimal numbers, as they stand without what is between them."""
    return ("".join(map(write, data)) for write in ("{:d}".format, "{:o}".format, "{:03o}".format, "0x{:02x}".format))


def _encoded_once(data: bytes) -> Iterator[bytes]:
    yield from (base64.b64encode(data), data.hex().encode(), data.hex().upper().encode())


def _base32_cores(data: bytes) -> Iterator[str]:
    """As `_base64_cores`: the part that is in any longer base32, for each number of bytes before it (modulo five)."""
    for before in range(5):
        encoded = base64.b32encode(bytes(before) + data).decode()
        yield encoded[-(-8 * before // 5) : 8 * (before + len(data)) // 5]


def _base85_groups(data: bytes) -> Iterator[str]:
    """In both alphabets the whole groups of four bytes, for each number of bytes before them (modulo four)."""
    for first in range(4):
        groups = data[first : first + (len(data) - first) // 4 * 4]
        yield base64.b85encode(groups).decode()
        yield base64.a85encode(groups).decode()


def _base64_cores(data: bytes) -> Iterator[str]:
    """The part of its base64 that any longer base64 contains, for each number of bytes before it (modulo three)."""
    for before in range(3):
        encoded = base64.b64encode(bytes(before) + data).decode()
        core = encoded[-(-8 * before // 6) : 8 * (before + len(data)) // 6]
        yield core
        yield core.translate({ord("+"): "-", ord("/"): "_"})


def _spellings(key: str) -> set[str]:
    once = {escape(key) for escape in _ESCAPES}
    return {key, *once, *(escape(spelling) for spelling in once for escape in _ESCAPES)}


def _url_escape(safe: str) -> Callable[[str], str]:
    return lambda text: quote(text, safe=safe, errors="replace")


_ESCAPES: tuple[Callable[[str], str], ...] = (
    lambda text: json.dumps(text)[1:-1],
    lambda text: json.dumps(text).replace("/", r"\/")[1:-1],
    lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    lambda text: json.dumps(text, ensure_ascii=False).replace("/", r"\/")[1:-1],
    _url_escape(""),
    _url_escape("/"),
    _url_escape("!'()*"),
    lambda text: quote_plus(text, errors="replace"),
    html.escape,
    lambda text: html.escape(text).replace("&#x27;", "&#039;"),
    lambda text: html.escape(text, quote=False),
)
