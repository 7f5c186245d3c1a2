"""`broadcaster campaign`, through the real command line."""

from __future__ import annotations

import csv
import io
import os
import pty
import re
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Self
from zoneinfo import ZoneInfo

import msgspec
import pytest
from sqlalchemy import Engine, text

from broadcaster.crypto import open_vault
from broadcaster.services.dispatch import finish_campaigns, start_due_campaigns
from broadcaster.services.instances import add_instance
from broadcaster.settings import Settings
from broadcaster.worker.app import TICKS
from tests.support.cli import CliResult, RunCli, assert_done, assert_refused, command
from tests.support.servers import TestServers, redis_client

PHONES = ["628123456789", "628123456780", "628123456781"]
RECIPIENTS = "phone,name\n" + "".join(f"{phone},Ann\n" for phone in PHONES)
REASON = "=HYPERLINK(...) is no phone"
SHOW_KEYS = {
    *("name", "state", "total", "pending", "sending", "sent", "failed", "in_doubt", "unknown"),
    *("skipped", "cancelled", "expired", "instances", "created_at", "starts_at", "started_at", "finished_at"),
    "purged_at",
}


@pytest.fixture(autouse=True)
def instance(settings: Settings, engine: Engine) -> None:
    """One instance called `a`."""
    add_instance(engine, open_vault(settings), "a", "key-a", rate_per_second=20 / 60)


def submit(run_cli: RunCli, name: str = "promo", *options: str, recipients: str | bytes = RECIPIENTS) -> CliResult:
    arguments = ("--instance", "a", "--recipients", "-", "--text", "Hi {{ name }}")
    return assert_done(run_cli("campaign", "submit", name, *arguments, *options, stdin=recipients))


def send(engine: Engine, *, sent: Sequence[str] = (), failed: Sequence[str] = ()) -> None:
    """Take the messages to these phones to `sent` or `failed`, by the way that a worker takes them."""
    statement = text(
        "UPDATE messages SET state = CAST(:state AS message_state), reason = CAST(:reason AS text)"
        " WHERE phone = ANY(:phones)"
    )
    start_due_campaigns(engine)
    with engine.begin() as connection:
        for final, phones, reason in (("sent", sent, None), ("failed", failed, REASON)):
            for state in ("sending", final):
                connection.execute(statement, {"state": state, "reason": reason, "phones": list(phones)})


def finish(engine: Engine, *, sent: Sequence[str] = (), failed: Sequence[str] = ()) -> None:
    """The same, for what is left of a campaign."""
    send(engine, sent=sent, failed=failed)
    finish_campaigns(engine)


@pytest.mark.parametrize(
    ("recipients", "options"),
    [
        ("\ufeffphone,name\r\n628123456789,Ann\r\n".encode(), ()),
        (b"phone;name\n628123456789;Ann\n", ()),
        (b"phone\tname\n628123456789\tAnn\n", ()),
        (b"sep=|\nphone|name\n628123456789|Ann\n", ()),
        (b"name#phone\nAnn#628123456789\n", ("--delimiter", "#")),
        ("phone,name\n628123456789,Анна\n".encode("cp1251"), ("--encoding", "cp1251")),
        ("phone,name\n628123456789,Анна\n".encode("utf-16"), ("--encoding", "utf-16")),
        (b"Mobile,name\n0812-3456-789,Ann\n", ("--phone-column", "mobile", "--country", "ID")),
        (b'phone,name\n\n+62 812 3456 789,"Ann\nLee"\n,\n', ()),
        (b"phone,name\n628123456789,Ann\n6.28123E+11,Bob\n12345,Cid\n628123456789,again\n", ()),
    ],
    ids=["BOM and CRLF", "semicolons", "tabs", "sep", "delimiter", "cp1251", "UTF-16", "column", "spaces", "rejects"],
)
def test_recipients_files_as_people_have_them_are_taken(
    run_cli: RunCli, engine: Engine, recipients: bytes, options: tuple[str, ...]
) -> None:
    submit(run_cli, "promo", *options, recipients=recipients)
    with engine.connect() as connection:
        assert connection.scalars(text("SELECT phone FROM messages")).all() == ["628123456789"]


