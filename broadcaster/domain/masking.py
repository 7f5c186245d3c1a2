"""How a phone is shown to those who need not know whose it is. Pure."""

from __future__ import annotations

import re

HIDDEN = "•"
_SHOWN_FIRST, _SHOWN_LAST = 4, 2
_SHORTEST = 9
"""Digits: of a shorter number nothing is shown, since the rest would be easily guessed."""
_MOST_HIDDEN = 8
# What may be somebody's number, by the rule of db/schema/functions/without_numbers.sql, for digits of any script.
# It looks behind, so that a long run of brackets is read once and not from each of them. What stands in brackets goes
# with both of them.
_NUMBER = r"(?<![+(])(?P<opened>\()?[+(]*\d(?:(?:[\W_]{0,8}|[^\W\d_])\d){6,}(?(opened)\)?)"
_COUNT = "[0-9]{1,3}(?:,[0-9]{3})*"
_FIGURES = rf"({_COUNT} of {_COUNT} \([0-9.]{{1,9}}%\))"
"""As domain/care.py words a count and its share, which are nobody's number: `8 of 1,399 (0.5718%)`."""
_DAY = r"(?:19|20)[0-9]{2}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])"
_TIME = r"[T ](?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9])?(?:Z|[+-][01][0-9]:[0-5][0-9])?"
_MOMENT = rf"((?<![0-9+(./-]){_DAY}(?:{_TIME})?(?![-+()/.:]?[0-9]))"
"""A day, or a moment as the names of a schedule's campaigns have it: `news 2026-11-29T09:00:00+07:00`."""
_FIGURES_OR_NUMBER = re.compile(f"{_FIGURES}|{_NUMBER}")
_SHOWN_OR_NUMBER = re.compile(f"(?:{_FIGURES}|{_MOMENT})|{_NUMBER}")


def masked(phone: str) -> str:
    """Its first four digits, which tell the country, and its last two: `6281•••••••90`.

    Of what else stood in a column of phones nothing is shown: it may be a name.
    """
    digits = "".join(each for each in phone if each.isdecimal())
    if len(digits) < _SHORTEST or any(each.isalpha() for each in phone):
        return HIDDEN * min(len(phone), _MOST_HIDDEN)
    hidden = min(len(digits) - _SHOWN_FIRST - _SHOWN_LAST, _MOST_HIDDEN)
    return f"{digits[:_SHOWN_FIRST]}{HIDDEN * hidden}{digits[-_SHOWN_LAST:]}"


def with_masked_phones(text: str) -> str:
    """The text with whatever may be somebody's number masked. Days and moments are nobody's."""
    return _SHOWN_OR_NUMBER.sub(
        lambda found: found[1] or found[2] or masked("".join(each for each in found[0] if each.isdecimal())), text
    )


def without_numbers(text: str) -> str:
    """The text with an … for whatever may be somebody's number."""
    return _FIGURES_OR_NUMBER.sub(lambda found: found[1] or "…", text)
