"""The people of campaigns in groups that are alike: what the parts of a plan have for each of them. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import msgspec

from broadcaster.domain.care import Care
from broadcaster.domain.frequency import Cap
from broadcaster.domain.planned_parts import PlannedPart
from broadcaster.domain.planned_people import PeopleRules, PlannedPeople
from broadcaster.domain.surroundings import Surroundings

PIECES_OF_SPAN = 96
"""By so much of the longest span people differ in when they were messaged before."""


class Alike(msgspec.Struct, frozen=True):
    """People who are in the same selections, and were messaged at the same times."""

    selections: list[int]
    """Of members or, beside one campaign, the other campaigns that have something for them."""
    moments: list[datetime]
    """The latest first."""
    people: int
    """How many they are."""


def rules_of(care: Care | None, caps: Sequence[Cap]) -> PeopleRules:
    """What a campaign with this care asks, where all have these caps."""
    asked = care or Care()
    return PeopleRules(() if asked.beyond_caps else caps, asked.cooldown, asked.skips_recent)


def planned_people(groups: Sequence[Alike], rules: Mapping[int, PeopleRules], grace: float) -> PlannedPeople:
    """The groups, numbered from 1, for a plan of campaigns with these rules; `grace` as of `PlannedPeople`."""
    moments = {key: [moment.timestamp() for moment in each.moments] for key, each in enumerate(groups, 1)}
    return PlannedPeople(moments, rules, grace)


def even_groups(found: Sequence[Alike], size: int) -> Iterator[Alike]:
    """The same in groups of about that size: those that are smaller are free with the last of them."""
    few: Alike | None = None
    for each in found:
        if few is not None and few.selections == each.selections and few.people + each.people <= size:
            few = msgspec.structs.replace(each, people=few.people + each.people)
            continue
        if few is not None:
            yield few
        whole, rest = divmod(each.people, size)
        yield from [msgspec.structs.replace(each, people=size)] * whole
        few = msgspec.structs.replace(each, people=rest) if rest else None
    if few is not None:
        yield few


def of_groups(part: PlannedPart, theirs: Mapping[int, int], whole: int) -> Iterator[PlannedPart]:
    """The part by groups, each of which is so many of the `whole` people of its campaign and has that share of it.

    What is left is to people of whom nothing is known.
    """
    # Where some stand for all, they may come to more.
    whole = max(whole, sum(theirs.values()))
    had = gone = 0
    for key, people in theirs.items():
        had += people
        messages = round(part.messages * had / whole) - gone
        gone += messages
        if messages:
            yield replace(part, messages=messages, people=key)
    if gone < part.messages or not theirs:
        yield replace(part, messages=part.messages - gone)


@dataclass(frozen=True, slots=True)
class PeopleBeside:
    """Those people of one campaign who are to get something of others, too, or who got something lately."""

    groups: Sequence[Alike]
    own: PeopleRules
    others: Mapping[int, PeopleRules]
    """What the campaigns ask that are sent beside it."""
    lanes: Sequence[int]
    """Those that send what these have for its people."""
    grace: float
    """As of `PlannedPeople`."""

    def parts(self, parts: Sequence[PlannedPart], own: int) -> list[PlannedPart]:
        """The same by these groups, where they are of it, its number being `own`, or of one of the others."""
        wholes: Counter[int] = Counter()
        for part in parts:
            if part.rule is None or part.campaign != own:
                wholes[part.campaign] += part.messages
        found: list[PlannedPart] = []
        for part in parts:
            # Who waits already is planned by that.
            theirs = {} if part.campaign == own and part.rule is not None else self._of(part.campaign, own)
            found += of_groups(part, theirs, wholes[part.campaign]) if theirs else [part]
        return found

    def is_within(self, around: Surroundings) -> bool:
        """Whether all that has something for these people is known there."""
        return set(self.lanes) <= {lane.id for lane in around.lanes}

    def around(self, around: Surroundings, own: int) -> Surroundings:
        """The same, reckoning with these people."""
        return replace(around, beside=self.parts(around.beside, own), people=self.planned(own))

    def planned(self, own: int) -> PlannedPeople:
        """The groups, for a plan."""
        return planned_people(self.groups, {**self.others, own: self.own}, self.grace)

    def _of(self, campaign: int, own: int) -> dict[int, int]:
        groups = enumerate(self.groups, 1)
        return {key: each.people for key, each in groups if campaign == own or campaign in each.selections}
