"""Messages in doubt, read back from a real gateway's chats, on a real database."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from time import sleep

import msgspec
import pytest
from sqlalchemy import Engine

from broadcaster.db.statements import execute
from broadcaster.services import dispatch
from broadcaster.services.campaigns.lifecycle import cancel_campaign
from broadcaster.services.campaigns.new_content import file_content, file_url_content, text_content
from broadcaster.services.doubt_diagnosis import examine_doubts
from broadcaster.services.instance_health import pause_instance, resume_instance
from broadcaster.services.reconcile import doubts
from broadcaster.services.reconcile import reconciler as reconcile
from broadcaster.services.sending.sending_process import SendingProcess
from broadcaster.settings import Settings
from broadcaster.simulator import InstanceConfig, Listing, SimulatorConfig, background
from tests.support.database_clock import DatabaseClock
from tests.support.reading_back import read_back
from tests.support.shop import Shop, assert_counters_equal_a_recount, drain, prove
from tests.support.transitions import enforce_transitions

pytestmark = pytest.mark.usefixtures("quick_rounds")

PHONE = "628120000000"


@pytest.fixture
def visible_after() -> float:
    """After how many seconds the gateway shows a message."""
    return 0.0


@pytest.fixture(params=["sent"])
def shop(engine: Engine, settings: Settings, visible_after: float, request: pytest.FixtureRequest) -> Iterator[Shop]:
    quick = msgspec.structs.replace(settings, doubt_settle_seconds=0.05, doubt_poll_seconds=0.01, doubt_polls=2)
    config = SimulatorConfig(
        instances=(InstanceConfig(name="a", key="key-a", shape=request.param),), visible_after=visible_after
    )
    with background(config) as gateway:
        shop = Shop(engine, quick, gateway)
        shop.add("a")
        enforce_transitions(engine)
        yield shop
        assert_counters_equal_a_recount(shop)


def read_back_until_resolved(shop: Shop) -> None:
    """Read back until nothing is in doubt, however slow the machine is."""
    for _ in range(40):
        read_back(shop, rounds=2)
        if not shop.sql("SELECT FROM doubts WHERE resolved_as IS NULL"):
            return
    raise AssertionError(f"still in doubt: {shop.sql('SELECT reading, polls, absences FROM doubts')}")


def reconcile_once(shop: Shop) -> None:
    """Read back what is due."""

    async def run() -> None:
        async with SendingProcess(shop.settings) as process:
            await process.reconcile()

    asyncio.run(run())


def found_stuck(shop: Shop) -> list[str]:
    """What `doctor` says of doubts that are not decided in time."""
    settings = msgspec.structs.replace(shop.settings, doubt_deadline_seconds=0.0)
    return [each.detail for each in examine_doubts(shop.engine, settings) if "beyond" in each.detail]


def send_again(shop: Shop) -> None:
    shop.sql("UPDATE lanes SET woken_at = NULL")
    drain(shop)


def reads(shop: Shop) -> int:
    return sum(entry.endpoint == "/wa/messages" for entry in shop.gateway.ledger.entries)


def sent_without_a_reply_yet(shop: Shop, seq: int) -> None:
    """The message was accepted, and its worker does not know yet."""
    shop.sql(f"DELETE FROM attempts WHERE seq = {seq}")
    shop.count_attempts_anew()
    shop.sql("UPDATE campaigns SET state = 'running', finished_at = NULL")
    shop.sql("ALTER TABLE messages DISABLE TRIGGER refuse_moves")
    shop.sql(
        f"UPDATE messages SET state = 'sending', gateway_id = NULL, claim_token = gen_random_uuid() WHERE seq = {seq}"
    )
    shop.sql("ALTER TABLE messages ENABLE TRIGGER refuse_moves")


def assert_each_phone_has(shop: Shop, times: int, phones: int) -> None:
    assert sorted(shop.accepted().values()) == [times] * phones


@pytest.mark.parametrize("shop", ["sent", "status", "serialized", "ok", "self", "rotate"], indirect=True)
def test_a_message_whose_reply_was_lost_is_found_and_sent(shop: Shop) -> None:
    shop.submit("c", 5, "a")
    shop.fault("kind=drop_after_accept,nth=2,count=1", "kind=http_500_after_accept,nth=4,count=1")
    drain(shop)
    assert shop.states("c") == {"sent": 3, "in_doubt": 2}
    read_back_until_resolved(shop)
    assert shop.states("c") == {"sent": 5}
    assert_each_phone_has(shop, 1, 5)
    rows = shop.sql(
        "SELECT m.gateway_id IS NOT NULL, m.reason, d.resolved_as, a.outcome FROM doubts d"
        " JOIN messages m USING (segment, campaign_id, seq) JOIN attempts a USING (segment, campaign_id, seq)"
    )
    assert rows == [(True, "read back", "found", "unknown")] * 2
    assert dispatch.finish_campaigns(shop.engine)


def test_files_and_links_whose_replies_were_lost_are_found_too(shop: Shop, tmp_path: Path) -> None:
    path = tmp_path / "price list.pdf"
    path.write_bytes(b"%PDF-1.7")
    link = "https://example.com/prices.pdf"
    shop.submit("file", 1, "a", content=file_content(path, 1000, caption="For {{ name }}"))
    shop.submit("link", 1, "a", first=1, content=file_url_content(link, caption="For {{ name }}"))
    shop.fault("kind=drop_after_accept,count=2")
    drain(shop)
    assert (shop.states("file"), shop.states("link")) == ({"in_doubt": 1}, {"in_doubt": 1})
    read_back_until_resolved(shop)
    assert shop.sql("SELECT resolved_as FROM doubts") == [("found",)] * 2
    assert_each_phone_has(shop, 1, 2)


def test_all_doubts_of_a_phone_are_resolved_by_one_reading(shop: Shop) -> None:
    shop.submit("one", 1, "a")
    shop.submit("two", 1, "a", content=text_content("Something else, {{ name }}"))
    shop.fault("kind=drop_after_accept,count=2")
    drain(shop)
    read_back(shop, rounds=1)
    assert (shop.states("one"), shop.states("two"), reads(shop)) == ({"sent": 1}, {"sent": 1}, 1)


def test_polls_keep_their_pace_while_absences_are_counted_and_are_six_times_as_far_apart_afterwards(
    shop: Shop,
) -> None:
    shop.settings = msgspec.structs.replace(shop.settings, doubt_poll_seconds=10.0)
    shop.submit("c", 1, "a")
    shop.fault("kind=drop_before_accept")
    drain(shop)
    shop.fault()
    apart = []
    for _ in range(7):
        read_back(shop, rounds=1)
        [(seconds,)] = shop.sql("SELECT round(extract(epoch FROM next_poll_at - now()) / 10) FROM doubts")
        apart.append(int(str(seconds)) * 10)
    assert apart == sorted(apart)
    assert (apart[:3], apart[-2:]) == ([10, 10, 10], [60, 60])


def test_a_gateway_whose_clock_differs_is_understood_within_what_is_configured(shop: Shop) -> None:
    DatabaseClock(shop.engine).step(90.0)
    shop.submit("c", 1, "a")
    shop.fault("kind=drop_after_accept,count=1")
    drain(shop)
    shop.settings = msgspec.structs.replace(shop.settings, gateway_clock_seconds=60.0)
    read_back(shop, rounds=2)
    assert shop.states("c") == {"in_doubt": 1}
    shop.settings = msgspec.structs.replace(shop.settings, gateway_clock_seconds=120.0)
    read_back_until_resolved(shop)
    assert shop.states("c") == {"sent": 1}


def test_what_a_late_clock_has_dated_before_its_intent_is_not_sent_again(shop: Shop) -> None:
    """The gateway's clock was put back for a while: everything else shows that reading back can be trusted."""
    shop.submit("earlier", 1, "a")
    drain(shop)
    shop.submit("c", 3, "a", prefix="62813")
    shop.fault("kind=drop_after_accept,count=1")
    drain(shop)
    assert shop.states("c") == {"sent": 2, "in_doubt": 1}
    shop.gateway.gateway.set_listing(Listing(clock=-150.0))
    shop.settings = msgspec.structs.replace(shop.settings, gateway_clock_seconds=60.0)
    for _ in range(4):
        prove(shop)
        read_back(shop, rounds=2)
    assert shop.states("c") == {"sent": 2, "in_doubt": 1}
    assert shop.sql("SELECT reading FROM doubts") == [
        ("its chat does not tell: the chat shows something that may be it",)
    ]


