"""The six endpoints as a client sees them: both encodings, strictness, replies and what the ledger keeps."""

import base64
import hashlib
import json
import socket
import urllib.parse
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from broadcaster.simulator import InstanceConfig, Simulator, SimulatorConfig, background
from broadcaster.simulator.http1 import MAX_HEAD_BYTES

PHONE = "628123456789"
TEXT = {"key": "k", "phone": PHONE, "body": "hello"}
FILE = {"key": "k", "phone": PHONE, "body": base64.b64encode(b"file").decode(), "filename": "a.txt", "caption": "c"}
URL = {"key": "k", "phone": PHONE, "url": "https://example.org/a.pdf"}
CALLS: list[tuple[str, dict[str, Any]]] = [
    ("/wa/send", TEXT),
    ("/wa/sendfile", FILE),
    ("/wa/sendfileurl", URL),
    ("/wa/chats", {"key": "k", "limit": 5}),
    ("/wa/messages", {"key": "k", "phone": PHONE}),
    ("/wa/contacts", {"key": "k"}),
]


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with background() as running:
        yield running


@pytest.fixture(scope="module")
def client(simulator: Simulator) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=simulator.base_url) as client:
        yield client


def _form(params: dict[str, Any], **members: Any) -> dict[str, str]:
    return {"data": json.dumps({"method": "POST", "params": params, **members})}


@pytest.mark.parametrize(("endpoint", "params"), CALLS)
def test_both_encodings_are_understood(client: httpx.Client, endpoint: str, params: dict[str, Any]) -> None:
    for reply in (client.post(endpoint, json=params), client.post(endpoint, data=_form(params))):
        assert reply.status_code == 200
        assert reply.headers["content-type"] == "application/json"
        assert "sent" not in reply.json() or reply.json()["sent"] is True


@pytest.mark.parametrize(
    ("endpoint", "params", "content", "shown"),
    [
        ("/wa/send", {**TEXT, "body": "größe 🙂"}, "größe 🙂".encode(), {"body": "größe 🙂"}),
        ("/wa/sendfile", FILE, b"file", {"filename": "a.txt", "caption": "c", "body": ""}),
        ("/wa/sendfileurl", URL, b"https://example.org/a.pdf", {"url": "https://example.org/a.pdf"}),
    ],
)
def test_an_accepted_message_is_in_the_ledger(
    simulator: Simulator,
    client: httpx.Client,
    endpoint: str,
    params: dict[str, Any],
    content: bytes,
    shown: dict[str, str],
) -> None:
    reply = client.post(endpoint, data=_form(params))

    entry = simulator.ledger.entries[-1]
    assert (entry.endpoint, entry.phone, entry.accepted, entry.status) == (endpoint, PHONE, True, 200)
    assert entry.gateway_id == reply.json()["id"]
    assert entry.content_sha256 == hashlib.sha256(content).hexdigest()
    assert {name: getattr(entry, name) for name in shown} == shown
    assert entry.instance == f"key-{hashlib.sha256(b'k').hexdigest()[:12]}"


def _without(params: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in params.items() if key != name}


@pytest.mark.parametrize(
    ("endpoint", "params", "complaint"),
    [
        *[
            (endpoint, _without(params, name), name)
            for endpoint, params in CALLS
            for name in params
            if name not in {"caption", "limit"}
        ],
        *[(endpoint, {**params, "colour": "red"}, "colour") for endpoint, params in CALLS],
        *[
            ("/wa/send", {**TEXT, "phone": phone}, "phone")
            for phone in ("+628123456789", "00628123456789", "0812", "62 812 345", "628123456789\n", "٦٢٨١٢٣٤٥", 628)
        ],
        ("/wa/send", {**TEXT, "body": ""}, "body"),
        ("/wa/send", {**TEXT, "body": None}, "body"),
        ("/wa/sendfile", {**FILE, "body": "no base64!"}, "base64"),
        ("/wa/sendfile", {**FILE, "body": "QUI"}, "base64"),
        ("/wa/sendfile", {**FILE, "body": "data:text/plain;base64,QUI="}, "base64"),
        ("/wa/sendfileurl", {**URL, "url": "ftp://example.org/a"}, "url"),
        ("/wa/sendfileurl", {**URL, "url": "https://"}, "url"),
        ("/wa/sendfileurl", {**URL, "url": "http://[x"}, "url"),
        ("/wa/messages", {"key": "k", "phone": PHONE, "limit": 0}, "limit"),
        ("/wa/chats", {"key": "k", "limit": "5"}, "limit"),
    ],
)
def test_what_the_api_page_does_not_allow_is_refused(
    simulator: Simulator, client: httpx.Client, endpoint: str, params: dict[str, Any], complaint: str
) -> None:
    for reply in (client.post(endpoint, json=params), client.post(endpoint, data=_form(params))):
        assert reply.status_code == 400
        assert reply.json()["sent"] is False
        assert complaint in reply.json()["message"]
        assert simulator.ledger.entries[-1].accepted is False
        assert complaint in simulator.ledger.entries[-1].refusal


