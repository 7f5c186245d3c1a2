"""The other form of a number under which WhatsApp keeps a chat, so that asking for the one sent to lists nothing."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping

LID = "lid"
"""Chats are kept under an id that says nothing of the number: 15 digits and `@lid`."""

_FORMS = {
    # The digits that are sent to, in E.164, and those that the chat is kept under.
    "mexico": (re.compile(r"52(\d{10})"), r"521\1"),
    "brazil": (re.compile(r"55(\d\d)9(\d{8})"), r"55\1\2"),
    "argentina": (re.compile(r"54([1-8]\d{9})"), r"549\1"),
    "ivory_coast": (re.compile(r"225\d\d(\d{8})"), r"225\1"),
    # As in Brazil, of any country whose code has two digits.
    "ninth_digit": (re.compile(r"(\d{4})9(\d{8})"), r"\1\2"),
}
ALIASES = (*_FORMS, LID)
_PREFIX = re.compile(r"[1-9]\d{0,14}")

Aliases = str | dict[str, str]
"""One of ALIASES, or prefixes and what stands in their place; empty: every chat is kept under the number sent to."""


def check_aliases(aliases: Aliases) -> None:
    """Raises ValueError for a name that does not exist and for what is no prefix of a number."""
    if isinstance(aliases, str):
        if aliases and aliases not in ALIASES:
            raise ValueError(f"there are no aliases {aliases!r}; there are {', '.join(ALIASES)}, or prefix>prefix")
        return
    for prefix in (*aliases, *aliases.values()):
        if not _PREFIX.fullmatch(prefix):
            raise ValueError(f"{prefix!r} is not the beginning of a number")


def renaming(aliases: Aliases) -> Callable[[str], str]:
    """What gives the digits that a chat is kept under, of those sent to. What is kept so already stays."""
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
