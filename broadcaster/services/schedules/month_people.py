"""Whom the occurrences of a month reach, and which of these people are the same ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from math import ceil

from sqlalchemy import Connection

from broadcaster.db.statements import execute, rows
from broadcaster.domain.care import Care
from broadcaster.domain.conditions import Condition
from broadcaster.domain.frequency import MOST_PIECES, Cap
from broadcaster.domain.people_groups import PIECES_OF_SPAN, Alike, even_groups, of_groups, planned_people, rules_of
from broadcaster.domain.planned_parts import PlannedPart
from broadcaster.domain.planned_people import PlannedPeople
from broadcaster.domain.skips import Skipped, SkipReason, skips_of
from broadcaster.errors import BroadcasterError, UnavailableError
from broadcaster.services.audiences.audience import find_audience
from broadcaster.services.audiences.selection import Selection
from broadcaster.services.campaigns.leaving_out import drop_candidates, mark_left_out
from broadcaster.services.frequency import caps_in
from broadcaster.services.schedules.stored_schedule import Schedule, audience_name
from broadcaster.settings import load

_MOST_QUEUES = 600
"""In so many groups of people are all occurrences together, about: their plan takes a second or two."""


@dataclass(frozen=True, slots=True)
class Reached:
    """Whom an occurrence would reach of the members that there are now."""

    selection: int
    """The same for occurrences that go to the same people."""
    messages: int
    skips: Sequence[Skipped]
    """How many others would be skipped, whatever else these people get."""
    fault: str | None = None
    """Why nobody can tell."""


@dataclass(slots=True)
class MonthPeople:
    """The people of schedules. Whom these reach is asked first, and then who they are."""

    connection: Connection
    schedules: Sequence[Schedule]
    _caps: Sequence[Cap] = field(init=False)
    _known: dict[tuple[int, Sequence[Condition]], Reached] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self._caps = [each.cap for each in caps_in(self.connection)]
        if self._span:
            execute(self.connection, "stage_month_people")

    def reached(self, schedule: Schedule, conditions: Sequence[Condition]) -> Reached:
        """Whom its occurrence would reach whose conditions are these, on its day."""
        key = schedule.id, conditions
        if key not in self._known:
            self._known[key] = self._reached(schedule, conditions, len(self._known) + 1)
        return self._known[key]

    def groups(self, parts: int) -> Sequence[Alike]:
        """The people in groups, of which so many parts of occurrences are made; none where no rule holds."""
        if not self._span:
            return []
        found = rows(
            self.connection,
            "alike_month_people",
            Alike,
            most=max([1, *(cap.most for cap in self._caps)]),
            piece=timedelta(seconds=self._span / PIECES_OF_SPAN),
            span=self._span,
            grace=self._grace,
        )
        pieces = max(1, min(MOST_PIECES, _MOST_QUEUES // max(1, parts)))
        return list(even_groups(found, ceil(sum(each.people for each in found) / pieces)))

    def planned(self, groups: Sequence[Alike], due: Mapping[int, Schedule]) -> PlannedPeople | None:
        """These groups, with the rules of what is due (by campaign); None: none holds."""
        if not groups:
            return None
        rules = {campaign: rules_of(each.care, self._caps) for campaign, each in due.items()}
        return planned_people(groups, rules, self._grace)

    @property
    def _grace(self) -> float:
        return load().acceptance_seconds

    @property
    def _span(self) -> int:
        """How long what people got matters, in seconds; 0: it never does."""
        return max((rules_of(each.care, self._caps).span for each in self.schedules), default=0)

    def _reached(self, schedule: Schedule, conditions: Sequence[Condition], number: int) -> Reached:
        audience = find_audience(self.connection, audience_name(self.connection, schedule))
        try:
            selection = Selection(audience=audience, conditions=conditions).ready(self.connection)
            members, faulty, _ = selection.count(self.connection)
            skips = list(self._skips(schedule, selection, number))
        except UnavailableError:
            raise
        except BroadcasterError as error:
            return Reached(number, 0, (), f"whom it would reach cannot be told: {error}")
        return Reached(number, members - faulty - sum(each.messages for each in skips), skips)

    def _skips(self, schedule: Schedule, selection: Selection, number: int) -> Iterator[Skipped]:
        """Who would be skipped; the others are noted, where anybody's rules ask who they are."""
        opted_out = selection.count_opted_out(self.connection, schedule.lanes)
        yield from skips_of([(SkipReason.OPTED_OUT, opted_out)], is_done=False)
        care = schedule.care or Care()
        if not (self._span or schedule.require_consent or care.leaves_out):
            return
        found = mark_left_out(
            *(self.connection, care, schedule.lanes, selection.statement("candidates_of_members")),
            require_consent=schedule.require_consent,
            of_lanes=list(schedule.lanes),
            **selection.parameters(),
        )
        if self._span:
            execute(self.connection, "note_month_people", selection=number)
        drop_candidates(self.connection)
        yield from skips_of(found.items(), is_done=False)


def with_people(part: PlannedPart, selection: int, groups: Sequence[Alike]) -> Iterator[PlannedPart]:
    """The same by the groups of people in the selection; each gets its share of each lane."""
    theirs = {key: each.people for key, each in enumerate(groups, 1) if selection in each.selections}
    yield from of_groups(part, theirs, sum(theirs.values()))
