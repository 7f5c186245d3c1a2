"""Why something does not move: one cause of a closed set, and the command that helps. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from shlex import quote

from broadcaster.domain.judgement import BLAMED, UNKNOWN_WORDS
from broadcaster.domain.pacing import SLOWEST, format_rate
from broadcaster.domain.remedies import address_remedy, learning_remedy
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
from broadcaster.domain.states import CampaignState, LaneHealth
from broadcaster.domain.truth import is_suspect

_KEY_IS_MEANT = re.compile(r"key|token|unauthori[sz]ed|api\b|HTTP 40[13]|BROADCASTER_SECRET_KEY", re.IGNORECASE)
"""Words in a refusal that another key may mend. They leave out an account that has ended: no key mends that."""
SOON = timedelta(seconds=2)
"""Something that is tried again within this time counts as moving."""
SLOW = timedelta(seconds=10)
"""An instance that must wait longer than this for its next message counts as standing still."""
STALLED = timedelta(seconds=60)
"""Messages stand still if they have been due for this long and nothing holds them back."""
RESTED = timedelta(seconds=10)
"""An instance no longer counts as resting this long after the end of its rest."""
_MOST_NAMED = 12
"""How many instances one sentence names."""
START_GRACE = timedelta(seconds=5)
"""How late a campaign may start. It takes up to two seconds, and longer on a busy machine."""


def standing_still(lanes: Sequence[LaneFacts], campaigns: Sequence[CampaignFacts], scene: Scene) -> list[Standstill]:
    """Every instance of `lanes` that is not well, then every one of `campaigns` that does not move."""
    by_lane: dict[str, list[tuple[CampaignFacts, Part]]] = {}
    for campaign in campaigns:
        for part in campaign.parts:
            by_lane.setdefault(part.lane.name, []).append((campaign, part))
    instances = (found for lane in lanes for found in _instance(lane, by_lane.get(lane.name, ()), scene))
    found = [*instances, *(found for campaign in campaigns for found in _campaign(campaign, scene))]
    return [_from(scene.now, each) for each in found]


def suspicions(lanes: Sequence[LaneFacts]) -> list[Standstill]:
    """Every instance of `lanes` that still sends although suspiciously many of its accepted messages are missing."""
    return [_suspicion(lane) for lane in lanes if _is_suspect(lane)]


def _is_suspect(lane: LaneFacts) -> bool:
    # The reason of a stopped instance says it already.
    return lane.health is not LaneHealth.REFUSED and is_suspect(lane.shown, lane.missing)


def _suspicion(lane: LaneFacts) -> Standstill:
    looked_for = f"of {lane.shown + lane.missing} accepted messages that were looked for,"
    return Standstill(
        What.INSTANCE,
        lane.name,
        Cause.SUSPECT,
        "may lose messages that it accepts",
        Remedy(
            "look at its phone, and send a test message to your own:",
            f"broadcaster instance check {quote(lane.name)} --to MY_PHONE",
        ),
        detail=f"{looked_for} {lane.missing} are not in their chats",
    )


def _from(now: datetime, found: Standstill) -> Standstill:
    """`found`, with a next try in the past marked as due now."""
    if found.next_try is None or found.next_try > now:
        return found
    return replace(found, next_try=None, is_due=True)


def lane_remedy(lane: LaneFacts, campaigns: Sequence[CampaignFacts]) -> Remedy:
    """What to do about an instance that is not ok. `campaigns` are the ones that it sends for."""
    name = quote(lane.name)
    if lane.health in _GATEWAYS and (remedy := address_remedy(lane.name, lane.reason, lane.wire)):
        return remedy
    match lane.health:
        case LaneHealth.PAUSED:
            return Remedy("go on with", f"broadcaster instance resume {name}")
        case LaneHealth.REFUSED:
            if _KEY_IS_MEANT.search(lane.reason or ""):
                return Remedy("give the new key, then it goes on:", f"broadcaster instance set {name} --key-stdin")
            return Remedy("once that is mended, go on with", f"broadcaster instance resume {name}")
        case LaneHealth.THROTTLED:
            slower = format_rate(max(lane.rate / 2, SLOWEST)) if lane.rate else "20/min"
            return Remedy("if that happens often, send slower:", f"broadcaster instance set {name} --rate {slower}")
        case LaneHealth.DOWN if UNKNOWN_WORDS in (lane.reason or ""):
            return learning_remedy(lane.name, lane.reason or "")
        case LaneHealth.DOWN if BLAMED in (lane.reason or ""):
            failed = [campaign.name for campaign in campaigns if any(part.failed for part in campaign.parts)]
            again = "".join(
                f", retry those who failed with `broadcaster campaign retry {quote(each)}`" for each in failed[:2]
            )
            advice = f"look at its phone{again}; if the list is bad, go on with"
            return Remedy(advice, f"broadcaster instance resume {name}")
        case _:
            return Remedy("see", f"broadcaster instance check {name}")


def _instance(lane: LaneFacts, parts: Sequence[tuple[CampaignFacts, Part]], scene: Scene) -> Iterator[Standstill]:
    if _is_unwell(lane, scene):
        waiting = [part for campaign, part in parts if part.pending and _wants_to_send(campaign, scene)]
        yield Standstill(
            What.INSTANCE,
            lane.name,
            Cause(lane.health),
            _SAYS[lane.health],
            lane_remedy(lane, [campaign for campaign, _ in parts]),
            detail=None if lane.health is LaneHealth.PAUSED else lane.reason,
            since=lane.since,
            # There is no next try if nothing waits or no worker runs.
            next_try=lane.not_before if lane.health in _TRIED_AGAIN and waiting and scene.is_ticking else None,
            waiting=sum(part.pending for part in waiting),
        )
    if lane.unreadable_since is not None:
        yield _unreadable(lane, [(campaign, part) for campaign, part in parts if part.in_doubt], scene)


_SAYS = {
    LaneHealth.PAUSED: "is paused by an operator",
    LaneHealth.REFUSED: "is stopped",
    LaneHealth.DOWN: "is down",
    LaneHealth.THROTTLED: "has to rest",
}
_GATEWAYS = (LaneHealth.REFUSED, LaneHealth.DOWN)
_TRIED_AGAIN = (LaneHealth.DOWN, LaneHealth.THROTTLED)


def _is_unwell(lane: LaneFacts, scene: Scene) -> bool:
    """Whether it sends nothing now. It sends again after its rest, and the first accepted message makes it ok."""
    if lane.health is LaneHealth.THROTTLED and lane.not_before is not None:
        return scene.now - lane.not_before < RESTED
    return lane.health is not LaneHealth.OK


def _unreadable(lane: LaneFacts, doubted: Sequence[tuple[CampaignFacts, Part]], scene: Scene) -> Standstill:
    if not lane.unreadable_is_former:
        remedy = Remedy("see", f"broadcaster instance check {quote(lane.name)}")
    elif doubted:
        remedy = Remedy("decide yourself with", f"broadcaster campaign settle {quote(doubted[0][0].name)}")
    else:
        remedy = Remedy("see", "broadcaster doctor")
    former = " with its former key or URL" if lane.unreadable_is_former else ""
    return Standstill(
        What.INSTANCE,
        lane.name,
        Cause.UNREADABLE,
        f"does not let its chats be read{former}",
        remedy,
        detail="nobody can tell whether messages in doubt arrived",
        since=lane.unreadable_since,
        next_try=lane.next_read_at if scene.is_ticking else None,
        waiting=sum(part.in_doubt for _, part in doubted),
    )


def _wants_to_send(campaign: CampaignFacts, scene: Scene) -> bool:
    return campaign.state is CampaignState.RUNNING or (
        campaign.state is CampaignState.SCHEDULED and campaign.starts_at <= scene.now
    )


def _campaign(campaign: CampaignFacts, scene: Scene) -> Iterator[Standstill]:
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
    if _is_unwell(lane, scene):
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
    rests = [lane.not_before for lane in lanes if lane.health in _TRIED_AGAIN and lane.not_before]
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
    said = [f"instance {lane.name} {_SAYS[lane.health]}" for lane in lanes[:_MOST_NAMED]]
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
