"""Limits that campaigns share: together never over them, through how many lanes and workers ever."""

from __future__ import annotations

import asyncio
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import uuid4

import pytest

from broadcaster.crypto import open_vault
from broadcaster.db.engine import transaction
from broadcaster.db.statements import execute, rows
from broadcaster.domain.pacing import CLAIM_LEAD
from broadcaster.domain.span_limits import parse_span_limit
from broadcaster.domain.standstill import Cause
from broadcaster.errors import ConflictError, NotFoundError
from broadcaster.services import shared_limits
from broadcaster.services.campaigns.changing import CampaignChange, change_campaign
from broadcaster.services.campaigns.cloning import clone_campaign
from broadcaster.services.campaigns.lifecycle import pause_campaign, resume_campaign
from broadcaster.services.campaigns.stored_campaign import read_campaign
from broadcaster.services.instance_changes import InstanceChanges, set_instance
from broadcaster.services.sending.sending_process import SendingProcess
from broadcaster.services.standstill import find_standstills, look_at_campaign
from broadcaster.services.stored_limits import LaneLimits
from broadcaster.services.ticks import note_tick
from tests.support.database import as_owner
from tests.support.database_clock import DatabaseClock
from tests.support.shop import INSTANCES, Shop, drain
from tests.support.stack import wait_for


def add(shop: Shop, name: str, limit: str) -> None:
    shared_limits.add_limit(shop.engine, name, parse_span_limit(limit), grace=shop.settings.acceptance_seconds)


def taken(shop: Shop, name: str) -> int:
    [limit] = shared_limits.show_limits(shop.engine, name)
    return limit.taken


def limit_campaign(shop: Shop, campaign: str, *names: str) -> None:
    change_campaign(shop.engine, campaign, CampaignChange(limits=names))


def sent_of(shop: Shop, *campaigns: str) -> list[int]:
    return [shop.states(each).get("sent", 0) for each in campaigns]


def test_campaigns_together_never_exceed_a_limit_through_several_lanes_and_workers(shop: Shop) -> None:
    clock = DatabaseClock(shop.engine)
    add(shop, "customers", "25/d")
    add(shop, "few", "6/h")
    for name in INSTANCES:
        shop.add(name, "500/s", max_in_flight=4)
    shop.submit("limited", 60, *INSTANCES, limits=["customers"])
    shop.submit("small", 60, *INSTANCES, first=1000, limits=["customers", "few"])
    shop.submit("free", 40, *INSTANCES, first=2000)

    async def run() -> None:
        async with SendingProcess(shop.settings) as one, SendingProcess(shop.settings) as other:
            first, second, third = shop.lanes()
            await asyncio.gather(one.send_due([first, third]), other.send_due([second]))

    asyncio.run(run())
    drain(shop)
    limited, small, free = sent_of(shop, "limited", "small", "free")
    assert (limited + small, free) == (25, 40)
    assert 0 < small <= 6
    assert (taken(shop, "customers"), taken(shop, "few")) == (25, small)
    # Nothing is woken for what has no place: the lanes have nothing else.
    assert shop.lanes() == []
    clock.step(86_400 + 75 + 1801)
    drain(shop)
    assert sum(sent_of(shop, "limited", "small")) == 50
    assert max(Counter(shop.accepted()).values()) == 1


def test_lanes_that_claim_in_one_statement_share_the_last_places(shop: Shop) -> None:
    add(shop, "two", "2/d")
    add(shop, "five", "5/d")
    for name in INSTANCES:
        shop.add(name, "500/s", max_in_flight=4)
    shop.submit("c", 30, *INSTANCES, limits=["two", "five"])
    shop.submit("d", 30, *INSTANCES, first=1000, limits=["five"])
    for _ in range(4):
        # A lane that was dealt more than there was waits for the next tick.
        drain(shop)
    c, d = sent_of(shop, "c", "d")
    # Campaigns of one priority draw lots, so how many each gets is chance.
    assert c <= 2
    assert c + d == 5
    assert (taken(shop, "two"), taken(shop, "five")) == (c, 5)


