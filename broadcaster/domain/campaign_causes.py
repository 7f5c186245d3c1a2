"""Why a campaign does not move, and what to do. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from shlex import quote

from broadcaster.domain.campaign_standing import CampaignStanding, HeldParts
from broadcaster.domain.care import stopped_figures
from broadcaster.domain.frequency import PersonRule, they_were
from broadcaster.domain.instance_causes import lane_remedy, what_it_does
from broadcaster.domain.pacing import format_rate
from broadcaster.domain.standstill import (
    CampaignFacts,
    Cause,
    QueuedOccurrence,
    Remedy,
    Scene,
    Standstill,
    What,
    counted,
)
from broadcaster.domain.states import CampaignState

START_GRACE = timedelta(seconds=5)
"""How late a campaign may start. It takes up to two seconds, and longer on a busy machine."""


def campaign_causes(standing: CampaignStanding, scene: Scene) -> Iterator[Standstill]:
    """Why a campaign does not move; nothing where it moves."""
    campaign = standing.campaign
    has_begun = campaign.started_at is not None
    match campaign.state:
        case CampaignState.DRAFT if campaign.queue is not None:
            yield _queued(campaign, campaign.queue)
        case CampaignState.DRAFT:
            remedy = Remedy("start it with", f"broadcaster campaign start {quote(campaign.name)}")
            yield _of(campaign, Cause.DRAFT, "is a draft", remedy)
        case CampaignState.SCHEDULED if campaign.starts_at > scene.now:
            remedy = Remedy("follow it with", f"broadcaster campaign watch {quote(campaign.name)}")
            yield _of(campaign, Cause.STARTS_LATER, "is not due yet", remedy, next_try=campaign.starts_at)
        case CampaignState.SCHEDULED if scene.now - campaign.starts_at > START_GRACE:
            yield _nobody_works(standing, scene) or _of(
                campaign,
                Cause.NOT_STARTED,
                "is due and has not begun",
                Remedy("find out why with", "broadcaster doctor"),
                since=campaign.starts_at,
                waiting=standing.pending,
            )
        case CampaignState.PAUSED:
            if standing.pending or not has_begun:
                remedy = Remedy("go on with", f"broadcaster campaign resume {quote(campaign.name)}")
                # No operator gives a reason.
                says = "is paused by an operator" if campaign.reason is None else "has paused itself"
                why = stopped_figures(campaign.reason) or campaign.reason
                yield _of(campaign, Cause.PAUSED, says, remedy, detail=why, waiting=standing.pending)
            if standing.in_doubt:
                yield _in_doubt(standing)
        case CampaignState.RUNNING if standing.open:
            nobody = _nobody_works(standing, scene)
            yield from [nobody] if nobody else _stopped(standing)


def _queued(campaign: CampaignFacts, queue: QueuedOccurrence) -> Standstill:
    if queue.is_paused:
        remedy = Remedy("go on with", f"broadcaster schedule resume {quote(queue.schedule)}")
        return _of(campaign, Cause.QUEUED, f"is queued, and its schedule {queue.schedule} is paused", remedy)
    if queue.behind is not None:
        remedy = Remedy("start it beside that one with", f"broadcaster campaign start {quote(campaign.name)}")
        return _of(campaign, Cause.QUEUED, f"is queued behind campaign {queue.behind}", remedy)
    remedy = Remedy("follow it with", f"broadcaster campaign watch {quote(campaign.name)}")
    return _of(campaign, Cause.QUEUED, "is queued", remedy, detail="it starts in a moment")


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
    # What has expired by then does not leave; plans say how much that is.
    is_too_late = next_try and campaign.expires_at and next_try >= campaign.expires_at
    return Standstill(
        What.CAMPAIGN,
        campaign.name,
        cause,
        says,
        remedy,
        detail=detail,
        since=since,
        next_try=None if is_too_late and cause is not Cause.IN_DOUBT else next_try,
        until=until,
        waiting=waiting,
    )


def _nobody_works(standing: CampaignStanding, scene: Scene) -> Standstill | None:
    campaign = standing.campaign
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
        waiting=standing.open,
    )


def _stopped(standing: CampaignStanding) -> Iterator[Standstill]:
    """What holds back the parts of a running campaign; nothing if one of them moves."""
    if standing.moves:
        return
    for cause, held in standing.held.items():
        yield _HELD[cause](standing.campaign, held)
    if standing.in_doubt:
        yield _in_doubt(standing)


def _waits_for_instances(campaign: CampaignFacts, held: HeldParts) -> Standstill:
    first = held.first[0]
    said = [f"instance {part.lane.name} {what_it_does(part.lane)}" for part in held.first]
    more = held.parts - len(said)
    return _of(
        campaign,
        Cause.INSTANCES,
        "stands still",
        lane_remedy(first.lane, [first]),
        detail=", ".join(said) + (f" and {more:,} more" if more else ""),
        since=held.since,
        next_try=held.next_try,
        waiting=held.pending,
    )


def _waits_for_a_retry(campaign: CampaignFacts, held: HeldParts) -> Standstill:
    return _of(
        campaign,
        Cause.RETRY,
        "waits for another try",
        Remedy("see why with", f"broadcaster campaign export {quote(campaign.name)} --state pending"),
        since=held.since,
        next_try=held.next_try,
        waiting=held.pending,
    )


def _waits_for_people(campaign: CampaignFacts, held: HeldParts) -> Standstill:
    rules = {part.person_rule for part in (held.soonest, *held.first) if part is not None}
    return _of(
        campaign,
        Cause.PERSON,
        "waits for its people",
        Remedy("see how many with", f"broadcaster campaign show {quote(campaign.name)}"),
        detail=f"they {' or '.join(they_were(rule) for rule in PersonRule if rule in rules)}",
        next_try=held.next_try,
        waiting=held.pending,
    )


def _waits_for_a_slot(campaign: CampaignFacts, held: HeldParts) -> Standstill:
    part = held.soonest or held.first[0]
    if part.full is not None:
        return _of(
            campaign,
            Cause.PACED,
            "waits for its turn",
            Remedy("see its limit with", f"broadcaster limit show {quote(part.full.name)}"),
            detail=f"its campaigns have sent all that limit {part.full.name}, {part.full.allows}, allows",
            next_try=held.next_try,
            waiting=held.pending,
        )
    lane = part.lane
    waits = f"may send {format_rate(lane.rate)}"
    if lane.full is not None:
        waits = f"has sent all that limit {lane.full} allows"
    elif lane.rest is not None:
        waits = f"has a rest of {lane.rest}"
    elif lane.gap is not None:
        waits = f"keeps gaps of {lane.gap}"
    return _of(
        campaign,
        Cause.PACED,
        "waits for its turn",
        Remedy("see its limit with", f"broadcaster instance show {quote(lane.name)}"),
        detail=f"instance {lane.name} {waits}",
        next_try=held.next_try,
        waiting=held.pending,
    )


def _waits_for_its_window(campaign: CampaignFacts, held: HeldParts) -> Standstill:
    return _of(
        campaign,
        Cause.WINDOW,
        "waits for its window",
        Remedy("see its windows with", f"broadcaster campaign show {quote(campaign.name)}"),
        next_try=held.next_try,
        waiting=held.pending,
    )


def _waits_for_its_canary(campaign: CampaignFacts, held: HeldParts) -> Standstill:
    return _of(
        campaign,
        Cause.CANARY,
        "waits for its canary",
        Remedy("see its slices with", f"broadcaster campaign show {quote(campaign.name)}"),
        detail="those who got it have time to react, and then its limits have to hold",
        next_try=held.next_try,
        waiting=held.pending,
    )


def _waits_for_another_campaign(campaign: CampaignFacts, held: HeldParts) -> Standstill:
    first = held.first[0]
    return _of(
        campaign,
        Cause.OUTRANKED,
        "waits for its turn",
        Remedy("follow that one with", f"broadcaster campaign watch {quote(str(first.outranked_by))}"),
        detail=f"campaign {first.outranked_by} goes first on instance {first.lane.name}",
        waiting=held.pending,
    )


def _waits_for_nothing(campaign: CampaignFacts, held: HeldParts) -> Standstill:
    return _of(
        campaign,
        Cause.STALLED,
        "stands still",
        Remedy("find out why with", "broadcaster doctor"),
        detail="its messages are due, and no worker takes them",
        since=held.since,
        waiting=held.pending,
    )


_HELD: dict[Cause, Callable[[CampaignFacts, HeldParts], Standstill]] = {
    Cause.INSTANCES: _waits_for_instances,
    Cause.RETRY: _waits_for_a_retry,
    Cause.PERSON: _waits_for_people,
    Cause.PACED: _waits_for_a_slot,
    Cause.WINDOW: _waits_for_its_window,
    Cause.CANARY: _waits_for_its_canary,
    Cause.OUTRANKED: _waits_for_another_campaign,
    Cause.STALLED: _waits_for_nothing,
}


_READ_BACK, _ONE_READ_BACK = "their chats are read back", "its chat is read back"
_UNREADABLE = "their chats cannot be read, and they stay in doubt until they can"
_ONE_UNREADABLE = "its chat cannot be read, and it stays in doubt until it can"
_SOME_UNREADABLE = "chats of some cannot be read, which stay in doubt until they can"


def _in_doubt(standing: CampaignStanding) -> Standstill:
    next_poll_at, until, is_one = standing.next_poll_at, standing.decided_by, standing.in_doubt == 1
    if not standing.unreadable:
        detail = _ONE_READ_BACK if is_one else _READ_BACK
    elif standing.unreadable < standing.in_doubt:
        detail = _SOME_UNREADABLE
    else:
        detail = _ONE_UNREADABLE if is_one else _UNREADABLE
    return _of(
        standing.campaign,
        Cause.IN_DOUBT,
        f"has {counted(standing.in_doubt)} in doubt",
        Remedy("decide yourself with", f"broadcaster campaign settle {quote(standing.campaign.name)}"),
        detail=detail,
        since=standing.doubted_since,
        next_try=None if until and next_poll_at and next_poll_at >= until else next_poll_at,
        until=until,
        waiting=standing.in_doubt,
    )
