"""How a phone is shown to those who need not know whose it is. Pure."""

from __future__ import annotations

HIDDEN = "•"
_SHOWN_FIRST, _SHOWN_LAST = 4, 2
_SHORTEST = 9
"""Digits: of a shorter number nothing is shown, since the rest would be easily guessed."""
_MOST_HIDDEN = 8


def masked(phone: str) -> str:
    """Its first four digits, which tell the country, and its last two: `6281•••••••90`.

    Of what else stood in a column of phones nothing is shown: it may be a name.
    """
    digits = "".join(each for each in phone if each.isdecimal())
    if len(digits) < _SHORTEST or any(each.isalpha() for each in phone):
        return HIDDEN * min(len(phone), _MOST_HIDDEN)
    hidden = min(len(digits) - _SHOWN_FIRST - _SHOWN_LAST, _MOST_HIDDEN)
    return f"{digits[:_SHOWN_FIRST]}{HIDDEN * hidden}{digits[-_SHOWN_LAST:]}"
