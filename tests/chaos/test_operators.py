"""Operators who give contrary orders at the same time, with the gateway's ledger as the judge.

A row of docs/reliability.md. In full every order is a process of its own, as from several shells; in `make test` they
are given by threads, which is many more in a few seconds.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import cycle
from random import Random

import pytest

from broadcaster.errors import ConflictError
from broadcaster.services.campaigns import lifecycle
from broadcaster.services.campaigns.settling import Settlement, settle_messages
from tests.support.chaos import LATENCY, Chaos
from tests.support.cli import assert_refused, command, run
from tests.support.stack import wait_for

SENDING = "endpoint=/wa/send"
FAULTS = (
    LATENCY,
    f"kind=invalid_number,probability=0.15,{SENDING}",  # for `retry`
    f"kind=drop_after_accept,probability=0.05,{SENDING}",  # for `settle`
    "kind=html,probability=0.8,endpoint=/wa/messages",  # or reading back would be done before operators may settle
)
ORDERS = (("pause", "resume"), ("pause", "resume"), ("retry",), ("retry",), ("sent", "resend"), ("sent", "resend"))
"""What each operator says, again and again."""
MOST_REST = 1.5
"""Seconds between a resume and the next pause."""

Give = Callable[[str], None]


def by_thread(chaos: Chaos) -> Give:
    engine, settle_seconds = chaos.shop.engine, chaos.shop.settings.doubt_settle_seconds
    commands: dict[str, Callable[[], object]] = {
        "pause": lambda: lifecycle.pause_campaign(engine, "c"),
        "resume": lambda: lifecycle.resume_campaign(engine, "c"),
        "retry": lambda: lifecycle.retry_campaign(engine, "c"),
        **{
            word: lambda word=word: settle_messages(
                engine, "c", Settlement(word), settle_seconds=settle_seconds, settled_by="test"
            )
            for word in ("sent", "resend")
        },
    }

    def give(order: str) -> None:
        with suppress(ConflictError):  # it came too late for another one
            commands[order]()

    return give


def by_shell(chaos: Chaos) -> Give:
    def give(order: str) -> None:
        arguments = ("settle", "c", "--as", order, "--yes") if order in ("sent", "resend") else (order, "c")
        argv = command("campaign", *arguments)
        result = run(argv, cwd=chaos.shop.settings.home, environ=chaos.environ, stdin=b"", timeout=60)
        if result.code != 0:
            assert_refused(result, "error: campaign 'c' is ")

    return give


def say(give: Give, orders: Sequence[str], ends: float, random: Random) -> int:
    """One operator, until `ends` (monotonic); returns how many orders were given."""
    given = 0
    for order in cycle(orders):
        give(order)
        given += 1
        if time.monotonic() >= ends:
            break
        if order == "resume":
            time.sleep(random.uniform(0.0, MOST_REST))  # most of the time something is sent
    return given


@pytest.mark.parametrize(
    ("operators", "count", "seconds"),
    [
        pytest.param(by_thread, 500, 5.0, id="short"),
        pytest.param(by_shell, 4000, 60.0, id="full", marks=pytest.mark.chaos),
    ],
)
def test_a_storm_of_contrary_orders_loses_nothing_and_doubles_only_what_an_operator_has_sent_again(
    chaos: Chaos, operators: Callable[[Chaos], Give], count: int, seconds: float
) -> None:
    chaos.begin(count, workers=min(3, os.cpu_count() or 1), faults=FAULTS)
    give, ends = operators(chaos), time.monotonic() + seconds
    with ThreadPoolExecutor(len(ORDERS)) as pool:
        given = sum(pool.map(lambda orders: say(give, orders, ends, chaos.random), ORDERS))
    assert chaos.shop.resent() or not chaos.full

    chaos.shop.fault(LATENCY)
    give("resume")
    give("retry")
    # What was refused before comes back yet, and so does what nobody knows.
    wait_for(lambda: not chaos.unsent() and not chaos.shop.states("c").get("in_doubt"), "the campaign", 180)
    give("retry")
    wait_for(lambda: chaos.shop.states("c") == {"sent": count}, "the rest", 180)
    wait_for(lambda: chaos.shop.state("c") == "finished", "the end")
    in_doubt = sum(entry.fault == "drop_after_accept" for entry in chaos.shop.gateway.ledger.entries)
    chaos.finish("operators pause, resume, retry and settle at once", runs=given, most_in_doubt=in_doubt)
