"""What newcomers were told in words that misled."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import Engine

from broadcaster.services.dispatch import finish_campaigns, start_due_campaigns
from tests.support.cli import RunCli, assert_done

PHONES = "".join(f"6281234560{number:02}\n" for number in range(40))
TO = ("--recipients", "-", "--text", "Hi STOP", "--instance", "a")


@pytest.fixture(autouse=True)
def instance(run_cli: RunCli) -> None:
    rates = ("--rate", "20/min", "--rate", "500/h", "--rate", "1000/d")
    assert_done(run_cli("instance", "add", "a", "--key-stdin", *rates, stdin="key-a"))


def dry_run(run_cli: RunCli, *options: str, phones: str = PHONES) -> str:
    asked = ("campaign", "submit", "c", *TO, "--accept-countries", "--dry-run", *options)
    return assert_done(run_cli(*asked, stdin=f"phone\n{phones}")).stdout


def test_all_rates_of_an_instance_are_listed(run_cli: RunCli) -> None:
    assert "20/min, 500/h, 1000/d" in assert_done(run_cli("instance", "list")).stdout


def test_countries_with_one_clock_have_no_zones_to_wait_for(run_cli: RunCli) -> None:
    said = dry_run(run_cli, "--window", "legal", phones="447911123456\n6281234560001\n")
    assert "it is sent within the legal hours of each recipient's country: " in said
    assert "1 recipients are in ID" not in said
    assert "1 recipient is in ID, where numbers tell no time zone: all zones of it have to be open" in said
    assert " in GB, " not in said


def test_what_expires_before_a_request_could_end_is_said_so(run_cli: RunCli) -> None:
    asked = ("campaign", "submit", "c", *TO, "--accept-countries", "--dry-run", "--expires", "10s")
    said = run_cli(*asked, stdin=f"phone\n{PHONES}").stdout
    assert "messages leave until" not in said
    assert re.search(r"it expires at .*, and a request may take longer: nothing leaves before", said)


def test_of_a_schedule_that_outlasts_its_interval_that_is_said_when_it_is_added(run_cli: RunCli) -> None:
    assert_done(run_cli("audience", "import", "people", "-", stdin=f"phone\n{PHONES}"))
    add = ("--audience", "people", "--instance", "a", "--text", "Hi STOP", "--timezone", "UTC")
    said = assert_done(run_cli("schedule", "add", "often", "--every", "1m", "--overlap", "skip", *add)).stdout
    assert re.search(
        "warning: the next occurrence is sent until .*, and the one after it, due .*, is skipped; see", said
    )
    said = assert_done(run_cli("schedule", "add", "rarely", "--every", "10m", *add)).stdout
    assert "is sent until" not in said


def test_a_plan_of_what_has_nothing_left_says_so_and_is_no_error(run_cli: RunCli, engine: Engine) -> None:
    assert_done(run_cli("campaign", "submit", "c", *TO, stdin="phone\n6281234560001\n"))
    start_due_campaigns(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE messages SET state = 'skipped', reason = 'opted_out'")
    finish_campaigns(engine)
    planned = run_cli("campaign", "plan", "c")
    assert (planned.code, planned.stdout) == (0, "nothing is left to send of campaign 'c': it is finished\n")
