"""Lasting troubles, proxies, false yeses, limits and accounts, as a client sees them."""

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from broadcaster.simulator import InstanceConfig, Simulator, SimulatorConfig, background, hash_of_key, parse_fault
from broadcaster.simulator.lasting_troubles import TROUBLES

PHONE = "628123456789"
EARLY = 0.01
"""Seconds by which a timer may fire too early, and more."""


@contextmanager
def _under(*faults: str, **options: Any) -> Iterator[tuple[Simulator, httpx.Client]]:
    config = SimulatorConfig(faults=tuple(map(parse_fault, faults)), **options)
    with background(config) as simulator, httpx.Client(base_url=simulator.base_url) as client:
        yield simulator, client


def _send(client: httpx.Client, key: str = "k", phone: str = PHONE) -> httpx.Response:
    return client.post("/wa/send", json={"key": key, "phone": phone, "body": "hello"})


def _chats(client: httpx.Client, key: str = "k") -> httpx.Response:
    return client.post("/wa/chats", json={"key": key})


def _listed(client: httpx.Client, key: str = "k") -> int:
    return len(client.post("/wa/messages", json={"key": key, "phone": PHONE}).json()["messages"])


def _rules(client: httpx.Client, *rules: dict[str, Any]) -> None:
    client.post("/_sim/faults", json=rules).raise_for_status()


@pytest.mark.parametrize(
    ("rule", "status", "content_type", "body"),
    [
        ({"status": 466, "body": {"used": 67}}, 466, "application/json", '{"used":67}'),
        ({"body": [1, "a"]}, 200, "application/json", '[1,"a"]'),
        ({"body": None}, 200, "application/json", "null"),
        ({"status": 503, "body": "upstream connect error"}, 503, "text/plain", "upstream connect error"),
        ({"status": 404, "body": "<html>no</html>"}, 404, "text/html", "<html>no</html>"),
        ({"body": "Perangkat belum terhubung ✗"}, 200, "text/plain", "Perangkat belum terhubung ✗"),
        ({}, 200, "text/plain", ""),
        ({"body": "[]", "headers": {"content-type": "application/json"}}, 200, "application/json", "[]"),
        ({"status": 302, "headers": {"Location": "/login"}}, 302, "text/plain", ""),
    ],
)
@pytest.mark.parametrize("kind", ["reply", "reply_after_accept"])
def test_any_reply_lasts_until_the_rules_change(
    kind: str, rule: dict[str, Any], status: int, content_type: str, body: str
) -> None:
    accepted = kind == "reply_after_accept"
    with _under() as (simulator, client):
        _rules(client, {"kind": kind, "endpoint": "sends", **rule})
        for _ in range(3):
            reply = _send(client)
            assert (reply.status_code, reply.headers["content-type"], reply.text) == (status, content_type, body)
        assert [(entry.accepted, entry.status) for entry in simulator.ledger.entries] == [(accepted, status)] * 3
        assert _listed(client) == (3 if accepted else 0)
        _rules(client)

        assert _send(client).json()["sent"] is True


def test_a_reply_comes_with_retry_after() -> None:
    with _under("kind=reply,status=503,retry_after=9,body=busy") as (_, client):
        assert _send(client).headers["retry-after"] == "9"


def test_a_reply_befalls_the_instance_and_phone_that_it_is_for() -> None:
    instances = tuple(InstanceConfig(name=name, key=name) for name in "ab")
    with _under("kind=reply,status=418,instance=a,phone=52*", instances=instances) as (_, client):
        statuses = [_send(client, key, phone).status_code for key in "ab" for phone in (PHONE, "525512345678")]

    assert statuses == [200, 418, 200, 200]


