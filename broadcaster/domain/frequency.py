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
from datetime import datetime, timedelta
from enum import StrEnum
from math import ceil
from typing import NamedTuple, TypeVar

import msgspec

from broadcaster.domain.spans import LONGEST, UNIT, UNITS, length_of, parse_span, said_per
from broadcaster.errors import UsageError, listed, quoted

T = TypeVar("T")

MOST_OF_A_CAP = 1000

MOST_PIECES = 24
"""In so many pieces at most a plan has those who wait."""
_SHORTEST = timedelta(hours=1)
_CAP = re.compile(rf"([0-9]{{1,6}})\s*/\s*([0-9]{{0,6}})\s*({UNIT})")
_CAP_FORMS = "3/7d, 1/d or 2/12h"


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
        return f"{self.most}/{said_per(self.span)}"


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
    match = _CAP.fullmatch(text.strip().lower())
    if match is None:
        raise UsageError(f"cap {quoted(text)} is not understood: write it like {_CAP_FORMS}")
    most, span = int(match[1]), length_of(int(match[2] or 1), UNITS[match[3]])
    if not 1 <= most <= MOST_OF_A_CAP:
        raise UsageError(f"cap {quoted(text)} must be of 1 to {MOST_OF_A_CAP:,} messages")
    if not _SHORTEST <= span <= LONGEST:
        raise UsageError(f"cap {quoted(text)} must be of a span between 1h and {LONGEST.days}d")
    return Cap(most, int(span.total_seconds()))


def parse_frequency_span(text: str, option: str) -> int:
    """`24h`, `7d`, `2w` in seconds. Raises UsageError."""
    return int(parse_span(text, option, shortest=_SHORTEST, forms="24h, 7d or 2w").total_seconds())


class PersonRule(StrEnum):
    """Which rule keeps a message from its person."""

    COOLDOWN = "cooldown"
    CAP = "cap"


class Freed(msgspec.Struct, frozen=True):
    """How many messages may leave from a moment on, since their people are free then."""

    at: datetime | None
    """When the last of them are. None: at once."""
    messages: int
    rule: PersonRule | None = None
    """By which they wait."""
    first_at: datetime | None = None
    """When the first of them are free."""


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

    def what(self, clock: Callable[[datetime], str]) -> str:
        """What is waited for, without a verb."""
        they = "message" if self.messages == 1 else "messages"
        until = f"the first until {clock(self.first_free_at)}"
        return f"people who {they_were(self.rule)} ({self.messages:,} {they}, {until})"


def people_waited_for(rules: Iterable[PersonRule]) -> list[str]:
    """What a campaign waits for that waits for people by these rules, each told once."""
    asked = set(rules)
    return [f"people who {they_were(rule)}" for rule in PersonRule if rule in asked]


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
    """From when on those who wait are free, by rule and hour."""
    in_others: int = 0
    """How many of its people are still to get something from other campaigns that are scheduled, running or paused,"""
    others: tuple[str, ...] = ()
    """and which these are, the one with the most of them first."""

    @property
    def rules(self) -> Sequence[PersonRule]:
        """By which some wait."""
        found = [(PersonRule.COOLDOWN, self.cooldown), (PersonRule.CAP, self.cap)]
        return [] if self.is_skipped else [rule for rule, messages in found if messages]

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
        """Those that wait, by rule and by when they may leave, in a few pieces: each counts as free at its end."""
        if self.is_skipped:
            return ()
        by_rule = [[each for each in self.free if each.rule is rule] for rule in self.rules]
        pieces = [piece for of_rule in by_rule for piece in in_few_pieces(of_rule, MOST_PIECES // len(by_rule))]
        return [
            Freed(piece[-1].at, sum(each.messages for each in piece), piece[-1].rule, piece[0].first_at)
            for piece in pieces
        ]

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
