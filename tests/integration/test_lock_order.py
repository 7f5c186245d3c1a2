"""Statements that lock the same counters lock them in one order, so that Postgres has no deadlock to resolve.

It would look for one after a second only, and meanwhile everything that wants one of the lanes concerned waits.
"""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import uuid4

import msgspec
import psycopg
import pytest
from sqlalchemy import Engine

from broadcaster.db.statements import query
from broadcaster.domain.pacing import CLAIM_LEAD
from broadcaster.services import dispatch
from broadcaster.settings import Settings
from tests.support.shop import Shop, open_shop
from tests.support.stack import wait_for

_LANES = 20
_WAITING = "SELECT count(*) FROM pg_stat_activity WHERE pid = %s AND wait_event_type = 'Lock'"


def _claiming(lease: timedelta) -> dict[str, object]:
    """What every claim wants beside its lanes."""
    return {
        "outcomes": "[]",
        "claim": uuid4(),
        "lease": lease,
        "lead": CLAIM_LEAD,
        "hold": timedelta(0),
        "reserve": lease,
    }


def turn_over_while_the_first_counter_is_locked(
    shop: Shop, settings: Settings, worker: psycopg.Connection[Any], parameters: dict[str, object]
) -> None:
    """It has to wait for that one, and hold none of the others: nobody who locks them in this order can meet it."""
    turn_over = threading.Thread(target=worker.execute, args=(query("turn_over"), parameters))
    with psycopg.connect(settings.libpq_url) as other:
        other.execute("SELECT FROM campaign_lanes ORDER BY campaign_id, lane_id LIMIT 1 FOR UPDATE")
        turn_over.start()
        waiting = (worker.info.backend_pid,)
        wait_for(lambda: shop.sql(_WAITING % waiting) == [(1,)], "the statement waits for the first counter")
        other.execute("SELECT FROM campaign_lanes ORDER BY campaign_id, lane_id FOR UPDATE NOWAIT")
    turn_over.join()


def test_a_claim_locks_counters_in_the_order_in_which_the_trigger_does(engine: Engine, settings: Settings) -> None:
    with open_shop(engine, settings) as shop, psycopg.connect(settings.libpq_url, autocommit=True) as claiming:
        names = [f"instance-{number}" for number in range(_LANES)]
        for name in names:
            shop.add(name)
        shop.submit("c", 10 * _LANES, *names)
        lanes = sorted(shop.lanes(), reverse=True)
        token, lease = uuid4(), timedelta(minutes=1)
        taking = {"lanes": lanes, "holder": "test", "token": token, "lease": lease}
        asks = {"lanes": lanes, "tokens": [token] * _LANES, "wants": [5] * _LANES, **_claiming(lease)}
        claiming.execute(query("plan_by_key"))
        claiming.execute(query("take_lanes"), taking)
        turn_over_while_the_first_counter_is_locked(shop, settings, claiming, asks)
        assert shop.states("c") == {"pending": 5 * _LANES, "sending": 5 * _LANES}


def test_a_claim_that_records_for_another_lane_locks_counters_in_that_order_too(
    engine: Engine, settings: Settings
) -> None:
    with open_shop(engine, settings) as shop, psycopg.connect(settings.libpq_url, autocommit=True) as worker:
        names = [f"instance-{number}" for number in range(_LANES)]
        for name in names:
            shop.add(name)
        for campaign in ("c", "d"):  # rivals, so that the claim locks their counters itself
            shop.submit(campaign, 10 * _LANES, *names)
        first, *others = sorted(shop.lanes())
        token, lease = uuid4(), timedelta(minutes=1)
        worker.execute(query("plan_by_key"))
        taking = {"lanes": [first, *others], "holder": "test", "token": token, "lease": lease}
        worker.execute(query("take_lanes"), taking)
        worker.execute(query("turn_over"), {"lanes": [first], "tokens": [token], "wants": [2], **_claiming(lease)})
        said = {"state": "sent", "delay": 0, "spent": 1, "outcome": "accepted", "reason": ""}
        key = "segment, campaign_id, seq, attempt, claim_token AS claim"
        outcomes = f"SELECT json_agg(m)::text FROM (SELECT {key} FROM messages WHERE state = 'sending') m"
        [[sending]] = shop.sql(outcomes)
        rows = msgspec.json.encode([{**row, **said} for row in msgspec.json.decode(str(sending))]).decode()
        asks = {"lanes": others, "tokens": [token] * len(others), "wants": [4] * len(others), **_claiming(lease)}
        turn_over_while_the_first_counter_is_locked(shop, settings, worker, {**asks, "outcomes": rows})
        assert shop.states("c") == shop.states("d")
        assert shop.states("c") == {"sent": 1, "sending": 2 * len(others), "pending": 8 * len(others) + 9}


