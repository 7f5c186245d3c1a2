"""`broadcaster schedule`, through the real command line."""

from __future__ import annotations

import getpass
import re
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine

from broadcaster.crypto import open_vault
from broadcaster.services import dispatch
from broadcaster.services.instances import add_instance
from broadcaster.services.schedules.editing import add_schedule
from broadcaster.settings import Settings
from tests.support.cli import RunCli, assert_done, assert_refused
from tests.support.database import everything
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
    assert added.count("09:00 WIB") == 4

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
    queued = f"schedule news has an occurrence queued behind campaign {made['campaign']} since "
    for shown in ("list", "plan"):
        assert queued in assert_done(run_cli("schedule", shown)).stdout
    assert_done(run_cli("schedule", "pause", "news"))
    planned = assert_done(run_cli("schedule", "plan")).stdout
    assert planned.startswith("nothing is due within a month\n")
    assert "it is paused: go on with `broadcaster schedule resume news`" in planned
    assert_done(run_cli("schedule", "resume", "news"))
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
        (["--until", "yesterday"], ["would never come due", "--until"], 2),
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


def more_people(run_cli: RunCli, fee: str, count: int = 5) -> None:
    rows = "".join(f"62812000000{n},N{n},,{fee}\n" for n in range(2, 2 + count))
    assert_done(run_cli("audience", "import", "people", "-", stdin=f"phone,name,city,fee\n{rows}"))


def test_what_a_schedule_would_come_to_is_shown_when_it_is_added_and_when_it_is_changed(
    run_cli: RunCli, engine: Engine
) -> None:
    more_people(run_cli, "150000")
    add = ("schedule", "add", "news", *DAILY, "--from", "2030-01-07", "--text", "{{ city | default('-') }} {{ name }}")
    before = everything(engine)
    for options, done in (("--dry-run",), "dry run: would add schedule news; nothing was stored"), ((), "added"):
        told = assert_done(run_cli(*add, *options)).stdout
        assert told.startswith(done)
        assert "of the next occurrence, Mon 2030-01-07 09:00 WIB:\nmembers of people now: 6; messages: 6;" in told
        assert "city is empty for 5 of 6\n" in told
        assert "the first 3, message as rendered:\n  628120000001  Jakarta Ayu\n  628120000002  - N2\n" in told
        if options:
            assert everything(engine) == before
    before = everything(engine)
    change = ("schedule", "set", "news", "--where", "name=N3", "--text", "{{ occurrence_date }} {{ name }}")
    told = assert_done(run_cli(*change, "--cron", "0 7 * * *", "--dry-run")).stdout
    assert "dry run: would change schedule news" in told
    assert "2030-01-07 07:00 WIB" in told and "  where name=N3\n" in told and "628120000003  2030-01-07 N3" in told
    assert everything(engine) == before
    [first] = [assert_done(run_cli(*change, "--json")).json["first"]]
    assert (first["utc"], first["total"], first["samples"]) == (
        *("2030-01-07T02:00:00Z", 1),
        [{"phone": "628120000003", "message": "2030-01-07 N3"}],
    )
    assert_refused(run_cli(*add, "--dry-run"), "a schedule called 'news' exists already")
    assert "now nobody would get it" in assert_done(run_cli("schedule", "set", "news", "--where", "name=Zoe")).stdout


@pytest.mark.parametrize(
    "options",
    [
        ("--cron", "0 7 * * *", "--priority", "5"),
        ("--text", "Bye {{ name }}", "--where", "name=Ayu"),
        ("--canary", "5%", "--window", "Mon-Fri 09:00-20:00", "--expires", "3h"),
        ("--every", "2h", "--from", "2031-01-07", "--until", "2031-02-07"),
    ],
)
def test_a_dry_run_says_what_each_thing_was_and_would_be(
    run_cli: RunCli, engine: Engine, options: tuple[str, ...]
) -> None:
    assert_done(run_cli("schedule", "add", "news", *DAILY, "--from", "2030-01-07", "--text", "Hi {{ name }}"))

    def differences(*more: str) -> list[str]:
        lines = assert_done(run_cli("schedule", "set", "news", *options, *more)).stdout.splitlines()
        return [line for line in lines if " -> " in line or "[-" in line]

    before = everything(engine)
    planned = differences("--dry-run")
    assert everything(engine) == before
    assert len(planned) >= 2
    assert differences() == planned


