"""A plan of two campaigns to the same people, by the clocks of two countries, and what became of it."""

from __future__ import annotations

import io
from datetime import timedelta

import pytest

from broadcaster.domain.care import Care
from broadcaster.domain.opening_hours import OpeningHours
from broadcaster.services.campaigns.foreseeing import WhatIf, foresee
from broadcaster.services.campaigns.new_content import text_content
from broadcaster.services.campaigns.submission import Submission
from broadcaster.services.campaigns.submitting import submit_campaign
from broadcaster.services.dispatch import start_due_campaigns
from broadcaster.services.recipients.reader import RecipientOptions, read_recipients
from tests.support.database_clock import DatabaseClock
from tests.support.plan_runs import run_until
from tests.support.shop import Shop

OF_EACH = 12
JAPAN, NIGERIA = "81902{:07d}", "234803{:07d}"
"""Eight hours apart all year."""


def stepped_to(shop: Shop, time: str) -> DatabaseClock:
    """A clock at this time of tomorrow, in UTC."""
    clock = DatabaseClock(shop.engine)
    moment = "date_trunc('day', now(), 'UTC') + interval '1 day' + CAST(:time AS interval)"
    [(seconds,)] = shop.sql(f"SELECT extract(epoch FROM {moment} - now())::float8", time=time)
    assert isinstance(seconds, float)
    clock.step(seconds)
    return clock


def submit(shop: Shop, name: str, instance: str, window: str, care: Care | None = None) -> None:
    """To the same people of both countries in turns."""
    rows = "".join(f"{country.format(number)}\n" for number in range(OF_EACH) for country in (JAPAN, NIGERIA))
    submission = Submission(
        name=name,
        instances=[instance],
        content=text_content("Hi"),
        max_attempts=3,
        hours=OpeningHours(windows=(window,), zone="UTC", is_by_recipient=True),
        care=care,
    )
    with read_recipients(io.BytesIO(f"phone\n{rows}".encode()), RecipientOptions(accept_countries=True)) as recipients:
        submit_campaign(shop.engine, submission, recipients)
    start_due_campaigns(shop.engine)


@pytest.mark.parametrize(
    ("cooldown", "skipped"),
    [(timedelta(hours=4), 0), (timedelta(hours=7, minutes=35), OF_EACH)],
    ids=["nobody", "one country"],
)
def test_who_is_skipped_goes_by_when_their_own_country_is_reached(
    shop: Shop, cooldown: timedelta, skipped: int
) -> None:
    """The second campaign reaches Japan while the first one reaches Nigeria.

    In Japan it comes seven hours and a half after the first, and in Nigeria eight.
    """
    # It is 08:40 in Japan.
    clock = stepped_to(shop, "23:40")
    shop.add("a", "60/h", burst=1)
    shop.add("b", "60/h", burst=1)
    submit(shop, "other", "a", "08:00-10:00")
    submit(shop, "c", "b", "16:00-18:00", Care(cooldown=int(cooldown.total_seconds()), skips_recent=True))
    plan = foresee(shop.engine, "c", WhatIf()).plan
    run_until(shop, clock, lambda: shop.state("c") == "finished")
    assert shop.states("c").get("skipped", 0) == skipped
    assert plan.messages == pytest.approx(2 * OF_EACH - skipped, abs=2)
    assert sum(each.messages for each in plan.skips) == 2 * OF_EACH - plan.messages


def test_windows_that_are_closed_for_all_are_waited_for_from_now_on(shop: Shop) -> None:
    """Those in Japan have got it: it is eight hours until windows open in Nigeria."""
    clock = stepped_to(shop, "20:00")
    shop.add("a", "60/h", burst=1)
    submit(shop, "c", "a", "08:00-10:00")
    run_until(shop, clock, lambda: shop.sql("SELECT next_due_at > now() FROM campaign_lanes") == [(True,)])
    plan = foresee(shop.engine, "c", WhatIf()).plan
    assert plan.ends_at is not None
    assert [wait.what for wait in plan.waits] == ["its windows"]
    waited = plan.waits[0].seconds
    assert waited == pytest.approx((plan.ends_at - plan.begins_at).total_seconds() - (OF_EACH - 1) * 60, abs=120)
