"""What a transaction of these tests is made of, and the campaigns that there are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import Any
from uuid import UUID


class Campaign(IntEnum):
    """The campaigns of books.sql."""

    EVERYTHING = 1
    """Running, with messages in every state, on all lanes."""
    BALANCED = 2
    """Running, and everything is final; some failed, one is unknown."""
    FINISHED = 3
    PAUSED = 4
    STRAY = 5
    """Cancelled, with messages that came back since."""
    CLEARED = 6
    """Cancelled, with nothing left to do but to close its counters. OLD is its rest."""
    DUE = 7
    DRAFT = 8
    AUDIENCE = 9
    CAREFUL = 10
    """Running, with a canary of which the first slice is open, and not released yet."""
    LAST_SENDING = 11
    """Running: all but one message, which is being sent, is final."""
    LAST_DOUBT = 12
    """Running: all but one message, which is in doubt, is final."""
    BALANCED_PAUSE = 13
    EXPIRED = 14
    """Running, and expired with something pending, also in a lane that was taken away, being sent and in doubt."""
    LAST_PENDING = 15
    """Running: all but one message is final."""
    AWAKE = 16
    """Running, with something due over the free lane."""
    CONSENTING = 20
    """Scheduled, due, and requires consent, which one of three has given."""
    OLD = 17
    """Finished long ago; some failed, one is unknown. A rest of CLEARED."""
    DEPRIVED = 18
    """Running, with something pending in a lane that was taken away from it."""
    LATER = 19
    """Scheduled, and not due yet."""
    NEW = 20
    """Not there yet, like the next two."""
    SEGMENT = 30
    """Not there yet, like the next two: each in a segment of its own."""


Side = int
"""Which of the sessions that meet: 1 and 2, or the place in a row of them."""


LANES = (1, 2, 3, 4)
_LEASES, _CLAIMS = 0x100, 0x200
"""The tokens of books.sql: that of a lane's lease, or of the claim through it, is the sum of this and the lane."""
LEFT_BEHIND = 3
"""The lane whose worker's lease has ended, though it may not know it."""


def take_token(side: Side) -> UUID:
    """The lease under which this side takes lanes: another one than that of the side before it."""
    return UUID(int=0x300 + side % 2)


def claim_token(side: Side) -> UUID:
    """The token of this side's claim."""
    return UUID(int=0x400 + side)


def lease_of_claim(side: Side, lane: int) -> UUID:
    """The lease under which this side's claim asks for the lane. Lane 2 is held by whom the next side takes it for."""
    return take_token(side + 1) if lane == 2 else UUID(int=_LEASES + lane)


def leases_of_claims() -> dict[tuple[UUID, int], UUID]:
    """By claim and lane: those of the books, and those of any side's claim."""
    before = {(UUID(int=_CLAIMS + lane), lane): UUID(int=_LEASES + lane) for lane in (1, LEFT_BEHIND)}
    return before | {(claim_token(side), lane): lease_of_claim(side, lane) for side in range(1, 9) for lane in LANES}


@dataclass(frozen=True)
class Books:
    """What recipes have to know of the books: the messages that statements are told of."""

    sending: list[tuple[int, int, int, UUID]]
    """campaign, seq, attempt, claim token"""
    pending: list[tuple[int, int]]
    """campaign, seq; none of them has been tried"""
    doubts: list[tuple[int, int, int, int]]
    """campaign, seq, attempt, polls"""
    read_at: datetime


@dataclass(frozen=True)
class Step:
    """One statement, with the parameters that it has on this side."""

    statement: Callable[[Side], str]
    parameters: Callable[[Books, Side], Mapping[str, Any]]
    name: str | None = None
    """Its file, unless it is none."""
    plain: bool = False
    """Whether it has to find the tables themselves, and no gate."""
    decides: bool = False
    """Whether the transaction ends with it where it returns no row."""


@dataclass(frozen=True)
class Recipe:
    """A transaction of one or more statements. `held` is the place of the one that is held before its locks."""

    label: str
    steps: tuple[Step, ...]
    worker: bool = False
    """Whether it is run by the pool of the send path, with its settings."""
    held: int = -1

    @property
    def names(self) -> set[str]:
        return {step.name for step in self.steps if step.name}

    def __str__(self) -> str:
        return self.label
