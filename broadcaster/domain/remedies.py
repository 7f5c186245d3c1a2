"""Which command helps with a gateway's answer, read from its own words. Pure."""

from __future__ import annotations

import re
from functools import lru_cache
from shlex import quote

from broadcaster.domain.instances import Wire
from broadcaster.domain.outcomes import WRONG_ADDRESS_HINT
from broadcaster.domain.standstill import Remedy

_WRONG_WIRE = re.compile(
    r"HTTP 415\b|unsupported media type|content[- ]type|urlencoded|\bform[- ]?(encod|data)"
    r"|\b(only|expect(s|ed)?|requires?|must be|takes?|accepts?)\b.{0,20}\b(json|form)\b"
    r"|\b(json|form)\b.{0,20}\b(only|expected|required)\b",
    re.IGNORECASE,
)
_WRONG_URL = re.compile(
    rf"{re.escape(WRONG_ADDRESS_HINT)}|HTTP 405\b|\bcannot (post|get|put)\b"
    r"|\bno (such )?(route|endpoint|method|page|path)\b"
    r"|\b(route|endpoint|page|path|url|resource)\b.{0,20}\bnot (be )?(found|exist|allowed|supported)"
    r"|HTTP (404|410)\b[\W\d]*(not found|gone)?\W*$",
    re.IGNORECASE,
)
_NO_WORDS = "the gateway refused it without a reason"
"""Our own words for a refusal without words. They are not in the gateway's reply."""
_SAID = re.compile(r"“(.*)”", re.DOTALL)
_STATUS = re.compile(r"\s*HTTP (\d{3})\b[:\s]*")
_NO_PLAIN_WORDS = re.compile(r"\[key\]|…|\S*\d\S*|[^\w\s'’.,:;/()-]+")
"""Parts that differ from reply to reply: numbers, message ids, the blanked key."""
_SHORTEST = 4
_LONGEST = 60


def address_remedy(name: str, reason: str | None, wire: Wire | None) -> Remedy | None:
    """What to do if the words say that nothing answers at this URL, or that it does not take this encoding.

    `wire` is the encoding in use. Returns None if the words say neither.
    """
    if reason is None:
        return None
    is_wrong_wire, is_wrong_url = _says_of_address(reason)
    if is_wrong_wire:
        other = Wire.JSON if wire is Wire.FORM else Wire.FORM
        return Remedy("it takes the other encoding, give that with", f"{_change(name)} --wire {other}")
    if is_wrong_url:
        return Remedy("give the right one with", f"{_change(name)} --base-url URL")
    return None


def learning_remedy(name: str, reason: str) -> Remedy:
    """How to teach a rule about an unknown refusal: by its words, or by its status if it has no words.

    `reason` is the refusal's, or one that quotes it. The command is safe to run as it is: no message fails by it.
    """
    said = found[1] if (found := _SAID.search(reason)) else reason
    status = _STATUS.match(said)
    words = _plain_words(said[status.end() :] if status else said)
    learn = f"broadcaster instance rules {quote(name)} learn"
    if words and words != _NO_WORDS:
        advice = "if you know whom these words are about (gateway, account or recipient), say so:"
        return Remedy(advice, f"{learn} {quote(words)} --about gateway")
    if status:
        advice = "if you know whom this status is about (gateway, account or recipient), say so:"
        return Remedy(advice, f"{learn} 'HTTP {status[1]}' --about gateway")
    return Remedy("see how it answers with", f"broadcaster instance check {quote(name)}")


@lru_cache(maxsize=256)
def _says_of_address(reason: str) -> tuple[bool, bool]:
    """Whether it says that the encoding is wrong, and that the URL is. Thousands of instances may say the same."""
    return bool(_WRONG_WIRE.search(reason)), bool(_WRONG_URL.search(reason))


def _change(name: str) -> str:
    return f"broadcaster instance set {quote(name)}"


def _plain_words(text: str) -> str:
    """The longest part of a text that similar replies will share; '' if it is too short to tell."""
    part = max((part.strip(" '’.,:;/()-\n") for part in _NO_PLAIN_WORDS.split(text)), key=len)
    if len(part) > _LONGEST:
        part = part[:_LONGEST].rpartition(" ")[0] or part[:_LONGEST]
    return part if sum(map(str.isalnum, part)) >= _SHORTEST else ""
