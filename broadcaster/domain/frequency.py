"""How often people are messaged: cooldowns of campaigns, and caps that hold for all of them. Pure.

A person is one phone. What counts is when each message to it was claimed, whatever campaign it belonged to, unless it
provably was not accepted. The gateway may accept a message for a while after its claim (the grace), so that a span
counts as longer by that: no window at the gateway has more than a cap allows, wherever it begins.

`hold_back.sql` does the same in the claim, and `put_off_recent.sql` when a campaign starts.
docs/decisions/0038-how-often.md has the reasons.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from heapq import heapify, heappush, heapreplace
from itertools import accumulate
from typing import NamedTuple, TypeVar

import msgspec

from broadcaster.domain.spans import LONGEST, UNIT, UNITS, length_of, parse_span, said_per
from broadcaster.errors import UsageError, listed, quoted

Kind = TypeVar("Kind")

MOST_OF_A_CAP = 1000

MOST_PIECES = 24
"""In so many pieces a plan has those who wait."""
READ_PIECES = 96
"""In so many pieces of as many messages each they are read."""
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
    """Messages that may leave one after the other, each once its person is free."""

    first_at: datetime
    """When the first of these people are free,"""
    at: datetime
    """and the last: a plan has all of them from then on."""
    messages: int
    rule: PersonRule
    """By which they wait."""


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


def in_few_pieces(kinds: Mapping[Kind, Sequence[Freed]]) -> Iterator[tuple[Kind, Freed]]:
    """Those who wait, by kind and each in the order in which they are free, in MOST_PIECES, or in one of each kind.

    What is in a piece waits for the last of it, so it is cut where that costs its messages most. The first message of
    all is one piece more: a plan begins with it.
    """
    pieces = [_Piece.of(place, freed) for place, freed in enumerate(kinds.values()) if freed]
    if not pieces:
        return
    heapify(pieces)
    while len(pieces) < MOST_PIECES and pieces[0].seconds:
        _, kind, _, freed, cut = pieces[0]
        heapreplace(pieces, _Piece.of(kind, freed[:cut]))
        heappush(pieces, _Piece.of(kind, freed[cut:]))
    names = list(kinds)
    first, *others = sorted(((names[each.kind], each.joined) for each in pieces), key=lambda found: found[1].first_at)
    yield from ((first[0], freed) for freed in _first_apart(first[1]))
    yield from others


class _Piece(NamedTuple):
    """Of one kind, and before which of `freed` it is to be cut."""

    seconds: float
    """How many its messages would wait less then, all together; negative, so that the most comes first."""
    kind: int
    first_at: datetime
    freed: Sequence[Freed]
    cut: int

    @classmethod
    def of(cls, kind: int, freed: Sequence[Freed]) -> _Piece:
        last, gone = freed[-1].at, accumulate(each.messages for each in freed)
        waits = [(each.at - last).total_seconds() * messages for each, messages in zip(freed, gone, strict=True)]
        place = min(range(len(freed)), key=waits.__getitem__)
        return cls(waits[place], kind, freed[0].first_at, freed, place + 1)

    @property
    def joined(self) -> Freed:
        messages = sum(each.messages for each in self.freed)
        return msgspec.structs.replace(self.freed[-1], first_at=self.first_at, messages=messages)


def _first_apart(freed: Freed) -> Iterator[Freed]:
    if freed.messages > 1 and freed.first_at < freed.at:
        yield msgspec.structs.replace(freed, at=freed.first_at, messages=1)
        freed = msgspec.structs.replace(freed, messages=freed.messages - 1)
    yield freed


class Contention(msgspec.Struct, frozen=True, kw_only=True):
    """What else the people of a campaign get, as it stands before it starts."""

    cooldown: int = 0
    """How many of its messages are to people who were messaged within its cooldown,"""
    cap: int = 0
    """and how many to others who have had as many as caps allow."""
    is_skipped: bool = False
    """Whether these are skipped; otherwise they wait."""
    free: tuple[Freed, ...] = ()
    """When those who wait are free, in that order."""
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
        """Those that wait, in a few pieces for a plan."""
        by_rule = {rule: [each for each in self.free if each.rule is rule] for rule in self.rules}
        return [freed for _, freed in in_few_pieces(by_rule)]

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
