"""Limits over spans of time, as the claim keeps them: exact at the gateway's ledger, whoever sends and however."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta
from math import inf

import psycopg
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from broadcaster.crypto import open_vault
from broadcaster.domain.span_limits import RollingCount, SpanLimit, parse_rates
from broadcaster.domain.standstill import Cause
from broadcaster.services import dispatch
from broadcaster.services.campaigns.planning import open_work
from broadcaster.services.instance_changes import InstanceChanges, set_instance
from broadcaster.services.instance_reports import LimitInUse, show_instance
from broadcaster.services.sending.sending_process import SendingProcess
from broadcaster.services.standstill import find_standstills
from broadcaster.services.stored_limits import LaneLimits
from broadcaster.services.ticks import note_tick
from tests.support.database_clock import DatabaseClock
from tests.support.shop import Shop, drain

HOUR, DAY = 3600, 86_400


def limits_of(shop: Shop, name: str) -> list[LimitInUse]:
    return show_instance(shop.engine, name).limits


def change(shop: Shop, name: str, *rates: str) -> None:
    parsed = parse_rates(rates)
    changes = InstanceChanges(
        rate_per_second=parsed.pace, limits=LaneLimits(shop.settings.acceptance_seconds, parsed.counted)
    )
    set_instance(shop.engine, open_vault(shop.settings), name, changes)


def test_a_limit_that_is_full_holds_at_once_and_lets_a_place_free_when_its_time_has_come(shop: Shop) -> None:
    clock = DatabaseClock(shop.engine)
    shop.add("a", "1000/s 5/h")
    shop.add("b", "1000/s")
    shop.submit("c", 30, "a")
    assert drain(shop) == {"a": {"claimed": 5, "sent": 5}}
    [full] = limits_of(shop, "a")
    assert (full.taken, full.most, full.span_seconds) == (5, 5, HOUR)
    assert full.free_at is not None
    assert shop.lanes() == []  # nobody is called in vain
    clock.step(HOUR + 75 + HOUR / 48 + 1)
    assert drain(shop) == {"a": {"claimed": 5, "sent": 5}}
    change(shop, "a", "1000/s", "8/h")
    assert drain(shop) == {"a": {"claimed": 3, "sent": 3}}
    change(shop, "a", "1000/s", "6/h")
    assert shop.lanes() == []
    change(shop, "a", "1000/s")
    assert limits_of(shop, "a") == []
    assert drain(shop) == {"a": {"claimed": 17, "sent": 17}}


def test_a_new_limit_counts_what_has_left_before(shop: Shop) -> None:
    shop.add("a", "1000/s")
    shop.submit("c", 30, "a")
    shop.fault("kind=invalid_number,nth=3")
    shop.submit("before", 6, "a", priority=1, first=100)
    drain(shop)
    [(counted,)] = shop.sql("SELECT count(*) FROM attempts WHERE outcome IN ('accepted', 'rejected')")
    change(shop, "a", "1000/s", "40/d")
    [limit] = limits_of(shop, "a")
    assert limit.taken == counted > 0


def test_a_new_limit_counts_what_is_being_sent(shop: Shop) -> None:
    shop.add("a", "1000/s", max_in_flight=2)
    shop.submit("c", 2, "a")
    shop.fault("kind=latency,seconds=3")

    async def run() -> int:
        async with SendingProcess(shop.settings) as process:
            drained = asyncio.create_task(process.send_due(shop.lanes()))
            await shop.requests(2)
            change(shop, "a", "1000/s", "40/d")
            [limit] = limits_of(shop, "a")
            await drained
        return limit.taken

    assert asyncio.run(run()) == 2
    assert shop.states("c") == {"sent": 2}


def test_what_provably_was_not_accepted_gives_its_place_back(shop: Shop) -> None:
    shop.add("a", "1000/s 5/h")
    shop.submit("c", 4, "a")
    shop.fault("kind=not_running")
    drain(shop)
    assert shop.states("c") == {"pending": 4}
    [limit] = limits_of(shop, "a")
    assert (limit.taken, limit.free_at) == (0, None)


def test_what_may_have_been_accepted_keeps_its_place(shop: Shop) -> None:
    shop.add("a", "1000/s 5/h")
    shop.submit("c", 2, "a")
    shop.fault("kind=http_500")
    drain(shop)
    assert shop.states("c") == {"in_doubt": 2}
    [limit] = limits_of(shop, "a")
    assert limit.taken == 2


moves = st.lists(
    st.tuples(
        st.floats(min_value=-2.0, max_value=90_000.0),
        st.integers(min_value=0, max_value=4),
        st.lists(st.floats(min_value=-1000.0, max_value=100_000.0), max_size=3),
    ),
    min_size=1,
    max_size=12,
)


@given(most=st.integers(min_value=1, max_value=9), span=st.sampled_from([HOUR, DAY]), moves=moves)
@examples(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_claim_counts_as_the_rule_does(
    shop: Shop, most: int, span: int, moves: list[tuple[float, int, list[float]]]
) -> None:
    """Through a clock that is put forward and back, too."""
    limit = SpanLimit(most, span)
    rule, moment = RollingCount(limit, 75.0), 1_800_000_000.0
    parameters = {"most": most, "span": span, "bucket": limit.bucket, "grace": rule.grace}
    with psycopg.connect(shop.settings.libpq_url) as connection:
        for step, claimed, ago in moves:
            moment += step if step >= 0 else -10 * span
            returned = [moment - each for each in ago]
            stored = {"counts": list(rule.counts), "newest": rule.newest, "at": moment}
            rule = rule.after(moment, claimed, returned)
            row = connection.execute(_AFTER, {**parameters, **stored, "claimed": claimed, "returned": returned})
            free_at = rule.free_at()
            assert row.fetchone() == (
                list(rule.counts),
                rule.newest,
                rule.taken(moment),
                None if free_at == -inf else pytest.approx(free_at, abs=0.01),
            )


_AFTER = """
SELECT
    a.counts, a.newest, places_taken(a, to_timestamp(%(at)s)),
    CASE WHEN isfinite(a.free_at) THEN extract(epoch FROM a.free_at)::float END
