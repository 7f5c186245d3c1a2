"""Statements that lock the same counters lock them in one order, so that Postgres has no deadlock to resolve.

It would look for one after a second only, and meanwhile everything that wants one of the lanes concerned waits.
"""

from __future__ import annotations

import threading
from datetime import timedelta
from uuid import uuid4

import psycopg
from sqlalchemy import Engine

from broadcaster.db.pool import PLAN_BY_KEY
from broadcaster.db.queries import query
from broadcaster.settings import Settings
from tests.support.shop import open_shop
from tests.support.stack import wait_for

_LANES = 20
_WAITING = "SELECT count(*) FROM pg_stat_activity WHERE pid = %s AND wait_event_type = 'Lock'"


def test_a_claim_locks_counters_in_the_order_in_which_the_trigger_does(engine: Engine, settings: Settings) -> None:
    with open_shop(engine, settings) as shop, psycopg.connect(settings.libpq_url, autocommit=True) as claiming:
        names = [f"instance {number}" for number in range(_LANES)]
        for name in names:
            shop.add(name)
        shop.submit("c", 10 * _LANES, *names)
        lanes = sorted(shop.lanes(), reverse=True)
        token, lease = uuid4(), timedelta(minutes=1)
        taking = {"lanes": lanes, "holder": "test", "token": token, "lease": lease}
        asks = {"lanes": lanes, "tokens": [token] * _LANES, "wants": [5] * _LANES, "lease": lease, "ahead": 2.0}
        claiming.execute(PLAN_BY_KEY)
        claiming.execute(query("take_lanes"), taking)
        claim = threading.Thread(target=claiming.execute, args=(query("claim"), asks))
        with psycopg.connect(settings.libpq_url) as other:
            other.execute("SELECT FROM campaign_lanes ORDER BY campaign_id, lane_id LIMIT 1 FOR UPDATE")
            claim.start()
            waiting = (claiming.info.backend_pid,)
            wait_for(lambda: shop.sql(_WAITING % waiting) == [(1,)], "the claim waits for the first counter")
            # It holds none of the others: nobody who locks them in this order can meet it.
            other.execute("SELECT FROM campaign_lanes ORDER BY campaign_id, lane_id FOR UPDATE NOWAIT")
        claim.join()
        assert shop.states("c") == {"pending": 5 * _LANES, "claimed": 5 * _LANES}