JSON_TYPE = {"Content-Type": "application/json"}
FORM_TYPE = {"Content-Type": "application/x-www-form-urlencoded"}
GOOD = json.dumps(TEXT)


@pytest.mark.parametrize(
    ("method", "path", "headers", "content", "status"),
    [
        ("GET", "/wa/send", {}, "", 405),
        ("PUT", "/wa/send", JSON_TYPE, GOOD, 405),
        ("POST", "/wa/sendd", JSON_TYPE, GOOD, 404),
        ("POST", "/wa/send/", JSON_TYPE, GOOD, 404),
        ("POST", "/", JSON_TYPE, GOOD, 404),
        ("POST", "/wa/send?key=k", JSON_TYPE, GOOD, 400),
        ("POST", "/wa/send", {}, GOOD, 415),
        ("POST", "/wa/send", {"Content-Type": "text/plain"}, GOOD, 415),
        ("POST", "/wa/send", {"Content-Type": "Application/JSON; charset=utf-8"}, GOOD, 200),
        ("POST", "/wa/send", JSON_TYPE, "", 400),
        ("POST", "/wa/send", JSON_TYPE, f"[{GOOD}]", 400),
        ("POST", "/wa/send", JSON_TYPE, GOOD + "x", 400),
        ("POST", "/wa/send", JSON_TYPE, b'{"key":"k","phone":"628123456789","body":"\xff"}', 400),
        ("POST", "/wa/send", FORM_TYPE, urllib.parse.urlencode(TEXT), 400),
        ("POST", "/wa/send", FORM_TYPE, urllib.parse.urlencode({**_form(TEXT), "x": "1"}), 400),
        ("POST", "/wa/send", FORM_TYPE, urllib.parse.urlencode({"data": GOOD}), 400),
        ("POST", "/wa/send", FORM_TYPE, urllib.parse.urlencode(_form(TEXT, x=1)), 400),
        ("POST", "/wa/send", FORM_TYPE, urllib.parse.urlencode(_form(TEXT, method="GET")), 400),
        ("POST", "/wa/send", FORM_TYPE, GOOD, 400),
        ("POST", "/wa/send", FORM_TYPE, "data=%ff", 400),
    ],
)
def test_a_request_in_another_form_is_refused(
    client: httpx.Client, method: str, path: str, headers: dict[str, str], content: bytes, status: int
) -> None:
    reply = client.request(method, path, headers=headers, content=content)

    assert reply.status_code == status
    assert reply.json()["sent"] is (status == 200)
    assert reply.headers.get("allow") == ("POST" if status == 405 else None)


def test_an_instance_takes_the_encoding_that_it_is_configured_for() -> None:
    instances = (
        InstanceConfig(name="a", key="json-key", wire="json"),
        InstanceConfig(name="b", key="form-key", wire="form"),
    )
    with background(SimulatorConfig(instances=instances)) as simulator:

        def statuses(key: str) -> tuple[int, int]:
            params, endpoint = {**TEXT, "key": key}, f"{simulator.base_url}/wa/send"
            replies = httpx.post(endpoint, json=params), httpx.post(endpoint, data=_form(params))
            return replies[0].status_code, replies[1].status_code

        assert statuses("json-key") == (200, 415)
        assert statuses("form-key") == (415, 200)
        assert [entry.instance for entry in simulator.ledger.entries] == ["a", "a", "b", "b"]


def test_an_unknown_key_is_told_so_and_never_written_down() -> None:
    with background(SimulatorConfig(instances=(InstanceConfig(name="a", key="k", shape="status"),))) as simulator:
        reply = httpx.post(f"{simulator.base_url}/wa/send", json={**TEXT, "key": "guess"})
        entry = simulator.ledger.entries[-1]

    assert (reply.status_code, reply.json()) == (200, {"sent": False, "message": "wrong key"})
    assert (entry.accepted, entry.refusal, entry.instance) == (False, "wrong key", "")
    assert "guess" not in repr(entry)