FROM limit_after(
    (
        1, 'l', NULL, %(most)s, %(span)s, %(bucket)s, %(grace)s, %(counts)s::int[], %(newest)s, now(), '{}', 1, now()
    )::limits,
    %(claimed)s,
    ARRAY(SELECT to_timestamp(moment) FROM unnest(%(returned)s::float[]) AS moment),
    to_timestamp(%(at)s)
) a
"""


def test_a_ramp_climbs_a_step_a_day_and_falls_back_after_trouble(shop: Shop) -> None:
    clock = DatabaseClock(shop.engine)
    shop.add("a", "1000/s")
    own = LaneLimits(shop.settings.acceptance_seconds, ramp=(3, 5, 8))
    set_instance(shop.engine, open_vault(shop.settings), "a", InstanceChanges(limits=own))
    shop.submit("c", 60, "a")

    def next_day() -> int:
        """How many leave on the next day."""
        clock.step(DAY)
        dispatch.climb_ramps(shop.engine)
        clock.step(2000)
        assert dispatch.climb_ramps(shop.engine) == 0
        return drain(shop).get("a", {}).get("sent", 0)

    assert drain(shop)["a"]["sent"] == 3
    clock.step(DAY - 600)
    assert dispatch.climb_ramps(shop.engine) == 0
    clock.step(600)
    assert dispatch.climb_ramps(shop.engine) == 1
    assert drain(shop)["a"]["sent"] == 2  # the others of the day are of the day before
    assert [next_day() for _ in range(2)] == [8, 8]
    shop.fault("kind=not_running")
    clock.step(DAY + 2000)
    drain(shop)
    [fallen] = limits_of(shop, "a")
    assert (fallen.step, fallen.most) == (2, 5)
    shop.fault()
    shop.sql("UPDATE lanes SET health = 'ok', not_before = NULL")
    assert drain(shop)["a"]["sent"] == 5
    assert dispatch.climb_ramps(shop.engine) == 0
    set_instance(shop.engine, open_vault(shop.settings), "a", InstanceChanges(limits=own))
    assert limits_of(shop, "a")[0].step == 2


def test_a_ramp_that_is_full_has_a_place_when_it_climbs_as_its_plan_says(shop: Shop) -> None:
    """It was given the ramp 20 hours before its first message: the day of the step counts, and not the message's."""
    clock = DatabaseClock(shop.engine)
    shop.add("a", "1000/s")
    own = LaneLimits(shop.settings.acceptance_seconds, ramp=(3, 5, 8))
    set_instance(shop.engine, open_vault(shop.settings), "a", InstanceChanges(limits=own))
    clock.step(20 * HOUR)
    shop.submit("c", 5, "a")
    drain(shop)
    note_tick(shop.engine, "dispatch", 1.0)
    [full] = limits_of(shop, "a")
    [told] = find_standstills(shop.engine, shop.settings, campaign="c")
    plan = open_work(shop.engine, "c").plan()
    assert plan is not None
    assert full.free_at == told.next_try
    assert plan.first_at == pytest.approx(full.free_at, abs=timedelta(seconds=1))
    clock.step(4 * HOUR)
    assert dispatch.climb_ramps(shop.engine) == 1
    assert drain(shop)["a"]["sent"] == 2


def test_a_day_in_which_nothing_was_sent_is_no_step(shop: Shop) -> None:
    clock = DatabaseClock(shop.engine)
    shop.add("a", "1000/s")
    own = LaneLimits(shop.settings.acceptance_seconds, ramp=(3, 5, 8))
    set_instance(shop.engine, open_vault(shop.settings), "a", InstanceChanges(limits=own))
    clock.step(3 * DAY)
    assert dispatch.climb_ramps(shop.engine) == 0


def test_a_campaign_that_waits_for_a_limit_says_for_which_and_until_when(shop: Shop) -> None:
    shop.add("a", "1000/s 5/h")
    shop.submit("c", 9, "a")
    drain(shop)
    note_tick(shop.engine, "dispatch", 1.0)
    [told] = find_standstills(shop.engine, shop.settings, campaign="c")
    assert (told.cause, told.waiting) == (Cause.PACED, 4)
    assert told.detail == "instance a has sent all that limit 5/h allows"
    assert told.next_try == limits_of(shop, "a")[0].free_at


def test_what_an_account_has_sent_counts_wherever_its_key_goes(shop: Shop) -> None:
    """A limit is the number's: another instance with its key sends no more."""
    vault = open_vault(shop.settings)
    for name in ("a", "b"):
        shop.add(name, "1000/s 10/h")
    shop.submit("c", 10, "a")
    drain(shop)
    set_instance(shop.engine, vault, "a", InstanceChanges(key="key-d"))
    set_instance(shop.engine, vault, "b", InstanceChanges(key="key-a"))
    shop.submit("d", 5, "b", first=100)
    drain(shop)
    assert shop.states("d") == {"pending": 5}
    assert Counter(entry.instance for entry in shop.gateway.ledger.entries if entry.accepted) == {"a": 10}