def test_an_identical_text_of_the_same_day_does_not_leave_a_message_in_doubt(shop: Shop) -> None:
    """What is known to have been sent explains the entry, also where its gateway has told no id."""
    shop.submit("one", 3, "a")
    drain(shop)
    shop.sql("UPDATE messages SET gateway_id = NULL")
    DatabaseClock(shop.engine).step(5 * 3600)  # longer than any doubt lasts
    shop.submit("two", 3, "a")
    shop.fault("kind=drop_before_accept,nth=2,count=1")
    send_again(shop)
    assert shop.states("two") == {"sent": 2, "in_doubt": 1}
    read_back(shop)
    [(reading,)] = shop.sql("SELECT reading FROM doubts")
    assert str(reading).startswith("its chat does not show it")


def test_a_message_that_was_not_accepted_is_shown_absent_and_sent_exactly_once(shop: Shop) -> None:
    shop.submit("c", 5, "a")
    shop.fault("kind=drop_before_accept,nth=2,count=1")
    drain(shop)
    assert shop.states("c") == {"sent": 4, "in_doubt": 1}
    read_back_until_resolved(shop)
    assert shop.states("c") == {"sent": 4, "pending": 1}
    [(resolved, reading)] = shop.sql("SELECT resolved_as, reading FROM doubt_report")
    assert (resolved, str(reading).split(": ")[-1]) == ("absent", "it was not sent"), "it tells what decided"
    send_again(shop)
    assert shop.states("c") == {"sent": 5}
    assert shop.sql("SELECT attempts, accepted, tried_again FROM speed_report") == [(6, 5, 1)]
    assert shop.state("c") == "finished"
    assert_each_phone_has(shop, 1, 5)


