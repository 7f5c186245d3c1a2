"""How often people are messaged: cooldowns of campaigns, and caps that hold for all of them. Pure.

A person is one phone. What counts is when each message to it was claimed, whatever campaign it belonged to, unless it
provably was not accepted. The gateway may accept a message for a while after its claim (the grace), so that a span
counts as longer by that: no window at the gateway has more than a cap allows, wherever it begins.

`hold_back.sql` does the same in the claim, and `put_off_recent.sql` when a campaign starts.
docs/decisions/0038-how-often.md has the reasons.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import timedelta
from enum import StrEnum
from typing import NamedTuple

from broadcaster.errors import UsageError, quoted

KEPT_FOR = timedelta(minutes=10)
"""A person whom a message of a higher priority waits for is kept for it so long, from when it is due."""
LONGEST_SPAN = 366 * 86_400
MOST_OF_A_CAP = 1000

_UNITS = {"h": 3600, "d": 86_400, "w": 7 * 86_400}
_SPAN = re.compile(r"\s*(\d{1,6})\s*([hdw])\s*", re.IGNORECASE)
_CAP = re.compile(r"\s*(\d{1,6})\s*/\s*(\d{0,6})\s*([hdw])\s*", re.IGNORECASE)


class WhenRecent(StrEnum):
    """What becomes of a message to somebody who was messaged too lately."""

    WAIT = "wait"
    SKIP = "skip"


class Cap(NamedTuple):
    """At most `most` messages to one person in any `span` seconds."""

    most: int
    span: int

    def __str__(self) -> str:
        """As it is written: `3/7d`."""
        return f"{self.most}/{said_span(self.span)}"


def free_at(
    moments: Sequence[float], caps: Iterable[Cap], *, cooldown: int | None = None, grace: float = 0.0
) -> float | None:
    """When a person may get another message, who was messaged at `moments`, the latest first, in seconds.

    None: no rule says anything; a moment that has passed: now.
    """
    rules = [*caps, *([] if cooldown is None else [Cap(1, cooldown)])]
    ends = [moments[rule.most - 1] + rule.span + grace for rule in rules if len(moments) >= rule.most]
    return max(ends, default=None)


def parse_cap(text: str) -> Cap:
    """`3/7d`, `1/d`. Raises UsageError."""
    match = _CAP.fullmatch(text)
    if match is None:
        raise UsageError(f"cap {quoted(text)} is not understood: write it like 3/7d, 1/d or 2/12h")
    cap = Cap(int(match[1]), int(match[2] or 1) * _UNITS[match[3].lower()])
    if not 1 <= cap.most <= MOST_OF_A_CAP:
        raise UsageError(f"cap {quoted(text)} must be of 1 to {MOST_OF_A_CAP:,} messages")
    return Cap(cap.most, _checked(cap.span, text, "cap"))


def parse_span(text: str, option: str) -> int:
    """`24h`, `7d`, `2w` in seconds. Raises UsageError."""
    match = _SPAN.fullmatch(text)
    if match is None:
        raise UsageError(f"{option} {quoted(text)} is not understood: write a span like 24h, 7d or 2w")
    return _checked(int(match[1]) * _UNITS[match[2].lower()], text, option)


def said_span(seconds: int) -> str:
    """`90d`, `24h`, `1w` as `7d`."""
    if seconds % 86_400 or seconds == 86_400:
        return f"{seconds // 3600}h" if seconds % 3600 == 0 else f"{seconds}s"
    return f"{seconds // 86_400}d"


def _checked(span: int, text: str, what: str) -> int:
    if not 1 <= span <= LONGEST_SPAN:
        raise UsageError(f"{what} {quoted(text)} must be a span from 1h to {LONGEST_SPAN // 86_400}d")
    return span
