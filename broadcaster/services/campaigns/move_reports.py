"""Which messages went from one instance to another, and for which instances in trouble others send.

Needs no SQLAlchemy, for the commands that only show something.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from broadcaster.db.reading import Reader, reading
from broadcaster.db.statements import rows
from broadcaster.domain.sharing import MoveReason
from broadcaster.domain.states import LaneHealth

if TYPE_CHECKING:
    from sqlalchemy import Engine

_MOST_TOLD = 20


class ToldMove(msgspec.Struct, frozen=True):
    """How many messages of a campaign one instance gave to another for one reason, from when until when."""

    campaign: str
    from_instance: str
    to_instance: str
    reason: MoveReason
    messages: int
    since: datetime
    latest: datetime
    moved_by: str | None
    """The operator of the latest; None: none of them was an operator's."""


class OpenFailover(msgspec.Struct, frozen=True):
    """An instance whose part of a campaign others send."""

    campaign: str
    instance: str
    began_at: datetime
    reason: str | None
    """Why the instance was in trouble then."""
    health: LaneHealth
    """As it is now: it gets its part back when it has been well for long enough."""
    messages: int
    """How many went to others since."""
    pending: int
    """How many stay: one to try it with, and those of people who keep it."""


def moves_of_campaign(source: Engine | Reader, campaign: str) -> Sequence[ToldMove]:
    """The latest first."""
    with reading(source) as connection:
        return rows(connection, "told_moves", ToldMove, campaign=campaign, instance=None, most=_MOST_TOLD)


def moves_of_instance(source: Engine | Reader, instance: str) -> Sequence[ToldMove]:
    """From it or to it, the latest first."""
    with reading(source) as connection:
        return rows(connection, "told_moves", ToldMove, campaign=None, instance=instance, most=_MOST_TOLD)


def open_failovers(
    source: Engine | Reader, *, campaign: str | None = None, instance: str | None = None
) -> Sequence[OpenFailover]:
    """Of one campaign, of one instance, or of all."""
    with reading(source) as connection:
        return rows(connection, "open_failovers", OpenFailover, campaign=campaign, instance=instance)