def test_an_absence_counts_only_after_so_many_polls(shop: Shop) -> None:
    shop.settings = msgspec.structs.replace(shop.settings, doubt_polls=1000)
    shop.submit("c", 5, "a")
    shop.fault("kind=drop_before_accept,nth=2,count=1")
    drain(shop)
    read_back(shop)
    assert shop.states("c") == {"sent": 4, "in_doubt": 1}


def test_a_message_shown_absent_whose_attempts_are_used_up_fails(shop: Shop) -> None:
    shop.submit("c", 5, "a")
    shop.sql("UPDATE campaigns SET max_attempts = 1")
    shop.fault("kind=drop_before_accept,nth=2,count=1")
    drain(shop)
    read_back_until_resolved(shop)
    assert shop.states("c") == {"sent": 4, "failed": 1}


def test_an_identical_text_that_was_sent_does_not_vouch_for_one_in_doubt(shop: Shop) -> None:
    shop.submit("one", 3, "a")
    drain(shop)
    shop.submit("two", 3, "a")
    shop.fault(f"kind=drop_before_accept,phone={PHONE}")
    send_again(shop)
    shop.fault()
    assert shop.states("two") == {"sent": 2, "in_doubt": 1}
    read_back_until_resolved(shop)
    assert shop.states("two").get("sent") == 2
    send_again(shop)
    assert shop.accepted()[PHONE] <= 2


def test_what_a_cancelled_campaign_is_still_sending_does_not_vouch_for_an_identical_text(shop: Shop) -> None:
    shop.submit("one", 1, "a")
    drain(shop)
    sent_without_a_reply_yet(shop, seq=1)
    cancel_campaign(shop.engine, "one")
    shop.submit("two", 1, "a")
    shop.fault(f"kind=drop_before_accept,phone={PHONE}")
    send_again(shop)
    shop.fault()
    read_back(shop)
    assert (shop.states("one"), shop.states("two")) == ({"sending": 1}, {"in_doubt": 1})


def test_of_two_identical_texts_that_the_chat_shows_both_are_sent(shop: Shop) -> None:
    shop.submit("one", 3, "a")
    drain(shop)
    shop.submit("two", 3, "a")
    shop.fault(f"kind=drop_after_accept,phone={PHONE}")
    send_again(shop)
    shop.fault()
    read_back_until_resolved(shop)
    assert shop.states("two") == {"sent": 3}
    assert_each_phone_has(shop, 2, 3)


def test_without_a_proof_that_reading_back_works_nothing_is_sent_again_and_in_the_end_it_is_unknown(
    shop: Shop,
) -> None:
    shop.submit("c", 1, "a")
    shop.fault("kind=drop_before_accept")
    drain(shop)
    shop.fault()
    read_back(shop)
    assert shop.states("c") == {"in_doubt": 1}
    assert dispatch.give_up_doubts(shop.engine, deadline=3600.0) == 0
    assert dispatch.give_up_doubts(shop.engine, deadline=0.01) == 1
    assert shop.states("c") == {"unknown": 1}
    assert dispatch.finish_campaigns(shop.engine)
    [(reason, resolved)] = shop.sql("SELECT m.reason, d.resolved_as FROM messages m, doubts d")
    assert "its chat does not show it, but too few like it were found in chats to be sure that it was not sent" in str(
        reason
    )
    assert resolved == "unknown"


def test_a_proof_from_before_the_doubt_is_none(shop: Shop) -> None:
    shop.submit("c", 1, "a")
    shop.fault("kind=drop_before_accept")
    drain(shop)
    shop.fault()
    prove(shop, ago=60)
    read_back(shop)
    assert shop.states("c") == {"in_doubt": 1}


