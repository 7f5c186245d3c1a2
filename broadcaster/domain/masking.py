"""How a phone is shown to those who need not know whose it is. Pure."""

from __future__ import annotations

_SHOWN_FIRST, _SHOWN_LAST = 4, 2
_SHORTEST = 9
"""Characters: of what is shorter nothing is shown, since the rest would be easily guessed."""
HIDDEN = "•"


def masked(phone: str) -> str:
    """Its country and its last two digits: `6281•••••••90`. So is whatever else stood in a column of phones."""
    if len(phone) < _SHORTEST:
        return HIDDEN * len(phone)
    between = len(phone) - _SHOWN_FIRST - _SHOWN_LAST
    return f"{phone[:_SHOWN_FIRST]}{HIDDEN * min(between, _SHORTEST)}{phone[-_SHOWN_LAST:]}"
