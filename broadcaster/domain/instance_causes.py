"""Why an instance is not well, and what to do. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from shlex import quote

from broadcaster.domain.campaign_standing import TRIED_AGAIN, is_unwell
from broadcaster.domain.care import stopped_figures
from broadcaster.domain.judgement import BLAMED, UNKNOWN_WORDS
from broadcaster.domain.pacing import SLOWEST, format_rate
from broadcaster.domain.remedies import address_remedy, learning_remedy
from broadcaster.domain.standstill import CampaignFacts, Cause, LaneFacts, Part, Remedy, Scene, Standstill, What
from broadcaster.domain.states import CampaignState, LaneHealth
from broadcaster.domain.truth import is_suspect, missing_words

_KEY_IS_MEANT = re.compile(r"key|token|unauthori[sz]ed|api\b|HTTP 40[13]", re.IGNORECASE)
"""Words in a refusal that another key may mend. They leave out an account that has ended: no key mends that."""
_UNDECRYPTED = "BROADCASTER_SECRET_KEY"
"""In the reason of an instance whose stored key a worker could not decrypt: the key at its gateway is well."""


def may_lose_messages(lane: LaneFacts) -> bool:
    """Whether it still sends although suspiciously many of its accepted messages are missing."""
    # The reason of a stopped instance says it already.
    return lane.health is not LaneHealth.REFUSED and is_suspect(lane.shown, lane.missing)


def suspicion(lane: LaneFacts) -> Standstill:
    """What is to be said of an instance that may lose messages."""
    return Standstill(
        What.INSTANCE,
        lane.name,
        Cause.SUSPECT,
        "may lose messages that it accepts",
        Remedy(
            "look at its phone, and send a test message to your own:",
            f"broadcaster instance check {quote(lane.name)} --to MY_PHONE",
        ),
        detail=missing_words(lane.shown, lane.missing),
    )


def lane_remedy(lane: LaneFacts, parts: Sequence[Part]) -> Remedy:
    """What to do about an instance that is not ok. `parts` are what it still has to do."""
    name = quote(lane.name)
    if lane.health in _GATEWAYS and (remedy := address_remedy(lane.name, lane.reason, lane.wire)):
        return remedy
    match lane.health:
        case LaneHealth.PAUSED:
            return Remedy("go on with", f"broadcaster instance resume {name}")
        case LaneHealth.REFUSED if _UNDECRYPTED in (lane.reason or ""):
            advice = "give the workers all secret keys, restart them, then go on with"
            return Remedy(advice, f"broadcaster instance resume {name}")
        case LaneHealth.REFUSED:
            if _KEY_IS_MEANT.search(lane.reason or ""):
                return Remedy("give the new key, then it goes on:", f"broadcaster instance set {name} --key-stdin")
            return Remedy("once that is mended, go on with", f"broadcaster instance resume {name}")
        case LaneHealth.THROTTLED:
            slower = format_rate(max(lane.permitted / 2, SLOWEST)) if lane.permitted else "20/min"
            return Remedy("if that happens often, send slower:", f"broadcaster instance set {name} --rate {slower}")
        case LaneHealth.DOWN if UNKNOWN_WORDS in (lane.reason or ""):
            return learning_remedy(lane.name, lane.reason or "")
        case LaneHealth.DOWN if BLAMED in (lane.reason or ""):
            failed = [part.campaign.name for part in parts if part.failed]
            again = "".join(
                f", retry those who failed with `broadcaster campaign retry {quote(each)}`" for each in failed[:2]
            )
            advice = f"look at its phone{again}; if the list is bad, go on with"
            return Remedy(advice, f"broadcaster instance resume {name}")
        case _:
            return Remedy("see", f"broadcaster instance check {name}")


def instance_causes(lane: LaneFacts, parts: Sequence[Part], scene: Scene) -> Iterator[Standstill]:
    """Why an instance sends nothing or lets nothing be read; `parts` are what it still has to do."""
    waiting = [part for part in parts if part.pending and _wants_to_send(part.campaign, scene)]
    # One that is retired is meant to send nothing.
    if is_unwell(lane, scene) and (waiting or not lane.is_retired):
        yield Standstill(
            What.INSTANCE,
            lane.name,
            Cause(lane.health),
            what_it_does(lane),
            lane_remedy(lane, parts),
            detail=stopped_figures(lane.reason) if lane.health is LaneHealth.PAUSED else lane.reason,
            since=lane.since,
            # There is no next try if nothing waits or no worker runs.
            next_try=lane.not_before if lane.health in TRIED_AGAIN and waiting and scene.is_ticking else None,
            waiting=sum(part.pending for part in waiting),
        )
    # Where its gateway is gone, its chats are gone with it.
    if lane.unreadable_since is not None and (lane.unreadable_is_former or lane.health not in _GATEWAYS):
        yield _unreadable(lane, [part for part in parts if part.in_doubt], scene)


def what_it_does(lane: LaneFacts) -> str:
    """The verb phrase after the name of an instance that is not ok."""
    if lane.is_retired:
        return "is retired"
    return "has paused itself" if stopped_figures(lane.reason) is not None else SAYS[lane.health]


SAYS = {
    LaneHealth.PAUSED: "is paused by an operator",
    LaneHealth.REFUSED: "is stopped",
    LaneHealth.DOWN: "is down",
    LaneHealth.THROTTLED: "has to rest",
}
_GATEWAYS = (LaneHealth.REFUSED, LaneHealth.DOWN)


def _unreadable(lane: LaneFacts, doubted: Sequence[Part], scene: Scene) -> Standstill:
    if not lane.unreadable_is_former:
        remedy = Remedy("see", f"broadcaster instance check {quote(lane.name)}")
    elif doubted:
        remedy = Remedy("decide yourself with", f"broadcaster campaign settle {quote(doubted[0].campaign.name)}")
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
        waiting=sum(part.in_doubt for part in doubted),
    )


def _wants_to_send(campaign: CampaignFacts, scene: Scene) -> bool:
    return campaign.state is CampaignState.RUNNING or (
        campaign.state is CampaignState.SCHEDULED and campaign.starts_at <= scene.now
    )
