from typing import Any

import msgspec
import pytest

from broadcaster.simulator.dialects import DIALECTS, encode
from broadcaster.simulator.ledger import INCOMING, Entry

PHONE = "628123456789"
TIME_NS = 1_700_000_000_123_456_789

TEXT = Entry(
    time_ns=TIME_NS, monotonic_ns=0, endpoint="/wa/send", phone=PHONE, body="hello", accepted=True, gateway_id="ID"
)
FILE = Entry(
    seq=7,
    time_ns=TIME_NS,
    monotonic_ns=0,
    endpoint="/wa/sendfile",
    phone=PHONE,
    filename="a.pdf",
    caption="look",
    accepted=True,
    gateway_id="ID",
)


def _only_message(shape: str, entry: Entry) -> dict[str, Any]:
    reply: Any = DIALECTS[shape].messages([entry])
    (message,) = reply if isinstance(reply, list) else next(iter(reply.values()))
    return dict(message)


@pytest.mark.parametrize(
    ("shape", "accepted", "failed"),
    [
        ("sent", {"sent": True, "id": "ID", "message": "Message was queued"}, {"sent": False, "message": "no"}),
        ("status", {"status": "success", "data": {"id": "ID"}}, {"status": "error", "message": "no"}),
        (
            "serialized",
            {"success": True, "message": "queued", "messageId": {"fromMe": True, "_serialized": "ID"}},
            {"success": False, "error": "no"},
        ),
        ("ok", {"ok": True}, {"ok": False, "error": {"code": 1, "message": "no"}}),
        (
            "self",
            {"status": True, "result": {"message_id": "ID", "queued": 1}},
            {"status": False, "reason": "no"},
        ),
    ],
)
def test_acceptance_and_failure_are_phrased(shape: str, accepted: object, failed: object) -> None:
    assert DIALECTS[shape].accepted("ID") == accepted
    assert DIALECTS[shape].failed("no") == failed


@pytest.mark.parametrize(
    ("shape", "listing"),
    [
        (
            "sent",
            {
                "messages": [
                    {
                        "id": "ID",
                        "fromMe": True,
                        "chatId": f"{PHONE}@c.us",
                        "time": 1_700_000_000,
                        "type": "chat",
                        "body": "hello",
                    }
                ]
            },
        ),
        (
            "status",
            {
                "data": [
                    {
                        "id": "ID",
                        "from_me": True,
                        "phone": PHONE,
                        "timestamp": 1_700_000_000_123,
                        "type": "chat",
                        "text": "hello",
                    }
                ]
            },
        ),
        (
            "serialized",
            [
                {
                    "id": {"_serialized": "ID"},
                    "fromMe": True,
                    "from": "15550000000@c.us",
                    "to": f"{PHONE}@c.us",
                    "t": 1_700_000_000,
                    "type": "chat",
                    "body": "hello",
                }
            ],
        ),
        (
            "ok",
            {
                "results": [
                    {
                        "id": "ID",
                        "direction": "outgoing",
                        "number": f"{PHONE}@s.whatsapp.net",
                        "date": "2023-11-14T22:13:20.123Z",
                        "type": "chat",
                        "content": "hello",
                    }
                ]
            },
        ),
        (
            "self",
            {
                "response": [
                    {
                        "id": "ID",
                        "self": 1,
                        "chatId": f"{PHONE}@c.us",
                        "timestamp": "1700000000",
                        "type": "chat",
                        "message": "hello",
                    }
                ]
            },
        ),
    ],
)
def test_messages_are_listed(shape: str, listing: object) -> None:
    assert msgspec.json.decode(encode(DIALECTS[shape].messages([TEXT]))) == listing


@pytest.mark.parametrize(
    ("shape", "name", "text"),
    [("sent", "body", "https://files.invalid/7/a.pdf"), ("status", "text", "look"), ("ok", "content", "look")],
)
def test_the_text_of_a_file_is_its_caption_or_a_link(shape: str, name: str, text: str) -> None:
    message = _only_message(shape, FILE)

    assert (message["type"], message["filename"], message["caption"]) == ("document", "a.pdf", "look")
    assert message[name] == text


@pytest.mark.parametrize(
    ("shape", "members"),
    [
        ("sent", {"fromMe": False}),
        ("status", {"from_me": False}),
        ("serialized", {"fromMe": False, "from": f"{PHONE}@c.us", "to": "15550000000@c.us"}),
        ("ok", {"direction": "incoming"}),
        ("self", {"self": 0}),
    ],
)
def test_a_message_from_the_phone_is_told_apart(shape: str, members: dict[str, object]) -> None:
    entry = Entry(time_ns=TIME_NS, monotonic_ns=0, endpoint=INCOMING, phone=PHONE, body="stop", gateway_id="ID")

    assert _only_message(shape, entry).items() >= members.items()
