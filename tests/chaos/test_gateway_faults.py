"""A gateway that misbehaves, with its own ledger as the judge. Rows of docs/reliability.md."""

from __future__ import annotations

import socket
import time
from collections import Counter

import pytest

from broadcaster.crypto import open_vault
from broadcaster.services.instance_changes import InstanceChanges, set_instance
from tests.support.chaos import AT_ONCE, IN_FLIGHT, INSTANCES, LATENCY, Chaos
from tests.support.stack import wait_for

full = pytest.mark.chaos
MEASURED = 3.0
"""Seconds over which a rate is measured."""

AMBIGUOUS = {
    "a reply after the client's timeout": "kind=hang_after_accept,seconds=5",
    "no reply, and none accepted": "kind=hang_before_accept,seconds=5",
    "reset after accept": "kind=drop_after_accept",
    "502 after accept": "kind=http_502_after_accept",
    "a reply drip-fed beyond the timeout": "kind=drip,seconds=5",
    "a reply of 10 MB": "kind=big_reply",
    "a web page, accepted": "kind=html_after_accept",
    "a web page, not accepted": "kind=html",
}


def fired(chaos: Chaos) -> int:
    """Requests to send that a fault befell, other than being slow."""
    return sum(
        entry.fault not in (None, "latency") and entry.endpoint == "/wa/send"
        for entry in chaos.shop.gateway.ledger.entries
    )


def test_a_gateway_with_every_fault_gets_each_message_at_most_once(chaos: Chaos) -> None:
    sending = "endpoint=/wa/send"
    rules = [f"{rule},{sending},nth={9 + 11 * n}" for n, rule in enumerate(AMBIGUOUS.values())]
    chaos.begin(450, faults=[LATENCY, *rules, f"kind=http_429,retry_after=1,{sending},nth=40"])
    chaos.finish("every fault of the gateway, once each", runs=len(rules) + 1, most_in_doubt=len(rules))


@full
@pytest.mark.parametrize("fault", AMBIGUOUS)
def test_replies_that_do_not_tell_leave_their_own_messages_in_doubt(chaos: Chaos, fault: str) -> None:
    chaos.begin(1000, faults=[LATENCY, f"{AMBIGUOUS[fault]},endpoint=/wa/send,probability=0.03"])
    wait_for(lambda: not chaos.unsent(), "the first round")
    chaos.shop.fault(LATENCY)
    runs = fired(chaos)
    chaos.finish(fault, runs=runs, most_in_doubt=runs)


@full
def test_throttling_is_obeyed_and_costs_nothing(chaos: Chaos) -> None:
    chaos.begin(1000, faults=[LATENCY, "kind=http_429,endpoint=/wa/send,retry_after=2,probability=0.01"])
    wait_for(lambda: not chaos.unsent(), "the campaign", 180)
    assert fired(chaos)
    chaos.finish("429 with Retry-After", runs=fired(chaos), most_in_doubt=0)


@full
@pytest.mark.parametrize(
    ("fault", "host"),
    [
        ("refused connection", "127.0.0.1"),
        # No label of a name may be so long: the resolver refuses it without asking anybody.
        ("DNS failure", f"{'a' * 64}.invalid"),
    ],
)
def test_a_gateway_that_cannot_be_reached_costs_nothing(chaos: Chaos, fault: str, host: str) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound and not listening: it refuses
        chaos.begin(1500)
        vault = open_vault(chaos.shop.settings)
        for name in INSTANCES:
            set_instance(
                chaos.shop.engine, vault, name, InstanceChanges(base_url=f"http://{host}:{unused.getsockname()[1]}")
            )
        wait_for(lambda: chaos.shop.sql("SELECT count(*) FROM lanes WHERE health = 'down'") == [(3,)], "no lane up")
        time.sleep(5)  # probes go on and cost nothing
        back = time.monotonic()
        for name in INSTANCES:
            set_instance(chaos.shop.engine, vault, name, InstanceChanges(base_url=chaos.shop.gateway.base_url))
    assert chaos.recovered(back) <= 10
    chaos.finish(fault, most_in_doubt=0)


@full
def test_a_key_that_is_revoked_parks_the_lane_after_the_requests_in_flight(chaos: Chaos) -> None:
    chaos.begin(1000)
    chaos.shop.fault(LATENCY, "kind=http_401,endpoint=/wa/send")
    wait_for(lambda: chaos.shop.sql("SELECT count(*) FROM lanes WHERE health = 'refused'") == [(3,)], "parked lanes")
    time.sleep(3)  # that no more is tried
    assert fired(chaos) <= AT_ONCE
    runs = fired(chaos)
    chaos.shop.fault(LATENCY)
    vault = open_vault(chaos.shop.settings)
    back = time.monotonic()
    for name in INSTANCES:
        set_instance(chaos.shop.engine, vault, name, InstanceChanges(key=f"key-{name}"))
    chaos.recovered(back)
    chaos.finish("401 in the middle", runs=runs, most_in_doubt=0)


@full
def test_a_gateway_that_is_down_for_a_minute_is_probed_and_back_at_full_rate_in_ten(
    chaos: Chaos,
) -> None:
    chaos.begin(3000)
    begun = time.monotonic()
    time.sleep(MEASURED)  # the rate before
    before = rates(chaos, since=begun)
    chaos.shop.fault("kind=not_running,endpoint=/wa/send")
    down = time.monotonic()
    time.sleep(60)  # for so long it is down
    chaos.shop.fault(LATENCY)
    probes = fired(chaos)
    assert probes <= len(INSTANCES) * (IN_FLIGHT + 60)
    back = time.monotonic()
    assert chaos.recovered(back) <= 10
    assert back - down >= 60
    time.sleep(max(0.0, back + 10 + MEASURED - time.monotonic()))  # the rate after
    assert sum(rates(chaos, since=back + 10)) >= 0.9 * sum(before)
    chaos.finish("the instance is down for 60 s", runs=1, most_in_doubt=0)


def rates(chaos: Chaos, since: float) -> list[float]:
    """Messages a second that each instance accepted in MEASURED seconds from `since` (monotonic) on."""
    accepted = Counter(
        entry.instance
        for entry in chaos.shop.gateway.ledger.entries
        if entry.accepted and since <= entry.monotonic_ns / 1e9 < since + MEASURED
    )
    return [accepted[name] / MEASURED for name in INSTANCES]
