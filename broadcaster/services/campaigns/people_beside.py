"""Which people of a campaign get something of others before it: read for its plan.

Needs no SQLAlchemy, like `planning`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from typing import TYPE_CHECKING, Any

import msgspec
from psycopg.sql import SQL, Composable

from broadcaster.db.statements import composing, first, rows, value
from broadcaster.domain.care import Care
from broadcaster.domain.frequency import MOST_PIECES, Cap
from broadcaster.domain.people_groups import (
    PIECES_OF_SPAN,
    Alike,
    PeopleBeside,
    by_clocks,
    even_groups,
    groups_in_order,
    rules_of,
)
from broadcaster.services.first_leaving import AT_ONCE, first_leaving
from broadcaster.settings import load

if TYPE_CHECKING:
    from broadcaster.db.statements import Connection

_MOST_LOOKED_UP = 100_000
"""Rows by key; of more people some stand for all."""
_FEW_PEOPLE = 10_000
_FINER = 4
"""Few people are in so many times more groups: what is sent to them is planned in less time."""
_CANDIDATES = SQL("SELECT phone, seq, recipient_group FROM candidates WHERE reason IS NULL")
# Of those who wait it is known until when.
_PENDING = SQL(
    "SELECT phone, seq, recipient_group FROM messages"
    " WHERE segment = %(segment)s AND campaign_id = %(campaign_id)s AND state = 'pending'"
    " AND (reason IS NULL OR reason NOT IN ('cooldown', 'cap') OR next_attempt_at <= now())"
)


class _Own(msgspec.Struct, frozen=True):
    id: int
    segment: int
    has_started: bool
    at: datetime
    care: Care | None
    pending: int


class _Other(msgspec.Struct, frozen=True):
    id: int
    care: Care | None
    lanes: list[int]


def people_beside(connection: Connection, name: str) -> tuple[int, PeopleBeside] | None:
    """Those of the campaign called `name`, with its number; None: it asks nothing of them, or there are none."""
    own = first(connection, "people_to_plan", _Own, name=name)
    if own is None or not own.pending:
        return None
    at = own.at
    if not own.has_started:
        at = first_leaving(connection, [own.id]).get(own.id, AT_ONCE).after(at)
    asking = _Asking(connection, name, own.care, at, has_started=own.has_started)
    found = asking.beside(own.pending, _PENDING, segment=own.segment, campaign_id=own.id)
    return None if found is None else (own.id, found)


def candidates_beside(
    connection: Connection, name: str, care: Care | None, leaves_at: datetime
) -> PeopleBeside | None:
    """The same of the table `candidates` but for marked ones, for a campaign of that name that may leave then."""
    return _Asking(connection, name, care, leaves_at).beside(value(connection, "count_candidates"), _CANDIDATES)


@dataclass(frozen=True, slots=True)
class _Asking:
    """A campaign that asks something of its people."""

    connection: Connection
    name: str
    care: Care | None
    at: datetime
    """When it may leave first."""
    has_started: bool = False

    def beside(self, people: int, theirs: Composable, **parameters: Any) -> PeopleBeside | None:
        """Of so many people, whom `theirs` finds with these parameters."""
        caps = rows(self.connection, "caps_to_plan", Cap)
        own = rules_of(self.care, caps)
        span = own.span
        others = rows(self.connection, "sent_beside", _Other, name=self.name) if span else []
        if not span or not (others or self.has_started):
            return None
        most = MOST_PIECES * (_FINER if people <= _FEW_PEOPLE else 1)
        found = rows(
            self.connection,
            composing("alike_people", theirs=theirs),
            Alike,
            others=[each.id for each in others],
            every=max(1, ceil(people * (1 + len(others)) / _MOST_LOOKED_UP)),
            has_started=self.has_started,
            at=self.at,
            most=max([1, *(cap.most for cap in own.caps)]),
            piece=timedelta(seconds=span / PIECES_OF_SPAN),
            pieces=most,
            span=span,
            grace=load().acceptance_seconds,
            cap_most=[cap.most for cap in own.caps],
            cap_spans=[cap.span for cap in own.caps],
            cooldown=own.cooldown,
            **parameters,
        )
        met = {campaign for each in found for campaign in each.selections}
        return (
            PeopleBeside(
                _few(found, self.at, most),
                own,
                {each.id: rules_of(each.care, caps) for each in others if each.id in met},
                sorted({lane for each in others if each.id in met for lane in each.lanes}),
                load().acceptance_seconds,
            )
            if found
            else None
        )


def _few(found: Sequence[Alike], at: datetime, most: int) -> Sequence[Alike]:
    """The same in about so many groups; where they are of many kinds, without the smallest of them."""
    size = max(1, ceil(sum(each.people for each in found) / most))
    kinds = {(each.is_held, *each.selections) for each in found}
    groups: list[Alike] = []
    for alike in by_clocks(found, max(1, most // len(kinds)), at):
        held = [each for each in alike if each.is_held]
        free = [each for each in alike if not each.is_held]
        # Those who are held are free one after the other, and others come to their turns in the order of lists.
        groups += [*even_groups(held, size), *groups_in_order(free, size)]
    return sorted(groups, key=lambda each: -each.people)[: 2 * most] if len(groups) > 2 * most else groups
