"""Why a campaign does not move, and what to do. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from shlex import quote

from broadcaster.domain.instance_causes import SAYS, TRIED_AGAIN, is_unwell, lane_remedy
from broadcaster.domain.pacing import format_rate
from broadcaster.domain.standstill import (
    CampaignFacts,
    Cause,
    LaneFacts,
    Part,
    Remedy,
    Scene,
    Standstill,
    What,
    counted,
)
from broadcaster.domain.states import CampaignState

SOON = timedelta(seconds=2)
"""Something that is tried again within this time counts as moving."""
SLOW = timedelta(seconds=10)
"""An instance that must wait longer than this for its next message counts as standing still."""
STALLED = timedelta(seconds=60)
"""Messages stand still if they have been due for this long and nothing holds them back."""
START_GRACE = timedelta(seconds=5)
"""How late a campaign may start. It takes up to two seconds, and longer on a busy machine."""
_MOST_NAMED = 12
"""How many instances one sentence names."""


def campaign_causes(campaign: CampaignFacts, scene: Scene) -> Iterator[Standstill]:
    """Why a campaign does not move; nothing where it moves."""
    has_begun = campaign.started_at is not None
    match campaign.state:
        case CampaignState.DRAFT:
            remedy = Remedy("start it with", f"broadcaster campaign start {quote(campaign.name)}")
            yield _of(campaign, Cause.DRAFT, "is a draft", remedy)
        case CampaignState.SCHEDULED if campaign.starts_at > scene.now:
            remedy = Remedy("follow it with", f"broadcaster campaign watch {quote(campaign.name)}")
            yield _of(campaign, Cause.STARTS_LATER, "is not due yet", remedy, next_try=campaign.starts_at)
        case CampaignState.SCHEDULED if scene.now - campaign.starts_at > START_GRACE:
            yield _nobody_works(campaign, scene) or _of(
                campaign,
                Cause.NOT_STARTED,
                "is due and has not begun",
                Remedy("find out why with", "broadcaster doctor"),
                since=campaign.starts_at,
                waiting=campaign.pending,
            )
        case CampaignState.PAUSED:
            if campaign.pending or not has_begun:
                remedy = Remedy("go on with", f"broadcaster campaign resume {quote(campaign.name)}")
                yield _of(campaign, Cause.PAUSED, "is paused by an operator", remedy, waiting=campaign.pending)
            if campaign.in_doubt:
                yield _in_doubt(campaign)
        case CampaignState.RUNNING if any(part.open for part in campaign.parts):
            nobody = _nobody_works(campaign, scene)
            yield from [nobody] if nobody else _stopped(campaign, scene)


def _of(
    campaign: CampaignFacts,
    cause: Cause,
    says: str,
    remedy: Remedy,
    *,
    detail: str | None = None,
    since: datetime | None = None,
    next_try: datetime | None = None,
    until: datetime | None = None,
    waiting: int = 0,
) -> Standstill:
    return Standstill(
        What.CAMPAIGN,
        campaign.name,
        cause,
        says,
        remedy,
        detail=detail,
        since=since,
        next_try=next_try,
        until=until,
        waiting=waiting,
    )


def _nobody_works(campaign: CampaignFacts, scene: Scene) -> Standstill | None:
    if scene.is_ticking:
        return None
    advice = "find out what is missing with" if scene.starter.endswith("doctor") else "start what is missing with"
    cause, detail = Cause.NOT_RUNNING, "no worker or no beat runs"
    if scene.is_redis_away:
        cause, detail = Cause.REDIS_AWAY, "Redis is away; nothing is lost"
    since = None if scene.ticked_at is None else max(scene.ticked_at, campaign.started_at or campaign.starts_at)
    return _of(
        campaign,
        cause,
        "stands still",
        Remedy(advice, scene.starter),
        detail=detail,
        since=since,
        waiting=sum(part.open for part in campaign.parts),
    )


def _stopped(campaign: CampaignFacts, scene: Scene) -> Iterator[Standstill]:
    """What holds back the parts of a running campaign; nothing if one of them moves."""
    kept: dict[Cause, list[Part]] = {}
    for part in campaign.parts:
        if part.sending:
            return
        if part.pending:
            cause = _keeps(part, campaign, scene)
            if cause is None:
                return
            kept.setdefault(cause, []).append(part)
    for cause, parts in kept.items():
        yield _KEPT[cause](campaign, parts)
    if campaign.in_doubt:
        yield _in_doubt(campaign)


def _keeps(part: Part, campaign: CampaignFacts, scene: Scene) -> Cause | None:
    """What holds back the pending messages of a part; None: they are being sent."""
    lane, now = part.lane, scene.now
    if is_unwell(lane, scene):
        return Cause.INSTANCES
    if part.next_due_at is not None and part.next_due_at > now + SOON:
        return Cause.RETRY
    if part.outranked_by is not None:
        return Cause.OUTRANKED
    if lane.slot is not None and lane.slot > now + SLOW:
        return Cause.PACED
    since = _idle_since(part, campaign)
    return Cause.STALLED if lane.is_tended and since is not None and now - since > STALLED else None


def _idle_since(part: Part, campaign: CampaignFacts) -> datetime | None:
    known = (part.lane.used_at, part.lane.since, campaign.started_at, part.next_due_at)
    return max((moment for moment in known if moment is not None), default=None)


def _waits_for_instances(campaign: CampaignFacts, parts: Sequence[Part]) -> Standstill:
    lanes = [part.lane for part in parts]
    rests = [lane.not_before for lane in lanes if lane.health in TRIED_AGAIN and lane.not_before]
    return _of(
        campaign,
        Cause.INSTANCES,
        "stands still",
        lane_remedy(lanes[0], [campaign]),
        detail=_each_of(lanes),
        since=max((lane.since for lane in lanes if lane.since), default=None),
        next_try=min(rests, default=None),
        waiting=_pending(parts),
    )


def _each_of(lanes: Sequence[LaneFacts]) -> str:
    said = [f"instance {lane.name} {SAYS[lane.health]}" for lane in lanes[:_MOST_NAMED]]
    more = len(lanes) - len(said)
    return ", ".join(said) + (f" and {more:,} more" if more else "")


def _waits_for_a_retry(campaign: CampaignFacts, parts: Sequence[Part]) -> Standstill:
    return _of(
        campaign,
        Cause.RETRY,
        "waits for another try",
        Remedy("see why with", f"broadcaster campaign export {quote(campaign.name)} --state pending"),
        since=max((part.ran_dry_at for part in parts if part.ran_dry_at), default=None),
        next_try=min((part.next_due_at for part in parts if part.next_due_at), default=None),
        waiting=_pending(parts),
    )


def _waits_for_a_slot(campaign: CampaignFacts, parts: Sequence[Part]) -> Standstill:
    lane = min((part.lane for part in parts if part.lane.slot), key=lambda lane: str(lane.slot))
    return _of(
        campaign,
        Cause.PACED,
        "waits for its turn",
        Remedy("see its limit with", f"broadcaster instance show {quote(lane.name)}"),
        detail=f"instance {lane.name} may send {format_rate(lane.rate)}",
        next_try=lane.slot,
        waiting=_pending(parts),
    )


def _waits_for_another_campaign(campaign: CampaignFacts, parts: Sequence[Part]) -> Standstill:
    first = next(part for part in parts if part.outranked_by)
    return _of(
        campaign,
        Cause.OUTRANKED,
        "waits for its turn",
        Remedy("follow that one with", f"broadcaster campaign watch {quote(str(first.outranked_by))}"),
        detail=f"campaign {first.outranked_by} goes first on instance {first.lane.name}",
        waiting=_pending(parts),
    )


def _waits_for_nothing(campaign: CampaignFacts, parts: Sequence[Part]) -> Standstill:
    idle = [since for part in parts if (since := _idle_since(part, campaign))]
    return _of(
        campaign,
        Cause.STALLED,
        "stands still",
        Remedy("find out why with", "broadcaster doctor"),
        detail="its messages are due, and no worker takes them",
        since=max(idle, default=None),
        waiting=_pending(parts),
    )


_KEPT: dict[Cause, Callable[[CampaignFacts, Sequence[Part]], Standstill]] = {
    Cause.INSTANCES: _waits_for_instances,
    Cause.RETRY: _waits_for_a_retry,
    Cause.PACED: _waits_for_a_slot,
    Cause.OUTRANKED: _waits_for_another_campaign,
    Cause.STALLED: _waits_for_nothing,
}


def _in_doubt(campaign: CampaignFacts) -> Standstill:
    parts = [part for part in campaign.parts if part.in_doubt]
    ends = [part.decided_by for part in parts]
    known = [end for end in ends if end is not None]
    polls = [part.next_poll_at for part in parts if part.next_poll_at]
    return _of(
        campaign,
        Cause.IN_DOUBT,
        f"has {counted(campaign.in_doubt)} in doubt",
        Remedy("decide yourself with", f"broadcaster campaign settle {quote(campaign.name)}"),
        detail="their chats are read back",
        since=min((part.doubted_since for part in parts if part.doubted_since), default=None),
        next_try=min(polls, default=None),
        until=max(known) if len(known) == len(ends) else None,
        waiting=campaign.in_doubt,
    )


def _pending(parts: Sequence[Part]) -> int:
    return sum(part.pending for part in parts)
