"""When a campaign and its instances are open at once, and what of a schedule never is in time. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from broadcaster.domain.opening_hours import NOBODY, OpeningHours, RecipientGroup, joint_opening
from broadcaster.errors import listed, quoted
from broadcaster.time_zones import shown_time

InstanceHours = Mapping[str, OpeningHours | None]
"""When instances (names) may send; None: always."""
_MOST_NAMED = 3
"""Instances whose windows are told, of many."""


@dataclass(frozen=True, slots=True)
class Meeting:
    """When a campaign and its instances are open at once, from one moment on."""

    opens_at: datetime | None
    """Open for the first of its recipients, through one instance at least; None: never (FARTHEST_OPENING)."""
    apart: Sequence[str] = ()
    """Through which of the instances nobody can be sent to, ever."""
    unmet: Sequence[RecipientGroup] = ()
    """Who can be sent to through none of them, ever."""
    first: Sequence[str] = ()
    """Through which of the instances it opens at that moment."""


def is_known_to(hours: OpeningHours | None, groups: Collection[RecipientGroup]) -> bool:
    """Whether the groups are enough to tell when the hours are open."""
    return hours is None or not hours.is_by_recipient or any(group != NOBODY for group in groups)


def meeting_of(
    hours: OpeningHours | None, instances: InstanceHours, groups: Collection[RecipientGroup], moment: datetime
) -> Meeting:
    """When a campaign with these hours is sent at `moment` or next.

    Where it goes by the recipients' clocks and nobody knows them yet, they may be anywhere: they count as met.
    """
    groups = groups or [NOBODY]
    openings = {
        each: {group: _opens_at(hours, each, group, moment) for group in groups} for each in set(instances.values())
    }
    apart = [name for name, each in instances.items() if not any(openings[each].values())]
    unmet = [group for group in groups if not any(of_instance[group] for of_instance in openings.values())]
    if apart and not is_known_to(hours, groups):
        return meeting_of(hours, dict.fromkeys(instances), groups, moment)
    found = [opens for of_instance in openings.values() for opens in of_instance.values() if opens is not None]
    opens_at = min(found, default=None)
    first = [name for name, each in instances.items() if opens_at in openings[each].values()] if opens_at else []
    return Meeting(opens_at, apart, unmet, first)


def said_hours(hours: OpeningHours | None, instances: InstanceHours) -> str:
    """For people: `09:00-20:00 Europe/Berlin, through instance 'main' 08:00-18:00 Europe/Berlin`.

    Without hours of the campaign the instances that have none are told, too, where others have some.
    """
    said = [] if hours is None else [f"within the {hours}" if hours.is_legal and not hours.windows else str(hours)]
    always = [name for name, each in instances.items() if each is None]
    if hours is None and 0 < len(always) < len(instances):
        said = [f"at any time through {listed(always, _MOST_NAMED)}"]
    limited = [f"through instance {quoted(name)} {each}" for name, each in instances.items() if each is not None]
    more = [f"and {len(limited) - _MOST_NAMED} more instances"] if len(limited) > _MOST_NAMED else []
    return ", ".join([*said, *limited[:_MOST_NAMED], *more])


class Chance(NamedTuple):
    """When an occurrence can be sent first, through an instance."""

    due_at: datetime
    opens_at: datetime | None
    """None: never."""
    expires_at: datetime | None

    @property
    def is_missed(self) -> bool:
        """Whether nothing of it can leave."""
        return self.opens_at is None or (self.expires_at is not None and self.expires_at <= self.opens_at)

    def is_late(self, zone: ZoneInfo) -> bool:
        """Whether it leaves on another day than it was for, though nobody has said until when it may."""
        if self.opens_at is None or self.expires_at is not None:
            return False
        return self.opens_at.astimezone(zone).date() != self.due_at.astimezone(zone).date()

    def said(self, zone: ZoneInfo) -> str:
        """For people, by the clocks of `zone`."""
        expires = f"expires at {shown_time(self.expires_at, zone)}, and " if self.expires_at else ""
        opens = "never opens" if self.opens_at is None else f"can be sent from {shown_time(self.opens_at, zone)} on"
        return f"that of {shown_time(self.due_at, zone)} {expires}{opens}"


@dataclass(frozen=True, slots=True)
class Chances:
    """When the next occurrences of a schedule can be sent."""

    by_instance: Mapping[str, Sequence[Chance]]
    """All of them for each instance."""
    zone: ZoneInfo
    """Whose days count."""

    @classmethod
    def of(
        cls,
        occurrences: Sequence[datetime],
        hours: OpeningHours | None,
        instances: InstanceHours,
        expires_after: timedelta | None,
        zone: ZoneInfo,
    ) -> Chances:
        """Of these occurrences. Recipients' own clocks are unknown: those of the hours' zone stand for them."""

        def chance(due_at: datetime, of_instance: OpeningHours | None) -> Chance:
            opens_at = meeting_of(hours, {"": of_instance}, [NOBODY], due_at).opens_at
            return Chance(due_at, opens_at, None if expires_after is None else due_at + expires_after)

        by_hours = {each: [chance(due_at, each) for due_at in occurrences] for each in set(instances.values())}
        return cls({name: by_hours[each] for name, each in instances.items()}, zone)

    @property
    def missed(self) -> Mapping[str, Sequence[Chance]]:
        """Those of which nothing can leave, by instance."""
        return {name: [each for each in chances if each.is_missed] for name, chances in self.by_instance.items()}

    @property
    def all_are_missed(self) -> bool:
        """Whether nothing of any of them can leave, through any instance."""
        return all(chances and len(self.missed[name]) == len(chances) for name, chances in self.by_instance.items())

    def remarks(self) -> Iterator[str]:
        """What people should know of them."""
        late = {name: [one for one in each if one.is_late(self.zone)] for name, each in self.by_instance.items()}
        yield from self._said("expired before anything of them can be sent", self.missed)
        yield from self._said("sent on another day than they are due, unless you give --expires", late)

    def _said(self, what: str, found: Mapping[str, Sequence[Chance]]) -> Iterator[str]:
        is_alike = len(set(map(tuple, found.values()))) == 1
        for name, chances in list(found.items())[: 1 if is_alike else None]:
            if chances:
                total = len(self.by_instance[name])
                of = "the next occurrence" if total == 1 else f"{len(chances)} of the next {total} occurrences"
                through = "" if is_alike else f"through instance {quoted(name)}, "
                yield f"{through}{what}: {of}; {chances[0].said(self.zone)}"


def _opens_at(
    hours: OpeningHours | None, instance: OpeningHours | None, group: RecipientGroup, moment: datetime
) -> datetime | None:
    opening = joint_opening([each for each in (hours, instance) if each is not None], group, moment)
    return None if opening is None else max(opening.opens_at, moment)
