"""What `schedule plan` says where more is due within a month than it plans at once."""

from __future__ import annotations

from datetime import timedelta

import pytest

from broadcaster.domain.care import Care
from broadcaster.services.schedules import month_moments
from broadcaster.services.schedules.editing import add_schedule
from broadcaster.services.schedules.month_plan import plan_month
from tests.support.plan_runs import share
from tests.support.schedules import add_audience, new_schedule
from tests.support.shop import Shop


def add(shop: Shop, name: str, every: str, **options: object) -> None:
    add_schedule(shop.engine, new_schedule(name, every=every, timezone="UTC", **options))


@pytest.fixture
def shop(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """`fast` sends every five minutes to people to whom `hourly` sends nothing for 20 hours after that."""
    monkeypatch.setattr(month_moments, "MOST_PARTS", 40)
    shop.add("a", "1000/s")
    add_audience(shop, "people", 3)
    add(shop, "fast", "5m")
    add(shop, "hourly", "1h", care=Care(cooldown=20 * 3600, skips_recent=True))
    return shop


def test_a_plan_ends_for_all_schedules_where_the_first_one_is_cut(shop: Shop) -> None:
    planned = plan_month(shop.engine)
    assert planned.planned_until is not None
    assert len(planned.occurrences) == 40
    by_name = {name: [each for each in planned.occurrences if each.schedule == name] for name in ("fast", "hourly")}
    assert all(each.due_at < planned.planned_until for each in planned.occurrences)
    assert planned.planned_until - by_name["fast"][-1].due_at == timedelta(minutes=5)
    assert {(each.messages, each.sent, each.skipped) for each in by_name["hourly"]} == {(3, 0, 3)}
    of_one = plan_month(shop.engine, "hourly")
    assert of_one.occurrences == by_name["hourly"]
    assert of_one.planned_until == planned.planned_until


def test_a_month_that_is_planned_to_its_end_says_no_more(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(month_moments, "MOST_PARTS", 10_000)
    monkeypatch.setattr(month_moments, "MONTH", timedelta(hours=3))
    planned = plan_month(shop.engine)
    assert planned.planned_until is None
    assert {each.schedule for each in planned.occurrences} == {"fast", "hourly"}


def test_what_is_due_at_one_moment_is_planned_together(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(month_moments, "MOST_PARTS", 1)
    assert len(plan_month(shop.engine).occurrences) >= 1


def test_those_that_share_a_limit_are_told_of_each_other(shop: Shop) -> None:
    shop.add("b", "1000/s")
    share(shop, "exp", "3/h", "a", "b")
    add_audience(shop, "others", 3)
    add(shop, "other", "1h", instances=["b"], audience="others")
    found = next(each for each in plan_month(shop.engine, "other").occurrences if each.ends_at)
    assert "limit exp (3/h) counts schedule fast, too" in found.remarks
