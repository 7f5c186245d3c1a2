"""What a campaign has to send, in parts that are alike: what a plan is made of. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from broadcaster.domain.care import Care
from broadcaster.domain.frequency import PersonRule
from broadcaster.domain.opening_hours import NOBODY, OpeningHours, RecipientGroup
from broadcaster.domain.plan_terms import (
    Slices,
)

OWN = 0
"""The campaign that is asked for, among others beside it."""


_NOTICED = 1.5
"""Seconds: once a second it is looked whether a slice has left, and as often whether the next one is to open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedPart:
    """Messages of one lane that are alike: of one campaign, to recipients of one group."""

    lane_id: int
    messages: int
    hours: OpeningHours | None = None
    """Of the campaign."""
    group: RecipientGroup = NOBODY
    not_before: datetime | None = None
    expires_at: datetime | None = None
    campaign: int = OWN
    priority: int = 0
    slice: int = 0
    """Of the campaign's canary, counted from the one that is open."""
    limits: tuple[int, ...] = ()
    """The ids of limits that hold for the campaign."""
    rule: PersonRule | None = None
    """By which these wait for their people until `not_before`; None: they do not."""
    first_free_at: datetime | None = None
    """When the first of these people are free."""
    is_under_way: bool = False
    """Whether they are being sent: they leave at once, stay with their lane, and are in the counts of its limits."""
    people: int = 0
    """The key of the group of people whom they go to, in `Surroundings.people`; 0: nobody knows who they are."""

    def sliced(self, care: Care | None, open_slices: int = 1, *, held: int | None = None) -> Iterator[PlannedPart]:
        """The same by slices, where its campaign has a canary of which so many are open. `held`: so many are not."""
        closed = 0 if care is None else max(0, care.slices - max(1, open_slices))
        if care is None or not closed:
            yield self
            return
        first = max(1, open_slices)
        opened = care.share_of(first)
        to_come = round(self.messages * (1 - opened)) if held is None else min(held, self.messages)
        yield replace(self, messages=self.messages - to_come)
        gone = 0
        for number in range(1, closed + 1):
            share = (care.share_of(first + number) - opened) / (1 - opened)
            messages = round(to_come * share) - gone
            gone += messages
            yield replace(self, messages=messages, slice=number)


def slices_of(care: Care | None, next_at: datetime | None = None) -> Slices | None:
    """How the slices of its canary follow each other; None: it has none."""
    if care is None or not care.canary:
        return None
    return Slices(care.after + _NOTICED, None if next_at is None else next_at.timestamp())
