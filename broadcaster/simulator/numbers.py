"""Other forms of a number under which WhatsApp may keep a chat, so that the number sent to lists nothing."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping

LID = "lid"
"""Chats are kept under an id that hides the number: 15 digits and `@lid`."""

_FORMS = {
    # The E.164 digits sent to, and the digits that the chat is kept under.
    "mexico": (re.compile(r"52(\d{10})"), r"521\1"),
    "brazil": (re.compile(r"55(\d\d)9(\d{8})"), r"55\1\2"),
    "argentina": (re.compile(r"54([1-8]\d{9})"), r"549\1"),
    "ivory_coast": (re.compile(r"225\d\d(\d{8})"), r"225\1"),
    # As in Brazil, for any country with a code of two digits.
    "ninth_digit": (re.compile(r"(\d{4})9(\d{8})"), r"\1\2"),
}
ALIASES = (*_FORMS, LID)
_PREFIX = re.compile(r"[1-9]\d{0,14}")

Aliases = str | dict[str, str]
"""One of ALIASES, or prefixes and their replacements. Empty: every chat is kept under the number sent to."""


def check_aliases(aliases: Aliases) -> None:
    """Raises ValueError for an unknown name, and for a prefix that cannot begin a number."""
    if isinstance(aliases, str):
        if aliases and aliases not in ALIASES:
            raise ValueError(f"there are no aliases {aliases!r}; there are {', '.join(ALIASES)}, or prefix>prefix")
        return
    for prefix in (*aliases, *aliases.values()):
        if not _PREFIX.fullmatch(prefix):
            raise ValueError(f"{prefix!r} is not the beginning of a number")


def renaming(aliases: Aliases) -> Callable[[str], str]:
    """A function that turns the digits sent to into those that the chat is kept under. It leaves the latter as is."""
    if isinstance(aliases, Mapping):
        return lambda phone: _with_other_prefix(aliases, phone)
    if aliases == LID:
        return _lid
    pattern, form = _FORMS[aliases]
    return lambda phone: match.expand(form) if (match := pattern.fullmatch(phone)) else phone


def _with_other_prefix(prefixes: Mapping[str, str], phone: str) -> str:
    if any(phone.startswith(kept) and len(kept) > len(sent) for sent, kept in prefixes.items()):
        return phone
    for sent in sorted(prefixes, key=len, reverse=True):
        if phone.startswith(sent):
            return prefixes[sent] + phone.removeprefix(sent)
    return phone


def _lid(phone: str) -> str:
    number = int.from_bytes(hashlib.sha256(phone.encode()).digest()[:8])
    return str(10**14 + number % (9 * 10**14))