@pytest.mark.parametrize("trouble", TROUBLES.values(), ids=TROUBLES)
def test_a_trouble_by_its_name_refuses_and_says_so(trouble: Any) -> None:
    with _under(f"kind={trouble.name}") as (simulator, client):
        sent, read = _send(client), _chats(client)

        assert sent.status_code == trouble.status
        assert trouble.words in sent.text
        assert trouble.body is None or sent.text == trouble.body or sent.json() == trouble.body
        assert (read.text == sent.text) is (trouble.befalls == "any")
        assert [entry.accepted for entry in simulator.ledger.entries] == [False, False]
        assert simulator.ledger.entries[0].fault == trouble.name


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("not_connected", "not connected to WhatsApp"),
        ("no_credit", "Not enough credits"),
        ("wrong_address", "<h1>404 Not Found</h1>"),
        ("quota", "QUOTE_EXCEEDED"),
        ("logged_out", "logged out"),
    ],
)
def test_the_usual_troubles_use_the_usual_words(kind: str, words: str) -> None:
    with _under(f"kind={kind}") as (_, client):
        assert words in _send(client).text


@pytest.mark.parametrize("status", [408, 502, 503, 504])
def test_a_proxy_gives_up_on_what_it_has_forwarded(status: int) -> None:
    with _under(f"kind=http_{status}_after_accept,count=1") as (simulator, client):
        assert _send(client).status_code == status
        assert simulator.ledger.accepted() == _listed(client) == 1


def test_a_proxy_refuses_without_forwarding_and_says_when_to_come_again() -> None:
    with _under("kind=http_503,retry_after=2,endpoint=sends") as (simulator, client):
        reply = _send(client)

        assert (reply.status_code, reply.headers["retry-after"]) == (503, "2")
        assert simulator.ledger.accepted() == _listed(client) == 0


@pytest.mark.parametrize(
    ("kind", "status"),
    [("http_504_then_accept", 504), ("html_then_accept", 200), ("reply_then_accept,status=408", 408)],
)
def test_a_proxy_answers_at_once_and_forwards_later(kind: str, status: int) -> None:
    rule, *more = kind.split(",")
    with _under(",".join([f"kind={rule}", "seconds=0.5", *more])) as (simulator, client):
        before = time.time_ns()
        assert _send(client).status_code == status
        assert (simulator.ledger.accepted(), _listed(client)) == (0, 0)
        client.get("/_sim/wait?accepted=1").raise_for_status()

        (entry,) = (entry for entry in simulator.ledger.entries if entry.accepted)
        assert (entry.fault, entry.status) == (rule, status)
        assert entry.time_ns - before >= (0.5 - EARLY) * 1e9
        assert _listed(client) == 1


def _raw(simulator: Simulator) -> socket.socket:
    url = httpx.URL(simulator.base_url)
    sock = socket.create_connection((url.host, url.port), timeout=10)
    body = b'{"key":"k","phone":"%s","body":"hello"}' % PHONE.encode()
    head = f"POST /wa/send HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    sock.sendall(head.encode() + b"\r\n\r\n" + body)
    return sock


def test_a_proxy_cuts_the_connection_and_forwards_later() -> None:
    with _under("kind=drop_then_accept,seconds=0.2") as (simulator, client), _raw(simulator) as sock:
        with pytest.raises(ConnectionResetError):
            sock.recv(1)
        assert simulator.ledger.accepted() == 0
        client.get("/_sim/wait?accepted=1").raise_for_status()


@pytest.mark.parametrize("seconds", [0, 0.3])
def test_a_proxy_forwards_what_its_client_has_given_up_some_time_ago(seconds: float) -> None:
    with _under(f"kind=hang_then_accept,seconds={seconds}") as (simulator, client), _raw(simulator) as sock:
        assert client.get("/_sim/wait?accepted=1&timeout=0.3").status_code == 408
        gone = time.time_ns()
        sock.close()
        client.get("/_sim/wait?accepted=1").raise_for_status()

        (entry,) = simulator.ledger.entries
        assert (entry.accepted, entry.status) == (True, None)
        assert entry.time_ns - gone >= (seconds - EARLY) * 1e9


