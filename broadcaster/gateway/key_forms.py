"""The forms in which a key may come back: encodings of it, lists of its bytes, and spellings of URLs, JSON and HTML.

A form is in the plain form of a text, as `redaction` makes it: `Plain` says for str.translate which characters stay.
"""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Callable, Iterator, Mapping
from urllib.parse import quote, quote_plus

Plain = Mapping[int, str | None]

# A shorter form of the key may be ordinary text. The same holds for the key without separators. A key that is
# shorter than SHORTEST_KEY is searched as a word of its own: `k` is in `thanks`.
SHORTEST_FORM = 8
SHORTEST_KEY = 4
# So many letters and digits of the key are a piece of it, if so many of them are different.
_PIECE = 12
_DIFFERENT = 5


def forms_of(key: str, plain: Plain) -> Iterator[str]:
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
    yield from (form for form in forms if len(form) >= SHORTEST_FORM and form != bare)
    if len(bare) >= SHORTEST_KEY:
        yield bare


def wide_forms_of(key: str, plain: Plain) -> Iterator[tuple[str, int]]:
    """Forms of which pieces are searched too, and how wide these are: twelve letters of the key."""
    bare, utf8 = key.translate(plain), key.encode("utf-8", "replace")
    yield from ((form, _PIECE) for form in (bare, bare[::-1]))
    yield from ((form, 2 * _PIECE) for form in (utf8.hex(), *_numbers(utf8)))
    # Twelve letters take sixteen characters, of which one is mixed with what stands before or behind them.
    yield from ((core.translate(plain), 4 * _PIECE // 3 - 1) for core in _base64_cores(utf8))


def blocks_of(form: str, width: int) -> Iterator[tuple[str, int]]:
    """Parts of the form of which every piece of this width holds a whole one, and where they start."""
    half = width // 2
    return ((form[start : start + half], start) for start in range(0, len(form) - half + 1, half))


def pieces_of(form: str, width: int) -> Iterator[str]:
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


def spellings_of(key: str) -> set[str]:
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