def test_a_reading_that_is_younger_than_the_gateways_proven_delay_is_no_absence(shop: Shop) -> None:
    shop.submit("c", 1, "a")
    shop.fault("kind=drop_before_accept")
    drain(shop)
    shop.fault()
    prove(shop, delay=60)
    read_back(shop)
    assert shop.states("c") == {"in_doubt": 1}
    prove(shop)
    read_back_until_resolved(shop)
    assert shop.states("c") == {"pending": 1}


def test_a_silence_counts_only_when_it_is_twice_as_old_as_any_that_turned_out_to_be_none(shop: Shop) -> None:
    shop.submit("c", 1, "a")
    shop.fault("kind=drop_before_accept")
    drain(shop)
    shop.fault()
    age = "started_at = now() - make_interval(secs => :age), ended_at = now() - make_interval(secs => :age)"
    shop.sql(f"UPDATE doubts SET {age}", age=50)
    prove(shop, delay=30, is_shown=False, seq=-2)
    prove(shop, delay=5)
    read_back(shop)
    assert shop.states("c") == {"in_doubt": 1}
    shop.sql(f"UPDATE doubts SET {age}", age=65)
    read_back_until_resolved(shop)
    assert shop.states("c") == {"pending": 1}


def test_lists_that_are_late_for_some_chats_alone_do_not_make_their_messages_be_sent_twice(shop: Shop) -> None:
    """Other chats are no evidence unless many of them are: a third of these are shown after four seconds."""
    late = [{"what": "everything", "phone": f"{PHONE[:-2]}{tens}*", "younger_than": 4.0} for tens in range(3)]
    shop.gateway.gateway.set_listing(msgspec.convert({"hides": late}, Listing))
    shop.submit("c", 90, "a")
    shop.fault("kind=drop_after_accept,nth=5,count=1", "kind=drop_after_accept,nth=15,count=1")
    drain(shop)
    assert shop.states("c") == {"sent": 88, "in_doubt": 2}
    shop.sql("UPDATE attempts SET finished_at = now() - interval '3 s'")
    shop.sql("UPDATE doubts SET started_at = now() - interval '3.5 s', ended_at = now() - interval '3 s'")
    for _ in range(40):
        read_back(shop, rounds=2)
        if shop.states("c") == {"sent": 90}:
            break
    assert shop.states("c") == {"sent": 90}
    assert_each_phone_has(shop, 1, 90)


def test_a_message_that_was_accepted_before_the_doubt_began_proves_nothing(shop: Shop) -> None:
    """A gateway may have stopped to show anything since."""
    shop.submit("c", 2, "a")
    shop.fault("kind=drop_before_accept,nth=2,count=1")
    drain(shop)
    shop.sql("UPDATE attempts SET finished_at = finished_at - interval '1 hour' WHERE outcome = 'accepted'")
    read_back(shop)
    assert shop.sql("SELECT FROM looks WHERE is_shown") == []
    shop.sql("UPDATE doubts SET started_at = now() - interval '200 s', ended_at = now() - interval '150 s'")
    prove(shop, ago=100, delay=120)
    read_back(shop)
    assert shop.states("c") == {"sent": 1, "in_doubt": 1}
    prove(shop, ago=100, delay=90)
    read_back_until_resolved(shop)
    assert shop.states("c") == {"sent": 1, "pending": 1}


@pytest.mark.parametrize("other", ["another account of the same WhatsApp", "another form of the number"])
def test_what_somebody_else_of_ours_sent_does_not_vouch_for_a_message(shop: Shop, other: str) -> None:
    """Two keys may be of one WhatsApp, and one person may be in two lists under two numbers."""
    shop.submit("one", 3, "a", prefix="549115" if "form" in other else "62812")
    drain(shop)
    assert shop.states("one") == {"sent": 3}
    if "form" in other:
        shop.gateway.gateway.set_listing(Listing(aliases={"54911": "5411"}, answers="both"))
    else:
        copied = "key_encrypted, base_url, wire"
        shop.sql(f"INSERT INTO accounts (fingerprint, {copied}) SELECT '\\x01', {copied} FROM accounts")
        shop.sql("UPDATE instances SET account_id = (SELECT max(id) FROM accounts)")
    shop.submit("two", 3, "a", prefix="54115" if "form" in other else "62812")
    shop.fault("kind=http_502,endpoint=/wa/send")
    send_again(shop)
    shop.fault()
    prove(shop)
    read_back(shop)
    assert shop.states("two").get("sent") is None, "the entries are the first campaign's"


