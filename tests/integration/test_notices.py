"""What operators are told: each thing once, whoever looks and however often, and nothing of the past."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from broadcaster.crypto import open_vault
from broadcaster.domain.notices import TOLD, NoticeEvent
from broadcaster.domain.receivers import ReceiverWay
from broadcaster.services import dispatch
from broadcaster.services.campaigns.lifecycle import cancel_campaign, pause_campaign, retry_campaign
from broadcaster.services.instance_health import pause_instance, resume_instance
from broadcaster.services.notices.noting import note_notices
from broadcaster.services.notices.receivers import Destination, add_receiver, remove_receiver
from broadcaster.services.ticks import note_tick
from tests.support.commands import assert_runnable
from tests.support.shop import Shop, drain

MAIL = Destination(ReceiverWay.MAIL, "ops@example.com")


def add(shop: Shop, name: str = "ops", *events: NoticeEvent, optouts_above: float = 0.02) -> None:
    add_receiver(shop.engine, lambda: open_vault(shop.settings), name, MAIL, events or TOLD, optouts_above)


def note(shop: Shop) -> list[str]:
    return note_notices(shop.engine, shop.settings)


def told(shop: Shop, receiver: str = "ops") -> list[tuple[object, ...]]:
    """The event and the summary of each notice to a receiver, in their order."""
    return shop.sql(
        "SELECT n.event::text, n.document ->> 'summary' FROM deliveries d JOIN notices n ON n.id = d.notice_id"
        " JOIN receivers r ON r.id = d.receiver_id WHERE r.name = :receiver ORDER BY n.id",
        receiver=receiver,
    )


def age(shop: Shop, seconds: float) -> None:
    """Let so much time pass for what lasts, and for what is over."""
    shop.sql(
        "UPDATE troubles SET seen_since = seen_since - make_interval(secs => :seconds),"
        " over_since = over_since - make_interval(secs => :seconds)",
        seconds=seconds,
    )


@pytest.fixture
def shop(shop: Shop) -> Iterator[Shop]:
    shop.add("a")
    yield shop
    for (command,) in shop.sql("SELECT document ->> 'command' FROM notices WHERE document ? 'command'"):
        assert_runnable(f"`{command}`")


def finish(shop: Shop, name: str, count: int = 2, first: int = 0) -> None:
    shop.submit(name, count, "a", first=first)
    drain(shop)
    dispatch.finish_campaigns(shop.engine)


def test_a_campaign_that_finished_is_told_once_with_its_figures_however_often_one_looks(shop: Shop) -> None:
    add(shop)
    finish(shop, "c")
    with ThreadPoolExecutor(8) as pool:
        noted = [each for found in pool.map(lambda _: note(shop), range(16)) for each in found]
    note(shop)
    assert noted == ["campaign.finished c"]
    assert told(shop) == [("campaign.finished", "campaign c is finished: 2 of 2 messages sent")]
    [(figures, command)] = shop.sql("SELECT document -> 'figures', document ->> 'command' FROM notices")
    assert figures == {"total": 2, "sent": 2}
    assert command == "broadcaster campaign report c"


def test_a_campaign_that_finishes_again_is_told_again(shop: Shop) -> None:
    add(shop)
    shop.fault("kind=invalid_number")
    finish(shop, "c")
    note(shop)
    shop.fault()
    retry_campaign(shop.engine, "c")
    drain(shop)
    dispatch.finish_campaigns(shop.engine)
    note(shop)
    assert [summary for _, summary in told(shop)] == [
        "campaign c is finished: 0 of 2 messages sent, 2 failed",
        "campaign c is finished: 2 of 2 messages sent",
    ]


def test_what_happened_before_a_receiver_was_added_it_is_not_told(shop: Shop) -> None:
    finish(shop, "before")
    add(shop)
    note(shop)
    finish(shop, "between", first=10)
    note(shop)
    add(shop, "late")
    note(shop)
    finish(shop, "after", first=20)
    note(shop)
    assert [summary.split()[1] for _, summary in told(shop)] == ["between", "after"]  # type: ignore[attr-defined]
    assert [summary.split()[1] for _, summary in told(shop, "late")] == ["after"]  # type: ignore[attr-defined]


def test_ticks_that_were_lost_for_days_lose_no_notice(shop: Shop) -> None:
    add(shop)
    note(shop)
    note_tick(shop.engine, "notices", 5.0)
    finish(shop, "c")
    shop.sql("UPDATE ticks SET done_at = now() - interval '5 days' WHERE name = 'notices'")
    shop.sql("UPDATE receivers SET since = now() - interval '9 days'")
    shop.end_long_ago("c", days=4)
    assert note(shop) == ["campaign.finished c"]


def test_a_transaction_that_ends_a_campaign_and_commits_late_is_not_missed(shop: Shop) -> None:
    """Its moment is that of its beginning, and the tick was done since."""
    add(shop)
    shop.sql("UPDATE receivers SET since = now() - interval '1 day'")
    note_tick(shop.engine, "notices", 5.0)
    finish(shop, "c")
    shop.end_long_ago("c", days=1 / 48)
    assert note(shop) == ["campaign.finished c"]


def test_a_receiver_is_told_only_what_it_chose(shop: Shop) -> None:
    add(shop, "ops", NoticeEvent.STOPPED)
    finish(shop, "c")
    shop.submit("d", 3, "a", first=10)
    cancel_campaign(shop.engine, "d")
    note(shop)
    assert told(shop) == [("campaign.stopped", "campaign d was cancelled: 0 of 3 messages sent, 3 cancelled")]


def test_a_test_message_is_no_campaign_that_finishes(shop: Shop) -> None:
    add(shop)
    finish(shop, "c")
    shop.sql("UPDATE campaigns SET test_of = id")
    shop.count_attempts_anew()
    assert note(shop) == []


def test_a_campaign_that_stopped_itself_is_told_with_its_figures_and_one_that_was_paused_is_not(shop: Shop) -> None:
    add(shop)
    shop.submit("c", 3, "a")
    shop.submit("d", 3, "a", first=10)
    pause_campaign(shop.engine, "d")
    shop.sql(
        "UPDATE campaigns SET state = 'paused', state_reason ="
        " 'stopped by its own limit: failed: 8 of 399 (2.005%), above 2%' WHERE name = 'c'"
    )
    note(shop)
    note(shop)
    assert told(shop) == [("campaign.stopped", "campaign c was stopped by its own limit")]
    [(detail,)] = shop.sql("SELECT document ->> 'detail' FROM notices")
    assert detail == "failed: 8 of 399 (2.005%), above 2%"
    [(figures,)] = shop.sql("SELECT document -> 'figures' FROM notices")
    assert figures == {"total": 3, "pending": 3}
    # It goes on, and stops again: that is another time.
    shop.sql("UPDATE campaigns SET state = 'running' WHERE name = 'c'")
    note(shop)
    shop.sql("UPDATE campaigns SET state = 'paused' WHERE name = 'c'")
    note(shop)
    note(shop)
    assert len(told(shop)) == 2


def test_an_instance_in_trouble_is_told_after_a_minute_and_when_it_is_well_for_five(shop: Shop) -> None:
    add(shop, "ops", NoticeEvent.TROUBLE, NoticeEvent.WELL)
    shop.submit("c", 3, "a")
    shop.sql("UPDATE lanes SET health = 'down', health_reason = 'no answer for 62 812-345-6789', health_since = now()")
    note(shop)
    assert told(shop) == []
    age(shop, 61)
    note(shop)
    note(shop)
    assert told(shop) == [("instance.trouble", "instance a is down")]
    [(detail, figures)] = shop.sql("SELECT document ->> 'detail', document -> 'figures' FROM notices")
    assert (detail, figures) == ("no answer for …", {"waiting": 3})
    shop.sql("UPDATE lanes SET health = 'ok', health_reason = NULL, health_since = now()")
    note(shop)
    # It comes and goes: that is the same trouble.
    age(shop, 200)
    shop.sql("UPDATE lanes SET health = 'down', health_reason = 'no answer', health_since = now()")
    note(shop)
    shop.sql("UPDATE lanes SET health = 'ok', health_reason = NULL, health_since = now()")
    note(shop)
    age(shop, 150)
    note(shop)
    assert len(told(shop)) == 1, "well for 150 s only"
    age(shop, 151)
    add(shop, "late")
    note(shop)
    note(shop)
    assert told(shop)[1:] == [("instance.well", "instance a is well again")]
    # Who never heard of the trouble does not hear that it is over.
    assert told(shop, "late") == []


def test_time_in_which_an_instance_was_well_does_not_count_towards_its_minute(shop: Shop) -> None:
    add(shop, "ops", NoticeEvent.TROUBLE)
    shop.submit("c", 3, "a")
    for seconds in (18, 18, 18):
        shop.sql("UPDATE lanes SET health = 'down', health_reason = 'no answer', health_since = now()")
        note(shop)
        age(shop, seconds)
        note(shop)
        assert told(shop) == [], "down for less than a minute in all"
        shop.sql("UPDATE lanes SET health = 'ok', health_reason = NULL, health_since = now()")
        note(shop)
        age(shop, 200)
    shop.sql("UPDATE lanes SET health = 'down', health_reason = 'no answer', health_since = now()")
    note(shop)
    age(shop, 10)
    note(shop)
    assert len(told(shop)) == 1
    [(seconds,)] = shop.sql(
        "SELECT extract(epoch FROM now() - (document ->> 'since')::timestamptz)::float FROM notices"
    )
    assert isinstance(seconds, float)
    assert 60 <= seconds < 120, "since the minute that counts began, less the time that it was well"


def test_an_instance_that_an_operator_paused_is_neither_in_trouble_nor_well(shop: Shop) -> None:
    add(shop)
    pause_instance(shop.engine, "a")
    note(shop)
    age(shop, 3600)
    note(shop)
    assert told(shop) == []
    resume_instance(shop.engine, "a")
    shop.sql("UPDATE lanes SET health = 'refused', health_reason = 'invalid key', health_since = now()")
    note(shop)
    age(shop, 61)
    note(shop)
    shop.sql("UPDATE lanes SET health = 'paused', health_reason = NULL")
    note(shop)
    age(shop, 301)
    note(shop)
    assert [event for event, _ in told(shop)] == ["instance.trouble"]


def test_a_trouble_that_becomes_another_is_told_and_well_is_told_when_none_is_left(shop: Shop) -> None:
    add(shop)
    for health in ("down", "refused"):
        shop.sql("UPDATE lanes SET health = CAST(:health AS lane_health), health_reason = 'so'", health=health)
        note(shop)
        age(shop, 61)
        note(shop)
    age(shop, 400)
    note(shop)
    assert [summary for _, summary in told(shop)] == ["instance a is down", "instance a is stopped"]
    shop.sql("UPDATE lanes SET health = 'ok', health_reason = NULL")
    note(shop)
    age(shop, 301)
    note(shop)
    assert [event for event, _ in told(shop)][2:] == ["instance.well"]


def test_a_campaign_of_which_nothing_leaves_is_told_after_five_minutes(shop: Shop) -> None:
    add(shop, "ops", NoticeEvent.STUCK)
    note_tick(shop.engine, "dispatch", 1.0)
    shop.submit("c", 3, "a")
    shop.sql("UPDATE lanes SET health = 'down', health_reason = 'no answer', health_since = now()")
    note(shop)
    age(shop, 290)
    note_tick(shop.engine, "dispatch", 1.0)
    note(shop)
    assert told(shop) == []
    age(shop, 11)
    note_tick(shop.engine, "dispatch", 1.0)
    note(shop)
    assert told(shop) == [("campaign.stuck", "campaign c stands still")]


def test_messages_that_wait_for_an_operator_are_told_until_they_are_settled(shop: Shop) -> None:
    add(shop, "ops", NoticeEvent.DOUBTS)
    shop.submit("c", 3, "a")
    shop.sql("UPDATE messages SET state = 'sending' WHERE seq < 3")
    shop.sql("UPDATE messages SET state = 'in_doubt' WHERE seq < 3")
    assert note(shop) == []
    shop.sql("UPDATE messages SET state = 'unknown', reason = 'too late' WHERE seq < 3")
    note(shop)
    note(shop)
    assert told(shop) == [
        ("campaign.doubts", "campaign c has 2 messages unknown so far: nobody knows whether they arrived")
    ]
    shop.sql("UPDATE messages SET reason = 'forgotten' WHERE seq = 1")
    shop.sql("UPDATE messages SET state = 'failed', reason = 'settled' WHERE seq = 2")
    note(shop)
    assert shop.sql("SELECT count(*) FROM troubles") == [(0,)]


def test_the_end_of_a_campaign_says_how_many_are_to_be_settled_in_all(shop: Shop) -> None:
    add(shop, "ops", NoticeEvent.DOUBTS, NoticeEvent.FINISHED)
    shop.submit("c", 3, "a")
    for state, numbers in (("sending", "seq > 0"), ("in_doubt", "seq > 1"), ("unknown", "seq = 2")):
        shop.sql(f"UPDATE messages SET state = '{state}' WHERE {numbers}")
    note(shop)
    shop.sql("UPDATE messages SET state = 'unknown' WHERE seq = 3")
    shop.sql("UPDATE messages SET state = 'sent' WHERE seq = 1")
    shop.sql("UPDATE campaigns SET state = 'finished', finished_at = now()")
    note(shop)
    assert told(shop) == [
        ("campaign.doubts", "campaign c has 1 message unknown so far: nobody knows whether it arrived"),
        ("campaign.finished", "campaign c is finished: 1 of 3 messages sent, 2 unknown"),
    ]
    [(command,)] = shop.sql("SELECT document ->> 'command' FROM notices WHERE event = 'campaign.finished'")
    assert command == "broadcaster campaign settle c"


def opted_out(shop: Shop, count: int) -> None:
    shop.sql(
        "INSERT INTO inbound_messages (account_id, lane_id, identity, said_at, campaign_id, seq, meaning)"
        " SELECT 1, 1, sha256(n::text::bytea), now(), (SELECT max(id) FROM campaigns), n, 'stop'"
        " FROM generate_series(1, :count) n ON CONFLICT DO NOTHING",
        count=count,
    )


def test_many_opt_outs_are_told_once_to_each_receiver_above_its_own_bound(shop: Shop) -> None:
    shop.sql("UPDATE instances SET read_replies_seconds = 30")
    add(shop, "strict", NoticeEvent.OPT_OUTS, optouts_above=0.02)
    add(shop, "patient", NoticeEvent.OPT_OUTS, optouts_above=0.1)
    finish(shop, "few", 20)
    opted_out(shop, 10)
    assert note(shop) == []
    finish(shop, "c", 100, first=1000)
    shop.sql("DELETE FROM inbound_messages")
    opted_out(shop, 2)
    assert note(shop) == []
    opted_out(shop, 3)
    note(shop)
    assert told(shop, "strict") == [("campaign.optouts", "campaign c: 3% have opted out, above 2%")]
    assert told(shop, "patient") == []
    opted_out(shop, 11)
    note(shop)
    note(shop)
    assert len(told(shop, "strict")) == 1
    assert told(shop, "patient") == [("campaign.optouts", "campaign c: 11% have opted out, above 10%")]


@pytest.mark.parametrize(
    ("state", "command"),
    [
        ("running", "broadcaster campaign pause c"),
        ("finished", "broadcaster replies list --campaign c"),
        ("cancelled", "broadcaster replies list --campaign c"),
    ],
)
def test_of_opt_outs_after_the_end_of_a_campaign_is_told_what_can_be_done_then(
    shop: Shop, state: str, command: str
) -> None:
    shop.sql("UPDATE instances SET read_replies_seconds = 30")
    add(shop, "ops", NoticeEvent.OPT_OUTS)
    finish(shop, "c", 100)
    shop.sql(
        "UPDATE campaigns SET state = CAST(:state AS campaign_state),"
        " finished_at = CASE WHEN :state <> 'running' THEN finished_at END",
        state=state,
    )
    opted_out(shop, 11)
    note(shop)
    assert shop.sql("SELECT document ->> 'command' FROM notices") == [(command,)]


def test_a_gateway_that_fails_for_many_instances_is_told_in_few_notices(shop: Shop) -> None:
    add(shop, "ops", NoticeEvent.TROUBLE)
    for number in range(30):
        shop.sql(
            "WITH made AS (INSERT INTO accounts (fingerprint, base_url, wire)"
            " VALUES (CAST(:name AS text)::bytea, 'http://x', 'json') RETURNING id), named AS (INSERT INTO instances"
            " (name, account_id, burst, interval_seconds, tolerance_seconds, max_in_flight)"
            " SELECT :name, id, 1, 0, 0, 1 FROM made RETURNING id, account_id)"
            " INSERT INTO lanes (id, account_id, health) SELECT id, account_id, 'down' FROM named",
            name=f"many-{number:02}",
        )
    note(shop)
    age(shop, 61)
    note(shop)
    note(shop)
    assert len(told(shop)) == 21
    assert told(shop)[-1][1] == "instance.trouble: 10 more of the same, the last of them many-29"


def test_with_the_last_receiver_goes_what_is_known_of_troubles(shop: Shop) -> None:
    add(shop)
    shop.sql("UPDATE lanes SET health = 'refused', health_reason = 'invalid key'")
    note(shop)
    remove_receiver(shop.engine, "ops", with_waiting=True)
    assert shop.sql("SELECT count(*) FROM troubles") == [(0,)]
    assert note(shop) == []
    add(shop)
    note(shop)
    age(shop, 61)
    note(shop)
    assert told(shop) == [("instance.trouble", "instance a is stopped")]


def test_old_notices_go_and_what_they_told_is_not_told_anew(shop: Shop) -> None:
    add(shop)
    finish(shop, "c")
    note(shop)
    shop.sql("UPDATE receivers SET since = now() - interval '100 days'")
    shop.end_long_ago("c", days=95)
    shop.sql(
        "UPDATE notices SET noted_at = now() - interval '95 days',"
        " occurrence = (SELECT extract(epoch FROM finished_at)::text FROM campaigns)"
    )
    note(shop)
    assert len(told(shop)) == 1, "no tick was ever done: a first look may still find it"
    note_tick(shop.engine, "notices", 5.0)
    note(shop)
    note(shop)
    assert told(shop) == []
