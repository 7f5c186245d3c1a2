"""How often people are messaged: cooldowns of campaigns, and caps that hold for all of them. Pure.

A person is one phone. What counts is when each message to it was claimed, whatever campaign it belonged to, unless it
provably was not accepted. The gateway may accept a message for a while after its claim (the grace), so that a span
counts as longer by that: no window at the gateway has more than a cap allows, wherever it begins.

`hold_back.sql` does the same in the claim, and `put_off_recent.sql` when a campaign starts.
docs/decisions/0038-how-often.md has the reasons.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from enum import StrEnum
from math import ceil
from typing import NamedTuple, TypeVar

import msgspec

from broadcaster.errors import UsageError, listed, quoted

T = TypeVar("T")

LONGEST_SPAN = 366 * 86_400
MOST_OF_A_CAP = 1000

MOST_PIECES = 24
"""In so many pieces at most a plan has those who wait."""
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


def said_span(seconds: float) -> str:
    """As it may be written: `90s`, `15m`, `24h` for a day, `7d` for a week."""
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "m")):
        if not seconds % size and (unit != "d" or seconds > size):
            return f"{seconds / size:g}{unit}"
    return f"{seconds:g}s"


def _checked(span: int, text: str, what: str) -> int:
    if not 1 <= span <= LONGEST_SPAN:
        raise UsageError(f"{what} {quoted(text)} must be a span from 1h to {LONGEST_SPAN // 86_400}d")
    return span


class Freed(msgspec.Struct, frozen=True):
    """How many messages may leave from a moment on, since their people are free then."""

    at: datetime | None
    """None: at once."""
    messages: int


class PersonRule(StrEnum):
    """Which rule keeps a message from its person."""

    COOLDOWN = "cooldown"
    CAP = "cap"


class WaitingPeople(msgspec.Struct, frozen=True):
    """Messages of a campaign that wait until their people may get one again."""

    rule: PersonRule
    messages: int
    first_free_at: datetime
    """When the first of these people may."""

    def says(self, clock: Callable[[datetime], str]) -> str:
        """For people. `clock` formats a moment."""
        they, wait = ("message", "waits") if self.messages == 1 else ("messages", "wait")
        until = f"the first until {clock(self.first_free_at)}"
        return f"{self.messages:,} {they} {wait} for people who {they_were(self.rule)}, {until}"


def they_were(rule: PersonRule) -> str:
    """Why people wait, as a clause about them."""
    return "were messaged within its cooldown" if rule is PersonRule.COOLDOWN else "have had as many as caps allow"


def in_few_pieces(freed: Sequence[T], most: int = MOST_PIECES) -> list[Sequence[T]]:
    """In so many pieces at most, for a plan."""
    size = max(1, ceil(len(freed) / most))
    return [freed[first : first + size] for first in range(0, len(freed), size)]


class Contention(msgspec.Struct, frozen=True, kw_only=True):
    """What else the people of a campaign get, as it stands before it starts."""

    cooldown: int = 0
    """How many of its messages are to people who were messaged within its cooldown,"""
    cap: int = 0
    """and how many to others who have had as many as caps allow."""
    is_skipped: bool = False
    """Whether these are skipped; otherwise they wait."""
    free: tuple[Freed, ...] = ()
    """From when on those who wait are free, by hour."""
    in_others: int = 0
    """How many of its people are still to get something from other campaigns that are scheduled, running or paused,"""
    others: tuple[str, ...] = ()
    """and which these are, the one with the most of them first."""

    @property
    def recent(self) -> int:
        """How many messages are to people who were messaged too lately."""
        return self.cooldown + self.cap

    @property
    def skipped(self) -> int:
        """How many are skipped by now."""
        return self.recent if self.is_skipped else 0

    @property
    def waiting(self) -> Sequence[Freed]:
        """Those that wait, by when they may leave, in a few pieces at most: each counts as free at its end."""
        if self.is_skipped:
            return ()
        return [Freed(piece[-1].at, sum(each.messages for each in piece)) for piece in in_few_pieces(self.free)]

    def remarks(self) -> list[str]:
        """For people."""
        what = "they are skipped" if self.is_skipped else "they wait"
        said = []
        if self.cooldown:
            said.append(f"messaged within its cooldown: {self.cooldown:,}; {what}")
        if self.cap:
            said.append(f"have had as many messages as caps allow: {self.cap:,}; {what}")
        if self.in_others:
            which = "another campaign" if len(self.others) == 1 else f"{len(self.others)} other campaigns"
            said.append(
                f"{self.in_others:,} of these people are still to get something from {which}: {listed(self.others, 3)}"
            )
        return said


NO_CONTENTION = Contention()
