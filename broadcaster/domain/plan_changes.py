"""The cheapest change by which a campaign makes a deadline. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial
from math import ceil, floor
from shlex import quote

import msgspec

from broadcaster.domain.campaign_plans import CampaignPlan
from broadcaster.domain.durations import duration, duration_parts
from broadcaster.domain.instance_copies import said_like, with_more, worth_copying
from broadcaster.domain.lanes_now import LaneNow, LimitNow
from broadcaster.domain.opening_hours import OpeningHours, closing_later
from broadcaster.domain.pacing import FASTEST, format_rate
from broadcaster.domain.planned_campaign import PlannedCampaign
from broadcaster.domain.span_limits import SpanLimit

MOST_INSTANCES = 10
"""Instances more than that are no change that anybody makes for one campaign."""
_MOST_FASTER = 20
"""A rate or a limit so many times as high is none that is proposed."""
_MOST_HOURS = 24


class ChangeKind(StrEnum):
    """What can be changed, the cheapest first: what is free, what people notice, what strains numbers, what is bought.

    What stands still and should not comes before all of it. To raise a limit that is shared lets no number send more
    than its own limits allow.
    """

    RESUME = "resume"
    START = "start"
    WINDOW = "window"
    LIMIT = "limit"
    RATE = "rate"
    INSTANCES = "instances"


class PlanChange(msgspec.Struct, frozen=True):
    """A change by which a campaign makes it."""

    kind: ChangeKind
    says: str
    """For people, such as `instance a at 30/min instead of 20/min`."""
    ends_at: datetime | None
    """When its last message leaves then."""
    latest_at: datetime | None
    """The same where chance is not kind."""


def makes_it(plan: CampaignPlan, deadline: datetime) -> bool:
    """Whether all of it leaves before the deadline, nine of ten times.

    Through instances without a rate it leaves at once, as far as their gateways let it.
    """
    last = plan.latest_at or plan.ends_at
    return last is not None and last <= deadline and not plan.expire


def cheapest_change(campaign: PlannedCampaign, deadline: datetime) -> PlanChange | None:
    """The first kind of change by which it makes the deadline, and no more of it than that needs; None: none does."""
    for kind, find in _FINDERS.items():
        found = next(find(campaign, deadline), None)
        if found is not None:
            says, changed = found
            plan = changed.plan()
            return PlanChange(kind, says, plan.ends_at, plan.latest_at)
    return None


_Found = tuple[str, PlannedCampaign]


def _going_on(campaign: PlannedCampaign, deadline: datetime) -> Iterator[_Found]:
    """Of one of its instances that stand still, or of all of these."""
    standing = [lane for lane in campaign.own_lanes if lane.is_stopped]
    for lanes in dict.fromkeys([*((lane,) for lane in standing), tuple(standing)]):
        resumed = campaign.going_on({lane.id for lane in lanes})
        if lanes and makes_it(resumed.plan(), deadline):
            yield " and ".join(map(_said_going_on, lanes)), resumed


def _said_going_on(lane: LaneNow) -> str:
    name = quote(lane.instance)
    if lane.trouble_since is None:
        return f"instance {lane.instance} going on, which is paused: `broadcaster instance resume {name}`"
    return f"instance {lane.instance} well again, which is {lane.health}: see `broadcaster instance show {name}`"


def _earlier_start(campaign: PlannedCampaign, deadline: datetime) -> Iterator[_Found]:
    starts, now = campaign.starts_at, campaign.around.now
    if starts is None or starts <= now:
        return
    minutes = ceil((starts - now) / timedelta(minutes=1))

    def earlier(by: int) -> PlannedCampaign:
        return campaign.starting(max(now, starts - timedelta(minutes=by)))

    if (least := _least(lambda by: makes_it(earlier(by).plan(), deadline), minutes)) is not None:
        told = _told(least)
        yield f"a start {duration(told * 60)} earlier", earlier(told)


def _told(minutes: int) -> int:
    """The least that is not less and can be told as it is: of days, `duration` tells no minutes."""
    return minutes if duration_parts(minutes * 60)[0][1] != "day" else ceil(minutes / 60) * 60


def _longer_window(campaign: PlannedCampaign, deadline: datetime) -> Iterator[_Found]:
    """Of the campaign, of one of its instances, or of all of them: what has to close least later."""
    closing = [lane for lane in campaign.own_lanes if closing_later(lane.hours, _MOST_HOURS) != lane.hours]
    options: list[Callable[[int], PlannedCampaign]] = []
    if any(closing_later(part.hours, _MOST_HOURS) != part.hours for part in campaign.parts):
        options.append(campaign.open_longer)
    options += [partial(_open_longer, campaign, {lane.id}) for lane in closing]
    if len(options) > 1:
        options.append(partial(_open_all_longer, campaign, {lane.id for lane in closing}))
    found = []
    for order, change in enumerate(options):
        if (least := _least(lambda hours: makes_it(change(hours).plan(), deadline), _MOST_HOURS)) is not None:  # noqa: B023
            found.append((least, order, change))
    for least, _, change in sorted(found, key=lambda each: each[:2]):
        changed = change(least)
        yield " and ".join(_said_windows(campaign, changed)), changed


def _said_windows(before: PlannedCampaign, after: PlannedCampaign) -> Iterator[str]:
    """Which windows are other ones, and which these are, as `--window` takes them."""
    if of_campaign := _said_window(before.hours, after.hours):
        yield of_campaign
    for was, now in zip(before.own_lanes, after.own_lanes, strict=True):
        if of_lane := _said_window(was.hours, now.hours):
            yield f"instance {now.instance} with {of_lane}"


def _said_window(was: OpeningHours | None, now: OpeningHours | None) -> str:
    """Nothing where they are the same."""
    if was is None or now is None or was == now:
        return ""
    before, after = (" and ".join(each.windows) for each in (was, now))
    return f"{'window' if len(now.windows) == 1 else 'windows'} {after} instead of {before}"


def _open_longer(campaign: PlannedCampaign, lanes: Collection[int], hours: int) -> PlannedCampaign:
    return campaign.lane_open_longer(hours, lanes)


def _open_all_longer(campaign: PlannedCampaign, lanes: Collection[int], hours: int) -> PlannedCampaign:
    return campaign.open_longer(hours).lane_open_longer(hours, lanes)


def _higher_limit(campaign: PlannedCampaign, deadline: datetime) -> Iterator[_Found]:
    """Of the shared limit that has to rise least."""
    found = [each for limit in campaign.shared_limits for each in _larger(campaign, deadline, limit)]
    for _, says, changed in sorted(found, key=lambda each: each[0]):
        yield says, changed


def _larger(
    campaign: PlannedCampaign, deadline: datetime, limit: LimitNow
) -> Iterator[tuple[float, str, PlannedCampaign]]:
    """By which factor one limit has to rise, at least."""
    most = (_MOST_FASTER - 1) * limit.most
    least = _least(lambda more: makes_it(campaign.at_limit(limit.id, limit.most + more).plan(), deadline), most)
    if least is not None:
        raised = SpanLimit(limit.most + least, limit.span_seconds)
        before = SpanLimit(limit.most, limit.span_seconds)
        says = f"limit {limit.name} at {raised} instead of {before}"
        yield raised.most / before.most, says, campaign.at_limit(limit.id, raised.most)


def _higher_rate(campaign: PlannedCampaign, deadline: datetime) -> Iterator[_Found]:
    """Of the instance one of whose rates has to rise least: its pace, or what is counted of it alone.

    Where an instance has gaps or rests, these hold, whatever its pace is.
    """
    lanes = [lane for lane in campaign.own_lanes if not lane.is_stopped]
    paced = [lane for lane in lanes if lane.interval and not lane.gaps]
    found = [each for lane in paced for each in _faster(campaign, deadline, lane)]
    found += [each for lane in lanes for each in _more_in_a_span(campaign, deadline, lane)]
    for _, says, changed in sorted(found, key=lambda each: each[0]):
        yield says, changed


def _more_in_a_span(
    campaign: PlannedCampaign, deadline: datetime, lane: LaneNow
) -> Iterator[tuple[float, str, PlannedCampaign]]:
    """By which factor what is counted of one instance has to rise, at least."""
    for limit in campaign.own_limits(lane.id):
        before = SpanLimit(limit.most, limit.span_seconds)

        def raised(more: int, before: SpanLimit = before) -> PlannedCampaign:
            return campaign.at_rates(lane.id, [before._replace(most=before.most + more)])

        def suffices(more: int, raised: Callable[[int], PlannedCampaign] = raised) -> bool:
            return makes_it(raised(more).plan(), deadline)

        if (least := _least(suffices, (_MOST_FASTER - 1) * limit.most)) is not None:
            after = before._replace(most=before.most + least)
            says = f"instance {lane.instance} at {after} instead of {before}"
            yield after.most / before.most, says, raised(least)


def _faster(
    campaign: PlannedCampaign, deadline: datetime, lane: LaneNow
) -> Iterator[tuple[float, str, PlannedCampaign]]:
    """By which factor the rate of one instance has to rise, at least."""
    # In messages a minute, or an hour where it is slower than that.
    unit = 60.0 if lane.interval <= 60 else 3600.0
    before = 1.0 / lane.interval

    def rate(more: int) -> float:
        return (floor(before * unit) + more) / unit

    most = floor((min(FASTEST, _MOST_FASTER * before) - before) * unit)
    least = _least(lambda more: makes_it(campaign.at_rate(lane.id, rate(more)).plan(), deadline), most)
    if least is not None:
        says = f"instance {lane.instance} at {format_rate(rate(least))} instead of {format_rate(before)}"
        yield rate(least) / before, says, campaign.at_rate(lane.id, rate(least))


def _more_instances(campaign: PlannedCampaign, deadline: datetime) -> Iterator[_Found]:
    now = campaign.around.now
    seconds = (deadline - max(now, campaign.starts_at or now)).total_seconds()
    if seconds <= 0:
        return
    found = []
    for like in worth_copying(campaign, seconds):

        def suffices(number: int, like: LaneNow = like) -> bool:
            return makes_it(with_more(campaign, number, like).plan(), deadline)

        if (least := _least(suffices, MOST_INSTANCES)) is not None:
            found.append((least, like))
    for least, like in sorted(found, key=lambda each: each[0]):
        more = "1 instance" if least == 1 else f"{least} instances"
        yield f"{more} more like {said_like(campaign, like)}", with_more(campaign, least, like)


_FINDERS: dict[ChangeKind, Callable[[PlannedCampaign, datetime], Iterator[_Found]]] = {
    ChangeKind.RESUME: _going_on,
    ChangeKind.START: _earlier_start,
    ChangeKind.WINDOW: _longer_window,
    ChangeKind.LIMIT: _higher_limit,
    ChangeKind.RATE: _higher_rate,
    ChangeKind.INSTANCES: _more_instances,
}


def _least(suffices: Callable[[int], bool], most: int) -> int | None:
    """The least number from 1 to `most` that suffices, where more of it is never worse; None: none does."""
    if most < 1 or not suffices(most):
        return None
    low, high = 0, most
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if suffices(middle) else (middle, high)
    return high
