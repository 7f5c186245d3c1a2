"""What `campaign set --dry-run` says of other instances is what `campaign set` does, and what the plan says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from broadcaster.domain.opening_hours import HoursChange, OpeningHours
from broadcaster.services.campaigns.changed_terms import TermsChange
from broadcaster.services.campaigns.changing import CampaignChange, Changed, change_campaign
from broadcaster.services.campaigns.foreseeing import WhatIf, foresee
from broadcaster.services.campaigns.lifecycle import pause_campaign, resume_campaign, start_campaign
from tests.support.database_clock import DatabaseClock
from tests.support.plan_runs import foreseen, share
from tests.support.shop import Shop

LATE = OpeningHours(windows=("22:00-23:12",), zone="UTC")
CLOSES_SOON = timedelta(hours=23, minutes=10, seconds=25)
BOTH = CampaignChange(instances=["late", "main"])


@pytest.fixture
def clock(shop: Shop) -> DatabaseClock:
    """`late` closes in a minute and a half, and `main` never does; each sends 60 a minute."""
    clock = DatabaseClock(shop.engine)
    [(now,)] = shop.sql("SELECT now()")
    assert isinstance(now, datetime)
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    clock.step((midnight + CLOSES_SOON - now) % timedelta(days=1) / timedelta(seconds=1))
    shop.add("late", "60/min", hours=LATE)
    shop.add("main", "60/min")
    return clock


def draft(shop: Shop, count: int, *instances: str) -> None:
    shop.submit("x", count, *instances)
    shop.sql("UPDATE campaigns SET state = 'draft', started_at = NULL, starts_at = now() WHERE name = 'x'")


def changed_so(shop: Shop, change: CampaignChange) -> Changed:
    """What a dry run says, which is what comes of it."""
    rehearsed = change_campaign(shop.engine, "x", change, dry_run=True)
    changed = change_campaign(shop.engine, "x", change)
    assert rehearsed.moved == pytest.approx(changed.moved, abs=2)
    assert rehearsed.ends_at is not None
    assert changed.ends_at is not None
    assert abs(rehearsed.ends_at - changed.ends_at) < timedelta(seconds=5)
    return changed


def test_of_one_that_is_paused(shop: Shop, clock: DatabaseClock) -> None:
    shop.submit("x", 600, "late")
    pause_campaign(shop.engine, "x")
    changed = changed_so(shop, BOTH)
    assert changed.moved > 500
    plan = foresee(shop.engine, "x", WhatIf()).plan
    assert plan.ends_at is not None
    assert changed.ends_at is not None
    assert abs(plan.ends_at - changed.ends_at) < timedelta(seconds=5)


def test_of_a_draft_it_is_what_the_plan_with_that_instance_says(shop: Shop, clock: DatabaseClock) -> None:
    draft(shop, 300, "main")
    what_if = foresee(shop.engine, "x", WhatIf(instances=["late"])).changed
    changed = changed_so(shop, BOTH)
    assert what_if is not None
    assert what_if.ends_at is not None
    assert changed.ends_at is not None
    assert abs(what_if.ends_at - changed.ends_at) < timedelta(seconds=5)


def test_with_weights_these_decide(shop: Shop, clock: DatabaseClock) -> None:
    draft(shop, 60, "main")
    assert changed_so(shop, CampaignChange(instances=["late", "main"], weights={"late": 1, "main": 2})).moved == 20


def test_with_other_terms_at_once(shop: Shop, clock: DatabaseClock) -> None:
    """Its own windows open when those of `late` are closed."""
    share(shop, "promos", "100/h")
    draft(shop, 60, "main")
    at_noon = TermsChange(hours=HoursChange(windows=("12:00-13:00",), zone="UTC"), priority=3)
    change = CampaignChange(instances=["late", "main"], terms=at_noon, limits=["promos"])
    assert changed_so(shop, change).moved == 0


def test_what_an_instance_cannot_send_before_it_closes_goes_through_another_one(
    shop: Shop, clock: DatabaseClock
) -> None:
    shop.submit("x", 600, "late")
    pause_campaign(shop.engine, "x")
    change_campaign(shop.engine, "x", BOTH)
    clock.step(45)
    resume_campaign(shop.engine, "x")
    plan = foreseen(shop, "x")
    assert {each.instance for each in plan.days if each.day == plan.days[0].day} == {"late", "main"}
    assert plan.seconds is not None
    assert plan.seconds < 700


def test_a_draft_that_starts_when_a_window_is_about_to_close_leaves_nothing_there(
    shop: Shop, clock: DatabaseClock
) -> None:
    """Also where what has to move is less than one of a hundred messages."""
    draft(shop, 700, "late", "main")
    assert 0 < pending(shop, "late") <= 7
    clock.step(60)
    plan = foresee(shop.engine, "x", WhatIf()).plan
    start_campaign(shop.engine, "x")
    assert pending(shop, "late") == 0
    assert {each.instance for each in plan.days} == {"main"}


def pending(shop: Shop, instance: str) -> int:
    statement = "SELECT pending FROM campaign_lanes WHERE lane_id = (SELECT id FROM instances WHERE name = :name)"
    [(found,)] = shop.sql(statement, name=instance)
    assert isinstance(found, int)
    return found