@pytest.mark.parametrize("statement", ["take_lanes", "turn_over", "release_lanes"])
def test_who_counts_the_first_failure_of_a_lane_keeps_nobody_from_holding_it(
    engine: Engine, settings: Settings, statement: str
) -> None:
    with open_shop(engine, settings) as shop, psycopg.connect(settings.libpq_url, autocommit=True) as holding:
        shop.add("instance")
        shop.submit("c", 5, "instance")
        token, lease = uuid4(), timedelta(minutes=1)
        parameters = {
            "take_lanes": {"lanes": [1], "holder": "test", "token": token, "lease": lease},
            "turn_over": {"lanes": [1], "tokens": [token], "wants": [5], **_claiming(lease)},
            "release_lanes": {"lanes": [1], "tokens": [token], "debts": [0.0], "again": [False], "runs": [None]},
        }
        holding.execute("SET lock_timeout = 2000")
        with psycopg.connect(settings.libpq_url) as other:
            if statement != "take_lanes":
                holding.execute(query("take_lanes"), parameters["take_lanes"])
            other.execute("SELECT FROM lanes FOR KEY SHARE")  # what a foreign key's check takes
            rows = holding.execute(query(statement), parameters[statement]).rowcount
            assert rows > (statement == "turn_over")  # whose last row is there whether or not it holds the lane


def test_a_message_that_somebody_has_locked_keeps_no_other_one_from_being_recovered(
    engine: Engine, settings: Settings
) -> None:
    with open_shop(engine, settings) as shop, psycopg.connect(settings.libpq_url, autocommit=True) as holding:
        for name in ("a", "b"):
            shop.add(name)
        shop.submit("c", 6, "a", "b")
        token, lease = uuid4(), timedelta(minutes=1)
        holding.execute(query("take_lanes"), {"lanes": [1, 2], "holder": "test", "token": token, "lease": lease})
        asks = {"lanes": [1, 2], "tokens": [token] * 2, "wants": [3, 3], **_claiming(lease)}
        holding.execute(query("turn_over"), asks)
        shop.sql("UPDATE lanes SET lease_expires_at = now()")
        with ThreadPoolExecutor() as pool, psycopg.connect(settings.libpq_url) as other:
            other.execute("SELECT FROM messages WHERE seq = 1 FOR UPDATE")
            first = pool.submit(dispatch.recover_leases, shop.engine).result(20)
        assert (first.lanes, first.in_doubt) == (1, 5)
        assert shop.states("c") == {"sending": 1, "in_doubt": 5}
        second = dispatch.recover_leases(shop.engine)
        assert (second.lanes, second.in_doubt) == (1, 1)


def test_a_lane_is_not_given_back_from_under_a_claim_that_is_about_to_be_committed(
    engine: Engine, settings: Settings
) -> None:
    with (
        open_shop(engine, settings) as shop,
        psycopg.connect(settings.libpq_url) as claiming,
        psycopg.connect(settings.libpq_url, autocommit=True) as releasing,
    ):
        shop.add("a")
        shop.submit("c", 5, "a")
        token, lease = uuid4(), timedelta(minutes=1)
        releasing.execute(query("take_lanes"), {"lanes": [1], "holder": "test", "token": token, "lease": lease})
        claiming.execute(query("turn_over"), {"lanes": [1], "tokens": [token], "wants": [2], **_claiming(lease)})
        returns = {"lanes": [1], "tokens": [token], "debts": [0.0], "again": [False], "runs": [None]}
        release = threading.Thread(target=releasing.execute, args=(query("release_lanes"), returns))
        release.start()
        waiting = (releasing.info.backend_pid,)
        wait_for(lambda: shop.sql(_WAITING % waiting) == [(1,)], "the release waits for the claim")
        claiming.commit()
        release.join()
        assert shop.states("c") == {"pending": 3, "sending": 2}
        assert shop.sql("SELECT lease_token FROM lanes") == [(token,)]
