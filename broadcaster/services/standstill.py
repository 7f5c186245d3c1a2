"""Why nothing moves: what the database knows of it, and what follows.

Needs no SQLAlchemy, for the commands that only show something.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import msgspec

from broadcaster.db.reading import Reader, reading
from broadcaster.db.statements import each as each_row
from broadcaster.domain.causes import standing_still
from broadcaster.domain.instance_causes import suspicions
from broadcaster.domain.instances import Wire
from broadcaster.domain.standstill import CampaignFacts, LaneFacts, Part, Scene, Standstill
from broadcaster.domain.states import CampaignState, LaneHealth
from broadcaster.settings import Settings

if TYPE_CHECKING:
    from sqlalchemy import Engine

SILENCE = timedelta(seconds=5)
"""A beat of which nothing was heard for so long fires no ticks: most of them are a second apart."""
MOST_DOUBTS = 10_000
"""Doubts that are looked at, at most."""

Surroundings = Callable[[Scene], Scene]
"""Adds to a scene in which no ticks are done what can be known beside the database."""


def find_standstills(
    source: Engine | Reader,
    settings: Settings,
    *,
    campaign: str | None = None,
    surroundings: Surroundings = lambda scene: scene,
) -> list[Standstill]:
    """The instances that are not well and the campaigns that do not move.

    With a `campaign` only what concerns that one, which may also be a draft, or not due yet, or, for an instance that
    may lose messages that it accepts, finished within a day.
    """
    parameters = {
        "campaign": campaign,
        "silence": SILENCE,
        "deadline": timedelta(seconds=settings.doubt_deadline_seconds),
        "most": MOST_DOUBTS,
    }
    with reading(source) as connection:
        facts = _facts(each_row(connection, "standing_still", _Row, **parameters))
    if facts is None:
        return []
    scene, lanes, campaigns = facts
    doubtful = suspicions(lanes)
    if campaign is None:
        campaigns = [each for each in campaigns if each.state is not CampaignState.DRAFT]
        campaigns = [
            each for each in campaigns if each.state is not CampaignState.SCHEDULED or each.starts_at <= scene.now
        ]
    else:
        concerned = {part.lane.name for each in campaigns for part in each.parts if part.open or not each.started_at}
        lanes = [lane for lane in lanes if lane.name in concerned]
    return [*doubtful, *standing_still(lanes, campaigns, scene if scene.is_ticking else surroundings(scene))]


class _Row(msgspec.Struct, frozen=True):
    """A lane with an open campaign on it; without one, what is from `campaign` on says nothing."""

    now: datetime
    ticked_at: datetime | None
    is_ticking: bool
    instance: str
    health: LaneHealth
    health_reason: str | None
    health_since: datetime
    not_before: datetime | None
    rate_per_second: float | None
    wire: Wire
    slot: datetime
    used_at: datetime
    is_tended: bool
    unreadable_since: datetime | None
    next_read_at: datetime | None
    is_former: bool | None
    truth_shown: int
    truth_missing: int
    campaign: str | None
    state: CampaignState | None
    starts_at: datetime | None
    started_at: datetime | None
    pending: int
    sending: int
    in_doubt: int
    failed: int
    next_due_at: datetime | None
    last_claimed_at: datetime | None
    outranked_by: str | None
    doubted_since: datetime | None
    decided_by: datetime | None
    next_poll_at: datetime | None


def _facts(found: Iterable[_Row]) -> tuple[Scene, list[LaneFacts], list[CampaignFacts]] | None:
    """What the rows tell, which come by instance; None: there are none."""
    scene: Scene | None = None
    lanes: list[LaneFacts] = []
    campaigns: dict[str, CampaignFacts] = {}
    parts: dict[str, list[Part]] = {}
    for row in found:
        scene = scene or Scene(row.now, is_ticking=row.is_ticking, ticked_at=row.ticked_at)
        if not lanes or lanes[-1].name != row.instance:
            lanes.append(_lane(row))
        if row.campaign is not None and row.state is not None and row.starts_at is not None:
            campaign = CampaignFacts(row.campaign, row.state, row.starts_at, row.started_at, parts=())
            campaigns.setdefault(row.campaign, campaign)
            parts.setdefault(row.campaign, []).append(_part(row, lanes[-1]))
    if scene is None:
        return None
    return scene, lanes, [replace(campaigns[name], parts=parts[name]) for name in sorted(campaigns)]


def _lane(row: _Row) -> LaneFacts:
    return LaneFacts(
        name=row.instance,
        health=row.health,
        reason=row.health_reason,
        since=row.health_since,
        not_before=row.not_before,
        rate=row.rate_per_second,
        wire=row.wire,
        slot=row.slot,
        used_at=row.used_at,
        is_tended=row.is_tended,
        unreadable_since=row.unreadable_since,
        next_read_at=row.next_read_at,
        unreadable_is_former=bool(row.is_former),
        shown=row.truth_shown,
        missing=row.truth_missing,
    )


def _part(row: _Row, lane: LaneFacts) -> Part:
    return Part(
        lane=lane,
        pending=row.pending,
        sending=row.sending,
        in_doubt=row.in_doubt,
        failed=row.failed,
        next_due_at=row.next_due_at,
        ran_dry_at=row.last_claimed_at,
        outranked_by=row.outranked_by,
        doubted_since=row.doubted_since,
        decided_by=row.decided_by,
        next_poll_at=row.next_poll_at,
    )
