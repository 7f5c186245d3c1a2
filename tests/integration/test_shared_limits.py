"""Limits that instances share: together never over them, through how many workers ever."""

from __future__ import annotations

import asyncio

import pytest

from broadcaster.crypto import open_vault
from broadcaster.db.engine import transaction
from broadcaster.db.statements import execute
from broadcaster.domain.span_limits import parse_span_limit
from broadcaster.errors import ConflictError, NotFoundError, UsageError
from broadcaster.services import clocks, shared_limits
from broadcaster.services.instance_changes import InstanceChanges, set_instance
from broadcaster.services.sending.sending_process import SendingProcess
from broadcaster.services.stored_limits import LaneLimits
from tests.support.database_clock import DatabaseClock
from tests.support.shop import INSTANCES, Shop, drain


def add(shop: Shop, name: str, limit: str) -> None:
    shared_limits.add_limit(shop.engine, name, parse_span_limit(limit), grace=shop.settings.acceptance_seconds)


def share(shop: Shop, instance: str, *names: str) -> None:
    limits = LaneLimits(shop.settings.acceptance_seconds, shared=names)
    set_instance(shop.engine, open_vault(shop.settings), instance, InstanceChanges(limits=limits))


def test_several_workers_together_never_exceed_a_limit_that_their_lanes_share(shop: Shop) -> None:
    clock = DatabaseClock(shop.engine)
    add(shop, "customers", "25/d")
    add(shop, "others", "7/h")
    for name in INSTANCES:
        shop.add(name, "500/s", max_in_flight=4)
        share(shop, name, "customers", *(["others"] if name == "c" else []))
    shop.submit("c", 120, *INSTANCES)

    async def run() -> None:
        async with SendingProcess(shop.settings) as one, SendingProcess(shop.settings) as other:
            first, second, third = shop.lanes()
            await asyncio.gather(one.send_due([first, third]), other.send_due([second]))

    asyncio.run(run())
    assert shop.states("c") == {"sent": 25, "pending": 95}
    by_instance = [sum(entry.instance == name for entry in shop.gateway.ledger.entries) for name in INSTANCES]
    assert by_instance[2] <= 7
    assert all(by_instance)
    [customers, _] = shared_limits.show_limits(shop.engine)
    assert (customers.taken, customers.instances) == (25, list(INSTANCES))
    assert shop.lanes() == []
    clock.step(86_400 + 75 + 1801)
    drain(shop)
    assert shop.states("c")["sent"] == 50


def test_a_limit_that_is_full_when_the_clock_is_put_back_says_when_it_is_free(shop: Shop) -> None:
    clock = DatabaseClock(shop.engine)
    add(shop, "customers", "5/h")
    for name in ("a", "b"):
        shop.add(name, "500/s")
    share(shop, "a", "customers")
    shop.submit("c", 9, "a")
    drain(shop)
    clocks.mend_clocks(shop.engine, shop.settings)
    clock.step(-600)
    clocks.mend_clocks(shop.engine, shop.settings)
    [limit] = shared_limits.show_limits(shop.engine)
    longest = 3600 + shop.settings.acceptance_seconds + 3 * 75
    assert limit.taken == 5
    assert limit.free_at is not None
    assert 0 < (limit.free_at - shop.sql("SELECT now()")[0][0]).total_seconds() < longest
    share(shop, "b", "customers")
    clock.step(longest)
    drain(shop)
    assert shop.states("c") == {"sent": 9}


def test_what_a_lane_has_sent_counts_when_it_begins_to_share(shop: Shop) -> None:
    for name in ("a", "b"):
        shop.add(name, "500/s")
        shop.submit(f"of {name}", 4, name, first=100 * ord(name))
    drain(shop)
    add(shop, "customers", "10/h")
    for name in ("a", "b", "a"):
        share(shop, name, "customers")
    assert shared_limits.show_limits(shop.engine)[0].taken == 8
    share(shop, "a")
    assert shared_limits.show_limits(shop.engine, "customers")[0].instances == ["b"]


def test_a_lane_that_comes_back_counts_once(shop: Shop) -> None:
    for name in ("a", "b"):
        shop.add(name, "500/s")
    add(shop, "customers", "100/h")
    for name in ("a", "b"):
        share(shop, name, "customers")
        shop.submit(f"of {name}", 4, name, first=100 * ord(name))
    drain(shop)
    share(shop, "a")
    shop.submit("without it", 3, "a", first=5)
    drain(shop)
    share(shop, "a", "customers")
    # Where a claim and its outcome are not of one bucket, each of them counts.
    assert 11 <= shared_limits.show_limits(shop.engine)[0].taken <= 19


def test_what_a_lane_has_sent_stays_counted_when_it_leaves_and_another_joins(shop: Shop) -> None:
    for name in ("a", "b"):
        shop.add(name, "500/s")
    add(shop, "customers", "10/d")
    share(shop, "a", "customers")
    shop.submit("through a", 30, "a")
    drain(shop)
    share(shop, "a")
    share(shop, "b", "customers")
    assert shared_limits.show_limits(shop.engine)[0].taken == 10
    shop.submit("through b", 30, "b", first=1000)
    drain(shop)
    assert shop.states("through b") == {"pending": 30}


def test_counts_go_no_further_back_than_the_span(shop: Shop) -> None:
    shop.add("a", "500/s")
    shop.submit("c", 4, "a")
    drain(shop)
    add(shop, "new", "60/h")
    add(shop, "long unused", "60/h")
    shop.sql("UPDATE limits SET counts = '{1}', newest = 1 WHERE name = 'long unused'")
    for limit, lane in shop.sql("SELECT limits.id, lanes.id FROM limits CROSS JOIN lanes"):
        with transaction(shop.engine) as connection:
            execute(connection, "share_limit", lane=lane, limit=limit)
    kept = "cardinality(counts) <= (span_seconds + grace_seconds) / bucket_seconds + 3"
    assert shop.sql(f"SELECT {kept}, (SELECT sum(n) FROM unnest(counts) n) FROM limits") == [(True, 4), (True, 4)]


def test_a_limit_is_changed_at_once_and_removed_once_nobody_has_it(shop: Shop) -> None:
    shop.add("a", "500/s")
    add(shop, "customers", "3/h")
    share(shop, "a", "customers")
    shop.submit("c", 10, "a")
    drain(shop)
    shared_limits.set_limit(shop.engine, "customers", parse_span_limit("5/h"))
    drain(shop)
    assert shop.states("c")["sent"] == 5
    with pytest.raises(UsageError, match="of another span"):
        shared_limits.set_limit(shop.engine, "customers", parse_span_limit("5/d"))
    with pytest.raises(ConflictError, match="exists already"):
        add(shop, "customers", "9/h")
    with pytest.raises(ConflictError, match="holds for 'a': take it from them"):
        shared_limits.remove_limit(shop.engine, "customers")
    share(shop, "a")
    shared_limits.remove_limit(shop.engine, "customers")
    for nowhere in (shared_limits.remove_limit, shared_limits.show_limits):
        with pytest.raises(NotFoundError, match="no limit is called 'customers'"):
            nowhere(shop.engine, "customers")
    with pytest.raises(NotFoundError, match="no limit is called 'nothing'"):
        share(shop, "a", "nothing")
