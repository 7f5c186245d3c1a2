"""What is being sent is in a plan once: it leaves at once, and has its places in the limits already."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta

import pytest

from broadcaster.domain.campaign_plans import CampaignPlan
from broadcaster.services.campaigns.foreseeing import WhatIf, foresee
from broadcaster.services.campaigns.planning import open_work
from broadcaster.services.sending.sending_process import SendingProcess
from broadcaster.services.stored_limits import LaneLimits
from tests.support.meanwhile import meanwhile
from tests.support.plan_runs import limit_lane, share
from tests.support.shop import Shop

MESSAGES = 20
"""As many as the limit allows."""
IN_FLIGHT = 5
SOON = timedelta(minutes=1)


def own(shop: Shop) -> None:
    shop.add("a", f"20/s {MESSAGES}/h", max_in_flight=IN_FLIGHT)
    shop.submit("c", MESSAGES, "a")


def shared(shop: Shop) -> None:
    shop.add("a", "20/s", max_in_flight=IN_FLIGHT)
    share(shop, "all", f"{MESSAGES}/h", "a")
    shop.submit("c", MESSAGES, "a")


def of_campaign(shop: Shop) -> None:
    shop.add("a", "20/s", max_in_flight=IN_FLIGHT)
    share(shop, "promo", f"{MESSAGES}/h")
    shop.submit("c", MESSAGES, "a", limits=["promo"])


def ramp(shop: Shop) -> None:
    shop.add("a", "20/s", max_in_flight=IN_FLIGHT)
    limit_lane(shop, "a", LaneLimits(shop.settings.acceptance_seconds, ramp=(MESSAGES, 2 * MESSAGES)))
    shop.submit("c", MESSAGES, "a")


def between_two(shop: Shop) -> None:
    shop.add("a", "20/s", max_in_flight=IN_FLIGHT)
    share(shop, "all", f"{MESSAGES}/h", "a")
    shop.submit("beside", MESSAGES - 10, "a", first=1000)
    shop.submit("c", 10, "a")


@pytest.mark.parametrize("sets_up", [own, shared, of_campaign, ramp, between_two])
def test_what_just_fills_a_limit_ends_as_soon_while_it_is_sent(shop: Shop, sets_up: Callable[[Shop], None]) -> None:
    sets_up(shop)
    shop.fault("kind=latency,seconds=3,count=5")
    before = foresee(shop.engine, "c", WhatIf())
    assert before.plan.seconds is not None
    total = before.messages

    async def run() -> None:
        async with SendingProcess(shop.settings) as process:
            sending = asyncio.create_task(process.send_due(shop.lanes()))
            await shop.requests(IN_FLIGHT)
            assert shop.states("c")["sending"] > 0
            found = await asyncio.to_thread(foresee, shop.engine, "c", WhatIf())
            shown = open_work(shop.engine, "c").plan()
            await sending
        done = sum(found.counts[state] for state in found.counts if state not in ("pending", "sending"))
        assert found.messages + done == total
        assert sum(each.messages for each in found.plan.days) == found.messages
        for plan in (found.plan, shown):
            assert plan is not None
            assert plan.ends_at is not None
            assert plan.ends_at - plan.begins_at < SOON
            assert not plan.waits

    asyncio.run(run())
    assert shop.states("c") == {"sent": total}


_FILL = (
    "UPDATE limits SET counts = ARRAY[most], newest = floor(extract(epoch FROM now()) / (span_seconds / 48.0))"
    " WHERE lane_id = (SELECT id FROM instances WHERE name = 'a')"
)


@pytest.mark.parametrize(
    "looks", [lambda shop: foresee(shop.engine, "c", WhatIf()).plan, lambda shop: open_work(shop.engine, "c").plan()]
)
def test_a_plan_is_of_one_moment_whatever_is_claimed_while_it_is_read(
    shop: Shop, looks: Callable[[Shop], CampaignPlan | None]
) -> None:
    own(shop)
    with meanwhile(shop, "parts_to_plan", lambda: shop.sql(_FILL)):
        plan = looks(shop)
    assert plan is not None
    assert plan.seconds is not None
    assert plan.seconds < SOON.total_seconds()


def test_what_did_not_leave_in_trouble_says_nothing_of_how_fast_a_lane_that_is_well_again_sends(shop: Shop) -> None:
    shop.add("a", "60/min")
    shop.submit("c", MESSAGES, "a")
    before = foresee(shop.engine, "c", WhatIf()).plan
    shop.sql(
        "INSERT INTO lane_troubles (lane_id, began_at, ended_at, health)"
        " VALUES (1, now() - interval '6 min', now() - interval '1 min', 'down')"
    )
    shop.sql(
        "INSERT INTO attempts"
        " (segment, campaign_id, seq, attempt, content_version, account_id, outcome, reason, finished_at)"
        " SELECT segment, campaign_id, seq, number, 1, (SELECT account_id FROM instances), 'not_sent', 'refused',"
        "   now() - least(number, 6) * interval '1 min'"
        " FROM messages, generate_series(2, 20) number WHERE seq = 1"
    )
    after = foresee(shop.engine, "c", WhatIf()).plan
    assert after.seconds == pytest.approx(before.seconds, abs=0.5)
