"""Makes texts of replies safe to store, short, and easy to search."""

from __future__ import annotations

import json
import re
import time
import unicodedata
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec

REPLY_BYTES = 2048
"""How many bytes of a raw reply are kept."""
REASON_BYTES = 300
# A reply says at its beginning what went wrong. The rest would only take long to search.
_SEARCHED_CHARACTERS = 1000
_JOINED_WORDS = re.compile(r"(?<=[a-z])(?=[A-Z])")
_LETTERS = str.maketrans({"ı": "i", "ł": "l", "ø": "o", "’": "'", "‘": "'", "`": "'"})
_UNREADABLE = "\N{REPLACEMENT CHARACTER}"


def readable(body: bytes) -> str:
    """Bytes as text that Postgres can store, with invalid UTF-8 and NUL replaced."""
    return body.decode("utf-8", "replace").replace("\0", _UNREADABLE).removeprefix("\ufeff")


def storable(text: str) -> str:
    """A text from JSON that Postgres can store, with lone surrogates and NUL replaced."""
    if text.isascii() and "\0" not in text:
        return text
    return text.encode("utf-8", "replace").decode("utf-8").replace("\0", _UNREADABLE)


def spoken(text: str) -> tuple[str, ...]:
    """The forms of a text that rules search. The first is in lower case, with `_` and runs of blanks as one blank. The
    second, if it differs, is also without accents, with `n't` as ` not` and joinedWords split.
    """
    text = text[:_SEARCHED_CHARACTERS].replace("_", " ")
    plain = " ".join(text.lower().split())
    folded = _JOINED_WORDS.sub(" ", text.replace("WhatsApp", "whatsapp")).lower()
    if not folded.isascii():
        decomposed = unicodedata.normalize("NFKD", folded)[: 2 * _SEARCHED_CHARACTERS]
        folded = "".join(c for c in decomposed if not unicodedata.combining(c)).translate(_LETTERS)
    folded = " ".join(folded.replace("can't", "cannot").replace("n't", " not").split())
    return (plain,) if folded == plain else (plain, folded)


def excerpt(text: str, size: int = REPLY_BYTES) -> str:
    """The beginning of a text, at most `size` bytes of UTF-8."""
    if len(text) * 4 <= size:
        return text
    return text.encode("utf-8", "replace")[:size].decode("utf-8", "ignore")


def parse_json(body: bytes) -> Any:
    """The value of a JSON text. Raises ValueError where it is not JSON, or nested too deeply to be read.

    Tolerates a byte order mark, text that is not UTF-8, and lone surrogates, which JavaScript writes after cutting an
    emoji in two.
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


def is_page(headers: Mapping[str, str], text: str) -> bool:
    """Whether a body that is not JSON is a web page, by its beginning or Content-Type."""
    beginning = text[:_SEARCHED_CHARACTERS].lstrip().lower()
    if beginning.startswith("<") and ("<html" in beginning or not beginning.startswith("<?xml")):
        return True
    return bool(beginning) and "html" in (header(headers, "content-type") or "").lower()


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
