"""Replies: taken in once each, whoever reads them and however the gateway lists, and linked to what was sent."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from broadcaster.services.inbox import inbox_reader, inbox_store
from broadcaster.services.sending.sending_process import SendingProcess
from broadcaster.simulator.listings import Hide, Listing
from tests.support.people import age, be_due, listens, read_replies, replies, write
from tests.support.shop import Shop, drain

AYU, BUDI = "628120000000", "628120000001"


@pytest.fixture(autouse=True)
def quick_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rounds follow each other at once, and a run of them is over soon."""
    monkeypatch.setattr(inbox_reader, "RUN_SECONDS", 0.1)
    monkeypatch.setattr(inbox_reader, "LOOK_SECONDS", 0.02)
    for module in (inbox_reader, inbox_store):
        monkeypatch.setattr(module, "ROUND_SECONDS", 0.02)


def sent(shop: Shop, name: str = "c", count: int = 2, *, prefix: str = "62812", instance: str = "a") -> None:
    shop.submit(name, count, instance, prefix=prefix)
    drain(shop)


def inbox(shop: Shop, columns: str) -> tuple[object, ...]:
    [row] = shop.sql(f"SELECT {columns} FROM inboxes")
    return row


def test_what_was_there_before_the_first_reading_is_no_reply(shop: Shop) -> None:
    shop.add("a")
    write(shop, AYU, "STOP", "years ago")
    listens(shop, "a")
    write(shop, AYU, "hello")
    read_replies(shop, rounds=3)
    assert replies(shop) == [(AYU, "hello")]


def test_in_an_empty_inbox_the_first_message_is_one(shop: Shop) -> None:
    shop.add("a")
    listens(shop, "a")
    assert inbox(shop, "since") == (None,)
    write(shop, AYU, "hello")
    read_replies(shop, rounds=2)
    assert replies(shop) == [(AYU, "hello")]


def test_chats_that_a_gateway_has_loaded_late_are_not_new(shop: Shop) -> None:
    shop.add("a")
    listens(shop, "a")
    write(shop, AYU, "STOP")
    age(shop, 7200)
    read_replies(shop, rounds=2)
    write(shop, AYU, "now")
    read_replies(shop)
    assert replies(shop) == [(AYU, "now")]


@pytest.mark.parametrize("stops_first", [False, True])
def test_a_start_word_ends_no_stop_word_that_was_written_later(shop: Shop, stops_first: bool) -> None:
    shop.add("a")
    shop.add("b")
    listens(shop, "a", "b")
    if stops_first:
        write(shop, AYU, "STOP")
        read_replies(shop)
        age(shop, 60)
        shop.sql("UPDATE inbound_messages SET said_at = said_at - interval '1 minute'")
    shop.sql("UPDATE instances SET read_replies_seconds = NULL WHERE name = 'b'")
    write(shop, AYU, "START", instance="b")
    age(shop, 30)
    write(shop, AYU, "STOP")
    read_replies(shop)
    shop.sql("UPDATE instances SET read_replies_seconds = 30 WHERE name = 'b'")
    read_replies(shop)
    assert "START" in {body for _, body in replies(shop)}
    assert shop.sql("SELECT holds FROM optouts") == [(True,)]


@pytest.mark.parametrize("words", [("START", "STOP"), ("STOP", "START"), ("STOP", "START", "STOP")])
def test_of_words_in_one_second_stop_is_heard(shop: Shop, words: tuple[str, ...]) -> None:
    shop.add("a")
    listens(shop, "a")
    write(shop, AYU, *words)
    moment = shop.gateway.ledger.entries[-1].time_ns
    for entry in shop.gateway.ledger.entries[-len(words) :]:
        entry.time_ns = moment
    read_replies(shop)
    assert Counter(body for _, body in replies(shop)) == Counter(words)
    assert shop.sql("SELECT count(*) FROM optouts WHERE holds") == [(1,)]


def test_nothing_is_read_unless_it_is_switched_on(shop: Shop) -> None:
    shop.add("a")
    write(shop, AYU, "hello")
    read_replies(shop)
    assert not [entry for entry in shop.gateway.ledger.entries if entry.endpoint in ("/wa/chats", "/wa/messages")]


def test_a_reply_belongs_to_the_campaign_that_last_messaged_the_person(shop: Shop) -> None:
    shop.add("a")
    shop.add("b")
    sent(shop, "first")
    listens(shop, "a", "b")
    sent(shop, "second", 1)
    sent(shop, "elsewhere", 1, instance="b")
    write(shop, AYU, "to the second")
    write(shop, BUDI, "to the first")
    write(shop, AYU, "elsewhere", instance="b")
    write(shop, "4915112345678", "who are you")
    read_replies(shop)
    found = shop.sql("SELECT body, campaign, seq, instance, seconds_after >= 0 FROM replies ORDER BY body")
    assert found == [
        ("elsewhere", "elsewhere", 1, "b", True),
        ("to the first", "first", 2, "a", True),
        ("to the second", "second", 1, "a", True),
        ("who are you", None, None, "a", None),
    ]


