"""Plans of campaigns with an instance in trouble: what it has pending goes to others, and leaves at their pace."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from msgspec import structs

from broadcaster.domain.campaign_plans import CampaignPlan
from broadcaster.domain.failover_plans import FailoverRule
from broadcaster.domain.opening_hours import OpeningHours
from broadcaster.domain.plan_remarks import plan_remarks
from broadcaster.domain.planned_parts import OWN, PlannedPart
from broadcaster.domain.surroundings import Surroundings
from tests.unit.test_campaign_plans import NOW, Limit, around, parts, said, shared

MINUTE = timedelta(minutes=1)
A_MINUTE = Limit(1 / 60, 1)
RULE = FailoverRule(15 * MINUTE, {1: None, 2: None, 3: None})


def troubled(
    *others: Limit, rule: FailoverRule = RULE, is_down: bool = False, minutes: int = 5, **of_others: Any
) -> Surroundings:
    """The first lane has been refused, or down, for so many minutes; the others are well."""
    surroundings = around({1: A_MINUTE, **dict(enumerate(others, 2))})
    first, *well = surroundings.lanes
    first = structs.replace(first, is_stopped=True, is_down=is_down, trouble_since=NOW - minutes * MINUTE)
    lanes = [first, *(structs.replace(lane, **of_others) for lane in well)]
    return replace(surroundings, lanes=lanes, failovers={OWN: rule})


def by_instance(plan: CampaignPlan) -> Counter[str]:
    found: Counter[str] = Counter()
    for day in plan.days:
        found[day.instance] += day.messages
    return found


def test_what_a_refused_instance_has_moves_at_its_moment_and_leaves_at_the_pace_of_who_takes_it() -> None:
    plan = troubled(A_MINUTE).plan(parts({1: 12, 2: 20}))
    assert [(each.at, each.messages) for each in plan.moves] == [(NOW + 10 * MINUTE, 12)]
    assert by_instance(plan) == {"i2": 32}
    assert (plan.ends_at, plan.remaining, plan.expire) == (NOW + 31 * MINUTE, 0, 0)
    assert list(plan_remarks(plan, said)) == [
        "12 messages move from i1 to i2 at 04 09:10",
        "nothing is sent through 'i1' now, and nobody knows until when: it is refused; see "
        "`broadcaster instance show i1`",
    ]


def test_one_that_is_down_keeps_a_message_until_the_others_have_none() -> None:
    plan = troubled(A_MINUTE, is_down=True).plan(parts({1: 12, 2: 20}))
    first, last = plan.moves
    assert (first.messages, last.messages) == (11, 1)
    assert NOW + 30 * MINUTE <= last.at <= NOW + 31 * MINUTE
    assert plan.ends_at == pytest.approx(NOW + 31 * MINUTE, abs=timedelta(seconds=1))
    assert next(plan_remarks(replace(plan, moves=[last]), said)).startswith("1 message moves from i1 to i2 at ")


def test_who_takes_shares_by_pace_and_by_what_it_has() -> None:
    plan = troubled(A_MINUTE, Limit(2 / 60, 1)).plan(parts({1: 60, 2: 10, 3: 20}))
    assert by_instance(plan) == {"i2": 30, "i3": 60}
    assert next(plan_remarks(plan, said)) == "60 messages move from i1 to i2 (20) and i3 (40) at 04 09:10"


def test_who_has_a_weight_shares_by_that() -> None:
    rule = replace(RULE, weights={1: 1.0, 2: 3.0, 3: 1.0})
    plan = troubled(Limit(1.0, 1), Limit(1.0, 1), rule=rule).plan(parts({1: 40}))
    assert by_instance(plan) == {"i2": 30, "i3": 10}


def test_nothing_moves_before_one_of_the_others_may_send() -> None:
    hours = OpeningHours(windows=("Mon-Fri 10:00-17:00",), zone="UTC")
    plan = troubled(A_MINUTE, hours=hours).plan(parts({1: 12}))
    assert [(each.at, each.messages) for each in plan.moves] == [(NOW + 60 * MINUTE, 12)]
    full = shared(7, "customers", 10, counts=(10,), newest=int(NOW.timestamp() // 1800))
    limited = replace(troubled(A_MINUTE, limits=(7,)), limits=[full])
    [move] = limited.plan(parts({1: 5})).moves
    assert move.at == NOW + timedelta(days=1, minutes=30, seconds=75)


def test_whose_part_others_send_already_gives_what_comes_back_to_it_at_once_and_gets_none() -> None:
    rule = replace(RULE, away=frozenset({1}))
    assert [each.at for each in troubled(A_MINUTE, rule=rule).plan(parts({1: 3, 2: 1})).moves] == [NOW]
    both = troubled(A_MINUTE, rule=replace(RULE, away=frozenset({2})))
    assert list(both.plan(parts({1: 3, 2: 1})).moves) == []


def test_people_who_keep_their_instance_stay_and_so_does_what_a_paused_one_has() -> None:
    plan = troubled(A_MINUTE, rule=replace(RULE, stays={1: 4})).plan(parts({1: 12}))
    assert ([each.messages for each in plan.moves], plan.remaining) == ([8], 4)
    surroundings = troubled(A_MINUTE)
    paused = [structs.replace(surroundings.lanes[0], trouble_since=None), *surroundings.lanes[1:]]
    stays = replace(surroundings, lanes=paused).plan(parts({1: 12}))
    assert (list(stays.moves), stays.remaining) == ([], 12)


def test_what_others_have_moves_beside_it() -> None:
    beside = PlannedPart(lane_id=1, messages=30, campaign=7, priority=1)
    surroundings = replace(troubled(A_MINUTE), beside=[beside], names={7: "spring"}, failovers={7: RULE})
    plan = surroundings.plan(parts({2: 20}))
    assert (plan.ends_at, list(plan.moves)) == (NOW + 49 * MINUTE, [])


def test_a_stopped_instance_waits_for_no_window() -> None:
    beside = PlannedPart(lane_id=2, messages=60, campaign=7)
    surroundings = replace(troubled(A_MINUTE), beside=[beside], names={7: "spring"}, canaries={}, failovers={})
    limit = shared(7, "customers", 100)
    lanes = [structs.replace(lane, limits=(7,)) for lane in surroundings.lanes]
    plan = replace(surroundings, lanes=lanes, limits=[limit]).plan(parts({1: 5}))
    assert (plan.remaining, plan.said_waits) == (5, "")
