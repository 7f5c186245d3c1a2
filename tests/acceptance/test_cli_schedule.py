"""`broadcaster schedule`, through the real command line."""

from __future__ import annotations

import getpass
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine

from broadcaster.crypto import open_vault
from broadcaster.services.instances import add_instance
from broadcaster.services.schedules.editing import add_schedule
from broadcaster.settings import Settings
from tests.support.cli import RunCli, assert_done, assert_refused
from tests.support.schedules import new_schedule

DAILY = ("--cron", "0 9 * * mon-fri", "--timezone", "Asia/Jakarta", "--audience", "people", "--instance", "a")


def sql(engine: Engine, statement: str) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql(statement)


@pytest.fixture(autouse=True)
def people(settings: Settings, engine: Engine) -> None:
    """An instance `a`, and an audience with one member."""
    add_instance(engine, open_vault(settings), "a", "key-a", rate_per_second=None)
    sql(engine, "INSERT INTO audiences (name, variables) VALUES ('people', '{name,city}')")
    sql(
        engine,
        "INSERT INTO audience_members (audience_id, phone, variables)"
        """ SELECT id, '628120000001', '{"name": "Ayu", "city": "Jakarta"}' FROM audiences""",
    )


def test_a_schedule_goes_by_the_clocks_that_moments_are_shown_by_and_keeps_them(run_cli: RunCli) -> None:
    daily = ("--cron", "0 9 * * *", "--audience", "people", "--instance", "a", "--text", "Hi")
    span = ("--from", "2030-01-07 8:00", "--until", "2030-01-11")
    added = run_cli("schedule", "add", "news", *daily, *span, environ={"BROADCASTER_TIMEZONE": "Asia/Jakarta"})
    assert "At 09:00 every day, by the clocks of Asia/Jakarta" in assert_done(added).stdout
    elsewhere = {"BROADCASTER_TIMEZONE": "Europe/Berlin"}
    shown = assert_done(run_cli("schedule", "show", "news", "--json", environ=elsewhere)).json
    assert (shown["timezone"], shown["from_at"], shown["grace_seconds"]) == (
        "Asia/Jakarta",
        "2030-01-07T01:00:00Z",
        7200,
    )
    assert shown["next_at"] == "2030-01-07T02:00:00Z"


def test_a_schedule_from_its_adding_to_its_removal(run_cli: RunCli, engine: Engine) -> None:
    added = assert_done(
        run_cli(
            *("schedule", "add", "news", *DAILY, "--text", "Hi {{ name }}, {{ occurrence_date }}"),
            *("--from", "2030-01-07T08:00", "--until", "2030-01-11", "--where", "city=Jakarta"),
            *("--misfire", "hold", "--grace", "15m", "--overlap", "skip", "--priority", "3"),
        )
    ).stdout
    assert "At 09:00 on Monday through Friday, by the clocks of Asia/Jakarta" in added
    assert added.count("09:00 WIB") == 3

    following = assert_done(run_cli("schedule", "next", "news", "-n", "9", "--json")).json
    assert following["words"] == "At 09:00 on Monday through Friday"
    assert [each["utc"] for each in following["occurrences"]] == [
        f"2030-01-{day:02}T02:00:00Z" for day in range(7, 12)
    ]
    assert following["occurrences"][0] == {
        "local": "2030-01-07T09:00:00+07:00",
        "utc": "2030-01-07T02:00:00Z",
        "weekday": "Monday",
        "campaign": "news 2030-01-07T09:00",
    }
    told = assert_done(run_cli("schedule", "next", "news")).stdout
    assert "Mon 2030-01-07 09:00 WIB" in told and "2030-01-07T02:00:00Z" in told

    assert_done(run_cli("schedule", "set", "news", "--every", "1w", "--forever", "--everybody", "--text", "Anew"))
    shown = assert_done(run_cli("schedule", "show", "news", "--json")).json
    assert {key: shown[key] for key in ("state", "cron", "every", "until_at", "conditions", "body", "misfire")} == {
        "state": "active",
        "cron": None,
        "every": "1w",
        "until_at": None,
        "conditions": None,
        "body": "Anew",
        "misfire": "hold",
    }
    assert "Anew" in assert_done(run_cli("schedule", "show", "news")).stdout

    assert "is paused" in assert_done(run_cli("schedule", "pause", "news")).stdout
    [listed] = assert_done(run_cli("schedule", "list", "--json")).json
    assert (listed["name"], listed["state"], listed["next_at"]) == ("news", "paused", None)
    assert assert_done(run_cli("schedule", "resume", "news", "--json")).json == {"name": "news", "state": "active"}
    assert "every 1w" in assert_done(run_cli("schedule", "list")).stdout
    assert "no occurrences yet" in assert_done(run_cli("schedule", "report", "news")).stdout

    assert_refused(run_cli("instance", "remove", "a"), "used by schedule 'news'")
    assert_refused(run_cli("audience", "remove", "people"), "news")
    assert "removed schedule news" in assert_done(run_cli("schedule", "remove", "news")).stdout
    assert "no schedules yet" in assert_done(run_cli("schedule", "list")).stdout
    assert "audience people is removed" in assert_done(run_cli("audience", "remove", "people")).stdout


