"""What may be kept of a reply: safe to store, short, and without the key."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec

REPLY_BYTES = 2048
"""How much of a raw reply is kept."""
REASON_BYTES = 300
_MASK = "[key]"
_JSON_SHORT_ESCAPES = {"\b": "b", "\f": "f", "\n": "n", "\r": "r", "\t": "t"}
_UNREADABLE = "\N{REPLACEMENT CHARACTER}"


class Redactor:
    """Blanks an instance's key out of a text, escaped for a URL, JSON or HTML, or for one in another."""

    __slots__ = ("_pattern",)

    def __init__(self, key: str) -> None:
        """`key` may be empty: then nothing is blanked."""
        self._pattern = re.compile("".join(map(_any_spelling, key)), re.IGNORECASE) if key else None

    def __call__(self, text: str) -> str:
        return self._pattern.sub(_MASK, text) if self._pattern else text


def _any_spelling(character: str) -> str:
    """A pattern of one character as it stands, or escaped for JSON, a URL or HTML, or for one inside another."""
    if re.match(r"[A-Za-z0-9]", character):
        return character
    slashes = r"(?:\\|%(?:25)*5C)"
    plain = re.escape(character) + (r"|\+" if character == " " else "")
    in_url = "".join(f"%(?:25)*{byte:02x}" for byte in character.encode("utf-8", "replace"))
    units = memoryview(character.encode("utf-16-le", "replace")).cast("H")
    in_json = "".join(f"{slashes}+u{unit:04x}" for unit in units)
    if character in _JSON_SHORT_ESCAPES:
        in_json += f"|{slashes}+{_JSON_SHORT_ESCAPES[character]}"
    code = ord(character)
    in_html = f"(?:&|%(?:25)*26)(?:#0*{code}|#x0*{code:x}|amp|lt|gt|quot|apos)(?:;|%(?:25)*3b)"
    return f"(?:{slashes}*(?:{plain}|{in_url})|{in_json}|{in_html})"


def readable(body: bytes) -> str:
    """Bytes as text that Postgres can store: invalid UTF-8 and NUL replaced."""
    return body.decode("utf-8", "replace").replace("\0", _UNREADABLE).removeprefix("\ufeff")


def storable(text: str) -> str:
    """A text out of JSON that Postgres can store: lone surrogates and NUL replaced."""
    if text.isascii() and "\0" not in text:
        return text
    return text.encode("utf-8", "replace").decode("utf-8").replace("\0", _UNREADABLE)


def excerpt(text: str, size: int = REPLY_BYTES) -> str:
    """The beginning of a text, at most `size` bytes of UTF-8."""
    if len(text) * 4 <= size:
        return text
    return text.encode("utf-8", "replace")[:size].decode("utf-8", "ignore")


def parse_json(body: bytes) -> Any:
    """The value of a JSON text. Raises ValueError where it is not JSON, or nested too deeply to be read.

    Tolerates a byte order mark, text that is not UTF-8, and halves of surrogate pairs, which JavaScript writes where
    it has cut an emoji in two.
    """
    try:
        return msgspec.json.decode(body)
    except (ValueError, RecursionError):
        pass
    try:
        return json.loads(readable(body))
    except RecursionError:
        raise ValueError("nested too deeply") from None


def header(headers: Mapping[str, str], name: str) -> str | None:
    """The header `name` (lower case) whatever its case in `headers`."""
    return next((value for key, value in headers.items() if key.lower() == name), None)


def retry_after(headers: Mapping[str, str], longest: float) -> float | None:
    """Seconds that Retry-After asks for (RFC 9110, 10.2.3), from 0 to `longest`; None without a usable one.

    A date counts from the reply's own Date, so that neither side's wrong clock matters.
    """
    value = (header(headers, "retry-after") or "").strip()
    if re.fullmatch(r"\d{1,20}(\.\d*)?", value, re.ASCII):
        return min(float(value), longest)
    until = _timestamp(value)
    if until is None:
        return None
    since = _timestamp(header(headers, "date") or "")
    return min(max(until - (time.time() if since is None else since), 0.0), longest)


def _timestamp(value: str) -> float | None:
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    try:
        return moment.timestamp()
    except (ValueError, OverflowError):
        return None