@pytest.mark.parametrize("earlier", [True, False], ids=["after an earlier one", "after none"])
def test_what_was_written_before_a_message_is_no_reply_to_it(shop: Shop, earlier: bool) -> None:
    """The gateway shows late what a person wrote minutes before the campaign."""
    shop.add("a")
    write(shop, BUDI, "old")
    if earlier:
        sent(shop, "earlier", 1)
        shop.sql("UPDATE messages SET changed_at = changed_at - interval '10 min'")
    listens(shop, "a")
    sent(shop, "later", 1)
    write(shop, AYU, "STOP")
    shop.gateway.ledger.entries[-1].time_ns -= 206 * 10**9
    write(shop, AYU, "thank you")
    read_replies(shop)
    found = shop.sql("SELECT body, campaign, seconds_after BETWEEN 390 AND 396 FROM replies ORDER BY body")
    assert found == [("STOP", "earlier", True) if earlier else ("STOP", None, None), ("thank you", "later", False)]
    assert shop.sql("SELECT replies, opted_out_by_reply FROM reply_report WHERE campaign = 'later'") == [(1, 0)]
    assert opt_outs(shop) != [], "it opts out all the same"


def test_what_answers_a_message_that_was_found_late_is_a_reply_to_it(shop: Shop) -> None:
    """A message that was in doubt is known to be sent long after it was read."""
    shop.add("a")
    write(shop, BUDI, "old")
    listens(shop, "a")
    sent(shop, "c", 1)
    shop.sql("""
        INSERT INTO doubts (
            segment, campaign_id, seq, attempt, lane_id, account_id, phone,
            started_at, ended_at, resolved_as, resolved_at
        )
        SELECT
            m.segment, m.campaign_id, m.seq, m.attempt, m.lane_id, i.account_id, m.phone,
            now() - interval '10 min', now() - interval '9 min', 'found', now()
        FROM messages m
        JOIN instances i ON i.id = m.lane_id
    """)
    write(shop, AYU, "hello")
    shop.gateway.ledger.entries[-1].time_ns -= 300 * 10**9
    read_replies(shop)
    found = shop.sql("SELECT campaign, seconds_after BETWEEN 290 AND 310 FROM replies")
    assert found == [("c", True)]


def test_replies_are_read_without_anything_having_been_sent_and_while_the_instance_is_paused(shop: Shop) -> None:
    shop.add("a")
    shop.sql("UPDATE lanes SET health = 'paused'")
    listens(shop, "a")
    write(shop, AYU, "hello")
    read_replies(shop)
    assert replies(shop) == [(AYU, "hello")]


@pytest.mark.parametrize("omits", [(), ("ids",)], ids=["by their ids", "without ids"])
def test_each_is_taken_in_once_by_two_workers_that_lose_their_connections(
    shop: Shop, omits: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox_reader, "RUN_SECONDS", 1.0)
    shop.add("a")
    sent(shop, count=30)
    listens(shop, "a")
    shop.gateway.gateway.set_listing(Listing(omits=omits))  # type: ignore[arg-type]
    written: Counter[tuple[object, ...]] = Counter()

    async def cut_off(requests: int) -> None:
        """Two workers, whose transactions end after so many requests, wherever they are then."""
        be_due(shop)
        seen = len(shop.gateway.ledger.entries)
        async with SendingProcess(shop.settings) as one, SendingProcess(shop.settings) as other:
            running = asyncio.gather(one.read_replies(), other.read_replies(), return_exceptions=True)
            while not running.done() and len(shop.gateway.ledger.entries) < seen + requests:  # noqa: ASYNC110
                await asyncio.sleep(0.001)  # the gateway says nowhere when it has answered so many
            shop.sql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND application_name = 'broadcaster' AND pid <> pg_backend_pid()"
            )
            await running

    for wave in range(3):
        for n in range(wave, 30, 2):
            texts = (f"wave {wave}", "ok", "ok")
            write(shop, f"62812{n:07d}", *texts)
            written += Counter((f"62812{n:07d}", text) for text in texts)
        for requests in (1, 3, 7):
            asyncio.run(cut_off(requests))
        read_replies(shop, readers=2)
    assert Counter(replies(shop)) == written


