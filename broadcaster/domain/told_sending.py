"""What a plan of sending says of one campaign, in the terms of its instances, limits and days. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from zoneinfo import ZoneInfo

from msgspec import structs

from broadcaster.domain.campaign_plans import PlannedDay, PlannedStay, PlannedWait
from broadcaster.domain.frequency import PersonRule, WaitingPeople
from broadcaster.domain.lanes_now import LaneNow, LimitNow, moment_of_seconds
from broadcaster.domain.planned_parts import PlannedPart
from broadcaster.domain.sending_plans import Held, Hold, SendingPlan
from broadcaster.domain.skips import Skipped, skips_of

_LEAST_HELD = 60.0
"""Seconds: what holds it for less is not told."""
_TOLD_BY = {
    Hold.WINDOW: "its windows",
    Hold.CANARY: "the slices of its canary",
    Hold.EARLIER: "the occurrence before it",
}


def planned_days(plan: SendingPlan, campaign: int, lanes: Sequence[LaneNow], zone: ZoneInfo) -> Iterator[PlannedDay]:
    """How many messages leave when, in the order of days and instances."""
    found: dict[tuple[float, str], tuple[int, float]] = {}
    for begins, lane, each in plan.of(campaign):
        key = begins, lanes[lane].instance
        messages, last = found.get(key, (0, 0.0))
        found[key] = messages + each.messages, max(last, each.last)
    for (begins, instance), (messages, last) in sorted(found.items()):
        day = moment_of_seconds(begins).astimezone(zone).date()
        yield PlannedDay(day, instance, messages, moment_of_seconds(last))


def planned_stays(plan: SendingPlan, campaign: int, lanes: Sequence[LaneNow]) -> Iterator[PlannedStay]:
    """How many messages stay with lanes that are stopped."""
    left = plan.remaining_by_lane(campaign)
    for place, lane in enumerate(lanes):
        if lane.is_stopped and left[place]:
            yield PlannedStay(lane.instance, left[place], lane.health)


def planned_waits(
    all_held: Mapping[tuple[int, Hold, int], Held],
    campaign: int,
    limits: Sequence[LimitNow],
    names: Mapping[int, str],
) -> Iterator[PlannedWait]:
    """What holds the campaign, the longest first. `names` are those of other campaigns."""
    by_id = {limit.id: limit for limit in limits}
    held = [(hold, key, each) for (of, hold, key), each in all_held.items() if of == campaign]
    for hold, key, each in sorted(held, key=lambda found: -found[-1].seconds):
        if each.seconds < _LEAST_HELD or hold is Hold.START:
            continue
        if hold is Hold.LIMIT:
            said, span = str(by_id[key]), by_id[key].span_seconds
        else:
            said = f"campaign {names.get(key, 'of others')}" if hold is Hold.OTHERS else _TOLD_BY[hold]
            span = None
        yield PlannedWait(hold, said, each.seconds, each.times, span)


def planned_skips(plan: SendingPlan, campaign: int, messages: int) -> Sequence[Skipped]:
    """How many of so many messages of the campaign are skipped while it is planned."""
    counts = [(rule.value, skipped) for (of, rule), skipped in plan.people.skipped.items() if of == campaign]
    is_about = sum(skipped for _, skipped in counts) < messages
    return [structs.replace(each, is_about=is_about) for each in skips_of(counts, is_done=False)]


def waiting_people(parts: Sequence[PlannedPart]) -> Iterator[WaitingPeople]:
    """How many messages of these parts wait for their people, by rule."""
    for rule in PersonRule:
        of_rule = [(part.first_free_at, part.messages) for part in parts if part.rule is rule and part.first_free_at]
        if of_rule:
            yield WaitingPeople(rule, sum(messages for _, messages in of_rule), min(first for first, _ in of_rule))
