"""Invariant I5 for all kinds of limits at once, at a ledger of the test's own: no window of any of them has more.

Workers are killed while their requests are under way, and the database's clock goes forward and back.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from broadcaster.crypto import open_vault
from broadcaster.domain.span_limits import SpanLimit, parse_span_limit
from broadcaster.services import clocks, dispatch, shared_limits
from broadcaster.services.instance_changes import InstanceChanges, set_instance
from broadcaster.services.stored_limits import LaneLimits
from tests.support.database_clock import DatabaseClock
from tests.support.own_ledger import Accepted, OwnLedger, own_ledger
from tests.support.sending_worker import sending_worker
from tests.support.shop import Shop, drain

HOUR, DAY = 3600, 86_400
STEPS = (1800, 3000, -900, 4000, 9000, -5000, 30_000) * 4
KILLS = 4


@pytest.fixture
def clock(shop: Shop) -> DatabaseClock:
    return DatabaseClock(shop.engine)


@pytest.fixture
def ledger(shop: Shop) -> Iterator[OwnLedger]:
    with own_ledger(shop.gateway.base_url) as opened:
        shop.front = opened.base_url
        yield opened


def test_no_window_of_any_limit_has_more_though_workers_are_killed_and_clocks_stepped(
    shop: Shop, clock: DatabaseClock, ledger: OwnLedger
) -> None:
    for name, limit in (("customers", "70/d"), ("promos", "24/h")):
        shared_limits.add_limit(shop.engine, name, parse_span_limit(limit), grace=shop.settings.acceptance_seconds)
    for name in ("a", "b"):
        shop.add(name, "1000/s 20/h 40/d", max_in_flight=6)
        shared = LaneLimits(shop.settings.acceptance_seconds, shared=["customers"])
        set_instance(shop.engine, open_vault(shop.settings), name, InstanceChanges(limits=shared))
    for name, first in (("x", 0), ("y", 1000)):
        shop.submit(name, 300, "a", "b", first=first, limits=["promos"])
    shop.submit("z", 60, "b", first=2000)
    killed = 0
    for seconds in STEPS:
        if killed < KILLS:
            killed += kill_one(shop, ledger)
        drain(shop)
        assert ledger.is_idle
        step(shop, clock, ledger, seconds)
    assert killed == KILLS
    for key in ("key-a", "key-b"):
        for most, span in ((20, HOUR), (40, DAY)):
            # Near it, or nothing is shown; which limit is met first is chance.
            assert most / 2 <= ledger.most_in_any_window(span, lambda each, key=key: each.key == key) <= most
    assert 35 <= ledger.most_in_any_window(DAY) <= 70
    assert 12 <= ledger.most_in_any_window(HOUR, of_limited_campaigns) <= 24
    assert len({each.phone for each in ledger.accepted}) == len(ledger.accepted) > 70


@pytest.mark.parametrize("back", [HOUR // 2, 10 * HOUR, 40 * DAY])
def test_a_clock_that_is_put_back_under_a_half_full_limit_frees_no_place_and_keeps_none_for_longer(
    shop: Shop, clock: DatabaseClock, ledger: OwnLedger, back: int
) -> None:
    """One that is full is reckoned anew by a tick; of one that is not, only the next claim sees what has happened."""
    shop.add("a", "1000/s 20/h")
    limit = SpanLimit(20, HOUR)
    shop.submit("before", 10, "a")
    drain(shop)
    step(shop, clock, ledger, -back)
    shop.submit("after", 40, "a", first=1000)
    drain(shop)
    assert len(ledger.accepted) == 20, "what was sent before counts as it did"
    step(shop, clock, ledger, HOUR - limit.bucket)
    drain(shop)
    assert len(ledger.accepted) == 20
    step(shop, clock, ledger, shop.settings.acceptance_seconds + 2 * limit.bucket)
    drain(shop)
    assert len(ledger.accepted) == 40, "an hour has passed since"
    assert ledger.most_in_any_window(HOUR) == 20


def step(shop: Shop, clock: DatabaseClock, ledger: OwnLedger, seconds: float) -> None:
    """Step the database's clock, and let ticks mend what they see of that."""
    clock.step(seconds)
    ledger.skip(seconds)
    clocks.mend_clocks(shop.engine, shop.settings)


def of_limited_campaigns(each: Accepted) -> bool:
    """Whether it is of `x` or `y`: the phones of `z` are others."""
    return each.phone < "628120002000"


def kill_one(shop: Shop, ledger: OwnLedger) -> bool:
    """Two workers send, and one of them is killed while requests are under way; false where limits let none through.

    What it was sending arrives all the same, and then everybody hears that its lanes are free.
    """
    lanes = shop.lanes()
    if not lanes:
        return False
    shop.fault("kind=latency,seconds=0.3")
    with sending_worker(shop, lanes[1:]), sending_worker(shop, lanes[:1]) as dies:
        is_sending = ledger.comes(within=5.0)
        dies.kill()
    ledger.wait_until(lambda: ledger.is_idle)
    shop.fault()
    shop.sql("UPDATE lanes SET lease_expires_at = now() WHERE lease_token IS NOT NULL")
    dispatch.recover_leases(shop.engine)
    return is_sending