def test_a_second_message_within_the_second_that_a_list_shows_is_not_missed(shop: Shop) -> None:
    shop.add("a")
    listens(shop, "a")
    write(shop, AYU, "one")
    read_replies(shop)
    write(shop, AYU, "two")
    entries = shop.gateway.ledger.entries
    entries[-1].time_ns = next(each.time_ns for each in entries if each.body == "one")
    read_replies(shop)
    assert sorted(replies(shop)) == [(AYU, "one"), (AYU, "two")]


@pytest.mark.parametrize("clock", [-30_000, 30_000, 10 * 365 * 86_400, -10 * 365 * 86_400])
def test_a_gateway_may_date_everything_wrongly(shop: Shop, clock: float) -> None:
    shop.add("a")
    shop.gateway.gateway.set_listing(Listing(clock=clock))
    sent(shop)
    write(shop, BUDI, "old")
    listens(shop, "a")
    for text in ("one", "two"):
        age(shop, 5)
        write(shop, AYU, text)
        read_replies(shop)
    assert replies(shop) == [(AYU, "one"), (AYU, "two")]
    assert shop.sql("SELECT DISTINCT campaign, seconds_after BETWEEN 0 AND 60 FROM replies") == [("c", True)]


def test_a_gateway_s_clock_may_be_put_back_and_forward(shop: Shop) -> None:
    shop.add("a")
    sent(shop)
    write(shop, AYU, "old")
    listens(shop, "a")
    age(shop, 3 * 86_400)  # the first reading was days ago
    shop.sql("UPDATE inboxes SET since = since - interval '3 d', listed_until = listed_until - interval '3 d'")
    clocks = (0, -10 * 3600, 10 * 3600, -60, 10 * 365 * 86_400, 1)
    for clock in clocks:
        write(shop, AYU, f"at {clock}")
        shop.gateway.ledger.entries[-1].time_ns += clock * 10**9
        read_replies(shop)
        age(shop, 5)
    assert Counter(body for _, body in replies(shop)) == Counter(f"at {clock}" for clock in clocks)


@pytest.mark.parametrize(
    ("aliases", "phone"),
    [
        ("mexico", "525512345678"),
        ("brazil", "5541991234567"),
        ("argentina", "5491123456789"),
        ("ivory_coast", "2250712345678"),
    ],
)
def test_a_person_is_known_under_every_form_of_the_number(shop: Shop, aliases: str, phone: str) -> None:
    shop.add("a")
    shop.gateway.gateway.set_listing(Listing(aliases=aliases))
    shop.submit("c", 1, "a", prefix=phone[:-7], first=int(phone[-7:]))
    drain(shop)
    listens(shop, "a")
    write(shop, phone, "hello")
    read_replies(shop)
    assert replies(shop, "phone, body, campaign") == [(phone, "hello", "c")]


@pytest.mark.parametrize("is_told", [True, False])
def test_a_hidden_number_is_known_where_the_gateway_tells_it(shop: Shop, is_told: bool) -> None:
    shop.add("a")
    shop.gateway.gateway.set_listing(Listing(aliases="lid", omits=() if is_told else ("ids",)))
    sent(shop)
    listens(shop, "a")
    write(shop, AYU, "hello")
    read_replies(shop)
    [(phone, body, chat, campaign)] = replies(shop, "phone, body, chat, campaign")
    assert (phone, body, campaign) == ((AYU, "hello", "c") if is_told else (None, "hello", None))
    assert str(chat).endswith("@lid")


def test_of_a_long_chat_older_entries_are_asked_for(shop: Shop) -> None:
    shop.add("a")
    sent(shop)
    listens(shop, "a")
    texts = [str(n) for n in range(250)]
    write(shop, AYU, *texts)
    read_replies(shop)
    assert Counter(body for _, body in replies(shop)) == Counter(texts)
    assert inbox(shop, "chats_cut") == (0,)


def test_what_a_gateway_cuts_off_is_told(shop: Shop) -> None:
    shop.add("a")
    sent(shop)
    listens(shop, "a")
    shop.gateway.gateway.set_listing(Listing(page=100))
    write(shop, AYU, *(str(n) for n in range(150)))
    read_replies(shop)
    assert len(replies(shop)) == 100
    assert inbox(shop, "chats_cut") == (1,)


def test_more_chats_than_a_page_may_change_between_two_polls(shop: Shop) -> None:
    shop.add("a")
    sent(shop, count=250)
    listens(shop, "a")
    phones = [f"62812{n:07d}" for n in range(250)]
    for phone in phones:
        write(shop, phone, "hello")
    read_replies(shop, rounds=6)
    assert Counter(phone for phone, _ in replies(shop)) == Counter(phones)
    assert inbox(shop, "gap_from") == (None,)


