"""Listings that are not the truth, as a client sees them."""

import base64
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import msgspec
import pytest

from broadcaster.simulator import Hide, InstanceConfig, Listing, SimulatorConfig, background
from broadcaster.simulator.dialects import DIALECTS

PHONE = "628123456789"
MEXICAN, KEPT = "525512345678", "5215512345678"
FILE = {"body": base64.b64encode(b"file").decode(), "filename": "a.txt", "caption": "c"}


class Gateway:
    """A simulator with the instances `a` and `b`, and what a test asks of it."""

    def __init__(self, client: httpx.Client) -> None:
        self.client = client

    def send(self, body: str, phone: str = PHONE, key: str = "key-a") -> None:
        self.client.post("/wa/send", json={"key": key, "phone": phone, "body": body}).raise_for_status()

    def send_file(self, phone: str = PHONE) -> None:
        self.client.post("/wa/sendfile", json={"key": "key-a", "phone": phone, **FILE}).raise_for_status()

    def messages(self, phone: str = PHONE, limit: int = 100, key: str = "key-a") -> list[dict[str, Any]]:
        reply = self.client.post("/wa/messages", json={"key": key, "phone": phone, "limit": limit})
        return list(reply.json()["messages"])

    def bodies(self, phone: str = PHONE, limit: int = 100, key: str = "key-a") -> list[str]:
        return [message["body"] for message in self.messages(phone, limit, key)]

    def chats(self, limit: int = 100) -> list[dict[str, Any]]:
        return list(self.client.post("/wa/chats", json={"key": "key-a", "limit": limit}).json()["dialogs"])

    def numbers(self) -> list[str]:
        contacts = self.client.post("/wa/contacts", json={"key": "key-a"}).json()["contacts"]
        return [contact["number"] for contact in contacts]

    def listing(self, listing: Listing, instance: str | None = None) -> httpx.Response:
        parameters = {} if instance is None else {"instance": instance}
        return self.client.post("/_sim/listing", params=parameters, content=msgspec.json.encode(listing))


@contextmanager
def _gateway(listing: Listing | None = None, **options: Any) -> Iterator[Gateway]:
    """Only the instance `a` lists so."""
    instances = (InstanceConfig(name="a", key="key-a", listing=listing), InstanceConfig(name="b", key="key-b"))
    with (
        background(SimulatorConfig(instances=instances, **options)) as simulator,
        httpx.Client(base_url=simulator.base_url) as client,
    ):
        yield Gateway(client)


@pytest.mark.parametrize(
    ("answers", "sent_to", "kept"),
    [("kept", [], ["hello"]), ("both", ["hello"], ["hello"]), ("none", [], [])],
)
def test_a_chat_is_kept_under_another_form_of_the_number(answers: Any, sent_to: list[str], kept: list[str]) -> None:
    with _gateway(Listing(aliases="mexico", answers=answers)) as gateway:
        gateway.send("hello", MEXICAN)

        assert gateway.bodies(MEXICAN) == sent_to
        assert gateway.bodies(KEPT) == kept
        assert [chat["id"] for chat in gateway.chats()] == [f"{KEPT}@c.us"]
        assert gateway.numbers() == [KEPT]
        assert {message["chatId"] for message in gateway.messages(KEPT)} <= {f"{KEPT}@c.us"}


def test_both_forms_of_a_number_are_one_chat_and_others_stay_as_they_are() -> None:
    with _gateway(Listing(aliases={"52": "521"}, answers="both")) as gateway:
        for body, phone in (("1", MEXICAN), ("2", KEPT), ("3", PHONE), ("4", MEXICAN)):
            gateway.send(body, phone)

        assert gateway.bodies(MEXICAN) == gateway.bodies(KEPT) == ["4", "2", "1"]
        assert gateway.bodies(KEPT, limit=2) == ["4", "2"]
        assert gateway.bodies(PHONE) == ["3"]
        assert [chat["id"] for chat in gateway.chats()] == [f"{KEPT}@c.us", f"{PHONE}@c.us"]


@pytest.mark.parametrize("shape", DIALECTS)
def test_entries_can_stand_under_an_id_that_says_nothing_of_the_number(shape: str) -> None:
    with background(SimulatorConfig(shape=shape, listing=Listing(aliases="lid", answers="both"))) as simulator:
        httpx.post(f"{simulator.base_url}/wa/send", json={"key": "k", "phone": PHONE, "body": "hello"})
        chats = httpx.post(f"{simulator.base_url}/wa/chats", json={"key": "k"}).text
        lid = chats.partition("@lid")[0][-15:]
        by_phone, by_lid = (
            httpx.post(f"{simulator.base_url}/wa/messages", json={"key": "k", "phone": phone}).text
            for phone in (PHONE, lid)
        )

    assert lid.isdigit()
    # The id of its latest message keeps the number to which that was sent.
    assert f'"{PHONE}' not in chats
    assert "hello" in by_phone
    assert lid in by_phone
    assert by_phone == by_lid


