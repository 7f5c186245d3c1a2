"""Hours and expiry of a campaign that is copied, changed, or has recipients who have opted out."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from broadcaster.domain.opening_hours import OpeningHours
from broadcaster.errors import ConflictError, UsageError
from broadcaster.services import dispatch
from broadcaster.services.campaigns.changed_terms import TermsChange
from broadcaster.services.campaigns.changing import CampaignChange, change_campaign
from broadcaster.services.campaigns.cloning import clone_campaign
from broadcaster.services.campaigns.lifecycle import cancel_campaign, pause_campaign, resume_campaign, retry_campaign
from broadcaster.services.campaigns.new_content import text_content
from broadcaster.services.campaigns.rests import campaign_of, submit_rest
from broadcaster.services.campaigns.submission import Submission
from broadcaster.services.openings import move_openings
from tests.support.shop import Shop, drain

BY_RECIPIENT = OpeningHours(windows=("00:00-24:00",), zone="UTC", is_by_recipient=True)
AHEAD = timedelta(hours=1)


@pytest.fixture
def shop(shop: Shop) -> Shop:
    shop.add("a")
    shop.add("b")
    return shop


def kept(shop: Shop, name: str) -> list[tuple[object, ...]]:
    return shop.sql("SELECT hours_id, expires_at FROM campaigns WHERE name = :name", name=name)


def groups(shop: Shop, name: str) -> list[tuple[object, ...]]:
    return shop.sql(
        "SELECT DISTINCT g.country FROM messages m JOIN campaigns c ON c.id = m.campaign_id AND c.name = :name"
        " LEFT JOIN recipient_groups g ON g.id = m.recipient_group",
        name=name,
    )


def opt_out(shop: Shop, phone: str) -> None:
    shop.sql("INSERT INTO opt_outs (phone, forms, way) VALUES (:phone, ARRAY[:phone], 'command')", phone=phone)


@pytest.mark.parametrize("is_ahead", [True, False])
def test_a_clone_has_the_same_hours_and_an_expiry_that_is_ahead(shop: Shop, is_ahead: bool) -> None:
    shop.submit("c", 3, "a", hours=BY_RECIPIENT, expires_at=datetime.now(UTC) + AHEAD)
    if not is_ahead:
        shop.sql("UPDATE campaigns SET expires_at = now() - interval '1 s'")
    cloned = clone_campaign(shop.engine, "c", "again")
    [(hours, expires_at)] = kept(shop, "c")
    assert kept(shop, "again") == [(hours, expires_at if is_ahead else None)]
    assert (cloned.expires_at, cloned.lost_expiry) == ((expires_at, None) if is_ahead else (None, expires_at))
    assert groups(shop, "again") == groups(shop, "c") == [("ID",)]
    shop.sql("UPDATE campaigns SET state = 'running', started_at = now() WHERE name = 'again'")
    move_openings(shop.engine)
    drain(shop)
    assert shop.states("again") == {"sent": 3}


def test_a_rest_is_told_apart_by_recipient_and_has_those_for_whom_it_was_too_late(shop: Shop) -> None:
    shop.submit("c", 5, "a", hours=BY_RECIPIENT, expires_at=datetime.now(UTC) + AHEAD)
    move_openings(shop.engine)
    opt_out(shop, "628120000000")
    shop.sql("UPDATE messages SET next_attempt_at = now() + interval '1 h' WHERE seq > 2")
    drain(shop)
    shop.sql("UPDATE campaigns SET expires_at = now()")
    dispatch.expire_messages(shop.engine)
    dispatch.finish_campaigns(shop.engine)
    assert shop.states("c") == {"sent": 1, "skipped": 1, "expired": 3}
    of = campaign_of(shop.engine, "c")
    assert of.hours == BY_RECIPIENT
    assert of.expiry_after(datetime.now(UTC) + AHEAD) is None
    submission = Submission(name="rest", instances=["b"], content=of.content, max_attempts=3, hours=of.hours)
    result = submit_rest(shop.engine, submission, "c", same_content=True, allow_private=False)
    assert (result.total, result.in_several_zones) == (3, {"ID": 3})
    assert result.opens_at is not None
    assert groups(shop, "rest") == [("ID",)]
    assert kept(shop, "rest") == [(kept(shop, "c")[0][0], None)]
    dispatch.start_due_campaigns(shop.engine)
    move_openings(shop.engine)
    drain(shop)
    assert shop.states("rest") == {"sent": 3}


def test_a_rest_that_expires_before_it_starts_is_refused(shop: Shop) -> None:
    shop.submit("c", 2, "a")
    cancel_campaign(shop.engine, "c")
    now = datetime.now(UTC)
    asked = Submission(name="rest", instances=["a"], content=text_content("Hi"), max_attempts=3)
    submission = replace(asked, starts_at=now + 2 * AHEAD, expires_at=now + AHEAD)
    with pytest.raises(UsageError, match="is before it starts"):
        submit_rest(shop.engine, submission, "c", same_content=False, allow_private=False)


def test_what_waits_in_a_lane_that_was_taken_away_expires_there(shop: Shop) -> None:
    shop.submit("c", 6, "a", "b", hours=BY_RECIPIENT, expires_at=datetime.now(UTC) + AHEAD)
    shop.sql("UPDATE campaign_lanes SET retired = true WHERE lane_id = 1")
    shop.sql("UPDATE campaigns SET expires_at = now()")
    assert dispatch.expire_messages(shop.engine) == 6
    dispatch.finish_campaigns(shop.engine)
    assert (shop.state("c"), shop.states("c")) == ("finished", {"expired": 6})


def test_who_has_opted_out_is_skipped_or_expired_and_never_both(shop: Shop) -> None:
    shop.submit("c", 4, "a", expires_at=datetime.now(UTC) + AHEAD)
    opt_out(shop, "628120000000")
    shop.sql("UPDATE messages SET next_attempt_at = now() + interval '1 h' WHERE seq = 2")
    opt_out(shop, "628120000001")
    drain(shop)
    assert shop.states("c") == {"sent": 2, "skipped": 1, "pending": 1}
    shop.sql("UPDATE campaigns SET expires_at = now()")
    assert dispatch.expire_messages(shop.engine) == 1
    assert dispatch.expire_messages(shop.engine) == 0
    assert shop.states("c") == {"sent": 2, "skipped": 1, "expired": 1}
    reasons = shop.sql("SELECT state::text, reason, messages FROM failure_counts ORDER BY 1")
    assert reasons == [("expired", "the campaign had expired", 1), ("skipped", "opted_out", 1)]


def test_what_changes_its_lane_keeps_its_group_and_is_asked_for_at_once(shop: Shop) -> None:
    shop.submit("c", 6, "a", hours=BY_RECIPIENT)
    shop.sql("UPDATE openings SET opens_at = now() + interval '1 h', closes_at = now() + interval '2 h'")
    drain(shop)
    shop.sql("UPDATE campaign_lanes SET next_due_at = now() + interval '1 h'")
    pause_campaign(shop.engine, "c")
    assert change_campaign(shop.engine, "c", CampaignChange(instances=["b"])).moved == 6
    assert groups(shop, "c") == [("ID",)]
    assert shop.sql("SELECT DISTINCT next_due_at = '-infinity' FROM campaign_lanes") == [(True,)]
    resume_campaign(shop.engine, "c")
    shop.sql("UPDATE openings SET opens_at = now(), closes_at = now() + interval '1 h'")
    drain(shop)
    assert {entry.instance for entry in shop.gateway.ledger.entries} == {"b"}
    assert shop.states("c") == {"sent": 6}


def test_nothing_starts_later_than_it_expires(shop: Shop) -> None:
    shop.submit("c", 2, "a", expires_at=datetime.now(UTC) + AHEAD)
    clone_campaign(shop.engine, "c", "d")
    later = CampaignChange(terms=TermsChange(starts_at=datetime.now(UTC) + 2 * AHEAD))
    with pytest.raises(UsageError, match="--at: campaign 'd' expires at"):
        change_campaign(shop.engine, "d", later)
    soon = CampaignChange(terms=TermsChange(starts_at=datetime.now(UTC) + AHEAD / 2))
    assert [each.what for each in change_campaign(shop.engine, "d", soon).changes] == ["start"]


@pytest.mark.parametrize("dry_run", [True, False])
def test_what_has_expired_is_not_retried_nor_said_to_be(shop: Shop, dry_run: bool) -> None:
    shop.submit("c", 2, "a", expires_at=datetime.now(UTC) + AHEAD)
    shop.sql("UPDATE messages SET state = 'sending', attempt = 1, spent = 1")
    shop.sql("UPDATE messages SET state = 'failed', reason = 'because'")
    shop.sql("UPDATE campaigns SET expires_at = now()")
    with pytest.raises(ConflictError, match="'c' expired at"):
        retry_campaign(shop.engine, "c", dry_run=dry_run)