def test_a_gap_that_a_gateway_leaves_is_told_and_ends_once_it_can_be_closed(shop: Shop) -> None:
    shop.add("a")
    sent(shop, count=250)
    listens(shop, "a")
    shop.gateway.gateway.set_listing(Listing(page=100))
    for n in range(250):
        write(shop, f"62812{n:07d}", "hello")
    read_replies(shop, rounds=4)
    assert len(replies(shop)) == 100
    assert inbox(shop, "gap_from IS NOT NULL") == (True,)
    shop.gateway.gateway.set_listing(Listing())
    read_replies(shop, rounds=6)
    assert len(replies(shop)) == 250
    assert inbox(shop, "gap_from") == (None,)


def test_a_chat_that_shows_its_messages_later_than_the_list_is_read_again(shop: Shop) -> None:
    shop.add("a")
    sent(shop)
    listens(shop, "a")
    write(shop, AYU, "hello")
    shop.gateway.gateway.set_listing(Listing(hides=(Hide(endpoint="/wa/messages"),)))
    read_replies(shop)
    assert replies(shop) == []
    shop.gateway.gateway.set_listing(Listing())
    read_replies(shop)
    assert replies(shop) == [(AYU, "hello")]


@pytest.mark.parametrize("omits", ["times", "directions"])
def test_what_a_list_does_not_say_is_told(shop: Shop, omits: str) -> None:
    shop.add("a")
    shop.gateway.gateway.set_listing(Listing(omits=(omits, "ids")))  # type: ignore[arg-type]
    write(shop, AYU, "old")
    listens(shop, "a")
    write(shop, AYU, "hello")
    read_replies(shop)
    assert replies(shop) == []
    assert omits in str(inbox(shop, "trouble")[0])


def test_a_gateway_that_cannot_be_read_loses_nothing(shop: Shop) -> None:
    shop.add("a")
    sent(shop)
    listens(shop, "a")
    write(shop, AYU, "hello")
    shop.fault("kind=http_500,endpoint=/wa/messages")
    read_replies(shop)
    assert replies(shop) == []
    assert shop.sql("SELECT tries, looks FROM inbox_chats") == [(1, 2)]
    shop.sql("UPDATE inbox_chats SET due_at = now() + interval '1 h'")
    shop.fault("kind=http_500,endpoint=/wa/chats")
    read_replies(shop)
    shop.fault()
    read_replies(shop)
    assert replies(shop) == [(AYU, "hello")]


def opt_outs(shop: Shop) -> list[tuple[object, ...]]:
    return shop.sql("SELECT phone, way::text, words, ended_at IS NOT NULL, ended_words FROM opt_outs ORDER BY id")


def test_a_word_opts_out_in_the_transaction_that_takes_it_in(shop: Shop) -> None:
    shop.add("a")
    sent(shop)
    listens(shop, "a")
    write(shop, AYU, "Stop! 🙏")
    write(shop, BUDI, "please stop sending me this")
    read_replies(shop)
    assert opt_outs(shop) == [(AYU, "reply", "Stop! 🙏", False, None)]
    assert shop.sql(
        "SELECT i.xmin = o.xmin, o.inbound_id = i.id FROM opt_outs o, inbound_messages i WHERE i.meaning = 'stop'"
    ) == [(True, True)]
    assert shop.sql("SELECT phone FROM replies WHERE meaning = 'near_miss'") == [(BUDI,)]


def test_a_word_brings_back_only_who_stopped_by_one(shop: Shop) -> None:
    shop.add("a")
    sent(shop)
    listens(shop, "a")
    shop.sql("INSERT INTO opt_outs (phone, forms, way) VALUES (:phone, ARRAY[:phone], 'command')", phone=BUDI)
    for phone in (AYU, BUDI):
        write(shop, phone, "STOP")
        age(shop, 1)
        write(shop, phone, "start")
    read_replies(shop)
    assert sorted(opt_outs(shop)) == [
        (AYU, "reply", "STOP", True, "start"),
        (BUDI, "command", None, False, None),
        (BUDI, "reply", "STOP", True, "start"),
    ]
    assert shop.sql("SELECT phone FROM opted_out") == [(BUDI,)]


def test_a_hidden_number_that_asks_to_stop_is_left_to_a_person(shop: Shop) -> None:
    shop.add("a")
    shop.gateway.gateway.set_listing(Listing(aliases="lid", omits=("ids",)))
    sent(shop)
    listens(shop, "a")
    write(shop, AYU, "STOP")
    read_replies(shop)
    assert replies(shop, "phone, meaning::text") == [(None, "near_miss")]
    assert opt_outs(shop) == []
