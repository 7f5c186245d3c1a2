"""A campaign is dealt to its instances by when each can send, wherever it is dealt, and its plan says the same."""

from __future__ import annotations

import io
from collections.abc import Mapping
from datetime import timedelta

import pytest
from sqlalchemy import Connection

from broadcaster.domain.span_limits import parse_each_rate
from broadcaster.services import dispatch
from broadcaster.services.campaigns import snapshots
from broadcaster.services.campaigns.changing import CampaignChange, change_campaign
from broadcaster.services.campaigns.cloning import clone_campaign
from broadcaster.services.campaigns.foreseeing import WhatIf, foresee
from broadcaster.services.campaigns.lifecycle import start_campaign
from broadcaster.services.campaigns.new_content import text_content
from broadcaster.services.campaigns.planning import open_work
from broadcaster.services.campaigns.submission import Submission
from broadcaster.services.campaigns.submission_result import Submitted
from broadcaster.services.campaigns.submitting import submit_campaign
from broadcaster.services.recipients.list_options import RecipientOptions
from broadcaster.services.recipients.reader import read_recipients
from broadcaster.services.schedules.editing import add_schedule
from tests.support.schedules import add_audience, new_schedule
from tests.support.shop import Shop

_DEALT = (
    "SELECT i.name, count(*) FROM messages m"
    " JOIN instances i ON i.id = m.lane_id JOIN campaigns c ON c.id = m.campaign_id"
    " WHERE c.name = :name GROUP BY i.name ORDER BY i.name"
)
_FILL = (
    "UPDATE limits SET counts = ARRAY[most], newest = floor(extract(epoch FROM now()) / (span_seconds / 48.0))"
    " WHERE lane_id = (SELECT id FROM instances WHERE name = :name)"
)
_EMPTY = "UPDATE limits SET counts = '{}' WHERE lane_id = (SELECT id FROM instances WHERE name = :name)"


@pytest.fixture
def shop(shop: Shop) -> Shop:
    """`a` sends 20 a minute, and `b` as fast, but today it has sent all that it may."""
    shop.add("a", "20/min")
    shop.add("b", "20/min 100/d")
    shop.sql(_FILL, name="b")
    return shop


def send(shop: Shop, count: int, *instances: str, draft: bool = False, dry_run: bool = False) -> Submitted:
    rows = "".join(f"62812{n:07d}\n" for n in range(count))
    submission = Submission(name="x", instances=instances, content=text_content("Hi"), max_attempts=3, draft=draft)
    options = RecipientOptions(text=submission.content.text, accept_countries=True)
    with read_recipients(io.BytesIO(f"phone\n{rows}".encode()), options) as recipients:
        submitted = submit_campaign(shop.engine, submission, recipients, dry_run=dry_run)
    dispatch.start_due_campaigns(shop.engine)
    return submitted


def dealt(shop: Shop, name: str = "x") -> dict[object, object]:
    return dict(shop.sql(_DEALT, name=name))  # type: ignore[arg-type]


def planned(shop: Shop, name: str = "x") -> dict[str, int]:
    plan = open_work(shop.engine, name).plan()
    assert plan is not None
    return {each.instance: each.messages for each in plan.days}


def test_what_is_full_gets_nothing_that_another_one_sends_before(shop: Shop) -> None:
    told = send(shop, 40, "a", "b", dry_run=True)
    assert told.seconds_to_send == pytest.approx(120, abs=10)
    assert send(shop, 40, "a", "b").seconds_to_send == pytest.approx(120, abs=10)
    assert dealt(shop) == planned(shop) == {"a": 40}


def test_another_instance_that_is_full_makes_a_campaign_no_later(shop: Shop) -> None:
    send(shop, 40, "a", draft=True)
    alone = foresee(shop.engine, "x", WhatIf())
    found = foresee(shop.engine, "x", WhatIf(instances=["b"]))
    assert found.changed is not None
    assert found.changed.seconds == pytest.approx(alone.plan.seconds)
    change_campaign(shop.engine, "x", CampaignChange(instances=["a", "b"]))
    assert dealt(shop) == {"a": 40}


def test_a_draft_is_dealt_for_the_moment_at_which_it_starts(shop: Shop) -> None:
    send(shop, 40, "a", "b", draft=True)
    assert dealt(shop) == {"a": 40}
    shop.sql(_EMPTY, name="b")
    plan = foresee(shop.engine, "x", WhatIf()).plan
    assert {each.instance: each.messages for each in plan.days} == {"a": 20, "b": 20}
    start_campaign(shop.engine, "x")
    assert dealt(shop) == {"a": 20, "b": 20}


@pytest.mark.parametrize(("now", "shares"), [(True, {"a": 40}), (False, {"a": 20, "b": 20})])
def test_a_draft_that_waits_for_its_time_is_dealt_for_that_unless_it_starts_now(
    shop: Shop, *, now: bool, shares: dict[str, int]
) -> None:
    send(shop, 40, "a", "b", draft=True)
    shop.sql("UPDATE campaigns SET starts_at = now() + interval '3 days' WHERE name = 'x'")
    start_campaign(shop.engine, "x", now=now)
    assert dealt(shop) == shares


def test_a_clone_is_dealt_by_the_same_rule(shop: Shop) -> None:
    send(shop, 40, "a", "b")
    clone_campaign(shop.engine, "x", "y")
    assert dealt(shop, "y") == {"a": 40}


def test_one_that_retires_after_the_shares_are_reckoned_leaves_all_to_the_others(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(shop, 40, "a", "b", draft=True)
    reckoned = snapshots.stored_shares

    def retire_meanwhile(connection: Connection, campaign_id: int, messages: int) -> Mapping[int, int] | None:
        shares = reckoned(connection, campaign_id, messages)
        shop.sql("UPDATE instances SET retired_at = now() WHERE name = 'a'")
        return shares

    monkeypatch.setattr(snapshots, "stored_shares", retire_meanwhile)
    clone_campaign(shop.engine, "x", "y")
    assert dealt(shop, "y") == {"b": 40}


def test_one_without_messages_is_still_an_instance_of_the_campaign(shop: Shop) -> None:
    send(shop, 40, "a", "b")
    found = foresee(shop.engine, "x", WhatIf(rates={"b": parse_each_rate(["300/d"])}))
    assert found.changes == ["b at 300/d"]


def test_a_rate_of_another_span_is_counted_besides_as_the_instance_would_have_it(shop: Shop) -> None:
    send(shop, 40, "a", draft=True)
    found = foresee(shop.engine, "x", WhatIf(rates={"a": parse_each_rate(["1000/d"])}))
    assert found.changed is not None
    assert found.changed.ends_at is not None
    assert found.plan.ends_at is not None
    assert abs(found.changed.ends_at - found.plan.ends_at) < timedelta(seconds=15)


def test_more_instances_are_told_with_the_one_that_they_are_like(shop: Shop) -> None:
    send(shop, 40, "a", draft=True)
    assert foresee(shop.engine, "x", WhatIf(more=2)).changes == ["2 more like a"]
    assert foresee(shop.engine, "x", WhatIf(instances=["b"], more=1)).changes == ["instance b", "one more like a"]


def test_the_outlook_of_a_schedule_deals_by_the_same_rule(shop: Shop) -> None:
    """Within ten minutes `a` sends 200, and `b` nothing."""
    add_audience(shop, "people", 180)
    outlook = add_schedule(
        shop.engine, new_schedule("news", instances=["a", "b"], every="1h", expires_after=timedelta(minutes=10))
    )
    assert not [notice for notice in outlook.notices if "will expire" in notice]
