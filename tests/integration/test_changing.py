"""Campaigns that are changed, cloned and removed: their messages, lanes, versions and doubts."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import uuid4

import psycopg
import pytest

from broadcaster.db.engine import transaction
from broadcaster.db.statements import query
from broadcaster.domain.sharing import MoveReason
from broadcaster.errors import ConflictError
from broadcaster.services import dispatch
from broadcaster.services.campaigns import snapshots
from broadcaster.services.campaigns.changing import CampaignChange, change_campaign
from broadcaster.services.campaigns.cloning import clone_campaign
from broadcaster.services.campaigns.content_change import ContentChange
from broadcaster.services.campaigns.lifecycle import pause_campaign, resume_campaign, retry_campaign
from broadcaster.services.campaigns.moving import deal_anew
from broadcaster.services.campaigns.removal import find_removable, remove_campaign
from broadcaster.services.campaigns.test_copies import send_test
from broadcaster.services.sending.sending_process import SendingProcess
from broadcaster.settings import Settings
from tests.support.reading_back import read_back
from tests.support.shop import Shop, drain
from tests.support.stack import wait_for

PAIRS = (
    "SELECT i.name, count(*) FROM messages m JOIN instances i ON i.id = m.lane_id WHERE m.state = 'pending'"
    " GROUP BY i.name ORDER BY i.name"
)


@pytest.fixture
def shop(shop: Shop) -> Shop:
    shop.add("a")
    shop.add("b")
    shop.add("c", rate="50/s")
    return shop


def say(shop: Shop, text: str, name: str = "x") -> int:
    change = CampaignChange(content=ContentChange(text=text, most_bytes=1_000))
    return change_campaign(shop.engine, name, change).content_version


def go_through(shop: Shop, *instances: str) -> int:
    return change_campaign(shop.engine, "x", CampaignChange(instances=instances)).moved


def pending(shop: Shop) -> dict[object, object]:
    return dict(shop.sql(PAIRS))  # type: ignore[arg-type]


def share(shop: Shop) -> int:
    with transaction(shop.engine) as connection:
        return deal_anew(connection, 1, MoveReason.RESHARED)


def bodies(shop: Shop) -> dict[str, str]:
    return {entry.phone: entry.body for entry in shop.gateway.ledger.entries if entry.accepted}


def paused(shop: Shop, count: int, *instances: str) -> None:
    shop.submit("x", count, *instances)
    pause_campaign(shop.engine, "x")


def test_what_is_claimed_is_sent_and_recorded_with_the_version_of_then(shop: Shop) -> None:
    shop.submit("x", 4, "a")
    shop.sql("UPDATE messages SET next_attempt_at = now() + interval '1 h' WHERE seq > 2")
    drain(shop)
    pause_campaign(shop.engine, "x")
    assert say(shop, "Dear {{ name }}") == 2
    shop.sql("UPDATE messages SET next_attempt_at = now() WHERE seq > 2")
    resume_campaign(shop.engine, "x")
    drain(shop)
    assert sorted(bodies(shop).values()) == ["Dear N2", "Dear N3", "Hi N0", "Hi N1"]
    for table in ("messages", "attempts"):
        versions = shop.sql(f"SELECT content_version FROM {table} ORDER BY seq")
        assert versions == [(1,), (1,), (2,), (2,)]


def test_a_worker_that_has_prepared_the_old_text_sends_the_new_one(shop: Shop) -> None:
    shop.submit("x", 2, "a")
    shop.sql("UPDATE messages SET next_attempt_at = now() + interval '1 h' WHERE seq = 2")

    async def run() -> None:
        async with SendingProcess(shop.settings) as process:
            await process.send_due(shop.lanes())
            pause_campaign(shop.engine, "x")
            say(shop, "Dear {{ name }}")
            shop.sql("UPDATE messages SET next_attempt_at = now() WHERE seq = 2")
            resume_campaign(shop.engine, "x")
            shop.sql("UPDATE lanes SET woken_at = NULL")
            await process.send_due(shop.lanes())

    asyncio.run(run())
    assert bodies(shop) == {"628120000000": "Hi N0", "628120000001": "Dear N1"}


@pytest.mark.usefixtures("quick_rounds")
def test_a_doubt_is_read_back_by_the_text_that_was_sent(shop: Shop) -> None:
    shop.fault("kind=drop_after_accept,endpoint=/wa/send")
    shop.submit("x", 1, "a")
    drain(shop)
    shop.fault()
    pause_campaign(shop.engine, "x")
    say(shop, "Dear {{ name }}")
    assert shop.states("x") == {"in_doubt": 1}
    read_back(shop)
    assert shop.states("x") == {"sent": 1}
    assert bodies(shop) == {"628120000000": "Hi N0"}


def test_what_failed_before_is_sent_again_with_the_text_of_now(shop: Shop) -> None:
    shop.fault("kind=invalid_number")
    shop.submit("x", 1, "a")
    drain(shop)
    shop.fault()
    retry_campaign(shop.engine, "x")
    pause_campaign(shop.engine, "x")
    say(shop, "Dear {{ name }}")
    resume_campaign(shop.engine, "x")
    drain(shop)
    assert list(bodies(shop).values()) == ["Dear N0"]
    assert shop.sql("SELECT attempt, content_version FROM attempts ORDER BY attempt") == [(1, 1), (2, 2)]


def test_two_who_change_a_text_at_once_make_two_versions(shop: Shop) -> None:
    paused(shop, 2, "a")
    texts = [f"Text {n}" for n in range(6)]
    with ThreadPoolExecutor(3) as pool:
        versions = sorted(pool.map(lambda text: say(shop, text), texts))
    assert versions == [2, 3, 4, 5, 6, 7]
    stored = shop.sql("SELECT count(DISTINCT content_id) FROM content_versions WHERE version > 1")
    assert stored == [(6,)]


@pytest.mark.parametrize(
    ("before", "after", "shares"),
    [
        (("a",), ("b",), {"b": 300}),
        (("a",), ("a", "b"), {"a": 150, "b": 150}),
        (("a", "b"), ("b", "a"), {"a": 150, "b": 150}),
        (("a", "b"), ("b",), {"b": 300}),
        (("a", "b"), ("b", "c"), {"b": 273, "c": 27}),  # one without a limit counts ten times as much
        (("c",), ("a", "b"), {"a": 150, "b": 150}),
    ],
)
def test_what_waits_is_shared_by_the_rates_of_the_instances(
    shop: Shop, before: Sequence[str], after: Sequence[str], shares: dict[str, int]
) -> None:
    paused(shop, 300, *before)
    go_through(shop, *after)
    now = pending(shop)
    assert set(now) == set(shares)
    assert all(abs(int(str(now[name])) - share) <= 2 for name, share in shares.items()), now


def test_what_is_sending_or_in_doubt_stays_where_it_is_and_comes_to_the_others_when_it_comes_back(shop: Shop) -> None:
    paused(shop, 9, "a")
    shop.sql("UPDATE messages SET state = 'sending', attempt = 1, content_version = 1 WHERE seq <= 3")
    shop.sql("UPDATE messages SET state = 'in_doubt' WHERE seq = 3")
    assert go_through(shop, "b") == 6
    assert pending(shop) == {"b": 6}
    assert shop.sql("SELECT count(*) FROM messages WHERE lane_id = 1 AND state IN ('sending', 'in_doubt')") == [(3,)]
    shop.sql("UPDATE messages SET state = 'pending', next_attempt_at = now() WHERE seq <= 2")
    resume_campaign(shop.engine, "x")
    assert shop.lanes() == [2], "nothing is claimed through the instance that was taken away"
    assert pending(shop) == {"a": 2, "b": 6}
    dispatch.finish_campaigns(shop.engine)
    assert pending(shop) == {"b": 8}
    shop.sql("UPDATE messages SET state = 'sent' WHERE state = 'in_doubt'")


def test_what_is_claimed_while_it_is_shared_stays_with_its_lane(shop: Shop, settings: Settings) -> None:
    shop.submit("x", 6, "a")
    shop.sql("INSERT INTO campaign_lanes (campaign_id, lane_id) VALUES (1, 2)")
    token, lease = uuid4(), timedelta(minutes=1)
    asked = {"lanes": [1], "tokens": [token], "wants": [6], "claim": uuid4(), "lease": lease, "hold": lease}
    waits = "wait_event_type = 'Lock' AND query LIKE '%/* share_pending */%'"
    with psycopg.connect(settings.libpq_url) as worker, ThreadPoolExecutor(1) as pool:
        worker.execute(query("take_lanes"), {"lanes": [1], "holder": "test", "token": token, "lease": lease})
        worker.commit()
        worker.execute(query("turn_over"), {"outcomes": "[]", "lead": 0.1, "reserve": lease, **asked})
        shared = pool.submit(share, shop)
        wait_for(
            lambda: shop.sql(f"SELECT count(*) FROM pg_stat_activity WHERE {waits}") == [(1,)],
            "the command to wait for the claim",
        )
        worker.commit()
        assert shared.result() == 0
    assert shop.sql("SELECT lane_id, state::text, count(*) FROM messages GROUP BY 1, 2") == [(1, "sending", 6)]
    shop.sql("UPDATE messages SET state = 'sent', claim_token = NULL")


def test_an_instance_that_was_taken_away_may_come_back(shop: Shop) -> None:
    paused(shop, 10, "a")
    assert go_through(shop, "b") == 10
    assert go_through(shop, "a") == 10
    resume_campaign(shop.engine, "x")
    drain(shop)
    assert shop.states("x") == {"sent": 10}
    assert {entry.instance for entry in shop.gateway.ledger.entries} == {"a"}


def test_nothing_is_claimed_through_an_instance_that_was_taken_away(shop: Shop) -> None:
    shop.submit("x", 5, "a", "b")
    shop.submit("other", 1, "a", first=100)
    shop.sql("UPDATE campaign_lanes SET retired = true WHERE lane_id = 1 AND campaign_id = 1")
    drain(shop)
    through_a = [entry.phone for entry in shop.gateway.ledger.entries if entry.instance == "a"]
    assert through_a == ["628120000100"], "the lane is held for another campaign"
    assert shop.states("x") == {"pending": 3, "sent": 2}
    dispatch.finish_campaigns(shop.engine)
    drain(shop)
    assert shop.states("x") == {"sent": 5}


@pytest.mark.parametrize("large", [False, True])
def test_a_clone_has_the_recipients_that_were_not_forgotten(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, large: bool
) -> None:
    if large:
        monkeypatch.setattr(snapshots, "LARGE_CAMPAIGN", 1)
    shop.submit("x", 6, "a", "b")
    drain(shop)
    shop.sql("UPDATE messages SET phone = NULL, variables = NULL WHERE seq = 2")
    cloned = clone_campaign(shop.engine, "x", "y")
    assert cloned.messages == 5
    rows = shop.sql(
        "SELECT m.seq, m.phone, m.segment = c.id FROM messages m JOIN campaigns c ON c.id = m.campaign_id"
        " WHERE c.name = 'y' ORDER BY seq"
    )
    assert rows == [(n + 1, f"62812{seq:07d}", large) for n, seq in enumerate((0, 2, 3, 4, 5))]
    assert shop.states("y") == {"pending": 5}
    remove_campaign(shop.engine, find_removable(shop.engine, "y"))
    assert shop.sql("SELECT name FROM campaigns") == [("x",)]
    assert shop.sql("SELECT to_regclass('messages_2')") == [(None,)]


def test_the_tests_of_a_campaign_that_is_removed_stay(shop: Shop) -> None:
    paused(shop, 3, "a")
    send_test(shop.engine, "x", "628999999999")
    dispatch.start_due_campaigns(shop.engine)
    drain(shop)
    assert remove_campaign(shop.engine, find_removable(shop.engine, "x")) == 3
    assert shop.sql("SELECT count(*), bool_and(test_of = id) FROM campaigns") == [(1, True)]
    assert shop.sql("SELECT phone, state::text FROM messages") == [("628999999999", "sent")]
    shop.submit("x", 1, "a")


def test_a_campaign_of_which_something_is_claimed_meanwhile_stays(shop: Shop) -> None:
    paused(shop, 3, "a")
    found = find_removable(shop.engine, "x")
    resume_campaign(shop.engine, "x")
    with pytest.raises(ConflictError, match="it is running"):
        remove_campaign(shop.engine, found)
    drain(shop)
    pause = "UPDATE campaigns SET state = 'paused', finished_at = NULL WHERE name = 'x'"
    shop.sql(pause)
    with pytest.raises(ConflictError, match="something of it has left"):
        remove_campaign(shop.engine, found)
    assert shop.states("x") == {"sent": 3}
