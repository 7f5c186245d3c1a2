"""Replies that are not heard, or late: `status` and `doctor` say so, each with the command that helps."""

from __future__ import annotations

import re

import pytest

from broadcaster.domain.standstill import Cause, What
from broadcaster.services.diagnosis import examine_database
from broadcaster.services.findings import Finding, Level
from broadcaster.services.standstill import find_standstills
from tests.support.shop import Shop


@pytest.fixture
def shop(shop: Shop) -> Shop:
    """An instance whose replies are read, all in time."""
    shop.add("a")
    shop.sql("UPDATE instances SET name = 'a b', read_replies_seconds = 30")
    shop.sql("INSERT INTO inboxes (account_id, next_poll_at) SELECT account_id, now() FROM instances")
    return shop


def troubles(shop: Shop) -> list[tuple[Cause, str]]:
    found = find_standstills(shop.engine, shop.settings)
    return [(each.cause, each.remedy.command) for each in found if each.what is What.INBOX]


def said(shop: Shop) -> list[Finding]:
    return [each for each in examine_database(shop.engine, shop.settings) if each.check == "replies"]


def ticking(shop: Shop) -> None:
    shop.sql("INSERT INTO ticks (name, period_seconds, done_at) VALUES ('dispatch', 1, now())")


def test_what_is_heard_in_time_is_well(shop: Shop) -> None:
    assert troubles(shop) == []
    [finding] = said(shop)
    assert finding.level is Level.OK


def test_an_inbox_that_cannot_be_read_is_told(shop: Shop) -> None:
    shop.sql("UPDATE accounts SET unreadable_since = now() - interval '5 min'")
    assert troubles(shop) == [(Cause.UNREADABLE, "broadcaster instance check 'a b'")]
    [finding] = said(shop)
    assert finding.level is Level.WARN and re.match(r"a b cannot be read since \w{3} 20", finding.detail)
    assert finding.command == "broadcaster instance check 'a b'"


def test_a_gap_that_is_open_is_told(shop: Shop) -> None:
    shop.sql("UPDATE inboxes SET gap_from = now() - interval '1 h'")
    assert troubles(shop) == [(Cause.GAP, "broadcaster instance show 'a b'")]
    [finding] = said(shop)
    assert "left chats out" in finding.detail


@pytest.mark.parametrize("late", ["its list", "a chat"])
def test_what_lags_is_told_where_ticks_are_done(shop: Shop, late: str) -> None:
    if late == "its list":
        shop.sql("UPDATE inboxes SET next_poll_at = now() - interval '2 min'")
    else:
        shop.sql(
            "INSERT INTO inbox_chats (account_id, chat, looks, due_at)"
            " SELECT account_id, '628120000000', 1, now() - interval '2 min' FROM instances"
        )
    # Where nothing ticks, that is the trouble, and told as such.
    assert troubles(shop) == []
    ticking(shop)
    assert troubles(shop) == [(Cause.LAGGING, "broadcaster instance set 'a b' --read-replies 5m")]


def test_replies_that_are_not_read_trouble_nobody(shop: Shop) -> None:
    shop.sql("UPDATE inboxes SET gap_from = now()")
    shop.sql("UPDATE instances SET read_replies_seconds = NULL")
    assert troubles(shop) == []
