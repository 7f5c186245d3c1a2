"""Why messages were not sent, as it is counted while they are written, equals a recount of them."""

from __future__ import annotations

import pytest

from broadcaster.services.campaigns import campaign_reports
from broadcaster.services.campaigns.lifecycle import cancel_campaign, retry_campaign
from tests.support.shop import Shop, assert_failures_equal_a_recount


@pytest.fixture
def shop(shop: Shop) -> Shop:
    for name in ("a", "b"):
        shop.add(name)
    shop.sql("ALTER TABLE messages DISABLE TRIGGER refuse_moves")
    return shop


def move(shop: Shop, state: str, reason: str | None, where: str) -> None:
    """`reason` is SQL."""
    shop.sql(f"UPDATE messages SET state = '{state}', changed_at = now(), reason = {reason or 'NULL'} WHERE {where}")


def test_failures_by_reason_equal_a_recount_whatever_becomes_of_messages(shop: Shop) -> None:
    shop.submit("c", 200, "a", "b")
    shop.submit("d", 100, "a", first=1000)
    for statement in (
        ("failed", "'refused for ' || seq % 3", "seq % 2 = 0"),
        ("unknown", "NULL", "seq % 5 = 1"),
        ("failed", "'settled'", "state = 'unknown' AND seq < 50"),
        ("sent", "NULL", "state = 'unknown' AND seq < 90"),
        ("failed", "'for another reason'", "state = 'failed' AND seq % 4 = 0"),
        ("skipped", "'opted out'", "state = 'pending' AND seq % 7 = 3"),
    ):
        move(shop, *statement)
        assert_failures_equal_a_recount(shop)
    shop.sql("DELETE FROM messages WHERE seq > 150")
    assert_failures_equal_a_recount(shop)
    retry_campaign(shop.engine, "c")
    assert_failures_equal_a_recount(shop)
    assert {row.state for row in campaign_reports.campaign_detail(shop.engine, "c").failures} == {"unknown", "skipped"}


def test_the_example_of_a_reason_is_one_of_its_messages(shop: Shop) -> None:
    shop.submit("c", 10, "a")
    move(shop, "failed", "'refused'", "true")
    [row] = campaign_reports.campaign_detail(shop.engine, "c").failures
    assert shop.sql("SELECT phone, changed_at FROM messages WHERE seq = 10") == [(row.example_phone, row.latest)]
    move(shop, "pending", None, "seq = 10")
    [row] = campaign_reports.campaign_detail(shop.engine, "c").failures
    assert shop.sql("SELECT phone FROM messages WHERE seq = 9") == [(row.example_phone,)], "another one"
    assert row.messages == 9


def test_a_reason_has_an_example_when_the_last_of_its_messages_was_settled(shop: Shop) -> None:
    shop.submit("c", 1300, "a", "b")
    move(shop, "unknown", "'nobody knows'", "seq IN (7, 8) OR seq = 1290")
    move(shop, "sent", None, "seq = 1290")
    failures = campaign_reports.campaign_detail(shop.engine, "c").failures
    unknown = shop.sql("SELECT phone FROM messages WHERE state = 'unknown'")
    assert {(row.example_phone,) for row in failures} == set(unknown) != set()


def test_what_was_cancelled_has_an_example(shop: Shop) -> None:
    shop.submit("c", 10, "a")
    move(shop, "sent", None, "seq > 5")
    cancel_campaign(shop.engine, "c")
    [row] = campaign_reports.campaign_detail(shop.engine, "c").failures
    assert (row.state, row.messages) == ("cancelled", 5)
    assert shop.sql("SELECT phone FROM messages WHERE seq = 5") == [(row.example_phone,)]


def test_reasons_that_are_all_different_are_counted_together_from_the_hundredth_on(shop: Shop) -> None:
    shop.submit("c", 150, "a")
    move(shop, "failed", "'reason ' || seq", "seq <= 140")
    others = "SELECT messages FROM failure_counts WHERE reason = '(other reasons)'"
    assert shop.sql("SELECT count(*), sum(messages) FROM failure_counts") == [(101, 140)]
    assert shop.sql(others) == [(40,)]
    move(shop, "failed", "repeat('x', 100000)", "seq > 140")
    assert shop.sql(others) == [(50,)]
    move(shop, "pending", None, "true")
    assert shop.sql("SELECT count(*), sum(messages) FROM failure_counts") == [(101, 0)]
    assert campaign_reports.campaign_detail(shop.engine, "c").failures == []


@pytest.mark.parametrize(
    ("said", "counted"),
    [
        ("not registered: 628123456789", "not registered: …"),
        ("+62 812-3456-789 is not on WhatsApp", "… is not on WhatsApp"),
        ("no chat (628) 123.456.789@c.us", "no chat …@c.us"),
        ("HTTP 503 after 30 s, 3 times", "HTTP 503 after 30 s, 3 times"),
        ("code 123456", "code 123456"),
        (None, ""),
    ],
)
def test_reasons_are_counted_without_anybodys_number(shop: Shop, said: str | None, counted: str) -> None:
    shop.submit("c", 2, "a")
    shop.sql("UPDATE messages SET state = 'failed', reason = :said", said=said)
    assert shop.sql("SELECT reason, messages FROM failure_counts") == [(counted, 2)]


def test_what_differs_by_its_number_alone_is_one_reason(shop: Shop) -> None:
    shop.submit("c", 150, "a")
    move(shop, "failed", "phone || ' does not exist'", "true")
    [row] = campaign_reports.campaign_detail(shop.engine, "c").failures
    assert (row.reason, row.messages) == ("… does not exist", 150)
