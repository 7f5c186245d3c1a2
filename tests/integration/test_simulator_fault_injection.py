"""Every fault over a real socket: what the client saw, and whether the ledger has the message accepted."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from select import select

import httpx
import pytest

from broadcaster.simulator import Entry, Simulator, SimulatorConfig, background, parse_fault

PHONE = "628123456789"
TEXT = {"key": "k", "phone": PHONE, "body": "hello"}
EARLY = 0.01
"""Seconds by which a timer may fire too early, and more."""


@contextmanager
def _under(*faults: str) -> Iterator[tuple[Simulator, socket.socket]]:
    """A simulator under some faults, and a connection to it."""
    with background(SimulatorConfig(faults=tuple(map(parse_fault, faults)))) as simulator:
        url = httpx.URL(simulator.base_url)
        with socket.create_connection((url.host, url.port), timeout=10) as sock:
            yield simulator, sock


def _request(endpoint: str = "/wa/send") -> bytes:
    body = json.dumps(TEXT if endpoint == "/wa/send" else {"key": "k", "phone": PHONE}).encode()
    lines = [f"POST {endpoint} HTTP/1.1", "Host: h", "Content-Type: application/json", "Connection: close"]
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode() + body


def _reply(sock: socket.socket) -> bytes:
    return b"".join(iter(lambda: sock.recv(65536), b""))


def _post(simulator: Simulator, endpoint: str = "/wa/send") -> httpx.Response:
    return httpx.post(f"{simulator.base_url}{endpoint}", json=TEXT)


def _only_entry(simulator: Simulator) -> Entry:
    (entry,) = simulator.ledger.entries
    return entry


@pytest.mark.parametrize(
    ("fault", "status", "accepted", "content_type"),
    [
        ("http_429", 429, False, "application/json"),
        ("http_400", 400, False, "application/json"),
        ("http_500", 500, False, "text/html"),
        ("http_503", 503, False, "text/html"),
        ("http_520", 520, False, "text/html"),
        ("http_429_after_accept", 429, True, "application/json"),
        ("http_500_after_accept", 500, True, "text/html"),
        ("http_502_after_accept", 502, True, "text/html"),
        ("html", 200, False, "text/html"),
        ("html_after_accept", 200, True, "text/html"),
    ],
)
def test_a_reply_other_than_the_honest_one(fault: str, status: int, accepted: bool, content_type: str) -> None:
    with _under(f"kind={fault}") as (simulator, _):
        reply = _post(simulator)

        assert reply.status_code == status
        assert reply.headers["content-type"] == content_type
        entry = _only_entry(simulator)
        assert (entry.fault, entry.accepted, entry.status) == (fault, accepted, status)
        assert (entry.gateway_id is not None) is accepted


@pytest.mark.parametrize(
    ("fault", "words"),
    [("not_running", "instance not running"), ("invalid_number", "invalid number"), ("bad_key", "wrong key")],
)
def test_a_refusal_in_words_comes_with_status_200(fault: str, words: str) -> None:
    with _under(f"kind={fault}") as (simulator, _):
        reply = _post(simulator)

        assert reply.status_code == 200
        assert reply.json()["sent"] is False
        assert words in reply.json()["message"]
        assert _only_entry(simulator).accepted is False


def test_retry_after_comes_in_seconds_or_as_a_date() -> None:
    with _under("kind=http_429,retry_after=7,nth=1", "kind=http_503,retry_after=60,http_date=true") as (simulator, _):
        assert _post(simulator).headers["retry-after"] == "7"
        date = parsedate_to_datetime(_post(simulator).headers["retry-after"])

    assert 50 < date.timestamp() - time.time() <= 61


def test_more_headers_come_with_an_http_fault() -> None:
    with _under() as (simulator, _):
        httpx.post(f"{simulator.base_url}/_sim/faults", json=[{"kind": "http_503", "headers": {"Server": "nginx"}}])

        assert _post(simulator).headers["server"] == "nginx"


@pytest.mark.parametrize(("fault", "accepted"), [("drop_before_accept", False), ("drop_after_accept", True)])
def test_a_connection_is_reset_after_the_request_was_read(fault: str, accepted: bool) -> None:
    with _under(f"kind={fault}") as (simulator, sock):
        sock.sendall(_request())
        with pytest.raises(ConnectionResetError):
            sock.recv(1)

        entry = _only_entry(simulator)
        assert (entry.phone, entry.accepted, entry.status, entry.fault) == (PHONE, accepted, None, fault)


def test_a_connection_is_reset_while_the_client_is_still_sending() -> None:
    with _under("kind=drop_before_reading") as (simulator, sock):
        with pytest.raises((ConnectionResetError, BrokenPipeError)):
            sock.sendall(_request().replace(b"Content-Length: ", b"Content-Length: 9") + b"x" * 50_000_000)

        entry = _only_entry(simulator)
        assert (entry.endpoint, entry.accepted, entry.fault) == ("", False, "drop_before_reading")


def test_a_kept_connection_is_reset_at_its_next_request() -> None:
    with _under("kind=drop_before_reading,nth=2") as (simulator, sock):
        request = _request().replace(b"Connection: close\r\n", b"")
        sock.sendall(request)
        assert sock.recv(65536).startswith(b"HTTP/1.1 200 OK")
        sock.sendall(request)
        with pytest.raises(ConnectionResetError):
            sock.recv(1)

        assert [entry.accepted for entry in simulator.ledger.entries] == [True, False]


def test_silence_before_acceptance_ends_in_a_reset() -> None:
    with _under("kind=hang_before_accept,seconds=0.2") as (simulator, sock):
        began = time.monotonic()
        sock.sendall(_request())
        with pytest.raises(ConnectionResetError):
            sock.recv(1)

        assert time.monotonic() - began >= 0.2 - EARLY
        assert _only_entry(simulator).accepted is False
        assert _only_entry(simulator).status is None


def test_silence_after_acceptance_ends_in_the_reply() -> None:
    with _under("kind=hang_after_accept,seconds=2") as (simulator, sock):
        sock.sendall(_request())
        counts = httpx.get(f"{simulator.base_url}/_sim/wait?accepted=1").json()
        assert counts["accepted"] == 1
        assert select([sock], [], [], 0) == ([], [], [])
        assert _reply(sock).startswith(b"HTTP/1.1 200 OK")


def test_a_late_gateway_accepts_what_the_client_has_given_up() -> None:
    with _under("kind=latency,seconds=0.2..0.3") as (simulator, sock):
        sock.sendall(_request())
        sock.close()
        reached = httpx.get(f"{simulator.base_url}/_sim/wait?accepted=1&timeout=5")

        assert reached.status_code == 200
        assert _only_entry(simulator).fault == "latency"


def test_latency_delays_another_fault() -> None:
    with _under("kind=latency,seconds=0.2", "kind=http_500") as (simulator, _):
        began = time.monotonic()

        assert _post(simulator).status_code == 500
        assert time.monotonic() - began >= 0.2 - EARLY
        assert _only_entry(simulator).fault == "http_500"


def test_a_reply_can_drip() -> None:
    with _under("kind=drip,seconds=0.3") as (simulator, sock):
        began = time.monotonic()
        sock.sendall(_request())
        pieces = list(iter(lambda: sock.recv(65536), b""))

        assert len(pieces) > 10
        assert b"".join(pieces).endswith(b'"Message was queued"}')
        assert time.monotonic() - began >= 0.3 - EARLY
        assert _only_entry(simulator).accepted is True


@pytest.mark.parametrize("endpoint", ["/wa/send", "/wa/messages"])
def test_a_reply_can_be_big(endpoint: str) -> None:
    with _under("kind=big_reply") as (simulator, sock):
        sock.sendall(_request(endpoint))
        head, _, body = _reply(sock).partition(b"\r\n\r\n")

        assert head.startswith(b"HTTP/1.1 200 OK")
        assert len(body) > 10 * 1024 * 1024
        assert json.loads(body)["padding"].startswith("xxx")
        assert _only_entry(simulator).accepted is (endpoint == "/wa/send")


def test_a_list_reply_can_be_big() -> None:
    rule = parse_fault("kind=big_reply,bytes=1000")
    with background(SimulatorConfig(shape="serialized", faults=(rule,))) as simulator:
        reply = httpx.post(f"{simulator.base_url}/wa/contacts", json={"key": "k"})

    assert [type(item) for item in reply.json()] == [dict, list]


def test_a_request_that_breaks_the_rules_is_refused_before_any_fault() -> None:
    with _under("kind=http_500") as (simulator, _):
        reply = httpx.post(f"{simulator.base_url}/wa/send", json={**TEXT, "phone": "+1"})

        assert reply.status_code == 400
        assert _only_entry(simulator).fault is None


def test_a_hanging_request_holds_up_no_other() -> None:
    with _under("kind=hang_after_accept,nth=1") as (simulator, sock):
        sock.sendall(_request())
        httpx.get(f"{simulator.base_url}/_sim/wait?accepted=1").raise_for_status()

        assert _post(simulator).status_code == 200


def test_stopping_does_not_wait_for_what_hangs() -> None:
    began = time.monotonic()
    with _under("kind=hang_after_accept,seconds=60") as (simulator, sock):
        sock.sendall(_request())
        httpx.get(f"{simulator.base_url}/_sim/wait?accepted=1").raise_for_status()

    assert time.monotonic() - began < 30
    assert not any(thread.name == "simulator" for thread in threading.enumerate())