def test_what_provably_was_not_accepted_gives_its_place_back(shop: Shop) -> None:
    add(shop, "customers", "9/d")
    shop.add("a", "500/s", max_in_flight=4)
    shop.submit("c", 6, "a", limits=["customers"])
    shop.fault("kind=not_running")
    drain(shop)
    assert (shop.states("c"), taken(shop, "customers")) == ({"pending": 6}, 0)
    shop.fault("kind=http_500")
    shop.sql("UPDATE lanes SET not_before = NULL, health = 'ok'")
    shop.sql("UPDATE messages SET next_attempt_at = '-infinity'")
    drain(shop)
    # Nobody knows what became of these.
    assert taken(shop, "customers") == shop.states("c")["in_doubt"]


def test_a_full_campaign_leaves_its_lane_to_others_and_goes_on_when_the_limit_is_raised(shop: Shop) -> None:
    add(shop, "customers", "4/d")
    shop.add("a", "500/s", max_in_flight=4)
    shop.submit("c", 10, "a", priority=5, limits=["customers"])
    shop.submit("other", 30, "a", first=100)
    drain(shop)
    assert sent_of(shop, "c", "other") == [4, 30]
    shared_limits.set_limit(shop.engine, "customers", parse_span_limit("7/d"))
    drain(shop)
    assert (sent_of(shop, "c"), taken(shop, "customers")) == ([7], 7)


def test_a_campaign_that_is_full_says_by_which_limit_and_outranks_nobody(shop: Shop) -> None:
    add(shop, "customers", "4/d")
    shop.add("a", "500/s", max_in_flight=4)
    shop.submit("c", 10, "a", priority=5, limits=["customers"])
    drain(shop)
    shop.submit("other", 3, "a", first=100)
    note_tick(shop.engine, "dispatch", 1.0)
    [told] = find_standstills(shop.engine, shop.settings, campaign="c")
    assert (told.cause, told.waiting) == (Cause.PACED, 6)
    assert told.detail == "its campaigns have sent all that limit customers, 4/d, allows"
    assert told.remedy.command == "broadcaster limit show customers"
    assert told.next_try == shared_limits.show_limits(shop.engine)[0].free_at
    [held] = look_at_campaign(shop.engine, shop.settings, "c")[1]
    assert (held.cause, held.what, held.until) == ("limit", "limit customers, 4/d, again", told.next_try)
    [other] = look_at_campaign(shop.engine, shop.settings, "other")[1]
    assert other.cause == "rate"


def test_what_a_campaign_has_sent_counts_when_it_gets_a_limit_and_once_when_it_gets_it_again(shop: Shop) -> None:
    shop.add("a", "500/s", max_in_flight=4)
    add(shop, "early", "5/d")
    shop.submit("done", 3, "a", first=100, limits=["early"])
    shop.submit("c", 20, "a", limits=["early"])
    drain(shop)
    pause_campaign(shop.engine, "c")
    # What has ended counts on, and what is taken from it counts until another one joins.
    for names in ((), ("early",), (), ("early",)):
        limit_campaign(shop, "c", *names)
    assert taken(shop, "early") == 5
    add(shop, "late", "7/h")
    limit_campaign(shop, "c", "early", "late")
    assert taken(shop, "late") == sent_of(shop, "c")[0]
    clone_campaign(shop.engine, "done", "draft", limits=[])
    limit_campaign(shop, "c", "late")
    # One that has sent nothing changes nothing that is counted.
    limit_campaign(shop, "draft", "early")
    assert taken(shop, "early") == 5
    resume_campaign(shop.engine, "c")
    drain(shop)
    assert (sent_of(shop, "c"), taken(shop, "late"), taken(shop, "early")) == ([7], 7, 5)
    assert shared_limits.show_limits(shop.engine, "late")[0].campaigns == ["c"]


