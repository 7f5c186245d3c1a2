"""Which change makes a deadline, and what changes come to."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import inf
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from msgspec import structs

from broadcaster.domain.instance_copies import best_to_copy, said_like, with_more, worth_copying
from broadcaster.domain.lanes_now import LaneNow, LimitNow
from broadcaster.domain.opening_hours import OpeningHours
from broadcaster.domain.plan_changes import (
    ChangeKind,
    _more_instances,  # private: one of the kinds of changes, whichever is the cheapest
    cheapest_change,
    makes_it,
)
from broadcaster.domain.planned_campaign import PlannedCampaign
from broadcaster.domain.planned_parts import PlannedPart
from broadcaster.domain.span_limits import parse_each_rate
from broadcaster.domain.surroundings import Surroundings

NOW = datetime(2027, 1, 4, 9, 0, tzinfo=UTC)
"""A Monday."""
MORNING = OpeningHours(windows=("Mon-Fri 09:00-10:00",), zone="UTC")


def lane(number: int = 1, *, rate: float = 1 / 3, **known: Any) -> LaneNow:
    usual = {"debt": 0.0, "rests": 0.0, "is_stopped": False, "hours": None, "limits": ()}
    pace = {"interval": 1 / rate, "pace_rate": rate, "tolerance": 0.0, "burst": 1}
    return LaneNow(id=number, instance=f"i{number}", now=NOW, **{**usual, **pace, **known})


def limit(number: int, most: int, span: int) -> LimitNow:
    return LimitNow(
        id=number, name="i1", is_shared=False, most=most, span_seconds=span, grace_seconds=0.0, counts=(), newest=0
    )


def campaign(*lanes: LaneNow, limits: tuple[LimitNow, ...] = (), messages: int = 0, **known: Any) -> PlannedCampaign:
    """All messages are on the first lane."""
    around = Surroundings(now=NOW, lanes=lanes, limits=limits, reserve=timedelta(seconds=30), zone=ZoneInfo("UTC"))
    part = PlannedPart(lane_id=1, messages=messages, hours=known.pop("hours", None))
    return PlannedCampaign(around, [part], in_use={each.id for each in lanes}, **known)


def says(work: PlannedCampaign, **ahead: float) -> str | None:
    change = cheapest_change(work, NOW + timedelta(**ahead))
    return None if change is None else change.says


def test_what_is_counted_of_one_instance_is_raised_as_far_as_that_makes_it() -> None:
    work = campaign(lane(limits=(7,)), limits=(limit(7, 20, 3600),), messages=120)
    assert says(work, hours=1) == "instance i1 at 120/h instead of 20/h"


def test_a_pace_that_follows_from_what_is_counted_rises_with_it() -> None:
    """`--rate 20/h --rate 500/d`: 20/h is counted, and one in three minutes leaves."""
    counted = (limit(7, 20, 3600), limit(8, 500, 86_400))
    work = campaign(lane(rate=20 / 3600, limits=(7, 8)), limits=counted, messages=120)
    assert says(work, hours=1) == "instance i1 at 120/h instead of 20/h"


def test_the_windows_of_an_instance_may_close_later() -> None:
    work = campaign(lane(hours=MORNING), messages=1800)
    assert says(work, hours=2) == "instance i1 with window Mon-Fri 09:00-11:00 instead of Mon-Fri 09:00-10:00"


def test_where_both_close_too_early_both_have_to_close_later() -> None:
    work = campaign(lane(hours=MORNING), messages=1800, hours=MORNING)
    change = cheapest_change(work, NOW + timedelta(hours=2))
    assert change is not None
    assert change.kind is ChangeKind.WINDOW
    longer = "window Mon-Fri 09:00-11:00 instead of Mon-Fri 09:00-10:00"
    assert change.says == f"{longer} and instance i1 with {longer}"


def test_the_windows_of_the_campaign_come_first_where_they_are_enough() -> None:
    all_day = structs.replace(MORNING, windows=("Mon-Fri 09:00-20:00",))
    work = campaign(lane(hours=all_day), messages=1800, hours=MORNING)
    assert says(work, hours=2) == "window Mon-Fri 09:00-11:00 instead of Mon-Fri 09:00-10:00"


def test_a_window_that_closes_at_midnight_is_said_as_it_is_written() -> None:
    work = campaign(lane(hours=structs.replace(MORNING, windows=("09:00-23:12",))), messages=20 * 60 * 14 + 20 * 50)
    assert says(work, hours=15) == "instance i1 with window 09:00-24:00 instead of 09:00-23:12"


def test_what_stands_still_goes_on_before_anything_is_changed() -> None:
    paused = lane(is_stopped=True)
    resume = "instance i1 going on, which is paused: `broadcaster instance resume i1`"
    assert says(campaign(paused, lane(2, hours=MORNING), messages=60), hours=1) == resume
    assert says(campaign(paused, messages=60), minutes=1) is None
    change = cheapest_change(campaign(paused, messages=60), NOW + timedelta(hours=1))
    assert change is not None
    assert change.kind is ChangeKind.RESUME
    assert change.ends_at == NOW + timedelta(seconds=3 * 59)


@pytest.mark.parametrize("is_down", [True, False])
def test_for_one_in_trouble_it_is_said_what_it_waits_for(*, is_down: bool) -> None:
    work = campaign(lane(is_stopped=True, trouble_since=NOW, is_down=is_down, rests=60.0), messages=60)
    health = "down" if is_down else "refused"
    assert says(work, hours=1) == f"instance i1 well again, which is {health}: see `broadcaster instance show i1`"


def test_where_several_stand_still_all_of_them_go_on() -> None:
    work = campaign(lane(is_stopped=True), lane(2, is_stopped=True), messages=60)
    parts = [PlannedPart(lane_id=each, messages=60) for each in (1, 2)]
    said = says(replace(work, parts=parts), hours=1)
    assert said is not None
    assert "resume i1` and instance i2 going on, which is paused" in said


@pytest.mark.parametrize(
    ("written", "hours"),
    [
        # Beside its pace of 20 a minute it is counted by the day, as `instance set --rate` has it.
        (["1000/d"], 2),
        # By the hour it is counted, too, so that it takes two.
        (["1200/h"], 2),
        (["60/min"], 1),
    ],
)
def test_a_rate_of_another_span_is_added(written: list[str], hours: int) -> None:
    work = campaign(lane(), messages=900)
    seconds = work.at_rates(1, parse_each_rate(written)).plan().seconds
    assert seconds is not None
    assert seconds < hours * 3600


def test_instances_are_added_like_the_one_that_sends_most_in_the_long_run() -> None:
    work = campaign(lane(1, rate=10.0, limits=(7,)), lane(2), limits=(limit(7, 20, 86_400),), messages=500)
    like = best_to_copy(work, 1)
    assert like.instance == "i2"
    assert "another like i2" in {each.instance for each in with_more(work, 1, like).own_lanes}


def full(name: str) -> LimitNow:
    """A limit that others share."""
    today = {"is_shared": True, "counts": (20,), "newest": int(NOW.timestamp() / 1800)}
    return structs.replace(limit(8, 20, 86_400), name=name, **today)


def test_an_instance_more_is_like_one_that_helps_and_not_like_one_that_shares_what_is_full() -> None:
    work = campaign(lane(1, limits=(8,)), lane(2, rate=1 / 60), limits=(full("all"),), messages=180)
    assert best_to_copy(work, 2).instance == "i2"
    assert said_like(work, work.own_lanes[0]) == "i1, in limit all as well, which is full"
    changed = replace(work, parts=[replace(each, lane_id=2) for each in work.parts])
    assert "instances more like i2" in next(_more_instances(changed, NOW + timedelta(minutes=30)))[0]


def test_by_a_deadline_an_instance_more_is_like_the_one_that_sends_most_until_then() -> None:
    """In the long run the first one sends more, and within ten minutes the second one."""
    lanes = lane(1), lane(2, rate=10.0, limits=(7,))
    work = campaign(*lanes, limits=(limit(7, 300, 86_400),), messages=2000)
    assert [worth_copying(work, seconds)[0].instance for seconds in (600, inf)] == ["i2", "i1"]


def test_what_leaves_as_soon_as_the_gateway_lets_it_makes_any_deadline() -> None:
    unlimited = structs.replace(lane(), interval=0.0, pace_rate=None)
    plan = campaign(unlimited, messages=50).plan()
    assert not plan.is_paced
    assert makes_it(plan, NOW + timedelta(minutes=1))


def test_what_is_not_dealt_yet_is_dealt_by_what_is_changed() -> None:
    work = campaign(lane(1), lane(2, limits=(7,)), limits=(limit(7, 10, 86_400),), messages=500, is_dealt=False)
    raised = work.at_rates(2, parse_each_rate(["200/d"]))
    shares = {part.lane_id: part.messages for part in raised.parts}
    assert shares == {1: 300, 2: 200}
    stays = replace(work, is_dealt=True).at_rates(2, parse_each_rate(["200/d"]))
    assert [part.messages for part in stays.parts] == [500]


def test_a_draft_is_planned_as_it_will_be_dealt() -> None:
    work = campaign(lane(1), lane(2), messages=500)
    assert {part.lane_id: part.messages for part in work.to_be_started().parts} == {1: 250, 2: 250}
    by_weights = replace(work, weights={1: 1.0, 2: 1.0})
    assert by_weights.to_be_started() is by_weights