def test_messages_are_shown_newest_first_up_to_the_limit_per_instance_and_phone() -> None:
    with background() as simulator, httpx.Client(base_url=simulator.base_url) as client:
        for number, (key, phone) in enumerate([("k", PHONE), ("k", "6281111111"), ("other", PHONE), ("k", PHONE)]):
            client.post("/wa/send", json={"key": key, "phone": phone, "body": f"{number}"})
        client.post("/_sim/incoming", json={"instance": simulator.ledger.entries[0].instance} | _without(TEXT, "key"))

        def bodies(**params: Any) -> list[tuple[str, bool]]:
            reply = client.post("/wa/messages", json={"key": "k", "phone": PHONE, **params}).json()
            return [(message["body"], message["fromMe"]) for message in reply["messages"]]

        assert bodies() == [("hello", False), ("3", True), ("0", True)]
        assert bodies(limit=2) == [("hello", False), ("3", True)]
        chats = client.post("/wa/chats", json={"key": "k"}).json()["dialogs"]
        assert [chat["id"] for chat in chats] == [f"{PHONE}@c.us", "6281111111@c.us"]
        assert len(client.post("/wa/chats", json={"key": "k", "limit": 1}).json()["dialogs"]) == 1
        contacts = client.post("/wa/contacts", json={"key": "other"}).json()["contacts"]
        assert [contact["number"] for contact in contacts] == [PHONE]


def test_a_message_can_be_accepted_before_it_is_shown() -> None:
    with background(SimulatorConfig(visible_after=3600)) as simulator:
        httpx.post(f"{simulator.base_url}/wa/send", json=TEXT)
        reply = httpx.post(f"{simulator.base_url}/wa/messages", json={"key": "k", "phone": PHONE})

    assert reply.json() == {"messages": []}


def test_a_rotating_instance_answers_in_every_shape() -> None:
    with background(SimulatorConfig(shape="rotate")) as simulator, httpx.Client() as client:
        replies = [client.post(f"{simulator.base_url}/wa/send", json=TEXT).json() for _ in range(6)]

    names = [set(reply) for reply in replies]
    assert names[:5] == [
        {"sent", "id", "message"},
        {"status", "data"},
        {"success", "message", "messageId"},
        {"ok"},
        {"status", "result"},
    ]
    assert names[5] == names[0]


def test_a_large_file_is_taken_whole(client: httpx.Client, simulator: Simulator) -> None:
    file = bytes(range(256)) * (24 * 4096)

    reply = client.post("/wa/sendfile", json={**FILE, "body": base64.b64encode(file).decode()}, timeout=60)

    assert reply.json()["sent"] is True
    assert simulator.ledger.entries[-1].content_sha256 == hashlib.sha256(file).hexdigest()


def _raw(number: int, *headers: str) -> bytes:
    body = json.dumps({**TEXT, "body": f"pipelined {number}"})
    lines = ["POST /wa/send HTTP/1.1", "Host: h", "Content-Type: application/json", *headers]
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", body]).encode()


def _connect(simulator: Simulator) -> socket.socket:
    url = httpx.URL(simulator.base_url)
    return socket.create_connection((url.host, url.port), timeout=10)


def _read_all(sock: socket.socket) -> bytes:
    return b"".join(iter(lambda: sock.recv(65536), b""))


def test_pipelined_requests_are_answered_in_order(simulator: Simulator) -> None:
    with _connect(simulator) as sock:
        sock.sendall(b"".join(_raw(number) for number in range(50)) + _raw(50, "Connection: close"))
        replies = _read_all(sock)

    bodies = [entry.body for entry in simulator.ledger.entries[-51:]]
    assert bodies == [f"pipelined {number}" for number in range(51)]
    assert replies.count(b"HTTP/1.1 200 OK") == 51
    ids = [entry.gateway_id or "" for entry in simulator.ledger.entries[-51:]]
    assert sorted(ids, key=lambda gateway_id: replies.index(gateway_id.encode())) == ids


def test_a_client_that_has_finished_sending_still_gets_its_answers(simulator: Simulator) -> None:
    with _connect(simulator) as sock:
        sock.sendall(_raw(1) + _raw(2))
        sock.shutdown(socket.SHUT_WR)
        assert _read_all(sock).count(b"HTTP/1.1 200 OK") == 2


def test_a_client_that_asks_first_is_told_to_go_on(simulator: Simulator) -> None:
    request = _raw(1, "Expect: 100-continue", "Connection: close")
    head = request[: request.index(b"\r\n\r\n") + 4]
    with _connect(simulator) as sock:
        sock.sendall(head)
        assert sock.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        sock.sendall(request[len(head) :])
        assert _read_all(sock).startswith(b"HTTP/1.1 200 OK")


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"nonsense\r\n\r\n", b"400"),
        (b"POST /wa/send HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n", b"411"),
        (b"POST /wa/send HTTP/1.1\r\nHost: ".ljust(MAX_HEAD_BYTES + 1, b"x"), b"431"),
    ],
)
def test_what_is_no_plain_http_is_answered_once_and_closed(simulator: Simulator, raw: bytes, status: bytes) -> None:
    with _connect(simulator) as sock:
        sock.sendall(raw)
        assert _read_all(sock).startswith(b"HTTP/1.1 " + status)
