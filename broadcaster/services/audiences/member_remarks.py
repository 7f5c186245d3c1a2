"""What is to be said of values that are set for one member, and that campaigns over the audience cannot use."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from psycopg.sql import SQL, Composable
from sqlalchemy import Connection

from broadcaster.domain.plain_values import plain_value
from broadcaster.domain.written_days import DayOrder, day_of
from broadcaster.errors import quoted
from broadcaster.services.audiences.audience import Audience
from broadcaster.services.audiences.evaluation import SAMPLED, how_written


@dataclass(frozen=True, slots=True)
class _Others:
    """The other members of an audience, as candidates for conditions (`Candidates`)."""

    audience: Audience
    phone: str

    @property
    def variables(self) -> tuple[str, ...]:
        return self.audience.variables

    @property
    def relation(self) -> Composable:
        return SQL(
            "(SELECT phone, variables FROM audience_members"
            " WHERE audience_id = %(audience_id)s AND phone <> %(other_than)s)"
        )

    @property
    def parameters(self) -> Mapping[str, Any]:
        return {"audience_id": self.audience.id, "other_than": self.phone}


def unused_values(connection: Connection, audience: Audience, phone: str, values: Mapping[str, str]) -> Iterator[str]:
    """A sentence for each value that is the only one of its column, or no day where the others have days."""
    for name, value in values.items():
        written = plain_value(value)
        if not written:
            continue
        others = how_written(connection, _Others(audience, phone), name, SAMPLED)
        have_days = 2 * others.days > others.filled
        days = {day_of(written, order) for order in DayOrder} - {None}
        if not others.filled:
            yield f"no other member has anything in {quoted(name)}: is another column meant?"
        elif have_days and not days:
            yield f"the others have days in {quoted(name)}, and {quoted(written)} is none: no comparison holds for it"
        elif have_days and len(days) > 1 and bool(others.day_first) == bool(others.month_first):
            yield f"whether {quoted(written)} in {quoted(name)} has the day or the month first cannot be told"