def test_a_change_keeps_what_it_does_not_name(run_cli: RunCli, engine: Engine) -> None:
    more_people(run_cli, "01/12/2026")
    assert_done(run_cli("audience", "import", "staff", "-", stdin="phone\n628120000002\n"))
    shows = ("--text", '{{ fee | date("%-d %B") }}')
    kept = ("--where", "fee is not empty", "--exclude", "staff", "--locale", "id")
    assert_done(run_cli("schedule", "add", "news", *DAILY, *shows, *kept))

    def after(*changes: str) -> list[str]:
        done = assert_done(run_cli("schedule", "set", "news", *changes, "--json")).json["first"]
        return [*done["where"], *(sample["message"] for sample in done["samples"][:1])]

    conditions = ["fee is not empty", "not in audience staff"]
    assert after("--text", 'Anew: {{ fee | date("%-d %B") }}') == [*conditions, "Anew: 1 Desember"]
    assert after("--locale", "en_GB") == [*conditions, "Anew: 1 December"]
    assert after("--where", "name=N3") == ["name=N3", "not in audience staff", "Anew: 1 December"]
    assert after("--exclude", "audience:people") == ["name=N3", "not in audience people"]
    assert after("--everybody", "--priority", "2") == ["Anew: 1 December"]
    assert_refused(run_cli("schedule", "set", "news", "--caption", "Hi"), "--caption goes with a file", code=2)
    assert_done(
        run_cli("schedule", "set", "news", "--file-url", "https://example.com/a.pdf", "--caption", "Hi {{ name }}")
    )
    assert_done(run_cli("schedule", "set", "news", "--file-url", "https://example.com/b.pdf"))
    shown = assert_done(run_cli("schedule", "show", "news", "--json")).json
    assert (shown["body"], shown["caption"], shown["locale"]) == (
        "https://example.com/b.pdf",
        "Hi {{ name }}",
        "en_GB",
    )
    assert after("--caption", "Dear {{ name }}") == ["Dear Ayu"]
    assert "en_GB" in assert_done(run_cli("schedule", "show", "news")).stdout
    made = assert_done(run_cli("schedule", "run-now", "news", "--json")).json["campaign"]
    for words in (("show", made), ("report", made)):
        assert assert_done(run_cli("campaign", *words, "--json")).json["locale"] == "en_GB"
        assert "en_GB" in assert_done(run_cli("campaign", *words)).stdout


def test_recipients_of_an_occurrence_who_are_rejected_are_never_passed_over_in_silence(
    run_cli: RunCli, engine: Engine
) -> None:
    more_people(run_cli, "soon", 6)
    shows = ("--text", "{{ name }}: {{ fee | default('0') | number }}")
    added = assert_done(run_cli("schedule", "add", "news", *DAILY, *shows, "--where", "name!=Ayu")).stdout
    assert "messages: 0; rejected: 6" in added and "warning: that many look like a mistake" in added
    made = assert_done(run_cli("schedule", "run-now", "news", "--json")).json["campaign"]
    dispatch.start_due_campaigns(engine)
    dispatch.finish_campaigns(engine)
    export = f"broadcaster campaign export '{made}' --rejected"
    [row] = assert_done(run_cli("schedule", "report", "news", "--json")).json
    assert (row["total"], row["rejected"]) == (0, 6)
    table = assert_done(run_cli("schedule", "report", "news")).stdout.splitlines()
    assert re.search(r" 0 +0 +0 +0  6 rejected; run by an operator$", table[1])
    shown = assert_done(run_cli("campaign", "show", made)).stdout
    assert "can be sent to: all are rejected" in shown and export in shown
    assert "REJECTED" in assert_done(run_cli("campaign", "list")).stdout
    [trouble] = run_cli("status", "--json").json["standing_still"]
    assert (trouble["what"], trouble["name"], trouble["cause"]) == ("schedule", "news", "rejected")
    assert trouble["why"].startswith(f"had 6 of 6 recipients rejected in campaign {made}: Column 'fee': ")
    assert trouble["command"] == export
    assert f"schedule news had 6 of 6 recipients rejected in campaign {made}" in run_cli("status").stdout
    [found] = [check for check in run_cli("doctor", "--json").json["checks"] if check["check"] == "schedules"]
    assert (found["level"], found["command"]) == ("warn", export)
    # The next occurrence is well again.
    more_people(run_cli, "7", 5)
    assert_done(run_cli("schedule", "set", "news", "--everybody", "--text", "{{ name }}"))
    sql(engine, "UPDATE occurrences SET due_at = due_at - interval '1 hour'")
    assert_done(run_cli("schedule", "run-now", "news"))
    dispatch.start_due_campaigns(engine)
    troubles = run_cli("status", "--json").json["standing_still"]
    assert [each for each in troubles if each["what"] == "schedule"] == []


def test_care_of_a_schedule_is_changed_option_by_option_and_taken_away(run_cli: RunCli, engine: Engine) -> None:
    careful = ("--canary", "2%,10%", "--after", "30m", "--stop-above", "failures=10%", "--require-consent")
    assert_done(run_cli("schedule", "add", "news", *DAILY, "--text", "Hi", *careful))

    def care(*options: str) -> tuple[object, bool]:
        assert_done(run_cli("schedule", "set", "news", *options))
        shown = assert_done(run_cli("schedule", "show", "news", "--json")).json
        return shown["care"], shown["require_consent"]

    canary = {"canary": [0.02, 0.1], "after": 1800.0}
    stops = {"stops": {"failures": 0.1}}
    assert care("--priority", "1") == (stops | canary, True)
    assert care("--only-known") == (stops | canary | {"only_known": True}, True)
    assert care("--stop-above", "none", "--after", "1m") == (canary | {"after": 60.0, "only_known": True}, True)
    assert care("--canary", "none") == ({"only_known": True}, True)
    assert care("--no-care", "--canary", "5%") == ({"canary": [0.05]}, False)
    assert care("--canary", "none") == (None, False)
    assert care("--stop-above", "failures=5%") == ({"stops": {"failures": 0.05}}, False)
    assert care("--stop-above", "none") == (None, False)
    assert care("--no-care", "--stop-above", "failures=5%") == ({"stops": {"failures": 0.05}}, False)
    assert care("--no-care") == (None, False)
    refused = run_cli("schedule", "set", "news", "--max-unanswered", "3")
    assert_refused(refused, "its instances read no replies", code=2)
