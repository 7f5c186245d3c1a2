"""What is said of a campaign before it is sent, and how long it takes, under all limits and windows."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, text

from broadcaster.services.dispatch import start_due_campaigns
from tests.support.cli import RunCli, assert_done

PEOPLE = "".join(f"6281234560{number:02}\n" for number in range(60))


@pytest.fixture(autouse=True)
def instance(run_cli: RunCli) -> None:
    """One called `a`, which may send 20 a minute and 25 a day."""
    rates = ("--rate", "20/min", "--rate", "25/d")
    assert_done(run_cli("instance", "add", "a", "--key-stdin", *rates, stdin="key-a"))


def submit(run_cli: RunCli, *options: str) -> tuple[str, str]:
    arguments = ("--instance", "a", "--recipients", "-", "--text", "Hi STOP", *options)
    done = run_cli("campaign", "submit", "c", *arguments, stdin=f"phone\n{PEOPLE}")
    assert done.code == 0, done
    return done.stdout, done.stderr


def test_a_dry_run_says_how_many_leave_on_each_day_and_what_that_waits_for(run_cli: RunCli) -> None:
    said, _ = submit(run_cli, "--dry-run", "--at", "2027-01-04T09:00Z")
    assert re.search(r"sending takes about 2 d [01] h, until 2027-01-06", said)
    assert "it waits for limit 25/d of a" in said
    assert "  Mon 2027-01-04: 25\n  Tue 2027-01-05: 25\n  Wed 2027-01-06: 10\n" in said


def test_how_many_will_expire_is_said_before(run_cli: RunCli) -> None:
    _, warned = submit(run_cli, "--dry-run", "--expires", "6h")
    assert "warning: 35 of 60 messages will expire: limits and windows do not let them leave before" in warned


def test_show_watch_and_start_know_limits_too(run_cli: RunCli, engine: Engine) -> None:
    submit(run_cli, "--draft")
    said = assert_done(run_cli("campaign", "start", "c")).stdout
    assert re.search(r"sending takes about 2 d [01] h, until", said)
    start_due_campaigns(engine)
    shown = assert_done(run_cli("campaign", "show", "c")).stdout
    assert re.search(r"ends +20.* UTC; it waits for limit 25/d of a", shown)
    ends = datetime.fromisoformat(assert_done(run_cli("campaign", "show", "c", "--json")).json["ends_at"])
    assert timedelta(days=2) < ends - datetime.now(UTC) < timedelta(days=2, hours=3)
    watched = run_cli("campaign", "watch", "c", "--timeout", "1").stdout
    assert re.search(r"2 d [01] h left", watched)


def test_a_campaign_that_starts_now_is_not_said_to_be_scheduled(run_cli: RunCli) -> None:
    said, _ = submit(run_cli)
    assert "campaign c is stored, and starts now" in said


def test_what_leaves_on_another_day_than_its_conditions_mean_is_warned_of(run_cli: RunCli) -> None:
    rows = "".join(f"6281234560{number:02},2027-01-05\n" for number in range(10))
    assert_done(run_cli("audience", "import", "people", "-", stdin=f"phone,date\n{rows}"))
    arguments = ("--instance", "a", "--audience", "people", "--where", "date=today+1", "--text", "Hi {{ date }} STOP")
    when = ("--at", "2027-01-04T18:00Z", "--dry-run", "--window-zone", "UTC")
    utc = {"BROADCASTER_TIMEZONE": "UTC"}
    late = run_cli("campaign", "submit", "c", *arguments, *when, "--window", "09:00-17:00", environ=utc)
    assert "warning: 10 of 10 messages leave on another day than Mon 2027-01-04, for which `today`" in late.stderr
    good = run_cli("campaign", "submit", "c", *arguments, *when, "--window", "09:00-20:00", environ=utc)
    assert "another day" not in good.stderr


def test_expired_ones_have_a_column_where_there_are_any(run_cli: RunCli, engine: Engine) -> None:
    submit(run_cli)
    assert "EXPIRED" not in assert_done(run_cli("campaign", "list")).stdout
    with engine.begin() as connection:
        connection.execute(text("UPDATE messages SET state = 'expired' WHERE seq < 4"))
    listed = assert_done(run_cli("campaign", "list")).stdout.splitlines()
    assert listed[0].split() == ["NAME", "STATE", "TOTAL", "SENT", "FAILED", "EXPIRED", "OPEN", "STARTS"]
    assert listed[1].split()[2:7] == ["60", "0", "0", "3", "57"]


def test_show_does_not_send_anybody_to_itself(run_cli: RunCli, engine: Engine) -> None:
    submit(run_cli, "--window", "00:00-24:00")
    start_due_campaigns(engine)
    with engine.begin() as connection:
        connection.execute(
            text("UPDATE openings SET opens_at = now() + interval '5 h', closes_at = now() + interval '9 h'")
        )
        connection.execute(text("INSERT INTO ticks (name, period_seconds, done_at) VALUES ('lifecycle', 1, now())"))
    shown = assert_done(run_cli("campaign", "show", "c")).stdout
    assert "waits for its window; it opens at" in shown
    assert "campaign show c`" not in shown