def test_the_same_text_through_the_account_of_another_whatsapp_does_not_hide_a_message_from_its_own(
    shop: Shop,
) -> None:
    other = SimulatorConfig(instances=(InstanceConfig(name="b", key="key-b"),))
    with background(other) as gateway:
        there = Shop(shop.engine, shop.settings, gateway)
        there.add("b")
        there.submit("there", 3, "b")
        drain(there)
        assert there.states("there") == {"sent": 3}
        shop.submit("here", 3, "a")
        shop.fault("kind=drop_after_accept,endpoint=/wa/send")
        send_again(shop)
        assert shop.states("here") == {"in_doubt": 3}
        read_back_until_resolved(shop)
        assert shop.states("here") == {"sent": 3}


@pytest.mark.parametrize("visible_after", [5.0])
def test_a_gateway_that_shows_messages_late_does_not_make_them_be_sent_twice(shop: Shop) -> None:
    shop.submit("c", 5, "a")
    shop.fault("kind=drop_after_accept,nth=2,count=1")
    drain(shop)
    read_back(shop, rounds=4)
    assert shop.states("c") == {"sent": 4, "in_doubt": 1}
    for _ in range(100):
        read_back(shop, rounds=1)
        if shop.states("c") == {"sent": 5}:
            break
    assert shop.states("c") == {"sent": 5}
    assert_each_phone_has(shop, 1, 5)


def test_a_chat_that_cannot_be_read_leaves_the_message_in_doubt_and_the_instance_in_peace(shop: Shop) -> None:
    shop.submit("c", 5, "a")
    shop.fault("kind=drop_before_accept,nth=2,count=1", "kind=html,endpoint=/wa/messages")
    drain(shop)
    read_back(shop, rounds=1)
    assert reads(shop) == 1
    assert shop.sql("SELECT next_read_at > now() + interval '5 s' FROM accounts") == [(True,)]
    read_back(shop)
    assert shop.states("c") == {"sent": 4, "in_doubt": 1}
    [(reading,)] = shop.sql("SELECT reading FROM doubts")
    assert "the reply is not JSON" in str(reading)
    shop.sql("UPDATE doubts SET ended_at = now() - interval '1 hour'")
    dispatch.give_up_doubts(shop.engine, deadline=0.01)
    assert shop.states("c") == {"sent": 4, "unknown": 1}


def test_a_gateway_that_says_that_there_is_no_such_chat_has_an_empty_one(shop: Shop) -> None:
    no_chat = 'kind=reply,endpoint=/wa/messages,phone=628120000001,status=404,body={"error": "Chat not found"}'
    shop.submit("c", 5, "a")
    shop.fault("kind=drop_before_accept,nth=2,count=1", no_chat)
    drain(shop)
    shop.fault(no_chat)
    read_back_until_resolved(shop)
    assert shop.states("c") == {"sent": 4, "pending": 1}
    assert shop.sql("SELECT unreadable_since, reads_a_second >= 4 FROM accounts") == [(None, True)]


def test_what_the_gateway_left_open_is_under_way_for_three_settle_times_more(shop: Shop) -> None:
    """A proxy may hold a request that nobody waits for any more."""
    shop.settings = msgspec.structs.replace(shop.settings, doubt_settle_seconds=100.0)
    shop.submit("c", 3, "a")
    shop.fault("kind=http_500,endpoint=/wa/send,nth=2,count=1")
    drain(shop)
    assert shop.sql("SELECT ended_at - now() BETWEEN interval '250 s' AND interval '300 s' FROM doubts") == [(True,)]


def test_what_was_shown_absent_goes_before_what_nobody_has_tried(shop: Shop) -> None:
    shop.submit("c", 5, "a")
    shop.fault("kind=drop_before_accept,nth=4,count=1")
    drain(shop)
    shop.fault()
    prove(shop)
    read_back_until_resolved(shop)
    assert shop.sql("SELECT next_attempt_at = '-infinity' FROM messages WHERE state = 'pending'") == [(True,)]


def test_texts_that_are_shown_prove_nothing_of_files(shop: Shop, tmp_path: Path) -> None:
    """Files may be listed later than texts, also to the same phone."""
    path = tmp_path / "prices.pdf"
    path.write_bytes(b"%PDF-1.7")
    shop.settings = msgspec.structs.replace(shop.settings, gateway_clock_seconds=1.0)
    late = {"what": "files", "younger_than": 8.0}
    shop.gateway.gateway.set_listing(msgspec.convert({"hides": [late]}, Listing))
    shop.submit("before", 3, "a", content=text_content("Before, {{ name }}"))
    drain(shop)
    sleep(2.5)  # entries are dated in whole seconds, and this one has to be older than the doubt for certain
    shop.submit("file", 3, "a", content=file_content(path, 1000))
    shop.fault("kind=http_500_after_accept,endpoint=/wa/sendfile")
    drain(shop)
    shop.fault()
    sleep(1.5)  # and this one younger
    shop.submit("text", 3, "a", content=text_content("After, {{ name }}"))
    drain(shop)
    read_back(shop, rounds=4)
    assert shop.states("file") == {"in_doubt": 3}
    assert shop.sql("SELECT DISTINCT absences > 0, reading LIKE 'not in its chat%' FROM doubts") == [(True, True)]
    read_back_until_resolved(shop)
    assert shop.states("file") == {"sent": 3}