@pytest.mark.parametrize(
    ("listing", "sent", "listed"),
    [
        (Listing(texts=("escape_html",)), "<b> & \"q\" 'r'", "&lt;b&gt; &amp; &quot;q&quot; &#x27;r&#x27;"),
        (Listing(texts=("strip_markup",)), "*bold* _it_ ~no~", "bold it no"),
        (Listing(texts=("drop_variation",)), "❤\ufe0f", "❤"),
        (Listing(texts=("fold_space",)), " a\n\n b\u00a0\tc ", "a b c"),
        (Listing(texts=("drop_emoji",)), "hi 🙂 ü", "hi  ü"),
        (Listing(texts=("question_marks",)), "hi 🙂 ü “x”", "hi ? ü ?x?"),
        (Listing(texts=("plain_quotes",)), "“it’s”", '"it\'s"'),
        (Listing(texts=("decompose",)), "é", "e\u0301"),
        (Listing(texts=("crlf",)), "a\nb\r\nc", "a\r\nb\r\nc"),
        (Listing(texts=("lower",)), "Hi", "hi"),
        (Listing(texts=("strip_markup", "fold_space", "escape_html")), "* & *", "&amp;"),
        (Listing(replaces={"🙂": ":)"}), "hi 🙂", "hi :)"),
    ],
)
def test_texts_come_back_changed_and_the_ledger_keeps_what_was_sent(listing: Listing, sent: str, listed: str) -> None:
    with _gateway(listing) as gateway:
        gateway.send(sent)
        gateway.client.post("/wa/sendfile", json={"key": "key-a", "phone": PHONE, **FILE, "caption": sent})
        gateway.send(sent, key="key-b")

        file, text = gateway.messages()
        assert (text["body"], file["caption"]) == (listed, listed)
        assert gateway.bodies(key="key-b") == [sent]
        assert gateway.client.get("/_sim/ledger").json()[0]["body"] == sent


@pytest.mark.parametrize(
    ("listing", "limit", "listed"),
    [
        (Listing(page=2), 100, ["4", "3"]),
        (Listing(page=2), 1, ["4"]),
        (Listing(order="oldest"), 100, ["1", "2", "3", "4"]),
        (Listing(order="oldest"), 3, ["1", "2", "3"]),
        (Listing(page=2, order="oldest"), 100, ["1", "2"]),
        (Listing(page=2, order="newest_ascending"), 100, ["3", "4"]),
    ],
)
def test_a_page_is_capped_and_ordered_whatever_the_limit_asked(
    listing: Listing, limit: int, listed: list[str]
) -> None:
    with _gateway(listing) as gateway:
        for body in "1234":
            gateway.send(body)
            gateway.send(body, f"62811111111{body}")

        assert gateway.bodies(limit=limit) == listed
        assert len(gateway.chats(limit)) == min(limit, listing.page or 5)


def test_a_lag_holds_for_messages_and_chats_of_one_instance() -> None:
    with _gateway(Listing(lag=0.5)) as gateway:
        gateway.send("hello")
        gateway.send("hello", key="key-b")

        assert (gateway.bodies(), gateway.chats()) == ([], [])
        assert gateway.bodies(key="key-b") == ["hello"]
        time.sleep(0.6)  # longer than lists are late
        assert gateway.bodies() == ["hello"]
        assert len(gateway.chats()) == 1


@pytest.mark.parametrize(
    ("hide", "texts", "files", "chats"),
    [
        (Hide(), 0, 0, 0),
        (Hide(phone="52*"), 1, 1, 1),
        (Hide(phone=PHONE), 0, 0, 1),
        (Hide(what="files"), 1, 0, 2),
        (Hide(what="texts"), 0, 1, 1),
        (Hide(what="sent_by_api"), 0, 0, 0),
        (Hide(what="files", phone="52*"), 1, 1, 2),
        (Hide(endpoint="/wa/messages"), 0, 0, 2),
        (Hide(endpoint="/wa/chats"), 1, 1, 0),
        (Hide(after=3600), 1, 1, 2),
        (Hide(older_than=3600), 1, 1, 2),
        (Hide(older_than=0.000001), 0, 0, 0),
    ],
)
def test_what_is_hidden_is_in_no_list(hide: Hide, texts: int, files: int, chats: int) -> None:
    with _gateway(Listing(hides=(hide,))) as gateway:
        gateway.send("hello")
        gateway.send_file()
        gateway.send("hello", MEXICAN)
        time.sleep(0.001)  # another millisecond than the sends'

        types = [message["type"] for message in gateway.messages()]
        assert (types.count("chat"), types.count("document"), len(gateway.chats())) == (texts, files, chats)


