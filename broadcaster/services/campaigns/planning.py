"""When what a campaign has to send will leave: of one that is submitted, and of one that is stored.

Needs no SQLAlchemy, for the commands that only show something.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from broadcaster.db.reading import Reader, reading
from broadcaster.db.statements import rows
from broadcaster.domain.campaign_plans import CampaignPlan, LaneNow, LimitNow, PlannedPart, Surroundings
from broadcaster.domain.dealing import LaneRates, shares_of
from broadcaster.domain.opening_hours import NOBODY, OpeningHours, RecipientGroup
from broadcaster.domain.pacing import closing_reserve
from broadcaster.settings import load
from broadcaster.time_zones import shown_zone

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from broadcaster.db.statements import Connection


class _OpenPart(msgspec.Struct, frozen=True):
    lane_id: int
    messages: int
    country: str | None
    zones: list[str] | None
    hours: OpeningHours | None
    not_before: datetime
    expires_at: datetime | None

    @property
    def planned(self) -> PlannedPart:
        known = self.country is not None and self.zones is not None
        return PlannedPart(
            lane_id=self.lane_id,
            messages=self.messages,
            hours=self.hours,
            group=RecipientGroup(self.country or "", tuple(self.zones or ())) if known else NOBODY,
            not_before=self.not_before,
            expires_at=self.expires_at,
        )


@dataclass(frozen=True, slots=True)
class OpenWork:
    """What is left to send of a campaign, and what it is sent through."""

    surroundings: Surroundings
    parts: Sequence[PlannedPart]

    def plan(self, rate: float = 0.0) -> CampaignPlan | None:
        """When that leaves, no faster than at `rate` (messages a second; 0: not known). None: nothing is left."""
        return self.surroundings.plan(self.parts, rate=rate) if self.parts else None


def open_work(source: Engine | Reader, name: str) -> OpenWork:
    """What is left to send of a campaign; nothing where it is final, or has no messages yet."""
    with reading(source) as connection:
        parts = [each.planned for each in rows(connection, "open_parts", _OpenPart, name=name)]
        return OpenWork(surroundings_of(connection, {part.lane_id for part in parts}), parts)


def surroundings_of(connection: Connection, lanes: Collection[int]) -> Surroundings:
    """These lanes as they stand, with their limits."""
    found = rows(connection, "lanes_to_plan", LaneNow, lanes=list(lanes))
    return Surroundings(
        # Without lanes nothing is planned.
        now=found[0].now if found else datetime.min.replace(tzinfo=UTC),
        lanes=found,
        limits=rows(connection, "limits_to_plan", LimitNow, lanes=list(lanes)),
        reserve=closing_reserve(load().request_timeout_seconds),
        zone=shown_zone(),
    )


def parts_to_be(
    rates: LaneRates,
    recipients: Mapping[RecipientGroup, int],
    *,
    hours: OpeningHours | None,
    expires_at: datetime | None,
) -> list[PlannedPart]:
    """What lanes will have of a campaign with so many recipients in each group, shared by their rates."""
    return [
        PlannedPart(lane_id=lane, messages=messages, hours=hours, group=group, expires_at=expires_at)
        for group, count in recipients.items()
        for lane, messages in shares_of(count, rates).items()
    ]
