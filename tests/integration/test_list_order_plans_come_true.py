"""Plans of campaigns to the same people, each in the order of its list, and what became of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from broadcaster.domain.care import Care
from broadcaster.services.campaigns.foreseeing import WhatIf, foresee
from tests.integration.test_people_plans_come_true import submit_to
from tests.support.database_clock import DatabaseClock
from tests.support.plan_runs import run_until, skips
from tests.support.shop import Shop

SKIPPING = Care(cooldown=86_400, skips_recent=True)
PEOPLE = 60
OFF = 4
"""Messages: people are planned in groups of two or three."""


def sent(shop: Shop, name: str) -> int:
    return shop.states(name).get("sent", 0)


def a_faster_one_beside(shop: Shop, clock: DatabaseClock) -> None:
    """Both have the same list, and the other one is a few messages ahead."""
    shop.add("a", "25/h", burst=1)
    shop.add("b", "60/h", burst=1)
    shop.submit("other", PEOPLE, "a")
    run_until(shop, clock, lambda: sent(shop, "other") >= 5)
    shop.submit("c", PEOPLE, "b", care=SKIPPING)


def a_slower_one_beside(shop: Shop, clock: DatabaseClock) -> None:
    shop.add("a", "25/h", burst=1)
    shop.add("b", "60/h", burst=1)
    shop.submit("other", PEOPLE, "b")
    run_until(shop, clock, lambda: sent(shop, "other") >= 5)
    shop.submit("c", PEOPLE, "a", care=SKIPPING)


def one_to_a_part_of_a_list(shop: Shop, clock: DatabaseClock) -> None:
    """Two instances share a longer list, the middle of which it has."""
    shop.add("a", "20/h", burst=1)
    shop.add("b", "20/h", burst=1)
    shop.add("c", "60/h", burst=1)
    shop.submit("other", 100, "a", "b")
    run_until(shop, clock, lambda: sent(shop, "other") >= 45)
    shop.submit("c", PEOPLE, "c", first=20, care=SKIPPING)


def one_to_the_end_of_a_list(shop: Shop, clock: DatabaseClock) -> None:
    """The other one comes to those late, and this one is slower."""
    shop.add("b", "60/h", burst=1)
    shop.add("a", "20/h", burst=1)
    shop.submit("other", 120, "b")
    shop.submit("c", PEOPLE, "a", first=60, care=SKIPPING)


def one_that_skips_as_well(shop: Shop, clock: DatabaseClock) -> None:
    shop.add("a", "25/h", burst=1)
    shop.add("b", "60/h", burst=1)
    shop.submit("other", PEOPLE, "a", care=SKIPPING)
    shop.submit("c", PEOPLE, "b", care=SKIPPING)


def one_that_has_reached_its_limit(shop: Shop, clock: DatabaseClock) -> None:
    """The other one is first in both lists, and faster, but sends nothing for most of an hour."""
    shop.add("a", "240/h", burst=1)
    shop.add("b", "1/s 10/h", burst=1)
    shop.submit("other", 40, "b")
    run_until(shop, clock, lambda: sent(shop, "other") >= 10)
    shop.submit("c", PEOPLE, "a", care=SKIPPING)


SET_UPS: Sequence[Callable[[Shop, DatabaseClock], None]] = (
    a_faster_one_beside,
    a_slower_one_beside,
    one_to_a_part_of_a_list,
    one_to_the_end_of_a_list,
    one_that_skips_as_well,
    one_that_has_reached_its_limit,
)


@pytest.mark.parametrize("set_up", SET_UPS, ids=[each.__name__ for each in SET_UPS])
def test_whoever_comes_first_to_whom_goes_by_the_order_of_lists(
    shop: Shop, set_up: Callable[[Shop, DatabaseClock], None]
) -> None:
    clock = DatabaseClock(shop.engine)
    set_up(shop, clock)
    plan = foresee(shop.engine, "c", WhatIf()).plan
    assert plan.messages + skips(plan) == PEOPLE
    run_until(shop, clock, lambda: shop.state("c") == "finished")
    assert plan.messages == pytest.approx(sent(shop, "c"), abs=OFF)


def test_whoever_is_skipped_at_the_start_is_not_in_its_list(shop: Shop) -> None:
    clock = DatabaseClock(shop.engine)
    shop.add("a", "60/h", burst=1)
    shop.add("b", "30/h", burst=1)
    shop.submit("other", 40, "b")
    run_until(shop, clock, lambda: sent(shop, "other") >= 20)
    tried = submit_to(shop, PEOPLE, SKIPPING, dry_run=True)
    submit_to(shop, PEOPLE, SKIPPING)
    run_until(shop, clock, lambda: shop.state("c") == "finished")
    assert sum(each.messages for each in tried.days) == pytest.approx(sent(shop, "c"), abs=OFF)


def test_the_plans_of_two_that_both_skip_add_up(shop: Shop) -> None:
    clock = DatabaseClock(shop.engine)
    shop.add("a", "30/min", burst=1)
    shop.add("b", "30/min", burst=1)
    shop.submit("other", PEOPLE, "a", care=SKIPPING)
    run_until(shop, clock, lambda: sent(shop, "other") >= 2)
    shop.submit("c", PEOPLE, "b", care=SKIPPING)
    told = [[planned(shop, name) for name in ("other", "c")]]
    run_until(shop, clock, lambda: sent(shop, "c") >= 8)
    told.append([planned(shop, name) for name in ("other", "c")])
    run_until(shop, clock, lambda: all(shop.state(name) == "finished" for name in ("other", "c")))
    became = [sent(shop, name) for name in ("other", "c")]
    assert sum(became) == PEOPLE
    assert told == [pytest.approx(became, abs=2)] * 2
    assert [sum(each) for each in told] == pytest.approx([PEOPLE] * 2, abs=1)


def planned(shop: Shop, name: str) -> int:
    """How many messages of a campaign have been sent and will be, as its plan says."""
    return sent(shop, name) + foresee(shop.engine, name, WhatIf()).plan.messages