def test_occurrences_are_run_approved_and_rejected(run_cli: RunCli, engine: Engine) -> None:
    add_schedule(engine, new_schedule("news"))
    made = assert_done(run_cli("schedule", "run-now", "news", "--json")).json
    assert (made["schedule"], made["number"], made["state"]) == ("news", 1, "started")
    assert made["campaign"].startswith("news 2")
    for hours in (2, 1):
        due = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=hours)
        sql(
            engine,
            "INSERT INTO occurrences (schedule_id, due_at, state, reason)"
            f" SELECT id, '{due.isoformat()}', 'held', 'missed' FROM schedules",
        )
    _, second, first = assert_done(run_cli("schedule", "report", "news", "--json")).json
    assert_refused(run_cli("schedule", "approve", "news"), "say which", first["occurrence"], code=2)
    assert "is queued" in assert_done(run_cli("schedule", "approve", "news", first["occurrence"])).stdout
    rejected = run_cli("schedule", "reject", "news", "--reason", "too late", "--by", "Ayu", "--json")
    assert assert_done(rejected).json["occurrence"] == second["occurrence"]
    rows = assert_done(run_cli("schedule", "report", "news", "--json")).json
    assert [(row["state"], row["decided_by"], row["reason"]) for row in rows] == [
        ("started", getpass.getuser(), "run by an operator"),
        ("rejected", "Ayu", "too late"),
        ("queued", getpass.getuser(), "missed"),
    ]
    table = assert_done(run_cli("schedule", "report", "news", "--limit", "1")).stdout
    assert "OCCURRENCE" in table and table.count("\n") == 2
    assert "cancelled campaign news" in assert_done(run_cli("schedule", "remove", "news")).stdout


@pytest.mark.parametrize(
    ("change", "said", "code"),
    [
        (["--cron", "0 25 * * *"], ["--cron '0 25 * * *'", "the hour field '25'"], 2),
        (["--timezone", "Asia/Jakrta"], ["--timezone", "did you mean Asia/Jakarta?"], 2),
        (["--text", "{{ nmae }}"], ["did you mean 'name'", "occurrence_date"], 1),
        (["--until", "yesterday"], ["--until 'yesterday' is not understood"], 2),
    ],
)
def test_a_slip_is_refused_in_one_line(run_cli: RunCli, change: list[str], said: list[str], code: int) -> None:
    assert_refused(run_cli("schedule", "add", "news", *DAILY, "--text", "Hi", *change), *said, code=code)


def test_what_is_missing_or_unknown_is_said(run_cli: RunCli) -> None:
    assert_refused(run_cli("schedule", "show", "news"), "no schedule is called 'news'", "schedule list")
    assert_refused(run_cli("schedule", "set", "news", "--count", "2"), "no schedule is called 'news'")
    assert_refused(run_cli("schedule", "add", "news", "--cron", "0 9 * * *"), "Missing option", code=2)


def test_adding_one_says_what_may_be_wrong_with_its_text_and_strict_refuses_it(run_cli: RunCli) -> None:
    wrong = ("schedule", "add", "news", *DAILY, "--text", "BUY NOW AND NEVER THINK AGAIN")
    assert_refused(run_cli(*wrong, "--strict"), "--strict refuses this content", "how to opt out")
    assert_refused(run_cli("schedule", "show", "news"), "'news'")
    told = assert_done(run_cli(*wrong)).stdout.splitlines()
    assert any(line.startswith("warning: nobody is told how to opt out") for line in told)
    fine = ("--text", "Good morning {{ name }}. Reply STOP to get no more", "--strict", "--json")
    assert assert_done(run_cli("schedule", "add", "fine", *DAILY, *fine)).json["lint"] == []
