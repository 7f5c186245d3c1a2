"""Ten campaigns that mix limits, windows, ramps, gaps and senders: their plans, and what became of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import timedelta

import pytest

from broadcaster.domain.gaps import Gaps, Rest, Span
from broadcaster.domain.opening_hours import OpeningHours
from broadcaster.services.stored_limits import LaneLimits
from tests.support.database_clock import DatabaseClock
from tests.support.plan_runs import SECONDS_OFF, WITHIN, foreseen, ledger, limit_lane, run_to_its_end, share
from tests.support.shop import Shop

MORNINGS = OpeningHours(windows=("Mon-Sun 09:00-12:00",), zone="UTC")
EVENINGS = OpeningHours(windows=("Mon-Sun 10:00-11:30", "Mon-Fri 18:00-20:00"), zone="UTC")
MESSAGES_OFF = 2
"""By how many messages a day of an instance may be wrong, where 5 % are fewer: a day begins between two of them."""


def later(shop: Shop, name: str, span: str) -> None:
    """The campaign starts so much later."""
    shop.sql(
        "UPDATE campaigns SET state = 'scheduled', started_at = NULL, starts_at = now() + CAST(:span AS interval)"
        " WHERE name = :name",
        name=name,
        span=span,
    )


def weights_windows_and_limits_an_hour(shop: Shop, _clock: DatabaseClock) -> None:
    shop.add("a", "1000/s 30/h")
    shop.add("b", "1000/s 12/h", hours=EVENINGS)
    shop.submit("c", 160, "a", "b", hours=MORNINGS, weights={"a": 3.0, "b": 1.0})


def a_ramp_beside_a_shared_limit(shop: Shop, _clock: DatabaseClock) -> None:
    shop.add("a", "1/min")
    shop.add("b", "1/min")
    limit_lane(shop, "a", LaneLimits(shop.settings.acceptance_seconds, ramp=(20, 50, 120)))
    share(shop, "customers", "60/d", "a", "b")
    shop.submit("c", 160, "a", "b")


def gaps_and_rests_in_windows_beside_another(shop: Shop, _clock: DatabaseClock) -> None:
    # So little is left to chance that a day holds as many whatever is drawn.
    gaps = Gaps(Span(225.0, 235.0), Rest(Span(1180.0, 1220.0), 10))
    shop.add("a", "1000/s", gaps=gaps, hours=MORNINGS)
    shop.submit("c", 55, "a")
    shop.submit("other", 15, "a", first=1_000)


def limits_an_hour_and_a_day_with_a_canary(shop: Shop, _clock: DatabaseClock) -> None:
    for name in ("a", "b"):
        shop.add(name, "1000/s 20/h 45/d")
    shop.submit("c", 150, "a", "b")
    care = '{"canary": [0.1, 0.4], "after": 3600}'
    shop.sql("UPDATE campaigns SET state = 'scheduled', started_at = NULL, care = CAST(:care AS jsonb)", care=care)
    shop.sql("UPDATE messages SET next_attempt_at = 'infinity'")


def a_limit_of_its_own_and_one_of_an_instance_in_windows(shop: Shop, _clock: DatabaseClock) -> None:
    shop.add("a", "1000/s 25/h", hours=MORNINGS)
    shop.add("b", "1000/s")
    share(shop, "promos", "90/d")
    shop.submit("c", 240, "a", "b", limits=["promos"])
    shop.submit("other", 60, "a", first=1_000, priority=3)


def two_paces_share_a_limit_beside_one_that_starts_later(shop: Shop, _clock: DatabaseClock) -> None:
    shop.add("a", "1/min")
    shop.add("b", "40/h")
    share(shop, "customers", "70/h", "a", "b")
    shop.submit("c", 120, "a", "b")
    shop.submit("other", 25, "b", first=1_000, priority=2)
    later(shop, "other", "20 min")


def recipients_clocks_and_limits(shop: Shop, _clock: DatabaseClock) -> None:
    hours = OpeningHours(windows=("Mon-Sun 09:00-13:00",), zone="UTC", is_by_recipient=True)
    shop.add("a", "1000/s 25/h")
    shop.add("b", "1000/s 60/d")
    shop.submit("c", 170, "a", "b", hours=hours, prefix="62812")
    shop.submit("other", 40, "a", hours=hours, prefix="491511", first=1_000)


def some_expire_under_a_limit_and_windows(shop: Shop, _clock: DatabaseClock) -> None:
    shop.add("a", "1000/s 15/h 40/d")
    shop.add("b", "1000/s 30/h", hours=EVENINGS)
    [(expires_at,)] = shop.sql("SELECT now() + interval '50 h'")
    shop.submit("c", 260, "a", "b", expires_at=expires_at)


def three_senders_by_weights_share_two_limits(shop: Shop, _clock: DatabaseClock) -> None:
    for name, rate in (("a", "1/min"), ("b", "40/h"), ("d", "30/h")):
        shop.add(name, rate)
    share(shop, "customers", "50/d", "a", "b", "d")
    share(shop, "promos", "60/h")
    shop.submit("c", 110, "a", "b", "d", weights={"a": 1.0, "b": 2.0, "d": 2.0}, limits=["promos"])
    shop.submit("other", 15, "d", first=1_000)


def failures_and_gaps_beside_another(shop: Shop, clock: DatabaseClock) -> None:
    shop.add("a", gaps=Gaps(Span(50.0, 70.0)))
    shop.add("b", "1000/s 40/h")
    # The same requests fail in each run: those of one instance come one after the other.
    shop.fault("kind=too_often,probability=0.15,instance=a")
    shop.submit("before", 160, "a", "b", weights={"a": 3.0, "b": 1.0})
    run_to_its_end(shop, clock, "before")
    shop.submit("c", 160, "a", "b", first=2_000, weights={"a": 3.0, "b": 1.0})
    shop.submit("other", 20, "a", first=3_000)


SET_UPS = (
    weights_windows_and_limits_an_hour,
    a_ramp_beside_a_shared_limit,
    gaps_and_rests_in_windows_beside_another,
    limits_an_hour_and_a_day_with_a_canary,
    a_limit_of_its_own_and_one_of_an_instance_in_windows,
    two_paces_share_a_limit_beside_one_that_starts_later,
    recipients_clocks_and_limits,
    some_expire_under_a_limit_and_windows,
    three_senders_by_weights_share_two_limits,
    failures_and_gaps_beside_another,
)


@pytest.mark.parametrize("set_up", SET_UPS, ids=[each.__name__ for each in SET_UPS])
def test_a_campaign_ends_and_spreads_over_days_and_instances_as_its_plan_says(
    shop: Shop, set_up: Callable[[Shop, DatabaseClock], None]
) -> None:
    clock = DatabaseClock(shop.engine)
    # A Monday, so that days, windows and buckets of limits fall the same whenever it runs.
    [(seconds,)] = shop.sql(
        "SELECT extract(epoch FROM date_trunc('week', now()) + interval '7 d 8.5 h' - now())::float8"
    )
    clock.step(float(str(seconds)))
    set_up(shop, clock)
    plan = foreseen(shop, "c")
    assert plan.ends_at is not None
    ends_at = run_to_its_end(shop, clock, "c")
    took, planned = ((end - plan.begins_at).total_seconds() for end in (ends_at, plan.ends_at))
    assert took == pytest.approx(planned, rel=WITHIN, abs=SECONDS_OFF), timedelta(seconds=took - planned)
    days = Counter({(each.day, each.instance): each.messages for each in plan.days})
    sent = ledger(shop, "c")
    wrong = {
        key: (days[key], sent[key])
        for key in days | sent
        if abs(days[key] - sent[key]) > max(MESSAGES_OFF, WITHIN * sent[key])
    }
    assert not wrong, "by day and instance: as planned, and as it was"
    assert shop.states("c").get("expired", 0) == pytest.approx(plan.expire, rel=WITHIN, abs=MESSAGES_OFF)
