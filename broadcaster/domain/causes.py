"""Why something does not move: one cause of a closed set, and the command that helps. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from broadcaster.domain.campaign_causes import campaign_causes
from broadcaster.domain.campaign_standing import CampaignStanding
from broadcaster.domain.instance_causes import instance_causes, may_lose_messages, suspicion
from broadcaster.domain.standstill import LaneFacts, Part, Scene, Standstill


def standing_still(lanes: Iterable[tuple[LaneFacts, Sequence[Part] | None]], scene: Scene) -> Iterator[Standstill]:
    """Every instance of `lanes` that is not well, then every open campaign on them that does not move, by name.

    With each lane comes what it still has to do; None: only whether it may lose messages is asked for. One is looked
    at after the other, and none is kept: there may be very many.
    """
    standings: dict[str, CampaignStanding] = {}
    for lane, parts in lanes:
        if may_lose_messages(lane):
            yield suspicion(lane)
        if parts is None:
            continue
        yield from (_from(scene.now, each) for each in instance_causes(lane, parts, scene))
        for part in parts:
            standings.setdefault(part.campaign.name, CampaignStanding(part.campaign)).add(part, scene)
    for name in sorted(standings):
        yield from (_from(scene.now, each) for each in campaign_causes(standings[name], scene))


def _from(now: datetime, found: Standstill) -> Standstill:
    """`found`, with a next try in the past marked as due now."""
    if found.next_try is None or found.next_try > now:
        return found
    return replace(found, next_try=None, is_due=True)
