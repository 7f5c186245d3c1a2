"""Plans of campaigns whose people are free again one after the other, and what became of them."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from broadcaster.domain.care import Care
from broadcaster.domain.frequency import Cap
from broadcaster.services.campaigns.foreseeing import WhatIf, foresee
from broadcaster.services.frequency import set_cap
from tests.integration.test_people_plans_come_true import submit_to
from tests.support.database_clock import DatabaseClock
from tests.support.plan_runs import foreseen, run_to_its_end, run_until
from tests.support.shop import Shop, drain

HOUR = 3_600
WAITING = Care(cooldown=HOUR)
PEOPLE = 30
APART = 10
"""Seconds from one of them to the next."""
OFF = 2
"""Messages: people are planned in pieces."""


@pytest.fixture
def clock(shop: Shop) -> DatabaseClock:
    """All people have been messaged one after the other, the first of them fifty minutes ago."""
    clock = DatabaseClock(shop.engine)
    set_cap(shop.engine, Cap(1000, HOUR), grace=shop.settings.acceptance_seconds)
    shop.add("a", "3600/h", burst=1)
    shop.add("b")
    shop.submit("before", PEOPLE, "b")
    drain(shop)
    shop.sql(
        "UPDATE messaged_phones SET moments ="
        " ARRAY[now() - interval '50 min' + make_interval(secs => :apart * right(phone, 7)::integer)]",
        apart=APART,
    )
    return clock


def free_at(shop: Shop, number: int) -> datetime:
    """When one of these people is free, counted from 0."""
    moments = shop.sql("SELECT moments[1] FROM messaged_phones ORDER BY phone")
    [moment] = moments[number]
    assert isinstance(moment, datetime)
    return moment + timedelta(seconds=HOUR + shop.settings.acceptance_seconds)


def test_those_who_are_free_before_it_expires_are_planned_to_get_it(shop: Shop, clock: DatabaseClock) -> None:
    expires_at = free_at(shop, PEOPLE // 2)
    tried = submit_to(shop, PEOPLE, WAITING, expires_at=expires_at, dry_run=True)
    submit_to(shop, PEOPLE, WAITING, expires_at=expires_at)
    before = foreseen(shop, "c")
    run_until(shop, clock, lambda: shop.state("c") == "running")
    running = foresee(shop.engine, "c", WhatIf()).plan
    run_until(shop, clock, lambda: shop.state("c") == "finished")
    became = shop.states("c").get("expired", 0)
    assert 0 < became < PEOPLE
    assert sum(each.messages for each in tried.days) == pytest.approx(PEOPLE - became, abs=OFF)
    assert [before.expire, running.expire] == pytest.approx([became, became], abs=OFF)


def test_a_plan_begins_when_the_first_of_them_is_free_and_ends_with_the_last(shop: Shop, clock: DatabaseClock) -> None:
    first_at = free_at(shop, 0)
    tried = submit_to(shop, PEOPLE, WAITING, dry_run=True)
    submit_to(shop, PEOPLE, WAITING)
    before = foreseen(shop, "c")
    run_until(shop, clock, lambda: shop.state("c") == "running")
    running = foreseen(shop, "c")
    ended = run_to_its_end(shop, clock, "c")
    assert tried.ends_at is not None
    assert abs(tried.ends_at - ended) < timedelta(seconds=15)
    for plan in (before, running):
        assert [each.first_free_at for each in plan.waiting_people] == [first_at]
        assert plan.first_at is not None
        assert plan.ends_at is not None
        assert abs(plan.first_at - first_at) < timedelta(seconds=2)
        assert abs(plan.ends_at - ended) < timedelta(seconds=15)