def test_a_client_that_was_gone_before_it_was_waited_for_is_gone() -> None:
    faults = ("kind=latency,seconds=0.2", "kind=hang_then_accept,seconds=0")
    with _under(*faults) as (simulator, client):
        _raw(simulator).close()

        assert client.get("/_sim/wait?accepted=1&timeout=5").status_code == 200


def test_a_false_yes_says_what_a_true_one_says_and_sends_nothing() -> None:
    with _under("kind=false_yes,nth=2") as (simulator, client):
        true, false = (_send(client).json() for _ in range(2))

        assert true.keys() == false.keys()
        assert (true["sent"], false["sent"]) == (True, True)
        assert true["id"] != false["id"]
        assert [(entry.accepted, entry.fault) for entry in simulator.ledger.entries] == [
            (True, None),
            (False, "false_yes"),
        ]
        assert _listed(client) == 1
        assert client.get("/_sim/stats").json()["accepted"] == 1


def test_a_gateway_answers_so_many_reads_a_second_and_any_number_of_sends() -> None:
    with _under("kind=rate_limit,rate=3,seconds=60,retry_after=4") as (_, client):
        reads = [_chats(client) for _ in range(5)]
        sends = [_send(client) for _ in range(5)]

        assert [reply.status_code for reply in reads] == [200, 200, 200, 429, 429]
        assert reads[-1].headers["retry-after"] == "4"
        assert {reply.status_code for reply in sends} == {200}
        assert _chats(client, "other").status_code == 200


def test_a_limit_without_retry_after_is_over_once_its_time_has_passed() -> None:
    with _under("kind=rate_limit,rate=1,seconds=0.5") as (_, client):
        assert [_chats(client).status_code for _ in range(2)] == [200, 429]
        assert "retry-after" not in _chats(client).headers
        time.sleep(0.5 + EARLY)  # the limit's own time
        assert _chats(client).status_code == 200


def test_only_reading_can_be_slow() -> None:
    with _under("kind=latency,seconds=0.3,endpoint=reads") as (_, client):

        def seconds(call: Any) -> float:
            began = time.monotonic()
            assert call(client).status_code == 200
            return time.monotonic() - began

        assert seconds(_chats) >= 0.3 - EARLY
        assert seconds(_send) < 0.3 - EARLY


def test_two_keys_are_two_accounts_with_chats_and_ledgers_of_their_own() -> None:
    with _under() as (_, client):
        for key in ("old", "new", "old"):
            _send(client, key)

        assert [_listed(client, key) for key in ("old", "new")] == [2, 1]

        def accepted(**parameters: str) -> int:
            return sum(entry["accepted"] for entry in client.get("/_sim/ledger", params=parameters).json())

        assert accepted() == 3
        assert [accepted(key_sha256=hash_of_key(key)) for key in ("old", "new", "none")] == [2, 1, 0]
        assert accepted(key_sha256=hash_of_key("old"), since="1") == 1
        assert accepted(instance=f"key-{hash_of_key('new')}") == 1


def test_a_key_expires_for_sends_and_reads_while_the_other_lives_on() -> None:
    instances = tuple(InstanceConfig(name=name, key=name) for name in ("old", "new"))
    with _under("kind=bad_key,instance=old,after=0.3", instances=instances) as (simulator, client):
        assert _send(client, "old").json()["sent"] is True
        time.sleep(0.3 + EARLY)  # the key's own time

        for call in (_send, _chats):
            assert call(client, "old").json() == {"sent": False, "message": "wrong key"}
        assert _send(client, "new").json()["sent"] is True
        assert [entry.accepted for entry in simulator.ledger.entries] == [True, False, False, True]


def test_a_bad_reply_is_refused_with_the_field() -> None:
    with _under() as (_, client):
        reply = client.post("/_sim/faults", json=[{"kind": "reply", "status": 99}])

        assert (reply.status_code, "status must be 200 to 599" in reply.json()["error"]) == (400, True)
