"""Chats, messages and contacts out of replies of undocumented shape."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broadcaster.gateway import Chat, Contact, GatewayMessage
from broadcaster.gateway.lists import find_list, read_chat, read_contact, read_message, says_no_chat

AT = datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)
SECONDS = int(AT.timestamp())


@pytest.mark.parametrize(
    "document",
    [
        [1],
        *(
            {name: [1]}
            for name in ("data", "messages", "chats", "dialogs", "contacts", "result", "response", "results")
        ),
        {"status": "success", "Messages": [1]},
        {"result": "success", "messages": [1]},
        {"data": {"messages": [1]}},
        {"response": {"data": {"dialogs": [1]}}},
        {"data": [2], "messages": [1]},
        {"data": {"messages": [1]}, "result": [2]},
    ],
)
def test_a_list_is_found_at_the_root_or_under_its_usual_names(document: Any) -> None:
    assert find_list(document, ("messages",)) == [1]


@pytest.mark.parametrize(
    "words",
    [
        "Chat not found",
        "chat 4915112345678@c.us not found",
        "no such chat",
        "No messages",
        "The conversation does not exist",
        "conversation doesn't exist",
        "chat_not_found",
        "could not find the chat",
        "Message history is empty",
        "contact was not found",
    ],
)
def test_a_refusal_may_say_that_there_is_no_such_chat(words: str) -> None:
    assert says_no_chat(f'{{"success": false, "error": "{words}"}}')
    assert not says_no_chat(f"<html><body>{words}</body></html>")


@pytest.mark.parametrize(
    "words",
    [
        "",
        "no",
        "not connected",
        "page not found",
        "instance not found",
        "invalid key",
        "too many requests",
        "not allowed",
    ],
)
def test_any_other_refusal_says_nothing_of_a_chat(words: str) -> None:
    assert not says_no_chat(f'{{"error": "{words}"}}')


@pytest.mark.parametrize("document", [{}, {"messages": None}, {"messages": {}}, {"other": [1]}, "list", 1, None, True])
def test_a_reply_without_a_list_is_not_an_empty_list(document: Any) -> None:
    assert find_list(document, ("messages",)) is None


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        (
            {"id": "true_4915112345678@c.us_3EB0", "body": "Hi", "fromMe": True, "time": SECONDS, "type": "chat"},
            GatewayMessage(
                id="true_4915112345678@c.us_3EB0",
                phone="4915112345678",
                outgoing=True,
                body="Hi",
                at=AT,
                kind="chat",
            ),
        ),
        (
            {
                "id": {"fromMe": False, "remote": "4915112345678@c.us", "id": "3EB0", "_serialized": "false_x_3EB0"},
                "text": "Hi",
                "timestamp": SECONDS * 1000,
            },
            GatewayMessage(id="false_x_3EB0", phone="4915112345678", outgoing=False, body="Hi", at=AT),
        ),
        (
            {
                "key": {"remoteJid": "4915112345678:7@s.whatsapp.net", "fromMe": True, "id": "3EB0"},
                "message": {"conversation": "Hi"},
                "messageTimestamp": {"low": SECONDS, "high": 0, "unsigned": True},
            },
            GatewayMessage(id="3EB0", phone="4915112345678", outgoing=True, body="Hi", at=AT),
        ),
        (
            {"to": "4915112345678@c.us", "from": "4930111111@c.us", "self": 1, "content": "Hi", "t": str(SECONDS)},
            GatewayMessage(phone="4915112345678", outgoing=True, body="Hi", at=AT),
        ),
        (
            {"to": "4930111111@c.us", "from": "4915112345678@c.us", "self": 0, "content": "Hi"},
            GatewayMessage(phone="4915112345678", outgoing=False, body="Hi"),
        ),
        (
            {"from": "4915112345678@c.us", "to": "4930111111@c.us", "message": "Hi"},
            GatewayMessage(body="Hi"),
        ),
        (
            {"chatId": "4915112345678@c.us", "direction": "outgoing", "caption": "Look", "filename": "a.png"},
            GatewayMessage(phone="4915112345678", outgoing=True, body="Look", caption="Look", filename="a.png"),
        ),
        (
            {
                "phone": "+4915112345678",
                "from_me": "true",
                "body": "",
                "caption": "Look",
                "date": "2024-05-06T07:08:09Z",
            },
            GatewayMessage(phone="4915112345678", outgoing=True, body="Look", caption="Look", at=AT),
        ),
        ({"number": 4915112345678, "direction": "in"}, GatewayMessage(phone="4915112345678", outgoing=False)),
        ({"id": "3EB01234567", "chatId": "123-456@g.us"}, GatewayMessage(id="3EB01234567")),
        ({"id": "3EB0", "chatId": "123-456@g.us", "phone": "4915112345678"}, GatewayMessage(id="3EB0")),
        ({"id": 4711123, "chatId": "8412345678@lid"}, GatewayMessage(id="4711123", lid="8412345678")),
        ({"chatId": "8412345678@lid", "phone": "8412345678"}, GatewayMessage(lid="8412345678")),
        (
            {"id": "true_8412345678@lid_3EB0"},
            GatewayMessage(id="true_8412345678@lid_3EB0", lid="8412345678", outgoing=True),
        ),
        (
            {"to": {"server": "lid", "user": "8412345678"}, "fromMe": True},
            GatewayMessage(lid="8412345678", outgoing=True),
        ),
        (
            {
                "key": {
                    "remoteJid": "8412345678@lid",
                    "remoteJidAlt": "4915112345678@s.whatsapp.net",
                    "fromMe": True,
                    "id": "3EB0",
                },
            },
            GatewayMessage(id="3EB0", phone="4915112345678", lid="8412345678", outgoing=True),
        ),
        (
            {"key": {"remoteJid": "8412345678@lid", "senderPn": "4915112345678@s.whatsapp.net", "fromMe": False}},
            GatewayMessage(phone="4915112345678", lid="8412345678", outgoing=False),
        ),
        (
            # Of what was sent, the sender is the instance itself.
            {"key": {"remoteJid": "8412345678@lid", "senderPn": "4930111111@s.whatsapp.net", "fromMe": True}},
            GatewayMessage(lid="8412345678", outgoing=True),
        ),
        (
            {"key": {"remoteJid": "120363041@g.us", "participantPn": "4915112345678@c.us", "fromMe": False}},
            GatewayMessage(outgoing=False),
        ),
        ({}, GatewayMessage()),
        (None, GatewayMessage()),
        ([], GatewayMessage()),
        ("odd", GatewayMessage(id="odd")),
    ],
)
def test_messages_of_many_shapes_are_read(item: Any, expected: GatewayMessage) -> None:
    assert read_message(item) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (SECONDS, AT),
        (SECONDS + 0.25, AT + timedelta(seconds=0.25)),
        (SECONDS * 1000, AT),
        (SECONDS * 1_000_000, AT),
        (f" {SECONDS} ", AT),
        (f"{SECONDS}000", AT),
        ("2024-05-06T07:08:09", AT),
        ("2024-05-06 09:08:09+02:00", AT),
        ("2024-05-06T07:08:09.000Z", AT),
        (datetime(2024, 5, 6, 9, 8, 9, tzinfo=timezone(timedelta(hours=2))).isoformat(), AT),
        (0, None),
        (-5, None),
        (True, None),
        (1e300, None),
        (float("nan"), None),
        (float("inf"), None),
        ("yesterday", None),
        ("0001-01-01T00:00:00+14:00", None),
        ([], None),
        ({"low": "x"}, None),
    ],
)
def test_times_are_read_in_seconds_milliseconds_and_iso(value: Any, expected: datetime | None) -> None:
    assert read_message({"timestamp": value}).at == expected


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        (
            {"id": "4915112345678@c.us", "name": "Zoë", "last_time": SECONDS},
            Chat(id="4915112345678@c.us", phone="4915112345678", name="Zoë", at=AT),
        ),
        (
            {"id": {"_serialized": "4915112345678@c.us", "user": "4915112345678"}, "t": SECONDS},
            Chat(id="4915112345678@c.us", phone="4915112345678", at=AT),
        ),
        ({"id": "1203630@g.us", "subject": "Group"}, Chat(id="1203630@g.us", name="Group")),
        ({"chatId": "4915112345678@c.us"}, Chat(phone="4915112345678")),
        ({"id": "8412345678@lid"}, Chat(id="8412345678@lid", lid="8412345678")),
        ({"id": {"server": "lid", "user": "8412345678"}, "phone": "8412345678"}, Chat(lid="8412345678")),
        (
            {"id": "8412345678@lid", "pnJid": "4915112345678@s.whatsapp.net"},
            Chat(id="8412345678@lid", phone="4915112345678", lid="8412345678"),
        ),
        (
            {
                "remoteJid": "8412345678@lid",
                "lastMessage": {
                    "key": {"remoteJid": "8412345678@lid", "remoteJidAlt": "4915112345678@s.whatsapp.net"},
                    "messageTimestamp": SECONDS,
                },
            },
            Chat(phone="4915112345678", lid="8412345678", at=AT),
        ),
        (
            {
                "phone": "4915112345678",
                "unread": 2,
                "lastMessage": {"timestamp": SECONDS, "body": "Hi", "fromMe": True},
            },
            Chat(phone="4915112345678", is_ours=True, at=AT),
        ),
        (
            {"phone": "4915112345678", "t": SECONDS - 60, "last_message": {"t": SECONDS}},
            Chat(phone="4915112345678", at=AT),
        ),
        (
            {"phone": "4915112345678", "lastMessage": "Hi", "lastMessageTimestamp": SECONDS * 1000},
            Chat(phone="4915112345678", at=AT),
        ),
        ("4915112345678@c.us", Chat(id="4915112345678@c.us", phone="4915112345678")),
        (7, Chat(id="7")),
        (None, Chat()),
    ],
)
def test_chats_of_many_shapes_are_read(item: Any, expected: Chat) -> None:
    assert read_chat(item) == expected


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        (
            {"id": "4915112345678@s.whatsapp.net", "pushname": "Zoë"},
            Contact(id="4915112345678@s.whatsapp.net", phone="4915112345678", name="Zoë"),
        ),
        ({"phone": "4915112345678", "name": "Zoë"}, Contact(phone="4915112345678", name="Zoë")),
        ({"number": "+49 151", "name": 7}, Contact()),
        ("4915112345678@c.us", Contact(id="4915112345678@c.us", phone="4915112345678")),
    ],
)
def test_contacts_of_many_shapes_are_read(item: Any, expected: Contact) -> None:
    assert read_contact(item) == expected


NAMES = st.sampled_from(
    [
        "id",
        "_serialized",
        "key",
        "chatId",
        "fromMe",
        "direction",
        "t",
        "timestamp",
        "date",
        "body",
        "message",
        "phone",
        "server",
        "user",
        "remoteJidAlt",
        "senderPn",
        "lastMessage",
    ]
)
ANY_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.floats()
    | st.integers()
    | st.text(max_size=12)
    | st.from_regex(r"[\d.:@cusTZ-]{1,20}"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES | st.text(max_size=4), inner, max_size=5),
    max_leaves=15,
)


@given(ANY_JSON)
def test_no_json_makes_reading_raise(value: Any) -> None:
    read_message(value)
    read_chat(value)
    read_contact(value)
    find_list(value, ("messages",))


@given(st.dictionaries(NAMES, ANY_JSON, max_size=6))
def test_a_number_that_is_hidden_is_not_taken_for_a_phone(item: dict[str, Any]) -> None:
    hiding = {**item, "chatId": "8412345678@lid", "phone": "8412345678", "number": 8412345678}
    assert "8412345678" not in (read_message(hiding).phone, read_chat(hiding).phone)


@given(st.dictionaries(NAMES, ANY_JSON, max_size=6))
def test_what_is_read_has_its_declared_form(item: dict[str, Any]) -> None:
    message = read_message(item)
    assert message.phone is None or (message.phone.isascii() and message.phone.isdigit())
    assert message.at is None or message.at.tzinfo is UTC
    for text in (message.id, message.body, message.kind):
        if text is not None:
            assert "\0" not in text
            text.encode("utf-8")
