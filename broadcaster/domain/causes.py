"""Why something does not move: one cause of a closed set, and the command that helps. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from broadcaster.domain.campaign_causes import campaign_causes
from broadcaster.domain.instance_causes import instance_causes
from broadcaster.domain.standstill import CampaignFacts, LaneFacts, Part, Scene, Standstill


def standing_still(lanes: Sequence[LaneFacts], campaigns: Sequence[CampaignFacts], scene: Scene) -> list[Standstill]:
    """Every instance of `lanes` that is not well, then every one of `campaigns` that does not move."""
    by_lane: dict[str, list[tuple[CampaignFacts, Part]]] = {}
    for campaign in campaigns:
        for part in campaign.parts:
            by_lane.setdefault(part.lane.name, []).append((campaign, part))
    instances = (found for lane in lanes for found in instance_causes(lane, by_lane.get(lane.name, ()), scene))
    found = [*instances, *(found for campaign in campaigns for found in campaign_causes(campaign, scene))]
    return [_from(scene.now, each) for each in found]


def _from(now: datetime, found: Standstill) -> Standstill:
    """`found`, with a next try in the past marked as due now."""
    if found.next_try is None or found.next_try > now:
        return found
    return replace(found, next_try=None, is_due=True)