def test_only_what_the_api_sent_can_be_hidden() -> None:
    with _gateway(Listing(hides=(Hide(what="sent_by_api"),))) as gateway:
        for way in ("incoming", "outgoing"):
            person = {"instance": "a", "phone": PHONE, "body": way}
            gateway.client.post(f"/_sim/{way}", json=person).raise_for_status()
        gateway.send("hello")

        assert [(message["body"], message["fromMe"]) for message in gateway.messages()] == [
            ("outgoing", True),
            ("incoming", False),
        ]
        assert gateway.client.get("/_sim/stats").json()["accepted"] == 1


def test_a_chat_of_which_the_latest_message_is_hidden_is_listed_with_the_one_before() -> None:
    with _gateway(Listing(hides=(Hide(what="files"),))) as gateway:
        gateway.send("hello")
        gateway.send("later", MEXICAN)
        gateway.send_file()

        assert [chat["name"] for chat in gateway.chats()] == [MEXICAN, PHONE]


def test_messages_can_be_listed_twice() -> None:
    with _gateway(Listing(duplicates="same_ids", page=1)) as gateway:
        gateway.send("one")
        gateway.send("two")

        first, second = gateway.messages()
        assert first == second
        assert first["body"] == "two"
        gateway.listing(Listing(duplicates="without_ids"))
        assert [(message.get("id"), message["body"]) for message in gateway.messages()] == [
            (None, "two"),
            (None, "two"),
            (None, "one"),
            (None, "one"),
        ]


def test_files_can_be_listed_by_a_small_picture_alone() -> None:
    with _gateway(Listing(thumbnails=True)) as gateway:
        gateway.send_file()
        gateway.send("hello")

        text, file = gateway.messages()
        assert text["body"] == "hello"
        assert base64.b64decode(file["body"], validate=True).startswith(b"\xff\xd8\xff")
        assert file.keys().isdisjoint({"filename", "caption"})


@pytest.mark.parametrize("shape", DIALECTS)
@pytest.mark.parametrize(
    ("omitted", "members"),
    [
        ("times", {"time", "timestamp", "t", "date"}),
        ("ids", {"id"}),
        ("directions", {"fromMe", "from_me", "direction", "self"}),
    ],
)
def test_members_can_be_missing_in_every_shape(shape: str, omitted: Any, members: set[str]) -> None:
    def listed(listing: Listing) -> set[str]:
        with background(SimulatorConfig(shape=shape, listing=listing)) as simulator:
            httpx.post(f"{simulator.base_url}/wa/send", json={"key": "k", "phone": PHONE, "body": "hello"})
            reply = httpx.post(f"{simulator.base_url}/wa/messages", json={"key": "k", "phone": PHONE}).json()
        (message,) = reply if isinstance(reply, list) else next(iter(reply.values()))
        return set(message)

    whole, rest = listed(Listing()), listed(Listing(omits=(omitted,)))
    assert len(whole & members) == 1
    assert rest == whole - members


def test_a_listing_changes_at_run_time_for_one_instance_or_all_until_the_reset() -> None:
    everything = Listing(hides=(Hide(),))
    with _gateway(Listing(texts=("lower",))) as gateway:

        def listed() -> tuple[list[str], list[str]]:
            return gateway.bodies(), gateway.bodies(key="key-b")

        gateway.send("HI")
        gateway.send("HI", key="key-b")
        assert listed() == (["hi"], ["HI"])
        gateway.listing(everything, "b").raise_for_status()
        assert listed() == (["hi"], [])
        gateway.listing(everything).raise_for_status()
        assert listed() == ([], [])
        gateway.client.post("/_sim/reset").raise_for_status()
        gateway.send("HI")
        gateway.send("HI", key="key-b")
        assert listed() == (["hi"], ["HI"])


def test_an_instance_that_nobody_has_used_yet_can_be_told_how_to_list() -> None:
    with _gateway(any_key=True) as gateway:
        gateway.send("HI", key="new")
        known = gateway.client.get("/_sim/ledger").json()[-1]["instance"]
        for instance in (known, f"{known[:-1]}x"):
            gateway.listing(Listing(texts=("lower",)), instance).raise_for_status()

        assert gateway.bodies(key="new") == ["hi"]


@pytest.mark.parametrize(
    ("query", "content", "complaint"),
    [
        ("?instance=c", "{}", "there is no instance 'c'"),
        ("", '{"aliases": "france"}', "there are no aliases 'france'"),
        ("", '{"colour": "red"}', "colour"),
        ("", "", "truncated"),
    ],
)
def test_a_bad_listing_is_refused_and_changes_nothing(query: str, content: str, complaint: str) -> None:
    with _gateway(Listing(texts=("lower",))) as gateway:
        reply = gateway.client.post(f"/_sim/listing{query}", content=content)
        gateway.send("HI")

        assert (reply.status_code, complaint in reply.json()["error"]) == (400, True)
        assert gateway.bodies() == ["hi"]