def test_what_a_campaign_has_sent_stays_counted_when_it_leaves_and_another_joins(shop: Shop) -> None:
    shop.add("a", "500/s")
    add(shop, "early", "10/d")
    shop.submit("c", 30, "a", limits=["early"])
    drain(shop)
    pause_campaign(shop.engine, "c")
    limit_campaign(shop, "c")
    shop.submit("d", 30, "a", first=1000)
    pause_campaign(shop.engine, "d")
    limit_campaign(shop, "d", "early")
    resume_campaign(shop.engine, "d")
    drain(shop)
    assert (sent_of(shop, "c", "d"), taken(shop, "early")) == ([10, 0], 10)


def test_a_claim_that_began_before_a_campaign_got_its_limit_takes_no_more_than_that(shop: Shop) -> None:
    """READ COMMITTED: it has its snapshot, and waits for whoever gives the limit, who has the lane."""
    shop.add("a", "500/s", max_in_flight=9)
    add(shop, "two", "2/d")
    shop.submit("c", 9, "a")
    lease = {"lanes": [1], "lease": timedelta(minutes=1)}
    token = uuid4()
    with transaction(shop.engine) as connection:
        execute(connection, "take_lanes", **lease, token=token, holder="test")

    def claim() -> None:
        ask = {"tokens": [token], "wants": [9], "outcomes": "[]", "claim": uuid4(), "lead": CLAIM_LEAD}
        with transaction(shop.engine) as connection:
            rows(connection, "turn_over", tuple, **ask, **lease, hold=timedelta(0), reserve=timedelta(0))

    with ThreadPoolExecutor(1) as pool, as_owner(shop.engine).connect() as giver:
        giver.exec_driver_sql("SELECT FROM lanes FOR NO KEY UPDATE")
        claimed = pool.submit(claim)
        waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%turn_over%'"
        wait_for(lambda: shop.sql(waiting) == [(1,)], "the claim waits for the lane")
        giver.exec_driver_sql("INSERT INTO campaign_limits SELECT campaigns.id, limits.id FROM campaigns, limits")
        giver.commit()
        claimed.result(30)
    assert (shop.states("c"), taken(shop, "two")) == ({"sending": 2, "pending": 7}, 2)


def test_a_limit_is_of_instances_or_of_campaigns(shop: Shop) -> None:
    shop.add("a")
    vault = open_vault(shop.settings)
    add(shop, "of instances", "5/d")
    add(shop, "of campaigns", "5/d")

    def share(*names: str) -> None:
        limits = LaneLimits(shop.settings.acceptance_seconds, shared=names)
        set_instance(shop.engine, vault, "a", InstanceChanges(limits=limits))

    share("of instances")
    shop.submit("c", 3, "a", limits=["of campaigns"])
    with pytest.raises(ConflictError, match="'of instances' is one of instances, and no limit is of"):
        shop.submit("d", 3, "a", limits=["of campaigns", "of instances"])
    with pytest.raises(ConflictError, match="'of campaigns' is one of campaigns"):
        share("of campaigns")
    with pytest.raises(NotFoundError, match="no limit is called 'nothing'"):
        shop.submit("d", 3, "a", limits=["nothing"])
    pause_campaign(shop.engine, "c")
    with pytest.raises(ConflictError, match="'of instances' is one of instances"):
        limit_campaign(shop, "c", "of instances")
    with pytest.raises(
        ConflictError, match=r"holds for 'c': take it .*, with `broadcaster campaign set c --limit none`"
    ):
        shared_limits.remove_limit(shop.engine, "of campaigns")
    limit_campaign(shop, "c")
    shared_limits.remove_limit(shop.engine, "of campaigns")


def test_a_clone_has_the_limits_of_its_campaign_unless_others_are_named(shop: Shop) -> None:
    shop.add("a")
    for name in ("one", "two"):
        add(shop, name, "5/d")
    shop.submit("c", 3, "a", limits=["one"])
    clone_campaign(shop.engine, "c", "same")
    clone_campaign(shop.engine, "c", "other", limits=["two"])
    clone_campaign(shop.engine, "c", "none", limits=[])
    with transaction(shop.engine) as connection:
        held = [list(read_campaign(connection, name).limits) for name in ("same", "other", "none")]
    assert held == [["one"], ["two"], []]