def test_a_run_starts_also_for_what_is_due_only_while_it_goes_on(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise nobody reads between a tick that found nothing due and the next one."""
    monkeypatch.setattr(dispatch, "RUN_SECONDS", 10.0)
    shop.submit("c", 1, "a")
    shop.fault("kind=drop_before_accept")
    drain(shop)
    shop.sql("UPDATE doubts SET next_poll_at = now() + interval '8 s'")
    assert dispatch.doubts_are_due(shop.engine)
    shop.sql("UPDATE doubts SET next_poll_at = now() + interval '30 s'")
    assert not dispatch.doubts_are_due(shop.engine)


def test_two_reconcilers_at_once_read_each_chat_once_a_poll(shop: Shop) -> None:
    shop.submit("c", 5, "a")
    shop.fault("kind=drop_after_accept,nth=2,count=1")
    drain(shop)
    shop.settings = msgspec.structs.replace(shop.settings, doubt_poll_seconds=60.0)
    read_back(shop, rounds=1, reconcilers=5)
    assert shop.states("c") == {"sent": 5}
    assert reads(shop) == 1


def test_an_account_is_read_at_its_pace_however_many_reconcilers_there_are(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (doubts, reconcile):
        monkeypatch.setattr(module, "ROUND_SECONDS", 0.25)
    monkeypatch.setattr(reconcile, "RUN_SECONDS", 1.0)
    monkeypatch.setattr(doubts, "MOST_READS", 1)
    shop.sql("UPDATE accounts SET reads_a_second = 1")
    shop.submit("c", 20, "a")
    shop.fault("kind=drop_after_accept,count=20")
    drain(shop)
    read_back(shop, rounds=1, reconcilers=4)
    moments = sorted(e.monotonic_ns / 1e9 for e in shop.gateway.ledger.entries if e.endpoint == "/wa/messages")
    assert 3 <= len(moments) <= 6
    # The first one waits for its connection: it arrives late by that.
    assert moments[-1] - moments[0] >= 0.25 * (len(moments) - 1) - 0.2


def test_a_throttled_account_is_not_read_either(shop: Shop) -> None:
    shop.submit("c", 1, "a")
    shop.fault("kind=drop_after_accept")
    drain(shop)
    shop.fault()
    shop.sql("UPDATE lanes SET health = 'throttled', not_before = now() + interval '1 minute'")
    assert not dispatch.doubts_are_due(shop.engine)
    read_back(shop, rounds=2)
    assert reads(shop) == 0
    resume_instance(shop.engine, "a")
    assert dispatch.doubts_are_due(shop.engine)
    read_back(shop, rounds=1)
    assert shop.states("c") == {"sent": 1}


def test_what_a_paused_instance_has_in_doubt_is_read_back(shop: Shop) -> None:
    shop.submit("c", 1, "a")
    shop.fault("kind=drop_after_accept")
    drain(shop)
    shop.fault()
    pause_instance(shop.engine, "a")
    read_back(shop, rounds=1)
    assert shop.states("c") == {"sent": 1}


def test_what_a_dead_worker_was_sending_is_looked_for_from_its_intent_on(shop: Shop) -> None:
    shop.submit("c", 5, "a")
    drain(shop)
    sent_without_a_reply_yet(shop, seq=3)
    [(intended,)] = shop.sql("SELECT changed_at FROM messages WHERE seq = 3")
    assert dispatch.recover_leases(shop.engine, request_timeout=30.0).in_doubt == 1
    [(started, apart)] = shop.sql("SELECT started_at, extract(epoch FROM ended_at - now()) > 25 FROM doubts")
    assert (started, apart) == (intended, True)
    read_back(shop, rounds=1)
    assert shop.states("c") == {"sent": 5}


def test_an_absence_does_not_count_while_a_dead_workers_request_may_be_under_way(shop: Shop) -> None:
    shop.submit("c", 5, "a")
    shop.fault("kind=drop_before_accept,nth=2,count=1")
    drain(shop)
    shop.sql("UPDATE doubts SET ended_at = now() + interval '30 s'")
    read_back(shop)
    assert shop.states("c") == {"sent": 4, "in_doubt": 1}


def test_a_late_reading_changes_nothing(shop: Shop) -> None:
    shop.submit("c", 2, "a")
    shop.fault("kind=drop_after_accept,nth=1,count=1", "kind=latency,seconds=0.3,endpoint=/wa/messages")
    drain(shop)

    async def run() -> None:
        async with SendingProcess(shop.settings) as process:
            reading = asyncio.create_task(process.reconcile())
            await shop.requests(2)
            shop.sql("UPDATE messages SET state = 'unknown' WHERE state = 'in_doubt'")
            await reading

    asyncio.run(run())
    assert shop.states("c") == {"sent": 1, "unknown": 1}


def test_what_comes_back_to_a_cancelled_campaign_is_cancelled_with_it(shop: Shop) -> None:
    shop.submit("c", 5, "a")
    shop.fault("kind=drop_before_accept,nth=2,count=1")
    drain(shop)
    cancel_campaign(shop.engine, "c")
    read_back_until_resolved(shop)
    dispatch.finish_campaigns(shop.engine)
    assert shop.states("c") == {"sent": 4, "cancelled": 1}


def test_an_account_is_read_faster_while_it_answers_and_slower_where_it_does_not(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Four reads fit into a round on any machine.
    for module in (doubts, reconcile):
        monkeypatch.setattr(module, "ROUND_SECONDS", 10.0)
    shop.settings = msgspec.structs.replace(shop.settings, doubt_polls=1000)
    shop.submit("c", 40, "a")
    shop.sql("UPDATE instances SET max_in_flight = 1")
    shop.fault(*(f"kind=drop_before_accept,phone=62812{2 * n:07d}" for n in range(20)))
    drain(shop)
    shop.fault()
    assert shop.states("c") == {"sent": 20, "in_doubt": 20}
    rates = [rate for (rate,) in shop.sql("SELECT reads_a_second FROM accounts")]
    # How many chats a round reads depends on the machine.
    while rates[-1] == rates[0] and len(rates) < 30:
        read_back(shop, rounds=1)
        [(rate,)] = shop.sql("SELECT reads_a_second FROM accounts")
        rates.append(rate)
    assert rates == sorted(rates)
    assert rates[-1] > rates[0]
    shop.fault("kind=http_429,endpoint=/wa/messages")
    read_back(shop, rounds=1)
    [(rate,)] = shop.sql("SELECT reads_a_second FROM accounts")
    assert rate < rates[-1]


def test_time_in_which_the_account_could_not_be_read_does_not_count_against_a_doubt(shop: Shop) -> None:
    shop.submit("c", 1, "a")
    shop.fault("kind=drop_before_accept,endpoint=/wa/send", "kind=http_500,endpoint=/wa/messages")
    drain(shop)
    read_back(shop, rounds=1)
    assert shop.sql("SELECT unreadable_since IS NOT NULL FROM accounts") == [(True,)]
    earlier = "now() - interval '2 hours'"
    shop.sql(f"UPDATE doubts SET started_at = {earlier}, ended_at = {earlier}")
    shop.sql(f"UPDATE accounts SET unreadable_since = {earlier}")
    assert dispatch.give_up_doubts(shop.engine, deadline=3600.0) == 0
    shop.fault()
    read_back(shop, rounds=1)
    assert shop.sql("SELECT unreadable_since FROM accounts") == [(None,)]
    assert dispatch.give_up_doubts(shop.engine, deadline=3600.0) == 0
    shop.sql("UPDATE doubts SET ended_at = ended_at - interval '1 hour'")
    assert dispatch.give_up_doubts(shop.engine, deadline=3600.0) == 1


def test_what_an_outage_left_unread_is_read_at_once_when_its_account_can_be_read_again(shop: Shop) -> None:
    shop.submit("c", 6, "a")
    shop.fault("kind=drop_after_accept,endpoint=/wa/send", "kind=http_503,endpoint=/wa/messages")
    drain(shop)
    for _ in range(6):
        shop.sql("UPDATE accounts SET next_read_at = now()")
        reconcile_once(shop)
    assert shop.states("c") == {"in_doubt": 6}
    assert shop.sql("SELECT DISTINCT is_unread FROM doubts") == [(True,)]
    assert shop.sql("SELECT FROM doubts d, accounts a WHERE d.next_poll_at > a.next_read_at") == [], "due when it is"
    shop.fault()
    shop.sql("UPDATE doubts SET next_poll_at = now() + interval '5 min' WHERE seq > 1")
    for _ in range(6):
        shop.sql("UPDATE accounts SET next_read_at = now()")
        reconcile_once(shop)
    assert shop.states("c") == {"sent": 6}


def test_nothing_is_given_up_of_which_the_latest_reading_could_not_be_made(shop: Shop) -> None:
    shop.submit("c", 1, "a")
    shop.fault("kind=drop_before_accept,endpoint=/wa/send", "kind=http_503,endpoint=/wa/messages")
    drain(shop)
    read_back(shop, rounds=1)
    shop.sql("UPDATE accounts SET unreadable_since = NULL")  # another of its chats could be read
    shop.sql("UPDATE doubts SET ended_at = now() - interval '70 s'")
    assert dispatch.give_up_doubts(shop.engine, deadline=60.0) == 0
    assert found_stuck(shop) == []
    shop.fault()
    read_back(shop, rounds=1)
    assert dispatch.give_up_doubts(shop.engine, deadline=60.0) == 1
    assert shop.states("c") == {"unknown": 1}


def test_a_chat_that_alone_cannot_be_read_is_given_up_in_the_end(shop: Shop) -> None:
    shop.submit("c", 1, "a")
    shop.fault("kind=drop_before_accept,endpoint=/wa/send", "kind=http_503,endpoint=/wa/messages")
    drain(shop)
    read_back(shop, rounds=1)
    shop.sql("UPDATE accounts SET unreadable_since = NULL")
    shop.sql("UPDATE doubts SET ended_at = now() - make_interval(secs => :age)", age=650)
    assert dispatch.give_up_doubts(shop.engine, deadline=60.0) == 0
    shop.sql("UPDATE doubts SET ended_at = now() - make_interval(secs => :age)", age=661)
    assert dispatch.give_up_doubts(shop.engine, deadline=60.0) == 1


def test_a_long_reason_leaves_room_for_what_reading_back_said(shop: Shop) -> None:
    shop.submit("c", 1, "a")
    shop.fault("kind=drop_before_accept")
    drain(shop)
    shop.fault()
    read_back(shop)
    shop.sql("UPDATE messages SET reason = repeat('x', 600)")
    assert dispatch.give_up_doubts(shop.engine, deadline=0.0) == 1
    [(reason, length)] = shop.sql("SELECT reason, length(reason) FROM messages")
    assert str(reason).endswith("to be sure that it was not sent")
    assert length == 500


def test_polls_without_end_go_on(shop: Shop) -> None:
    """A chat is asked for until its account can be read, if need be for months."""
    shop.submit("c", 1, "a")
    shop.fault("kind=drop_after_accept")
    drain(shop)
    shop.fault()
    shop.sql("UPDATE doubts SET polls = 32767")
    read_back(shop, rounds=1)
    assert shop.states("c") == {"sent": 1}
    assert shop.sql("SELECT polls > 20 FROM doubts") == [(True,)], "which is still no first one"


def test_a_process_that_is_known_to_have_ended_is_not_waited_for_as_long_as_a_silent_one(shop: Shop) -> None:
    shop.submit("c", 2, "a")
    drain(shop)
    for ended, least, most in (([], 25, 31), (["gone"], 0, 3)):
        sent_without_a_reply_yet(shop, seq=1)
        shop.sql("UPDATE lanes SET lease_token = gen_random_uuid(), lease_holder = 'gone', lease_expires_at = now()")
        with shop.engine.begin() as connection:
            execute(connection, "recover_leases", request_timeout=timedelta(seconds=30), ended=ended)
        [(under_way,)] = shop.sql("SELECT extract(epoch FROM ended_at - now())::float FROM doubts")
        assert least <= float(str(under_way)) <= most
        shop.sql("DELETE FROM doubts")


def test_where_a_chat_cannot_be_read_under_every_form_of_its_number_what_is_there_is_found_and_nothing_is_absent(
    shop: Shop,
) -> None:
    shop.submit("c", 2, "a", prefix="52551")
    shop.fault(
        "kind=drop_after_accept,endpoint=/wa/send,phone=525510000000",
        "kind=drop_before_accept,endpoint=/wa/send,phone=525510000001",
        'kind=reply,phone=521*,endpoint=/wa/messages,status=400,body={"error": "invalid number"}',
    )
    drain(shop)
    prove(shop)
    read_back(shop)
    assert shop.states("c") == {"sent": 1, "in_doubt": 1}
    [(reading,)] = shop.sql("SELECT reading FROM doubts WHERE resolved_as IS NULL")
    assert "could not be read under every form of its number" in str(reading)
    assert shop.sql("SELECT reads_a_second >= 4, unreadable_since FROM accounts") == [(True, None)]