def test_a_submission_tells_what_it_took_and_what_it_rejected(run_cli: RunCli) -> None:
    rows = "628123456789,Ann\nword,Bob\n628123456789,Ann again\n6.28123E+11,Cid\n12345,Dee\n+,Eve\n"
    arguments = ("submit", "promo", "--instance", "a", "--recipients", "-", "--text", "Hi {{ name }}")
    done = run_cli("campaign", *arguments, "--accept-rejected", stdin=f"phone,name\n{rows}")
    told = assert_done(done).stdout.splitlines()
    assert told[:3] == [
        "campaign promo is stored, and starts now",
        "recipients read: 6; messages: 1; rejected: 4; repeated: 1",
        "countries: 1 Indonesia",
    ]
    assert [line.split(":")[1].split(",")[0] for line in told[3:6]] == [" line 3", " line 5", " line 6"]
    assert told[6:8] == ["  and 1 more", "  `broadcaster campaign export promo --rejected` has them all"]
    exported = assert_done(run_cli("campaign", "export", "promo", "--rejected")).stdout
    rejected = list(csv.DictReader(io.StringIO(exported)))
    assert [(row["line"], row["phone"]) for row in rejected] == [
        ("3", "word"),
        ("4", "628123456789"),
        ("5", "6.28123E+11"),
        ("6", "12345"),
        ("7", "'+"),
    ]
    assert all(row["reason"] for row in rejected)


def test_show_json_has_stable_keys_and_times_in_utc(run_cli: RunCli) -> None:
    start = datetime.now().astimezone() + timedelta(days=1)
    submit(run_cli, "promo", "--at", start.isoformat(), "--priority", "7")
    shown = assert_done(run_cli("campaign", "show", "promo", "--json", environ={"TZ": "Asia/Jakarta"})).json
    assert shown.keys() >= SHOW_KEYS
    assert (shown["name"], shown["state"], shown["instances"]) == ("promo", "scheduled", ["a"])
    assert (shown["total"], shown["pending"], shown["sent"]) == (3, 3, 0)
    assert shown["starts_at"].endswith("Z")
    assert datetime.fromisoformat(shown["starts_at"]) == start
    assert (shown["started_at"], shown["finished_at"]) == (None, None)
    listed = assert_done(run_cli("campaign", "list", "--json")).json
    assert [{**shown, **promo} for promo in listed] == [shown]


def test_a_start_in_words_is_shown_back_with_its_zone(run_cli: RunCli) -> None:
    jakarta = {"BROADCASTER_TIMEZONE": "Asia/Jakarta", "TZ": "America/New_York"}
    arguments = ("submit", "promo", "--instance", "a", "--recipients", "-", "--text", "Hi", "--at", "tomorrow 9:00")
    people = assert_done(run_cli("campaign", *arguments, "--dry-run", stdin=RECIPIENTS, environ=jakarta)).stdout
    today = datetime.now(ZoneInfo("Asia/Jakarta")).replace(tzinfo=None)
    nine = today.replace(hour=9, minute=0, second=0, microsecond=0) + timedelta(days=1)
    assert f"it would start {nine:%a %Y-%m-%d} 09:00 WIB, in " in people
    assert "by the clocks of Asia/Jakarta" in people
    programs = assert_done(run_cli("campaign", *arguments, "--json", stdin=RECIPIENTS, environ=jakarta)).json
    assert programs["starts_at"] == f"{nine - timedelta(hours=7):%Y-%m-%dT%H:%M:%SZ}"
    listed = assert_done(run_cli("campaign", "list", environ=jakarta)).stdout
    assert f"{nine:%Y-%m-%d} 09:00 WIB" in listed


def test_the_first_campaign_of_an_instance_suggests_to_try_it(run_cli: RunCli, engine: Engine) -> None:
    told = submit(run_cli, "promo").stdout
    assert "nothing was sent through instance a yet" in told
    assert "`broadcaster instance check a --to NUMBER`" in told
    send(engine, sent=PHONES)
    assert "nothing was sent" not in submit(run_cli, "another").stdout


def test_an_estimate_counts_what_waits_at_the_instance(run_cli: RunCli, engine: Engine) -> None:
    assert_done(run_cli("instance", "set", "a", "--rate", "1/min", "--burst", "1"))
    assert "of other campaigns" not in submit(run_cli, "first").stdout
    start_due_campaigns(engine)
    told = submit(run_cli, "second").stdout
    # In turns with the three before, a minute each.
    assert re.search(r"sending takes about 4 min, until \w{3} 20", told)
    assert "beside 3 messages of other campaigns through its instances" in told
    assert "of other campaigns" not in submit(run_cli, "later", "--at", "in 2h").stdout


