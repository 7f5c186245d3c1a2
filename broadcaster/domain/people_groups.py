"""The people of campaigns in groups that are alike: what the parts of a plan have for each of them. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import accumulate
from zoneinfo import ZoneInfo

import msgspec

from broadcaster.domain.care import Care
from broadcaster.domain.frequency import Cap
from broadcaster.domain.opening_hours import NOBODY, RecipientGroup
from broadcaster.domain.planned_parts import PlannedPart
from broadcaster.domain.planned_people import PeopleRules, PlannedPeople
from broadcaster.domain.surroundings import Surroundings

PIECES_OF_SPAN = 96
"""By so much of the longest span people differ in when they were messaged before."""
_MOST_BETWEEN = 16
"""In so many places of a list others are between the groups, at most."""


class Alike(msgspec.Struct, frozen=True):
    """People who are in the same selections, and were messaged at the same times."""

    selections: list[int]
    """Of members or, beside one campaign, the other campaigns that have something for them."""
    moments: list[datetime]
    """The latest first."""
    people: int
    """How many they are."""
    is_held: bool = False
    """Whether they may not be messaged now."""
    place: float = 0.0
    """Where they are in the list of what is left of the campaign, from 0 to 1; 0 where nobody knows."""
    places: list[float] = []
    """The same in the lists of the selections; empty where nobody knows."""
    groups: list[RecipientGroup] = []
    """Of recipients, in one of which each of them is; empty: they are in all."""


def rules_of(care: Care | None, caps: Sequence[Cap]) -> PeopleRules:
    """What a campaign with this care asks, where all have these caps."""
    asked = care or Care()
    return PeopleRules(() if asked.beyond_caps else caps, asked.cooldown, asked.skips_recent)


def planned_people(groups: Sequence[Alike], rules: Mapping[int, PeopleRules], grace: float) -> PlannedPeople:
    """The groups, numbered from 1, for a plan of campaigns with these rules; `grace` as of `PlannedPeople`."""
    moments = {key: [moment.timestamp() for moment in each.moments] for key, each in enumerate(groups, 1)}
    return PlannedPeople(moments, rules, grace)


def by_clocks(found: Sequence[Alike], most: int, moment: datetime) -> Sequence[Sequence[Alike]]:
    """The same apart by their groups of recipients, in at most so many: neighbours by their clocks at that moment are
    joined, the fewest people first.
    """
    by_groups: dict[tuple[RecipientGroup, ...], list[Alike]] = defaultdict(list)
    for each in found:
        by_groups[tuple(each.groups)].append(each)
    apart = [by_groups[groups] for groups in sorted(by_groups, key=lambda groups: (_offsets(groups, moment), groups))]
    while len(apart) > most:
        people = [sum(each.people for each in alike) for alike in apart]
        least = min(range(len(people) - 1), key=lambda place: people[place] + people[place + 1])
        apart[least : least + 2] = [_of_any([*apart[least], *apart[least + 1]])]
    return apart


def _offsets(groups: Iterable[RecipientGroup], moment: datetime) -> Sequence[timedelta]:
    """By which the clocks of these groups differ from UTC then."""
    found = (moment.astimezone(ZoneInfo(zone)).utcoffset() for group in groups for zone in group.zones)
    return sorted(offset for offset in found if offset is not None)


def _of_any(alike: Sequence[Alike]) -> list[Alike]:
    """The same, each of whom may be in any of their groups of recipients."""
    is_known = all(each.groups for each in alike)
    groups = sorted({group for each in alike for group in each.groups}) if is_known else []
    return [msgspec.structs.replace(each, groups=groups) for each in alike]


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


def groups_in_order(found: Sequence[Alike], size: int) -> Iterator[Alike]:
    """The same in groups of about that size: of the same selections, and beside each other in all lists."""
    by_selections: dict[tuple[int, ...], list[Alike]] = defaultdict(list)
    for each in found:
        by_selections[tuple(each.selections)].append(each)
    for alike in by_selections.values():
        yield from _cut(alike, max(1, round(sum(each.people for each in alike) / size)))


def _cut(alike: Sequence[Alike], groups: int) -> Iterator[Alike]:
    """In so many groups: the half of them first, by the list in which they are farthest from each other."""
    lists = [[each.place for each in alike], *map(list, zip(*(each.places for each in alike), strict=True))]
    farthest = max(lists, key=lambda places: max(places) - min(places))
    if groups == 1 or min(farthest) == max(farthest):
        yield _joined(alike)
        return
    ordered = [alike[index] for index in sorted(range(len(alike)), key=farthest.__getitem__)]
    gone = list(accumulate(each.people for each in ordered))
    half = groups // 2
    # Where it is cut a group at least is left on each side.
    cut = min(max(1, bisect_right(gone, gone[-1] * half / groups)), len(ordered) - 1)
    yield from _cut(ordered[:cut], half)
    yield from _cut(ordered[cut:], groups - half)


def _joined(alike: Sequence[Alike]) -> Alike:
    """As one group, which is free with the last of them."""
    people = sum(each.people for each in alike)

    def mean(places: Iterable[float]) -> float:
        return sum(place * each.people for place, each in zip(places, alike, strict=True)) / people

    return msgspec.structs.replace(
        alike[0],
        moments=max(each.moments for each in alike),
        people=people,
        place=mean(each.place for each in alike),
        places=[mean(places) for places in zip(*(each.places for each in alike), strict=True)],
    )


def of_groups(
    part: PlannedPart, theirs: Mapping[int, float], whole: float, places: Mapping[int, float] | None = None
) -> Iterator[PlannedPart]:
    """The part by groups, each of which is so many of the `whole` people of its campaign and has that share of it.

    The groups come in their order; where `places` says where they are in the list, others are before and between them.
    What is left is to people of whom nothing is known.
    """
    # Where some stand for all, they may come to more.
    others = max(0, whole - sum(theirs.values()))
    whole = others + sum(theirs.values())
    had, gone = 0.0, 0
    for key, people in theirs.items():
        before = 0 if places is None else min(others, round(places[key] * whole - people / 2) - had)
        steps = [(0, before), (key, people)] if before * _MOST_BETWEEN > whole else [(key, people)]
        for group, number in steps:
            others -= 0 if group else number
            had += number
            messages = round(part.messages * had / whole) - gone
            gone += messages
            if messages:
                yield replace(part, messages=messages, people=group)
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
        wholes: dict[int, Counter[RecipientGroup]] = defaultdict(Counter)
        for part in parts:
            if not (part.is_under_way or _waits(part, own)):
                wholes[part.campaign][part.group] += part.messages
        found: list[PlannedPart] = []
        for part in parts:
            # Who waits already is planned by that.
            places = {} if part.is_under_way or _waits(part, own) else self._places(part.campaign, own)
            of_campaign = wholes[part.campaign]
            theirs = {
                key: people
                for key in sorted(places, key=places.__getitem__)
                if (people := _people(self.groups[key - 1], part.group, of_campaign))
            }
            whole = of_campaign.total() if part.group == NOBODY else of_campaign[part.group]
            found += of_groups(part, theirs, whole, places) if theirs else [part]
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

    def _places(self, campaign: int, own: int) -> dict[int, float]:
        """Where those groups that the campaign is sent to are in its list."""
        groups = enumerate(self.groups, 1)
        if campaign == own:
            return {key: each.place for key, each in groups}
        return {
            key: dict(zip(each.selections, each.places, strict=False)).get(campaign, 0.0)
            for key, each in groups
            if campaign in each.selections
        }


def _waits(part: PlannedPart, own: int) -> bool:
    """Whether it is known until when its people wait."""
    return part.campaign == own and part.rule is not None


def _people(alike: Alike, group: RecipientGroup, messages: Counter[RecipientGroup]) -> float:
    """How many of them are in that group of recipients, where a campaign has so many messages for each group."""
    if group == NOBODY:
        return alike.people
    groups = alike.groups or messages
    return alike.people * messages[group] / sum(messages[each] for each in groups) if group in groups else 0
