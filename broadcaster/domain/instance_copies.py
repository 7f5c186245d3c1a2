"""A campaign through more instances that are like those that it has. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from math import ceil, inf

import msgspec

from broadcaster.domain.lanes_now import LaneNow, LimitNow
from broadcaster.domain.planned_campaign import PlannedCampaign
from broadcaster.domain.planned_limits import LimitAhead


def with_more(campaign: PlannedCampaign, instances: int, like: LaneNow) -> PlannedCampaign:
    """The campaign through so many instances more, each like this one, with limits of their own that are not used yet.

    What others share with that one they share, too.
    """
    counting = [each for each in campaign.around.limits if each.id in like.limits]
    added, limits = [], []
    for number in range(1, instances + 1):
        fresh = [
            msgspec.structs.replace(each, id=-(number * 1_000_000 + abs(each.id) % 1_000_000), counts=())
            for each in counting
            if not each.is_shared
        ]
        limits += fresh
        added.append(
            msgspec.structs.replace(
                like,
                id=-number,
                instance=f"another like {like.instance}",
                debt=0.0,
                rests=0.0,
                is_stopped=False,
                trouble_since=None,
                limits=tuple(each.id for each in (*(each for each in counting if each.is_shared), *fresh)),
            )
        )
    return campaign.through(added, limits, campaign.weights.get(like.id))


def best_to_copy(campaign: PlannedCampaign, instances: int) -> LaneNow:
    """The one of its lanes of which so many more make it end first."""

    def ends(like: LaneNow) -> tuple[int, datetime]:
        plan = with_more(campaign, instances, like).plan()
        return plan.expire + plan.remaining, plan.ends_at or datetime.max.replace(tzinfo=UTC)

    lanes = worth_copying(campaign)
    return lanes[0] if len(lanes) == 1 else min(lanes, key=ends)


def worth_copying(campaign: PlannedCampaign, seconds: float = inf) -> Sequence[LaneNow]:
    """Of its lanes that share the same limits the one that sends most in so many seconds by itself, the most first.

    Nothing counts for it yet. Infinity: in the long run.
    """
    found: dict[frozenset[int], LaneNow] = {}
    for lane in sorted(campaign.own_lanes, key=lambda lane: _alone(campaign, lane, seconds), reverse=True):
        found.setdefault(frozenset(each.id for each in _shared_of(campaign, lane)), lane)
    return list(found.values())


def said_like(campaign: PlannedCampaign, like: LaneNow) -> str:
    """What a copy is like, for people: `a`, or `a, in limit customers as well`."""
    now = campaign.around.now.timestamp()
    shared = [
        f"limit {each.name} as well{'' if LimitAhead(each.planned).free(now) else ', which is full'}"
        for each in _shared_of(campaign, like)
    ]
    return f"{like.instance}, in {' and '.join(shared)}" if shared else like.instance


def _shared_of(campaign: PlannedCampaign, lane: LaneNow) -> Sequence[LimitNow]:
    return [limit for limit in campaign.around.limits if limit.id in lane.limits and limit.is_shared]


def _alone(campaign: PlannedCampaign, lane: LaneNow, seconds: float) -> tuple[float, float]:
    """What one like it sends in so many seconds, by what is counted of it alone, or in one of the long run."""
    counted = [each for each in campaign.around.limits if each.id in lane.limits and not each.is_shared]
    rate = inf if lane.rate is None else lane.rate
    if seconds == inf:
        return min([rate, *(limit.most / limit.span_seconds for limit in counted)]), rate
    return min([rate * seconds, *(limit.most * ceil(seconds / limit.span_seconds) for limit in counted)]), rate
