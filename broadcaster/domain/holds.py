"""What holds a running campaign now, instance by instance: the same words wherever it is shown. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from enum import StrEnum

import msgspec

from broadcaster.domain.campaign_standing import TRIED_AGAIN, is_unwell
from broadcaster.domain.frequency import WaitingPeople, they_were
from broadcaster.domain.instance_causes import what_it_does
from broadcaster.domain.pacing import format_rate
from broadcaster.domain.standstill import LaneFacts, Part, Scene

_MOST_NAMED = 3
_SILENT = 5.0
"""An instance with a rate that claimed nothing for so many seconds, and for two of its slots, waits for replies."""

_LATE = 0.5
"""A rate of which a worker has left a slot free for so many seconds holds nothing: even busy ones claim sooner."""


class HoldCause(StrEnum):
    """What decides when the next message leaves through an instance."""

    INSTANCE = "instance"
    """It sends nothing, for its own sake."""
    WINDOW = "window"
    CANARY = "canary"
    RETRY = "retry"
    PERSON = "person"
    """Its people were messaged too lately."""
    OTHERS = "others"
    LIMIT = "limit"
    REST = "rest"
    """Its gateway's, or one of its own after so many messages."""
    GAP = "gap"
    RATE = "rate"
    GATEWAY = "gateway"
    """Nothing but how fast it answers: what its rate allows at once is under way."""


class HoldNow(msgspec.Struct, frozen=True):
    """What holds a campaign on one instance."""

    instance: str
    cause: HoldCause
    what: str
    """For people, such as `limit 25/d, again`; the moment follows where there is one."""
    until: datetime | None = None

    def says(self, clock: Callable[[datetime], str]) -> str:
        """The same with the moment. `clock` formats one."""
        return self.what if self.until is None else f"{self.what} at {clock(self.until)}"


def holds_now(parts: Iterable[Part], scene: Scene) -> Iterator[HoldNow]:
    """For each instance through which a campaign has something to send, and of which is known what holds it."""
    for part in parts:
        if part.pending and (hold := _hold(part, scene)) is not None:
            cause, what, until = hold
            is_due = until is not None and until <= scene.now
            yield HoldNow(part.lane.name, cause, f"{what} now" if is_due else what, None if is_due else until)


def said_holds(
    holds: Iterable[HoldNow],
    clock: Callable[[datetime], str],
    waiting: Iterable[WaitingPeople] = (),
    told: Callable[[str], str] = str,
) -> Iterator[str]:
    """One line for all instances that are held by the same, and one for each rule by which people are waited for.

    `told` puts that into other words, if need be.
    """
    by_words: dict[str, list[str]] = {}
    for hold in holds:
        by_words.setdefault(hold.says(clock), []).append(hold.instance)
    for words, instances in by_words.items():
        more = f" and {len(instances) - _MOST_NAMED:,} more" if len(instances) > _MOST_NAMED else ""
        yield f"{', '.join(instances[:_MOST_NAMED])}{more}: {told(words)}"
    yield from (told(each.says(clock)) for each in waiting)


def _hold(part: Part, scene: Scene) -> tuple[HoldCause, str, datetime | None] | None:
    lane = part.lane
    if is_unwell(lane, scene):
        tried = lane.not_before if lane.health in TRIED_AGAIN else None
        return HoldCause.INSTANCE, f"{what_it_does(lane)}{', next try' if tried else ''}", tried
    if part.opens_at is not None:
        return HoldCause.WINDOW, "its window opens", part.opens_at
    if part.is_held:
        if part.next_slice_at is None:
            return HoldCause.CANARY, "the next slice of its canary opens once this one has left", None
        return HoldCause.CANARY, "the next slice of its canary opens", part.next_slice_at
    if part.next_due_at is not None and part.next_due_at > scene.now:
        if part.person_rule is not None and part.person_is_skipped:
            return HoldCause.PERSON, f"people who {they_were(part.person_rule)} are skipped", part.next_due_at
        if part.person_rule is not None:
            return HoldCause.PERSON, f"its people {they_were(part.person_rule)}, again", part.next_due_at
        return HoldCause.RETRY, "another try", part.next_due_at
    if part.full is not None:
        return HoldCause.LIMIT, f"limit {part.full.name}, {part.full.allows}, again", part.full.free_at
    if part.outranked_by is not None:
        return HoldCause.OTHERS, f"campaign {part.outranked_by} goes first", None
    if lane.full is not None:
        return HoldCause.LIMIT, f"limit {lane.full.removesuffix(',')}, again", lane.slot
    if lane.not_before is not None and lane.not_before > scene.now:
        return HoldCause.REST, "rests, and goes on", lane.not_before
    if _waits_for_replies(part, scene):
        return HoldCause.GATEWAY, "requests that its gateway has not answered yet", None
    return _hold_of_pace(lane, scene)


def _waits_for_replies(part: Part, scene: Scene) -> bool:
    """Whether as much is under way as its burst lets."""
    rate, used_at = part.lane.rate, part.lane.used_at
    if not part.sending or rate is None or used_at is None:
        return False
    return (scene.now - used_at).total_seconds() > max(_SILENT, 2 / rate)


def _hold_of_pace(lane: LaneFacts, scene: Scene) -> tuple[HoldCause, str, datetime | None] | None:
    slot = lane.slot if lane.slot is not None and lane.slot > scene.now else None
    if lane.rest is not None and slot is not None:
        return HoldCause.REST, f"rest of {lane.rest}, goes on", slot
    if lane.gap is not None:
        return HoldCause.GAP, f"gaps of {lane.gap}{', next message' if slot else ''}", slot
    if lane.rate is not None:
        if lane.is_tended and lane.slot is not None and (scene.now - lane.slot).total_seconds() > _LATE:
            return None
        return HoldCause.RATE, f"rate {format_rate(lane.rate)}", None
    return HoldCause.GATEWAY, "as fast as its gateway answers", None