def test_a_dry_run_shows_counts_rejects_and_messages_and_keeps_nothing(run_cli: RunCli, tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text("phone,name\n1,X\n628123456789,Ann\n628123456789,Ann\n628123456780,Bob\n")
    arguments = ("submit", "promo", "--instance", "a", "--recipients", "people.csv", "--text", "Hi {{ name }}")
    people = assert_done(run_cli("campaign", *arguments, "--dry-run")).stdout
    assert "nothing was stored" in people
    assert "recipients read: 4; messages: 2; rejected: 1; repeated: 1" in people
    assert "line 2, '1'" in people
    assert "628123456789  Hi Ann\n  628123456780  Hi Bob\n" in people
    assert "sending takes as long as the gateway needs: so many may be sent at once" in people
    programs = assert_done(run_cli("campaign", *arguments, "--dry-run", "--json")).json
    assert programs["dry_run"] is True
    assert programs["samples"][0] == {"phone": "628123456789", "message": "Hi Ann", "file": None}
    assert assert_done(run_cli("campaign", "list", "--json")).json == []


def test_without_redis_a_submission_is_stored_with_one_warning(run_cli: RunCli) -> None:
    arguments = ("submit", "promo", "--instance", "a", "--recipients", "-", "--text", "Hi", "--json")
    result = run_cli(
        "campaign", *arguments, stdin=RECIPIENTS, environ={"BROADCASTER_REDIS_URL": "redis://127.0.0.1:1"}
    )
    assert result.code == 0
    assert result.stderr.startswith("warning: Redis cannot be reached: all is stored")
    assert result.stderr.count("\n") == 1
    assert result.json["total"] == 3
    assert assert_done(run_cli("campaign", "show", "promo", "--json")).json["pending"] == 3


def test_a_submission_wakes_the_workers_and_a_draft_does_not(run_cli: RunCli, settings: Settings) -> None:
    with redis_client(settings) as client:
        submit(run_cli, "draft", "--draft")
        before = client.llen(TICKS)
        submit(run_cli, "promo")
        assert before == 0
        assert client.llen(TICKS) > 0


def test_a_campaign_is_steered_by_its_name(run_cli: RunCli) -> None:
    submit(run_cli, "promo", "--draft")
    assert_refused(run_cli("campaign", "pause", "promo"), "'promo' is draft")
    told = [
        assert_done(run_cli("campaign", *step.split(), "promo")).stdout.splitlines()[0] + "\n"
        for step in ("start", "pause", "pause", "resume", "cancel --yes", "cancel")
    ]
    assert told == [
        "campaign promo is running\n",
        "campaign promo is paused\n",
        "campaign promo is paused\n",
        "campaign promo is running\n",
        "campaign promo is cancelled; messages cancelled: 3\n",
        "campaign promo was cancelled already: nothing was changed\n",
    ]
    assert_refused(run_cli("campaign", "resume", "promo"), "'promo' is cancelled")
    assert assert_done(run_cli("campaign", "show", "promo", "--json")).json["cancelled"] == 3


def test_a_report_tells_why_messages_failed_and_retry_sends_only_those_again(run_cli: RunCli, engine: Engine) -> None:
    submit(run_cli)
    send(engine, sent=PHONES[:1], failed=PHONES[1:2])
    people = assert_done(run_cli("campaign", "report", "promo")).stdout.splitlines()
    assert people[-1].split() == ["failed", "1", "a", "628123456780", *REASON.split()]
    programs = assert_done(run_cli("campaign", "report", "promo", "--json")).json
    assert (programs["sent"], programs["failed"], programs["pending"]) == (1, 1, 1)
    assert [(lane["instance"], lane["sent"], lane["total"]) for lane in programs["lanes"]] == [("a", 1, 3)]
    assert [(row["reason"], row["example_phone"]) for row in programs["failures"]] == [(REASON, "628123456780")]
    retried = assert_done(run_cli("campaign", "retry", "promo")).stdout
    assert retried == "campaign promo is running; messages to be sent again: 1\n"
    shown = assert_done(run_cli("campaign", "show", "promo", "--json")).json
    assert (shown["sent"], shown["failed"], shown["pending"]) == (1, 0, 2)


def test_an_export_has_every_message_and_no_formula(run_cli: RunCli, engine: Engine, tmp_path: Path) -> None:
    submit(run_cli, recipients="phone,name,state\n628123456789,=1+1,Java\n628123456780,-Bob,@Bali\n")
    send(engine, failed=PHONES[1:2])
    everything = assert_done(run_cli("campaign", "export", "promo")).stdout
    rows = list(csv.DictReader(io.StringIO(everything)))
    assert [(row["phone"], row["state"], row["name"], row["variable_state"]) for row in rows] == [
        ("628123456789", "pending", "'=1+1", "Java"),
        ("628123456780", "failed", "'-Bob", "'@Bali"),
    ]
    assert rows[1]["reason"] == f"'{REASON}"
    target = tmp_path / "failed.csv"
    target.write_text("yesterday's")
    assert_done(run_cli("campaign", "export", "promo", "--state", "failed", "--output", target))
    assert target.read_bytes().decode().splitlines() == [everything.splitlines()[0], everything.splitlines()[2]]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["failed.csv"]


def test_an_export_that_fails_leaves_the_old_file_alone(run_cli: RunCli, tmp_path: Path) -> None:
    target = tmp_path / "old.csv"
    target.write_text("yesterday's")
    assert_refused(run_cli("campaign", "export", "nope", "--output", target), "'nope'")
    assert_refused(run_cli("campaign", "export", "nope", "--output", tmp_path / "no" / "x"), "cannot write", "x")
    assert target.read_text() == "yesterday's"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["old.csv"]


class Watching:
    """`campaign watch promo` as a process, with its lines as they come."""

    def __init__(self, environ: Mapping[str, str], *options: str) -> None:
        argv = command("campaign", "watch", "promo", *options)
        self.process = subprocess.Popen(argv, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def line(self) -> str:
        """The next line."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().decode()

    def end(self) -> tuple[int, list[str], str]:
        """The exit code, the further lines, and stderr."""
        out, err = self.process.communicate(timeout=30)
        return self.process.returncode, out.decode().splitlines(), err.decode()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()


def test_watching_tells_each_change_in_a_line_and_ends_with_the_campaign(
    run_cli: RunCli, engine: Engine, environ: Mapping[str, str]
) -> None:
    submit(run_cli)
    with Watching(environ) as people, Watching(environ, "--json") as programs:
        assert people.line().startswith("scheduled: 0 of 3 final; 3 pending, 0 sent")
        assert msgspec.json.decode(programs.line())["pending"] == 3
        finish(engine, sent=PHONES[:2], failed=PHONES[2:])
        code, lines, errors = people.end()
        assert (code, errors) == (0, "")
        assert lines[-1].startswith("finished: 3 of 3 final; 2 sent, 1 failed; ")
        code, lines, errors = programs.end()
        assert (code, errors) == (0, "")
        assert msgspec.json.decode(lines[-1])["state"] == "finished"


def test_watching_outlives_an_absence_of_postgres(
    run_cli: RunCli, servers: TestServers, engine: Engine, environ: Mapping[str, str]
) -> None:
    submit(run_cli)
    with Watching(environ) as watching:
        assert watching.line().startswith("scheduled")
        with servers.without(engine):
            assert "trying again: Postgres is not usable: " in watching.line()
        finish(engine, sent=PHONES)
        code, lines, errors = watching.end()
    assert (code, errors) == (0, "")
    assert lines[-1].startswith("finished: 3 of 3 final; 3 sent")


def test_watching_a_cancelled_campaign_or_too_long_ends_with_code_1(run_cli: RunCli) -> None:
    submit(run_cli)
    late = run_cli("campaign", "watch", "promo", "--timeout", "0")
    assert (late.code, late.stderr) == (1, "error: campaign promo is still scheduled after 0 s\n")
    assert_done(run_cli("campaign", "cancel", "promo", "--yes"))
    over = run_cli("campaign", "watch", "promo")
    assert (over.code, over.stderr) == (1, "")
    assert over.stdout.startswith("cancelled: 3 of 3 final; 0 sent, 3 cancelled")


def test_watching_says_what_keeps_the_campaign_from_going_on(run_cli: RunCli, engine: Engine) -> None:
    submit(run_cli)
    with engine.begin() as connection:
        connection.execute(text("UPDATE lanes SET health = 'refused', health_reason = 'wrong\x1b[2Jkey'"))
        connection.execute(text("UPDATE campaigns SET starts_at = now() - interval '1 minute'"))
    told = run_cli("campaign", "watch", "promo", "--timeout", "0").stdout
    assert "; it stands still: no worker or no beat runs; 3 messages wait: find out" in told
    assert re.search(r"instance a is stopped since \S+ \S+ \S+ \S+: wrong\\x1b\[2Jkey; 3 messages wait: give", told)


def test_ctrl_c_ends_the_watching_quietly(run_cli: RunCli, environ: Mapping[str, str]) -> None:
    submit(run_cli)
    with Watching(environ) as watching:
        assert watching.line().startswith("scheduled")
        watching.process.send_signal(signal.SIGINT)
        assert watching.end() == (130, [], "")


def test_a_terminal_shows_a_bar_while_it_is_sent(run_cli: RunCli, engine: Engine, environ: Mapping[str, str]) -> None:
    submit(run_cli)
    send(engine, sent=PHONES[:1])
    outside, inside = pty.openpty()
    shown = b""
    with subprocess.Popen(
        command("campaign", "watch", "promo"), env={**environ, "TERM": "xterm", "COLUMNS": "80"}, stdout=inside
    ) as process:
        os.close(inside)
        while b"1 of 3" not in shown:
            shown += os.read(outside, 4096)
        finish(engine, sent=PHONES[1:2], failed=PHONES[2:])
        with suppress(OSError):  # how Linux says that the other side of a terminal is gone
            while more := os.read(outside, 4096):
                shown += more
    os.close(outside)
    assert process.returncode == 0
    for text_shown in ("━", "33%", "3 of 3", "100%", "2 sent, 1 failed", "finished"):
        assert text_shown in shown.decode()
