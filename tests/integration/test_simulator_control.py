"""The control endpoints under /_sim/."""

import threading
from collections.abc import Iterator

import httpx
import pytest

from broadcaster.simulator import FaultPlan, Simulator, SimulatorConfig, background, parse_fault
from broadcaster.simulator.control import is_loopback

PHONE = "628123456789"


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with background(SimulatorConfig(faults=(parse_fault("kind=html,nth=1"),))) as running:
        yield running


@pytest.fixture
def client(simulator: Simulator) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=simulator.base_url) as client:
        yield client


def _send(client: httpx.Client, body: str, key: str = "k") -> None:
    client.post("/wa/send", json={"key": key, "phone": PHONE, "body": body}).raise_for_status()


def test_the_ledger_can_be_read_from_any_point(client: httpx.Client) -> None:
    for body in ("one", "two", "three"):
        _send(client, body)

    def bodies(query: str) -> list[str]:
        return [entry["body"] for entry in client.get(f"/_sim/ledger{query}").json()]

    assert bodies("") == ["one", "two", "three"]
    assert bodies("?since=2") == ["three"]
    assert bodies("?since=3") == []


def test_statistics_count_what_was_accepted_doubled_and_befallen(client: httpx.Client) -> None:
    for body in ("befallen", "once", "twice", "twice"):
        _send(client, body)
    client.post("/wa/contacts", json={"key": "k"})

    stats = client.get("/_sim/stats").json()
    instance = client.get("/_sim/ledger").json()[0]["instance"]
    assert stats == {
        "requests": 5,
        "accepted": 3,
        "doubled": 1,
        "accepted_by_instance": {instance: 3},
        "requests_by_endpoint": {"/wa/send": 4, "/wa/contacts": 1},
        "sends_by_instance": {instance: 4},
        "faults": {"html": 1},
    }


def test_waiting_ends_with_the_event(simulator: Simulator, client: httpx.Client) -> None:
    replies: list[httpx.Response] = []
    url = f"{simulator.base_url}/_sim/wait?accepted=2&requests=3"
    waiting = threading.Thread(target=lambda: replies.append(httpx.get(url)))
    waiting.start()
    for body in ("befallen", "one", "two"):
        assert not replies
        _send(client, body)
    waiting.join(timeout=10)

    assert replies[0].json() == {"accepted": 2, "requests": 3}


def test_a_request_that_a_fault_delays_has_arrived_and_is_not_entered(
    simulator: Simulator, client: httpx.Client
) -> None:
    simulator.gateway.faults = FaultPlan([parse_fault("kind=latency,seconds=20")])
    with (
        httpx.Client(base_url=simulator.base_url, timeout=0.5) as hurried,
        pytest.raises(httpx.ReadTimeout),
    ):
        _send(hurried, "late")
    assert client.get("/_sim/wait", params={"arrived": 1, "timeout": 5}).json() == {"accepted": 0, "requests": 0}
    assert client.get("/_sim/wait", params={"arrived": 2, "timeout": 0.1}).status_code == 408


def test_waiting_counts_one_instance_if_asked(client: httpx.Client) -> None:
    for key in ("k", "k", "other"):
        _send(client, "hello", key)
    other = client.get("/_sim/ledger").json()[-1]["instance"]

    reply = client.get("/_sim/wait", params={"accepted": 1, "instance": other})

    assert reply.json()["accepted"] == 1


def test_waiting_in_vain_ends_with_408(client: httpx.Client) -> None:
    reply = client.get("/_sim/wait?accepted=1&timeout=0.05")

    assert (reply.status_code, reply.json()) == (408, {"accepted": 0, "requests": 0})


def test_new_fault_rules_replace_those_in_force(client: httpx.Client) -> None:
    reply = client.post("/_sim/faults?seed=7", json=[{"kind": "http_500", "nth": 2}])

    assert reply.json() == {"rules": 1}
    _send(client, "no longer befallen")
    assert client.post("/wa/send", json={"key": "k", "phone": PHONE, "body": "x"}).status_code == 500


def test_bad_fault_rules_are_refused_and_change_nothing(client: httpx.Client) -> None:
    reply = client.post("/_sim/faults", json=[{"kind": "http_500"}, {"kind": "nope"}])

    assert reply.status_code == 400
    assert "there is no fault kind 'nope'" in reply.json()["error"]
    assert "$[1]" in reply.json()["error"]
    assert client.post("/wa/contacts", json={"key": "k"}).headers["content-type"] == "text/html"


def test_a_reset_empties_the_ledger_and_restores_the_first_rules(client: httpx.Client) -> None:
    client.post("/_sim/faults", json=[])
    _send(client, "forgotten")

    client.post("/_sim/reset").raise_for_status()

    assert client.get("/_sim/ledger").json() == []
    assert client.post("/wa/contacts", json={"key": "k"}).headers["content-type"] == "text/html"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/_sim/", 404),
        ("GET", "/_sim/nope", 404),
        ("POST", "/_sim/stats", 404),
        ("GET", "/_sim/ledger?since=x", 400),
        ("GET", "/_sim/wait?accepted=x", 400),
        ("GET", "/_sim/wait?acepted=1", 400),
        ("POST", "/_sim/incoming", 400),
        ("POST", "/_sim/faults", 400),
    ],
)
def test_a_wrong_control_request_says_what_is_wrong(client: httpx.Client, method: str, path: str, status: int) -> None:
    reply = client.request(method, path)

    assert reply.status_code == status
    assert reply.json()["error"]


@pytest.mark.parametrize(
    ("peer", "near"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("10.0.0.1", False),
        ("fe80::1%eth0", False),
        ("", False),
    ],
)
def test_control_is_for_the_same_machine_only(peer: str, near: bool) -> None:
    assert is_loopback(peer) is near
