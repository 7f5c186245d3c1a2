"""When messages of campaigns may leave first, by windows: whom cooldowns and caps keep from them is judged by that.

Needs no SQLAlchemy, for the plans of commands that only show something.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from broadcaster.db.statements import rows
from broadcaster.domain.lanes_now import moment_of_seconds
from broadcaster.domain.opening_hours import NOBODY, OpeningHours, RecipientGroup
from broadcaster.domain.pacing import closing_reserve
from broadcaster.domain.plan_terms import NEVER
from broadcaster.domain.planned_hours import PlannedHours
from broadcaster.settings import load

if TYPE_CHECKING:
    from broadcaster.db.statements import Connection


@dataclass(frozen=True, slots=True)
class FirstLeaving:
    """When the messages of one campaign may leave first, where windows say that it is later than its start."""

    by_way: Mapping[tuple[int, int], datetime | None]
    """By lane and group of recipients; None: never."""

    def after(self, moment: datetime) -> datetime:
        """When the first of them may leave, of whatever lane and group; `moment` where no windows say anything."""
        return min((each for each in self.by_way.values() if each is not None), default=moment)

    @property
    def parameters(self) -> Mapping[str, Any]:
        """For statements that judge people by it; those of other ways may leave at once."""
        ways = self.by_way.items()
        return {
            "open_lanes": [lane for (lane, _), _ in ways],
            "open_groups": [group for (_, group), _ in ways],
            "opens_at": ["infinity" if moment is None else moment.isoformat() for _, moment in ways],
        }


AT_ONCE = FirstLeaving({})


class _Way(msgspec.Struct, frozen=True):
    campaign_id: int
    lane_id: int
    recipient_group: int
    country: str | None
    zones: list[str] | None
    hours: OpeningHours | None
    instance_hours: OpeningHours | None
    at: datetime

    def first(self, openings: PlannedHours, reserve: float) -> datetime | None:
        known = self.country is not None and self.zones is not None
        group = RecipientGroup(self.country or "", tuple(self.zones or ())) if known else NOBODY
        opening = openings.opening(self.instance_hours, self.hours, group, reserve)(self.at.timestamp())
        return None if opening == NEVER else moment_of_seconds(opening.begins)


def first_leaving(connection: Connection, campaigns: Iterable[int]) -> Mapping[int, FirstLeaving]:
    """Of campaigns with these ids; of those without windows nothing is said (`AT_ONCE`)."""
    found: dict[int, dict[tuple[int, int], datetime | None]] = defaultdict(dict)
    openings, reserve = PlannedHours(), closing_reserve(load().request_timeout_seconds).total_seconds()
    for way in rows(connection, "ways_with_hours", _Way, campaigns=list(campaigns)):
        found[way.campaign_id][way.lane_id, way.recipient_group] = way.first(openings, reserve)
    return {campaign: FirstLeaving(by_way) for campaign, by_way in found.items()}
