"""Describes rules to people: what a pattern looks for, and what is wrong with rules from a file."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches

from broadcaster.domain.outcomes import Outcome
from broadcaster.domain.states import LaneHealth
from broadcaster.errors import quoted
from broadcaster.gateway import replies_in_doubt as doubts
from broadcaster.gateway import reply_words as words

_MEANINGS = {
    doubts.QUEUED: "words for put in a queue",
    doubts.DOUBT: "words for lost sight of",
    doubts.UNDER_WAY: "words for kept for later or still under way",
    words.TOO_LARGE: "words for too long or too large",
    words.RECIPIENT_TOO_OFTEN: "words for a recipient written to too often",
    words.RECIPIENT: "words for a recipient that cannot be reached",
    words.UNUSABLE_FILE: "words for a file that cannot be sent",
    words.KEY_REFUSED: "words for a refused key",
    words.ACCOUNT_ENDED: "words for an account that has ended",
    words.NO_CREDIT: "words for no credit",
    words.DOWN: "words for not connected or not running",
    words.DOWN_IF_NOBODY_ELSE: "words for not connected, where no recipient is spoken of",
    words.WRONG_ADDRESS: "words for a wrong address",
    words.TOO_FAST: "words for too many in a short time",
}
_PLAIN = re.compile(r"(?:[^\\.^$*+?{}\[\]|()]|\\[^a-zA-Z0-9])+")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_OR = re.compile(r"(?<!\\)\|")


def pattern_words(pattern: str) -> str:
    """What the pattern of a text rule looks for. A pattern that is no plain text is shown as a regular expression."""
    if pattern in _MEANINGS:
        return _MEANINGS[pattern]
    choices = _OR.split(pattern)
    if all(_PLAIN.fullmatch(choice) for choice in choices):
        return " or ".join(repr(_ESCAPED.sub(r"\1", choice)) for choice in choices)
    return pattern


_FAULT = re.compile(r"(?P<what>.+?)(?: - at `\$\.?(?P<path>.+)`)?")
_OUTCOMES, _HEALTHS = ", ".join(Outcome), ", ".join(health for health in LaneHealth if health is not LaneHealth.PAUSED)
_LACKING = {
    "pattern": "add the words that it looks for",
    "outcome": f"add what the reply came to, one of {_OUTCOMES}",
}
_TYPES = {
    "str": "must be a text in quotes",
    "object": 'must be an object in braces, such as {"outcome": "not_sent"}',
    "array": 'must be a list in brackets, such as ["success"]',
    "bool": "must be true or false",
    "bool | array": f"must be true, false, or a list of some of {_OUTCOMES}",
    "float": "must be a number of seconds, 0 or more",
}


def fault_words(fault: str, status: str | None, known: Mapping[str, Sequence[str]]) -> str:
    """Turns msgspec's complaint about rules into a sentence: where, what, and what to do.

    `status` is the row of `statuses` with the fault, if it is in one. `known` maps a field to the names that its
    object may have; the empty name stands for the rules themselves.
    """
    found = _FAULT.fullmatch(fault)
    what, path = (found["what"], found["path"] or "") if found else (fault, "")
    where = path.replace("statuses[...]", f"statuses, {status}").replace(".", ", ")
    where = re.sub(r"\[(\d+)\]", lambda number: f", entry {int(number[1]) + 1}", where)
    return f"{where}: {_said(what, path, known)}" if where else _said(what, path, known)


def _said(what: str, path: str, known: Mapping[str, Sequence[str]]) -> str:
    if unknown := re.fullmatch(r"Object contains unknown field `(.*)`", what, re.DOTALL):
        names = known[path.partition("[")[0]]
        close = get_close_matches(unknown[1], names, 1)
        advice = f"do you mean {close[0]}?" if close else f"known are {', '.join(names)}"
        return f"{quoted(unknown[1])} is not known here: {advice}"
    if lacking := re.fullmatch(r"Object missing required field `(.*)`", what):
        return f"{lacking[1]} is missing: {_LACKING[lacking[1]]}"
    if wrong := re.fullmatch(r"Invalid enum value '(.*)'", what, re.DOTALL):
        return f"{quoted(wrong[1])} must be one of {_HEALTHS if path.endswith('health') else _OUTCOMES}"
    if wrong := re.match(r"Expected `([^`]*)`", what):
        return _TYPES.get(wrong[1].removesuffix(" | null"), what)
    return what
