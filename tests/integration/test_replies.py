"""Replies: taken in once each, whoever reads them and however the gateway lists, and linked to what was sent."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from broadcaster.services.inbox import inbox_reader, inbox_store
from broadcaster.services.sending.sending_process import SendingProcess
from broadcaster.simulator.listings import Hide, Listing
from tests.support.people import age, listens, read_replies, replies, write
from tests.support.shop import Shop, drain

AYU, BUDI = "628120000000", "628120000001"


@pytest.fixture(autouse=True)
def quick_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rounds follow each other at once, and a run of them is over soon."""
    monkeypatch.setattr(inbox_reader, "RUN_SECONDS", 0.3)
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


def test_replies_are_read_without_anything_having_been_sent_and_while_the_instance_is_paused(shop: Shop) -> None:
    shop.add("a")
    shop.sql("UPDATE lanes SET health = 'paused'")
    listens(shop, "a")
    write(shop, AYU, "hello")
    read_replies(shop)
    assert replies(shop) == [(AYU, "hello")]


@pytest.mark.parametrize("omits", [(), ("ids",)], ids=["by their ids", "without ids"])
def test_each_is_taken_in_once_by_many_readers_that_are_cut_off(
    shop: Shop, omits: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.add("a")
    sent(shop, count=30)
    listens(shop, "a")
    shop.gateway.gateway.set_listing(Listing(omits=omits))  # type: ignore[arg-type]
    phones = [f"62812{n:07d}" for n in range(30)]
    written: Counter[tuple[object, ...]] = Counter()

    async def cut_off(rounds: int) -> None:
        """Two workers, each of which is gone in the middle of what it does."""
        for _ in range(rounds):
            shop.sql("UPDATE accounts SET next_read_at = now(), reads_a_second = 8")
            shop.sql("UPDATE inboxes SET next_poll_at = now()")
            shop.sql("UPDATE inbox_chats SET due_at = now()")
            processes = [SendingProcess(shop.settings), SendingProcess(shop.settings)]
            for process in processes:
                await process.__aenter__()
            running = [asyncio.ensure_future(process.read_replies()) for process in processes]
            await asyncio.wait(running, timeout=0.02)
            for each in running:
                each.cancel()
            await asyncio.gather(*running, return_exceptions=True)
            for process in processes:
                await process.__aexit__(None, None, None)

    for wave in range(3):
        for phone in phones[wave::2]:
            texts = (f"wave {wave}", "ok", "ok")
            write(shop, phone, *texts)
            written += Counter((phone, text) for text in texts)
        asyncio.run(cut_off(3))
        read_replies(shop, rounds=2, readers=2)
    read_replies(shop, rounds=3, readers=2)
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
        write(shop, AYU, text)
        read_replies(shop, rounds=2)
    assert replies(shop) == [(AYU, "one"), (AYU, "two")]
    assert shop.sql("SELECT DISTINCT campaign, seconds_after BETWEEN 0 AND 60 FROM replies") == [("c", True)]


def test_a_gateway_s_clock_may_be_put_back_and_forward(shop: Shop) -> None:
    shop.add("a")
    sent(shop)
    write(shop, AYU, "old")
    listens(shop, "a")
    age(shop, 3 * 86_400)  # the first reading was days ago
    shop.sql("UPDATE inboxes SET since = since - interval '3 d', listed_until = listed_until - interval '3 d'")
    for clock in (0, -10 * 3600, 10 * 3600, -60, 10 * 365 * 86_400, 0):
        shop.gateway.gateway.set_listing(Listing(clock=clock - clock % 1))
        write(shop, AYU, f"at {clock}")
        entry = shop.gateway.ledger.entries[-1]
        read_replies(shop, rounds=2)
        shop.gateway.gateway.set_listing(Listing())
        entry.time_ns += clock * 10**9  # that is how it stays dated
    assert Counter(body for _, body in replies(shop)) == Counter(
        f"at {clock}" for clock in (0, -10 * 3600, 10 * 3600, -60, 10 * 365 * 86_400, 0)
    )


@pytest.mark.parametrize(
    ("aliases", "phone"),
    [
        ("mexico", "525512345678"),
        ("brazil", "5541991234567"),
        ("argentina", "541123456789"),
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


def test_a_hidden_number_that_the_gateway_does_not_tell_is_kept_as_it_is(shop: Shop) -> None:
    shop.add("a")
    shop.gateway.gateway.set_listing(Listing(aliases="lid"))
    sent(shop)
    listens(shop, "a")
    write(shop, AYU, "hello")
    read_replies(shop)
    [(phone, body, chat, campaign)] = replies(shop, "phone, body, chat, campaign")
    assert (phone, body, campaign) == (None, "hello", None)
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
    shop.fault("kind=http_500_before_accept,endpoint=/wa/messages")
    read_replies(shop)
    shop.fault("kind=http_500_before_accept,endpoint=/wa/chats")
    read_replies(shop)
    assert replies(shop) == []
    shop.fault()
    read_replies(shop)
    assert replies(shop) == [(AYU, "hello")]
