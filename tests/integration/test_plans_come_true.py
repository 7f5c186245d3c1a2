"""Plans and what became of them: real claims, on a database's clock that is stepped to whenever something is due."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from broadcaster.crypto import open_vault
from broadcaster.domain.campaign_plans import CampaignPlan
from broadcaster.domain.gaps import Gaps, Span
from broadcaster.domain.opening_hours import OpeningHours
from broadcaster.domain.span_limits import parse_span_limit
from broadcaster.services import dispatch, shared_limits
from broadcaster.services.campaigns.judging import judge_campaigns
from broadcaster.services.campaigns.planning import open_work
from broadcaster.services.instances import InstanceChanges, set_instance
from broadcaster.services.openings import move_openings
from broadcaster.services.sending.sending_process import SendingProcess
from broadcaster.services.stored_limits import LaneLimits
from tests.support.database_clock import DatabaseClock
from tests.support.shop import Shop

WITHIN = 0.05
"""By which share of the time that it takes a plan may be wrong,"""
SECONDS_OFF = 1.5
"""and by how many seconds: a worker begins, and ticks come once a second."""
_NEXT = """
SELECT extract(epoch FROM min(moment) - now())::float8
FROM (
    SELECT free_at AS moment FROM limits
    UNION ALL SELECT step_since + interval '1 day' FROM limits WHERE step < cardinality(ramp)
    UNION ALL SELECT opens_at FROM openings
    UNION ALL SELECT closes_at FROM openings
    UNION ALL SELECT starts_at FROM campaigns WHERE state = 'scheduled'
    UNION ALL SELECT next_slice_at FROM campaign_judgements
    UNION ALL SELECT clock - make_interval(secs => i.tolerance_seconds) FROM lanes JOIN instances i USING (id)
) due
WHERE moment > now()
"""


async def send(shop: Shop, lanes: list[int]) -> None:
    async with SendingProcess(shop.settings) as process:
        await process.send_due(lanes)


def run_to_its_end(shop: Shop, clock: DatabaseClock, name: str) -> datetime:
    """Send until the campaign has finished; returns when the last of its messages was accepted, by that clock."""
    for _ in range(2_000):
        dispatch.finish_campaigns(shop.engine)
        move_openings(shop.engine)
        dispatch.start_due_campaigns(shop.engine)
        judge_campaigns(shop.engine)
        dispatch.climb_ramps(shop.engine)
        if shop.state(name) == "finished":
            break
        if lanes := shop.lanes():
            asyncio.run(send(shop, lanes))
        else:
            [(seconds,)] = shop.sql(_NEXT)
            assert seconds is not None, "nothing is due any more"
            clock.step(float(str(seconds)) + 0.01)
    [(ends_at,)] = shop.sql(
        "SELECT max(finished_at) FROM attempts WHERE campaign_id = (SELECT id FROM campaigns WHERE name = :name)",
        name=name,
    )
    assert isinstance(ends_at, datetime)
    return ends_at


def foreseen(shop: Shop, name: str) -> CampaignPlan:
    plan = open_work(shop.engine, name).plan()
    assert plan is not None
    return plan


def share(shop: Shop, name: str, limit: str, *instances: str) -> None:
    grace = shop.settings.acceptance_seconds
    shared_limits.add_limit(shop.engine, name, parse_span_limit(limit), grace=grace)
    for instance in instances:
        changes = InstanceChanges(limits=LaneLimits(grace, shared=[name]))
        set_instance(shop.engine, open_vault(shop.settings), instance, changes)


def one_rate(shop: Shop) -> None:
    shop.add("a", "20/s")
    shop.submit("c", 240, "a")


def two_rates(shop: Shop) -> None:
    shop.add("a", "20/s")
    shop.add("b", "10/s")
    shop.submit("c", 300, "a", "b")


def several_limits(shop: Shop) -> None:
    shop.add("a", "1000/s 20/h 60/d")
    shop.submit("c", 150, "a")


def windows_and_a_limit(shop: Shop) -> None:
    shop.add("a", "1000/s 30/h")
    shop.submit("c", 120, "a", hours=OpeningHours(windows=("Mon-Fri 09:00-11:00",), zone="UTC"))


def gaps(shop: Shop) -> None:
    shop.add("a", gaps=Gaps(Span(80.0, 100.0)))
    shop.submit("c", 40, "a")


def a_ramp(shop: Shop) -> None:
    shop.add("a", "1000/s")
    changes = InstanceChanges(limits=LaneLimits(shop.settings.acceptance_seconds, ramp=(20, 50, 120)))
    set_instance(shop.engine, open_vault(shop.settings), "a", changes)
    shop.submit("c", 150, "a")


def in_turns_with_another(shop: Shop) -> None:
    shop.add("a", "1000/s 20/h")
    shop.submit("other", 60, "a", first=1_000)
    shop.submit("c", 80, "a")


def after_one_that_goes_first(shop: Shop) -> None:
    shop.add("a", "1000/s 20/h")
    shop.submit("c", 40, "a")
    shop.submit("other", 60, "a", first=1_000, priority=5)


def beside_one_that_starts_later(shop: Shop) -> None:
    shop.add("a", "1000/s 20/h")
    shop.submit("c", 80, "a")
    shop.submit("other", 40, "a", first=1_000, priority=5)
    shop.sql(
        "UPDATE campaigns SET state = 'scheduled', started_at = NULL, starts_at = now() + interval '90 min'"
        " WHERE name = 'other'"
    )


def a_canary_over_two_lanes_that_share_a_limit(shop: Shop) -> None:
    for name in ("a", "b"):
        shop.add(name, "500/s")
    share(shop, "customers", "40/h", "a", "b")
    shop.submit("c", 100, "a", "b")
    care = '{"canary": [0.1, 0.5], "after": 600}'
    shop.sql("UPDATE campaigns SET state = 'scheduled', started_at = NULL, care = CAST(:care AS jsonb)", care=care)
    shop.sql("UPDATE messages SET next_attempt_at = 'infinity'")


def a_campaign_with_a_limit_of_its_own_beside_one_without(shop: Shop) -> None:
    for name in ("a", "b"):
        shop.add(name, "500/s")
    share(shop, "promos", "30/h")
    shop.submit("c", 80, "a", "b", limits=["promos"])
    shop.submit("other", 20, "a", first=1_000)


SET_UPS = (
    one_rate,
    two_rates,
    several_limits,
    windows_and_a_limit,
    gaps,
    a_ramp,
    in_turns_with_another,
    after_one_that_goes_first,
    beside_one_that_starts_later,
    a_canary_over_two_lanes_that_share_a_limit,
    a_campaign_with_a_limit_of_its_own_beside_one_without,
)


@pytest.mark.parametrize("set_up", SET_UPS, ids=[each.__name__ for each in SET_UPS])
def test_a_campaign_ends_when_its_plan_says(shop: Shop, set_up: Callable[[Shop], None]) -> None:
    clock = DatabaseClock(shop.engine)
    set_up(shop)
    plan = foreseen(shop, "c")
    assert plan.seconds is not None
    ends_at = run_to_its_end(shop, clock, "c")
    took = (ends_at - plan.begins_at).total_seconds()
    assert took == pytest.approx(plan.seconds, rel=WITHIN, abs=SECONDS_OFF), timedelta(seconds=took - plan.seconds)
