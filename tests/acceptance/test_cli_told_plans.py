"""Plans as commands tell them: who is skipped, waited for or expires, and what a plan goes by."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from broadcaster.services import dispatch
from broadcaster.services.frequency import keep_due_frequency
from broadcaster.settings import Settings
from tests.support.cli import CliResult, RunCli, assert_done, assert_refused
from tests.support.shop import Shop, drain, open_shop

SUBMIT = ("campaign", "submit")
TO_ALL = ("--instance", "a", "--recipients", "-", "--text", "Hi")
PEOPLE = "phone\n" + "".join(f"62812{n:07d}\n" for n in range(20))


@pytest.fixture
def shop(engine: Engine, settings: Settings) -> Iterator[Shop]:
    with open_shop(engine, settings) as opened:
        opened.add("a", rate="10/s")
        opened.add("b")
        yield opened


def start(shop: Shop) -> None:
    keep_due_frequency(shop.engine, grace=shop.settings.acceptance_seconds)
    dispatch.start_due_campaigns(shop.engine)
    drain(shop)


def test_before_it_is_decided_who_is_skipped_it_is_said_that_they_will_be(run_cli: RunCli, shop: Shop) -> None:
    shop.submit("before", 12, "b")
    drain(shop)
    options = ("--cooldown", "24h", "--when-recent", "skip", "--expires", "6h")
    assert_done(run_cli(*SUBMIT, "x", *TO_ALL, *options, stdin=PEOPLE))
    start(shop)
    assert shop.states("x") == {"pending": 12, "sent": 8}
    shown = assert_done(run_cli("campaign", "show", "x")).stdout
    assert "will expire" not in shown
    assert "skipped     12 to come (cooldown)" in shown
    assert re.search(r"^held by +a: people who were messaged within its cooldown are skipped at ", shown, re.MULTILINE)
    assert "wait for people" not in shown
    status = assert_done(run_cli("status")).stdout
    assert "campaign x has nobody left to send to; skipped: 12 to come (cooldown)" in status
    assert_refused(run_cli("campaign", "plan", "x"), "all others are skipped, 12 to come (cooldown)")
    watched = run_cli("campaign", "watch", "x", "--timeout", "0").stdout
    assert "are skipped at" in watched
    assert "wait for people" not in watched


def test_who_expires_before_being_free_is_not_told_as_waited_for(run_cli: RunCli, shop: Shop) -> None:
    shop.submit("before", 12, "b")
    drain(shop)
    options = ("--cooldown", "24h", "--expires", "6h")
    submitted = assert_warned(run_cli(*SUBMIT, "x", *TO_ALL, *options, stdin=PEOPLE))
    assert "it waits for" not in submitted.stdout
    too_late = "since they cannot leave before: they wait for people who were messaged within its cooldown"
    assert re.search(rf"warning: 12 of 20 messages will expire at .*, {too_late}\n", submitted.stderr)
    shown = assert_done(run_cli("campaign", "show", "x")).stdout
    assert re.search(rf"^ends .*; 12 of 20 messages will expire at .*, {too_late}$", shown, re.MULTILINE)
    assert "it waits for" not in shown
    assert run_cli("campaign", "plan", "x", "--json").json["waiting_people"] == []


def assert_warned(result: CliResult) -> CliResult:
    assert result.code == 0, result
    assert result.stderr.startswith("warning: ")
    return result
