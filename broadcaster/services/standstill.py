"""Why nothing moves: what the database knows of it, and what follows.

Needs no SQLAlchemy, for the commands that only show something.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import chain, groupby
from operator import attrgetter
from typing import TYPE_CHECKING

import msgspec

from broadcaster.db.reading import Reader, reading
from broadcaster.db.statements import each as each_row
from broadcaster.db.statements import rows
from broadcaster.domain.causes import standing_still
from broadcaster.domain.frequency import PersonRule
from broadcaster.domain.gaps import Gaps
from broadcaster.domain.holds import HoldNow, holds_now
from broadcaster.domain.inbox_causes import TroubledInbox, UndecidedInbox, troubled_inboxes, undecided_inboxes
from broadcaster.domain.instances import Wire
from broadcaster.domain.receiver_causes import TroubledReceiver, troubled_receivers
from broadcaster.domain.schedule_causes import (
    HeldOccurrences,
    QueuedOccurrences,
    RejectingSchedule,
    held_occurrences,
    queued_occurrences,
    rejecting_schedules,
)
from broadcaster.domain.span_limits import SpanLimit
from broadcaster.domain.standstill import (
    CampaignFacts,
    FullLimit,
    LaneFacts,
    Part,
    QueuedOccurrence,
    Scene,
    Standstill,
)
from broadcaster.domain.states import CampaignState, LaneHealth
from broadcaster.domain.unsettled_causes import UnsettledCampaign, unsettled_campaigns
from broadcaster.settings import Settings

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from broadcaster.db.statements import Connection

SILENCE = timedelta(seconds=5)
"""If no tick was done for this long, no beat fires any: most ticks are a second apart."""
LATELY = timedelta(days=7)
"""What was given up to tell an operator for so long is still told of."""
MOST_DOUBTS = 10_000
"""At most this many doubts are looked at."""

Surroundings = Callable[[Scene], Scene]
"""Adds to a scene in which no ticks are done what the database cannot tell: whether Redis answers, what runs."""


def find_standstills(
    source: Engine | Reader,
    settings: Settings,
    *,
    campaign: str | None = None,
    surroundings: Surroundings = lambda scene: scene,
) -> Iterator[Standstill]:
    """Yields the instances that are not well, then the campaigns that do not move, while the database is being read.

    Then come the campaigns of which messages are unknown until an operator decides, also those that ended. At the end
    come the schedules of which something waits for an operator or is queued, those whose latest campaign could send
    nothing to many of its recipients, the inboxes of which something is not heard, or waits for a person who decides
    whether it asks to stop, and receivers that are not told what they want to be told.

    With a `campaign`, only what concerns that one. It may be a draft, or not due yet. If it finished within a day, its
    instances that may lose messages that they accept are still told.
    """
    with reading(source) as connection:
        found = each_row(connection, "standing_still", _Row, **_parameters(settings, campaign))
        yield from _standing(found, campaign, surroundings)
        yield from unsettled_campaigns(find_unsettled(connection, campaign))
        if campaign is None:
            yield from _waiting_occurrences(connection, None)
            yield from rejecting_schedules(rows(connection, "rejecting_schedules", RejectingSchedule))
            yield from troubled_inboxes(rows(connection, "troubled_inboxes", TroubledInbox, silence=SILENCE))
            yield from undecided_inboxes(rows(connection, "undecided_inboxes", UndecidedInbox))
    if campaign is None:
        yield from find_troubled_receivers(source)


def find_unsettled(source: Connection, campaign: str | None = None) -> Sequence[UnsettledCampaign]:
    """Which campaigns, or whether this one, have messages that are unknown until an operator decides."""
    return rows(source, "unsettled_campaigns", UnsettledCampaign, name=campaign)


def find_troubled_receivers(source: Engine | Reader, name: str | None = None) -> list[Standstill]:
    """What a receiver does not take, or did not get lately, or all of them."""
    with reading(source) as connection:
        found = rows(connection, "receiver_troubles", TroubledReceiver, within=LATELY)
    return [each for each in troubled_receivers(found) if name in (None, each.name)]


def find_waiting(source: Engine | Reader, schedule: str | None = None) -> list[Standstill]:
    """What of a schedule waits for an operator or is queued, or of all of them."""
    with reading(source) as connection:
        return list(_waiting_occurrences(connection, schedule))


def _waiting_occurrences(source: Connection, schedule: str | None) -> Iterator[Standstill]:
    yield from held_occurrences(rows(source, "held_occurrences", HeldOccurrences, name=schedule))
    yield from queued_occurrences(rows(source, "queued_occurrences", QueuedOccurrences, name=schedule))


def look_at_campaign(
    source: Engine | Reader, settings: Settings, campaign: str, surroundings: Surroundings = lambda scene: scene
) -> tuple[list[Standstill], list[HoldNow]]:
    """By one look: what `find_standstills` yields of a campaign, and what holds it, by instance, if it is running."""
    with reading(source) as connection:
        found = rows(connection, "standing_still", _Row, **_parameters(settings, campaign))
        unsettled = find_unsettled(connection, campaign)
    running = [
        _part(row, _lane(row), _campaign(campaign, row))
        for row in found
        if row.campaign == campaign and row.state is CampaignState.RUNNING
    ]
    holds = list(holds_now(running, Scene(found[0].now))) if running else []
    return [*_standing(found, campaign, surroundings), *unsettled_campaigns(unsettled)], holds


def _standing(found: Iterable[_Row], campaign: str | None, surroundings: Surroundings) -> Iterator[Standstill]:
    left = iter(found)
    first = next(left, None)
    if first is not None:
        scene = Scene(first.now, is_ticking=first.is_ticking, ticked_at=first.ticked_at)
        scene = scene if scene.is_ticking else surroundings(scene)
        yield from standing_still(_lanes(chain([first], left), scene, campaign), scene)


def _parameters(settings: Settings, campaign: str | None) -> dict[str, object]:
    return {
        "campaign": campaign,
        "silence": SILENCE,
        "deadline": timedelta(seconds=settings.doubt_deadline_seconds),
        "most": MOST_DOUBTS,
    }


def _lanes(
    found: Iterable[_Row], scene: Scene, campaign: str | None
) -> Iterator[tuple[LaneFacts, Sequence[Part] | None]]:
    """Each lane with the parts that it has to send: of `campaign`, or of all that are due if that is None.

    None in place of the parts: the lane has nothing left to send of `campaign`.
    """
    campaigns: dict[str, CampaignFacts] = {}
    for _, of_lane in groupby(found, key=attrgetter("instance")):
        rows = list(of_lane)
        lane = _lane(rows[0])
        parts = []
        for row in rows:
            if row.campaign is not None:
                if row.campaign not in campaigns:
                    campaigns[row.campaign] = _campaign(row.campaign, row)
                parts.append(_part(row, lane, campaigns[row.campaign]))
        if campaign is None:
            yield lane, [part for part in parts if _is_due(part.campaign, scene)]
        else:
            has_work = any(part.open or not part.campaign.started_at for part in parts)
            yield lane, parts if has_work else None


def _is_due(campaign: CampaignFacts, scene: Scene) -> bool:
    if campaign.state is CampaignState.SCHEDULED:
        return campaign.starts_at <= scene.now
    return campaign.state is not CampaignState.DRAFT


class _Row(msgspec.Struct, frozen=True):
    """A lane and one open campaign on it. Without one, `campaign` is None and the fields below it mean nothing."""

    now: datetime
    ticked_at: datetime | None
    is_ticking: bool
    instance: str
    health: LaneHealth
    health_reason: str | None
    health_since: datetime
    is_retired: bool
    not_before: datetime | None
    rate_per_second: float | None
    permitted_per_second: float | None
    gaps: Gaps | None
    is_resting: bool
    wire: Wire
    slot: datetime
    full_name: str | None
    full_most: int | None
    full_span: int | None
    used_at: datetime
    is_tended: bool
    unreadable_since: datetime | None
    next_read_at: datetime | None
    is_former: bool | None
    truth_shown: int
    truth_missing: int
    opens_at: datetime | None
    campaign: str | None
    state: CampaignState | None
    starts_at: datetime | None
    expires_at: datetime | None
    started_at: datetime | None
    state_reason: str | None
    schedule: str | None
    schedule_is_paused: bool
    behind: str | None
    is_held: bool
    next_slice_at: datetime | None
    limit_name: str | None
    limit_most: int | None
    limit_span: int | None
    limit_free_at: datetime | None
    person_rule: PersonRule | None
    person_is_skipped: bool
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
    unreadable: int


def _lane(row: _Row) -> LaneFacts:
    return LaneFacts(
        name=row.instance,
        health=row.health,
        reason=row.health_reason,
        since=row.health_since,
        is_retired=row.is_retired,
        not_before=row.not_before,
        rate=row.rate_per_second,
        permitted=row.permitted_per_second,
        gaps=row.gaps,
        is_resting=row.is_resting,
        wire=row.wire,
        slot=row.slot,
        full=_full_limit(row),
        used_at=row.used_at,
        is_tended=row.is_tended,
        unreadable_since=row.unreadable_since,
        next_read_at=row.next_read_at,
        unreadable_is_former=bool(row.is_former),
        shown=row.truth_shown,
        missing=row.truth_missing,
    )


def _full_limit(row: _Row) -> str | None:
    if row.full_most is None or row.full_span is None:
        return None
    said = str(SpanLimit(row.full_most, row.full_span))
    return f"{row.full_name}, {said}," if row.full_name else said


def _full_limit_of_campaign(row: _Row) -> FullLimit | None:
    if row.limit_name is None or row.limit_most is None or row.limit_span is None or row.limit_free_at is None:
        return None
    return FullLimit(row.limit_name, str(SpanLimit(row.limit_most, row.limit_span)), row.limit_free_at)


def _campaign(name: str, row: _Row) -> CampaignFacts:
    assert row.state is not None
    assert row.starts_at is not None
    queue = None if row.schedule is None else QueuedOccurrence(row.schedule, row.schedule_is_paused, row.behind)
    return CampaignFacts(name, row.state, row.starts_at, row.started_at, row.state_reason, queue, row.expires_at)


def _part(row: _Row, lane: LaneFacts, campaign: CampaignFacts) -> Part:
    return Part(
        campaign=campaign,
        lane=lane,
        pending=row.pending,
        sending=row.sending,
        in_doubt=row.in_doubt,
        failed=row.failed,
        next_due_at=row.next_due_at,
        last_claimed_at=row.last_claimed_at,
        outranked_by=row.outranked_by,
        opens_at=row.opens_at,
        is_held=row.is_held,
        next_slice_at=row.next_slice_at,
        full=_full_limit_of_campaign(row),
        person_rule=row.person_rule,
        person_is_skipped=row.person_is_skipped,
        doubted_since=row.doubted_since,
        decided_by=row.decided_by,
        next_poll_at=row.next_poll_at,
        unreadable=row.unreadable,
    )
