"""Decodes the escapes of JSON, URLs and HTML in a text, nested or cut off, and says where each character came from."""

from __future__ import annotations

import html
import re
import sys
from collections.abc import Iterator, Sequence
from typing import NamedTuple
from urllib.parse import unquote

# A run of backslashes is read once, from its first one.
_ESCAPED_BLANK = re.compile(
    r"(?=[\\%&<])(?:(?<!\\)\\++[abefnrtv]|%(?:25)*+(?:20|0[9ad])|</?[a-z]{1,6}\s*/?>"
    r"|&(?:nbsp|#0*+(?:9|10|13|32|160)(?![0-9])|#x0*+(?:9|a|d|20|a0)(?![0-9a-f]));?)",
    re.IGNORECASE,
)
_ESCAPE = re.compile(
    r"(?=[\\%&])(?:(?P<pair>(?:(?<!\\)\\++|%)ud[89ab][0-9a-f]{2}(?:\\++|%)ud[c-f][0-9a-f]{2})"
    r"|(?P<code>(?:(?<!\\)\\++|%)u[0-9a-f]{4}|(?<!\\)\\++(?:u\{0*[0-9a-f]{1,6}\}|x[0-9a-f]{2}))"
    r"|(?P<octal>(?<!\\)\\++[0-3][0-7]{2})|(?P<blank>(?<!\\)\\++[abefnrtv])|\\(?P<sign>[\"'\\/])"
    r"|(?P<url>%[0-7][0-9a-f]|(?:%[89a-f][0-9a-f])+)|(?P<html>&(?:#[0-9]{1,7}|#x[0-9a-f]{1,7}|[a-z][a-z0-9]{1,30});?))",
    re.IGNORECASE,
)
# First blanks: the text between them may be plain. Then nested escapes, such as JSON in a URL in HTML.
_STEPS = (_ESCAPED_BLANK, _ESCAPE, _ESCAPE, _ESCAPE)


class DecodedText(NamedTuple):
    """A text after some steps."""

    text: str
    starts: Sequence[int]
    """Where each of its characters began in the text before all steps,"""
    ends: Sequence[int]
    """and where it ended."""
    cuts: Sequence[tuple[str, int]]
    """Escapes that may have taken letters of what stands behind them, and where they ended."""


def levels_of(text: str) -> Iterator[DecodedText]:
    """The text as it is, then after each of `_STEPS` that changes it."""
    starts: Sequence[int] = range(len(text))
    ends: Sequence[int] = range(1, len(text) + 1)
    cuts: list[tuple[str, int]] = []
    yield DecodedText(text, starts, ends, ())
    for escape in _STEPS:
        if not ("\\" in text or "%" in text or "&" in text or "<" in text):
            return
        parts: list[str] = []
        next_starts: list[int] = []
        next_ends: list[int] = []
        end = 0
        for match in escape.finditer(text):
            first, last = match.span()
            read = "" if escape is _ESCAPED_BLANK else _unescaped(match)
            parts += (text[end:first], read)
            next_starts += (*starts[end:first], *[starts[first]] * len(read))
            next_ends += (*ends[end:first], *[ends[last - 1]] * len(read))
            end = last
            if text[last - 1].isalnum():
                cuts.append((match[0], ends[last - 1]))
        if parts:
            text = "".join((*parts, text[end:]))
            starts, ends = [*next_starts, *starts[end:]], [*next_ends, *ends[end:]]
            yield DecodedText(text, starts, ends, cuts)


def _unescaped(match: re.Match[str]) -> str:
    text, kind = match[0], match.lastgroup
    if kind == "url":
        return unquote(text)
    if kind == "html":
        return html.unescape(text)
    if kind == "sign":
        return match["sign"]
    if kind == "blank":
        return ""
    digits = text.lstrip("\\%uUxX{").rstrip("}")
    if kind == "pair":
        return bytes.fromhex(digits[:4] + digits[-4:]).decode("utf-16-be")
    code = int(digits, 8 if kind == "octal" else 16)
    return chr(code) if code <= sys.maxunicode else ""
