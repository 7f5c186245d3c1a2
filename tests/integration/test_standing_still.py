"""What the database knows of what does not move."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import Engine

from broadcaster.crypto import open_vault
from broadcaster.db.statements import query
from broadcaster.domain.standstill import Cause, Standstill
from broadcaster.services.campaigns import purging
from broadcaster.services.campaigns.settling import Settlement, settle_messages
from broadcaster.services.dispatch import finish_campaigns, give_up_doubts
from broadcaster.services.instance_changes import InstanceChanges, set_instance
from broadcaster.services.instance_health import pause_instance
from broadcaster.services.standstill import MOST_DOUBTS, SILENCE, find_standstills, look_at_campaign
from broadcaster.services.ticks import note_tick
from tests.support.shop import Shop, drain


@pytest.fixture(autouse=True)
def beat(engine: Engine) -> None:
    """Was there just now."""
    note_tick(engine, "dispatch", 1.0)


def found(shop: Shop, campaign: str | None = None) -> list[Standstill]:
    return list(find_standstills(shop.engine, shop.settings, campaign=campaign))


def causes(shop: Shop, campaign: str | None = None) -> list[tuple[str, Cause]]:
    return [(each.name, each.cause) for each in found(shop, campaign)]


def test_nothing_is_told_of_a_shop_in_which_all_moves(shop: Shop) -> None:
    shop.add("a")
    assert found(shop) == []
    shop.submit("news", 3, "a")
    assert found(shop) == []
    drain(shop)
    assert found(shop) == []


def test_a_campaign_is_told_of_its_own_instances_only(shop: Shop) -> None:
    shop.add("a")
    shop.add("b")
    shop.submit("news", 3, "a")
    shop.submit("more", 2, "b")
    pause_instance(shop.engine, "a")
    pause_instance(shop.engine, "b")
    assert causes(shop, "news") == [("a", Cause.PAUSED), ("news", Cause.INSTANCES)]
    assert [(each.name, each.waiting) for each in found(shop)] == [("a", 3), ("b", 2), ("more", 2), ("news", 3)]
    shop.sql("UPDATE messages SET state = 'cancelled' WHERE campaign_id = 1")
    assert causes(shop, "news") == []


def test_a_silent_beat_stops_every_campaign_that_has_something_to_do(shop: Shop) -> None:
    shop.add("a")
    shop.submit("news", 3, "a")
    shop.sql("UPDATE ticks SET done_at = now() - interval '1 minute'")
    [told] = found(shop)
    assert (told.cause, told.waiting) == (Cause.NOT_RUNNING, 3)
    shop.sql("UPDATE ticks SET done_at = now() + interval '1 hour'")
    assert causes(shop) == [("news", Cause.NOT_RUNNING)], "noted by a clock that has been put back since"


def test_a_campaign_of_a_higher_priority_goes_first(shop: Shop) -> None:
    shop.add("a")
    shop.submit("news", 3, "a")
    shop.submit("urgent", 3, "a", priority=1)
    [told] = found(shop)
    assert (told.name, told.remedy.command) == ("news", "broadcaster campaign watch urgent")
    assert causes(shop, "news") == [("news", Cause.OUTRANKED)]
    shop.sql("UPDATE campaign_lanes SET next_due_at = now() + interval '1 hour' WHERE campaign_id = 2")
    assert causes(shop) == [("urgent", Cause.RETRY)]


def test_doubts_end_at_their_deadline_and_the_time_in_which_nothing_could_be_read_does_not_count(shop: Shop) -> None:
    shop.add("a")
    shop.fault("kind=html,endpoint=/wa/send")
    shop.submit("news", 2, "a")
    drain(shop)
    [told] = found(shop)
    [(ended_at,)] = shop.sql("SELECT max(ended_at) FROM doubts")
    deadline = timedelta(seconds=shop.settings.doubt_deadline_seconds)
    assert (told.cause, told.until) == (Cause.IN_DOUBT, ended_at + deadline)
    shop.sql("UPDATE doubts SET unreadable_seconds = 60")
    [told] = found(shop)
    assert told.until == ended_at + deadline + timedelta(seconds=60)
    shop.sql("UPDATE accounts SET unreadable_since = now() - interval '10 s'")
    shop.sql("UPDATE doubts SET ended_at = now() - interval '10 s', unreadable_seconds = 0")
    unreadable, told = found(shop)
    assert (unreadable.name, unreadable.cause, unreadable.waiting) == ("a", Cause.UNREADABLE, 2)
    assert told.until is None
    assert told.detail == "their chats cannot be read, and they stay in doubt until they can"


def test_chats_of_a_former_account_that_cannot_be_read_leave_it_to_the_operator(shop: Shop) -> None:
    shop.add("a")
    shop.fault("kind=html,endpoint=/wa/send")
    shop.submit("news", 2, "a")
    drain(shop)
    set_instance(shop.engine, open_vault(shop.settings), "a", InstanceChanges(key="another"))
    shop.sql("UPDATE accounts SET unreadable_since = now() WHERE id = 1")
    told = found(shop)[0]
    assert told.says == "does not let its chats be read with its former key or URL"
    assert told.remedy.command == "broadcaster campaign settle news"
    shop.sql("UPDATE doubts SET resolved_as = 'settled', resolved_at = now()")
    assert causes(shop) == [("news", Cause.IN_DOUBT)]


def test_unknown_messages_are_told_of_until_an_operator_has_decided(shop: Shop) -> None:
    shop.add("a")
    for name, count in {"news": 2, "more": 1}.items():
        shop.fault("kind=html,endpoint=/wa/send")
        shop.submit(name, count, "a")
        drain(shop)
        shop.sql("UPDATE doubts SET ended_at = now()")
        assert give_up_doubts(shop.engine, deadline=0.0) == count
        assert finish_campaigns(shop.engine)
    shop.fault()
    assert [(each.name, each.cause, each.waiting) for each in found(shop)] == [
        ("news", Cause.UNKNOWN, 2),
        ("more", Cause.UNKNOWN, 1),
    ]
    assert [each.sentence(str) for each in found(shop, "more")] == [
        "campaign more has 1 message unknown: nobody knows whether it was accepted: "
        "decide yourself with `broadcaster campaign settle more`"
    ]
    assert look_at_campaign(shop.engine, shop.settings, "news")[0] == found(shop, "news")
    shop.end_long_ago("news")
    assert causes(shop, "news") == [("news", Cause.UNKNOWN)], "it ended long ago, and nobody has decided"
    settle_messages(shop.engine, "news", Settlement.FAILED, settle_seconds=0.0, settled_by="ann")
    assert causes(shop) == [("more", Cause.UNKNOWN)]
    assert causes(shop, "news") == []
    shop.end_long_ago("more")
    purging.purge_campaign(shop.engine, 2, timedelta(days=90))
    assert causes(shop) == [], "there is nothing left to decide about"


def test_what_waits_for_a_retry_or_for_its_pace_is_told_with_its_moment(shop: Shop) -> None:
    shop.add("a", rate="1/h", burst=1)
    shop.submit("news", 3, "a")
    drain(shop)
    [told] = found(shop)
    [(slot,)] = shop.sql(
        "SELECT clock - make_interval(secs => tolerance_seconds) FROM lanes JOIN instances USING (id)"
    )
    assert (told.cause, told.next_try, told.waiting) == (Cause.PACED, slot, 2)
    shop.sql("UPDATE campaign_lanes SET next_due_at = now() + interval '1 hour'")
    assert causes(shop) == [("news", Cause.RETRY)]


def test_its_cost_does_not_follow_the_backlog(shop: Shop) -> None:
    """The plan reads no attempts, and of messages those that are due at one moment, or first after one."""
    parameters = {"campaign": None, "silence": SILENCE, "deadline": timedelta(hours=1), "most": MOST_DOUBTS}
    with shop.engine.begin() as connection:
        connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        plan = connection.exec_driver_sql(f"EXPLAIN {query('standing_still')}", parameters).scalars().all()
    read = {table for table in ("messages", "attempts", "doubts", "campaign_lanes") if table in "\n".join(plan)}
    assert read == {"doubts", "campaign_lanes", "messages"}
    scans = [number for number, line in enumerate(plan) if " on messages" in line]
    assert scans
    assert all("Index" in plan[each] for each in scans), plan
    # Of what is due later it reads the first one.
    first_later = [each for each in scans if "next_attempt_at > " in plan[each + 1]]
    assert all(any("Limit" in line for line in plan[each - 4 : each]) for each in first_later), plan
    due = [plan[each + 1] for each in scans if each not in first_later]
    assert all("(next_attempt_at = cl.next_due_at)" in line for line in due), plan
