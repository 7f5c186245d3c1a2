"""The changes that a gateway may make to listed texts, by name. They apply in the configured order."""

from __future__ import annotations

import html
import unicodedata
from collections.abc import Callable

_MARKUP = str.maketrans("", "", "*_~")
_VARIATION = str.maketrans("", "", "\ufe0e\ufe0f")
_PLAIN_QUOTES = str.maketrans({"‘": "'", "’": "'", "‚": "'", "“": '"', "”": '"', "„": '"', "«": '"', "»": '"'})
_LAST_OF_LATIN_1 = "\xff"
_LAST_OF_BASIC_PLANE = "\uffff"

CHANGES: dict[str, Callable[[str], str]] = {
    "escape_html": html.escape,
    "strip_markup": lambda text: text.translate(_MARKUP),
    "drop_variation": lambda text: text.translate(_VARIATION),
    "fold_space": lambda text: " ".join(text.split()),
    "drop_emoji": lambda text: "".join(character for character in text if character <= _LAST_OF_BASIC_PLANE),
    "question_marks": lambda text: "".join(c if c <= _LAST_OF_LATIN_1 else "?" for c in text),
    "plain_quotes": lambda text: text.translate(_PLAIN_QUOTES),
    "decompose": lambda text: unicodedata.normalize("NFD", text),
    "crlf": lambda text: text.replace("\r\n", "\n").replace("\n", "\r\n"),
    "lower": str.lower,
}
"""escape_html `&` to `&amp;`; strip_markup without `*_~`; drop_variation without U+FE0F; fold_space any white space to
one space; drop_emoji without what is beyond U+FFFF; question_marks for what is beyond Latin-1; plain_quotes `’` to
`'`; decompose `é` to `e` and its accent; crlf line breaks; lower case."""
