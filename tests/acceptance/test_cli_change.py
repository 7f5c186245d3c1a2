"""`broadcaster campaign set`, `clone` and `remove`, through the real command line."""

from __future__ import annotations

import csv
import io
import os
import pty
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from broadcaster.crypto import open_vault
from broadcaster.services.campaigns.lifecycle import cancel_campaign
from broadcaster.services.dispatch import start_due_campaigns
from broadcaster.services.instances import add_instance
from broadcaster.settings import Settings
from tests.support.cli import CliResult, RunCli, assert_done, assert_refused, command

PEOPLE = "phone,name,day\n628123456001,Ann,2026-12-01\n628123456002,Bob,2026-12-02\n628123456003,,soon\n"


@pytest.fixture(autouse=True)
def instances(settings: Settings, engine: Engine) -> None:
    """Two, called `a` and `b`."""
    for name in ("a", "b"):
        add_instance(engine, open_vault(settings), name, f"key-{name}", rate_per_second=20 / 60)


def submit(run_cli: RunCli, name: str = "promo", *options: str, content: Sequence[str | Path] = ()) -> CliResult:
    sent = content or ("--text", "Hi {{ name }}")
    arguments = ("--instance", "a", "--recipients", "-", *sent, *options)
    return assert_done(run_cli("campaign", "submit", name, *arguments, stdin=PEOPLE))


def change(run_cli: RunCli, *options: str | Path) -> CliResult:
    return run_cli("campaign", "set", "promo", *options)


def changed(run_cli: RunCli, *options: str | Path) -> Any:
    return assert_done(change(run_cli, *options, "--json")).json


def report(run_cli: RunCli, name: str = "promo") -> Any:
    return assert_done(run_cli("campaign", "report", name, "--json")).json


def exported(run_cli: RunCli) -> list[Mapping[str, str]]:
    return list(csv.DictReader(io.StringIO(assert_done(run_cli("campaign", "export", "promo")).stdout)))


def sql(engine: Engine, statement: str) -> None:
    with engine.begin() as connection:
        connection.execute(text(statement))


def test_a_text_is_changed_and_shown_before_and_after(run_cli: RunCli) -> None:
    submit(run_cli, "promo", "--draft")
    said = assert_done(change(run_cli, "--text", "Dear {{ name }}")).stdout
    assert "campaign promo is changed; it is draft" in said
    assert "text: 'Hi {{ name }}' -> 'Dear {{ name }}'" in said
    assert "those who have got nothing yet: 3, as version 2 of the content" in said
    assert "628123456001  Dear Ann" in said
    assert "name is empty for 1 of 3" in said
    assert "warning: nobody is told how to opt out" in said
    [first, second] = report(run_cli)["contents"]
    assert [first["body"], second["body"]] == ["Hi {{ name }}", "Dear {{ name }}"]
    table = assert_done(run_cli("campaign", "report", "promo")).stdout
    assert "VERSION" in table and "Dear {{ name }}" in table
    preview = assert_done(run_cli("campaign", "preview", "promo", "--json")).json
    assert preview["messages"][0]["text"] == "Dear Ann"


def test_a_dry_run_changes_nothing(run_cli: RunCli) -> None:
    submit(run_cli, "promo", "--draft")
    before = report(run_cli)
    options = ("--text", "Dear {{ name }}", "--instance", "b", "--priority", "7", "--at", "in 2h", "--dry-run")
    document = changed(run_cli, *options)
    assert [each["what"] for each in document["changes"]] == ["text", "instances", "priority", "start"]
    assert (document["dry_run"], document["content_version"], document["messages"]) == (True, 1, 3)
    assert document["samples"][0] == {"phone": "628123456001", "message": "Dear Ann"}
    assert report(run_cli) == before
    assert "dry run: nothing was" in assert_done(change(run_cli, *options)).stdout


def test_what_is_so_already_makes_no_version(run_cli: RunCli) -> None:
    submit(run_cli, "promo", "--draft")
    document = changed(run_cli, "--text", "Hi {{ name }}", "--instance", "a", "--priority", "0")
    assert (document["changes"], document["content_version"]) == ([], 1)
    assert "is so already" in assert_done(change(run_cli, "--text", "Hi {{ name }}")).stdout


def test_instances_priority_and_start(run_cli: RunCli) -> None:
    submit(run_cli, "promo", "--at", "in 2h")
    both = assert_done(change(run_cli, "--instance", "a", "--instance", "b", "--dry-run")).stdout
    assert "  instances: 'a' -> 'a', 'b'\n" in both
    document = changed(run_cli, "--instance", "b", "--priority", "7", "--at", "in 3h")
    assert document["moved"] == 3
    shown = report(run_cli)
    assert (shown["instances"], shown["priority"]) == (["b"], 7)
    assert {lane["instance"]: lane["pending"] for lane in shown["lanes"]} == {"a": 0, "b": 3}
    assert changed(run_cli, "--instance", "a", "--instance", "b")["moved"] in (1, 2)
    assert {lane["instance"]: lane["pending"] > 0 for lane in report(run_cli)["lanes"]} == {"a": True, "b": True}


def test_a_file_keeps_what_is_not_changed(run_cli: RunCli, tmp_path: Path) -> None:
    (tmp_path / "prices.pdf").write_bytes(b"old")
    (tmp_path / "new.pdf").write_bytes(b"new")
    submit(run_cli, "promo", "--draft", content=("--file", tmp_path / "prices.pdf", "--caption", "For {{ name }}"))
    changed(run_cli, "--filename", '{{ name | default("x") }}.pdf')
    changed(run_cli, "--caption", "")
    changed(run_cli, "--file", tmp_path / "new.pdf")
    changed(run_cli, "--file-url", "https://example.com/a.pdf", "--caption", "Look")
    changed(run_cli, "--text", "No file at all")
    told = [(each["kind"], each["body"], each["caption"], each["filename"]) for each in report(run_cli)["contents"]]
    assert told == [
        ("file", None, "For {{ name }}", "prices.pdf"),
        ("file", None, "For {{ name }}", '{{ name | default("x") }}.pdf'),
        ("file", None, None, '{{ name | default("x") }}.pdf'),
        ("file", None, None, "new.pdf"),
        ("file_url", "https://example.com/a.pdf", "Look", None),
        ("text", "No file at all", None, None),
    ]


def test_files_of_their_own_stay(run_cli: RunCli, tmp_path: Path) -> None:
    people = "phone,name,bill\n628123456001,Ann,1.pdf\n"
    (tmp_path / "1.pdf").write_bytes(b"one")
    files = ("--file-column", "bill", "--file-root", tmp_path, "--caption", "Hi")
    options = ("campaign", "submit", "promo", "--instance", "a", "--recipients", "-", *files, "--draft")
    assert_done(run_cli(*options, stdin=people))
    assert changed(run_cli, "--caption", "Dear {{ name }}")["samples"][0]["message"] == "Dear Ann"
    assert_refused(change(run_cli, "--text", "Hi"), "has a file of their own (--file-column), which stays", code=2)
    clone = assert_done(run_cli("campaign", "clone", "promo", "again", "--json")).json
    assert clone["messages"] == 1
    preview = assert_done(run_cli("campaign", "preview", "again", "--json")).json
    assert (preview["messages"][0]["caption"], preview["messages"][0]["filename"]) == ("Dear Ann", "1.pdf")


@pytest.mark.parametrize(
    ("options", "said", "code"),
    [
        ((), ("nothing is to be changed",), 2),
        (("--text", "Hi {{ nme }}"), ("there is no column 'nme'", "did you mean 'name'?"), 1),
        (("--text", "{{ name }}"), ("1 of 3 recipients", "628123456003: the text would be blank"), 1),
        (("--text", "On {{ day | date }}"), ("1 of 3 recipients cannot be sent this", "628123456003"), 1),
        (("--text", "Hi", "--strict"), ("--strict refuses this content",), 1),
        (("--text", "Hi", "--file-url", "https://example.com"), ("give one of --text",), 2),
        (("--text", "Hi", "--caption", "Ho"), ("a text has none",), 2),
        (("--caption", "Ho"), ("the campaign sends a text",), 2),
        (("--filename", "a.pdf"), ("--filename goes with a file",), 2),
        (("--file", "missing.pdf"), ("missing.pdf",), 1),
        (("--file-url", "https://127.0.0.1/a"), ("--file-url",), 2),
        (("--instance", "c"), ("no instance is called 'c'",), 1),
        (("--at", "2020-01-01 9:00"), ("in the past",), 2),
        (("--locale", "xx"), ("--locale",), 2),
    ],
)
def test_bad_input_changes_nothing(run_cli: RunCli, options: Sequence[str], said: Sequence[str], code: int) -> None:
    submit(run_cli, "promo", "--draft")
    before = report(run_cli)
    assert_refused(change(run_cli, *options), *said, code=code)
    assert report(run_cli) == before


def test_a_campaign_that_runs_or_has_ended_is_left_as_it_is(run_cli: RunCli, engine: Engine) -> None:
    submit(run_cli)
    start_due_campaigns(engine)
    assert_refused(
        change(run_cli, "--text", "Ho"), "is running: pause it first with `broadcaster campaign pause promo`"
    )
    assert_done(run_cli("campaign", "pause", "promo"))
    assert_refused(change(run_cli, "--at", "in 2h"), "has started: --at is for one that has not")
    assert "go on with `broadcaster campaign resume promo`" in assert_done(change(run_cli, "--text", "Ho")).stdout
    cancel_campaign(engine, "promo")
    assert_refused(change(run_cli, "--text", "Hi"), "is cancelled: nothing of it is left to change")
    assert_refused(run_cli("campaign", "set", "none", "--text", "Hi"), "no campaign is called 'none'")


def test_one_over_an_audience_is_checked_against_its_members(run_cli: RunCli) -> None:
    assert_done(run_cli("audience", "import", "people", "-", stdin=PEOPLE))
    options = ("--instance", "a", "--audience", "people", "--where", "name=Ann", "--text", "Hi {{ name }}", "--draft")
    assert_done(run_cli("campaign", "submit", "promo", *options))
    document = changed(run_cli, "--text", "Dear {{ name }}", "--instance", "b")
    assert (document["messages"], document["samples"]) == (1, [{"phone": "628123456001", "message": "Dear Ann"}])
    assert_refused(change(run_cli, "--text", "Hi {{ nobody }}"), "there is no column 'nobody'")
    clone = assert_done(run_cli("campaign", "clone", "promo", "again", "--json")).json
    assert (clone["state"], clone["audience"]) == ("draft", "people")
    preview = assert_done(run_cli("campaign", "preview", "again", "--json")).json
    assert [each["text"] for each in preview["messages"]] == ["Dear Ann"]


def test_a_clone_is_a_draft_with_all_of_it(run_cli: RunCli, engine: Engine) -> None:
    submit(run_cli, "promo", "--priority", "5", "--max-attempts", "2")
    start_due_campaigns(engine)
    sql(engine, "UPDATE messages SET state = 'sent', attempt = 1 WHERE seq = 1")
    said = assert_done(run_cli("campaign", "clone", "promo", "again")).stdout
    assert "campaign again is stored, as draft; messages: 3" in said
    shown = report(run_cli, "again")
    assert (shown["state"], shown["pending"], shown["priority"], shown["instances"]) == ("draft", 3, 5, ["a"])
    assert shown["contents"][0]["body"] == "Hi {{ name }}"
    with engine.begin() as connection:
        columns = "phone, ordinal, variables, state"
        rows = connection.execute(text(f"SELECT {columns}, campaign_id FROM messages ORDER BY campaign_id, seq")).all()
    assert [row[:3] for row in rows[:3]] == [row[:3] for row in rows[3:]]
    assert_refused(run_cli("campaign", "clone", "promo", "again"), "'again' exists already")
    assert_refused(run_cli("campaign", "clone", "none", "new"), "no campaign is called 'none'")
    assert_refused(run_cli("campaign", "clone", "promo", " new"), "campaign name ' new'", code=2)


def test_what_nothing_has_left_of_is_as_if_it_had_not_been(run_cli: RunCli, engine: Engine) -> None:
    for options in (("--draft",), ("--at", "in 2h")):
        submit(run_cli, "promo", *options)
        assert_refused(run_cli("campaign", "remove", "promo"), "wants --yes", code=2)
        removed = assert_done(run_cli("campaign", "remove", "promo", "--yes", "--json")).json
        assert removed == {"name": "promo", "messages": 3}
        assert_refused(run_cli("campaign", "show", "promo"), "no campaign is called 'promo'")
    with engine.begin() as connection:
        for table in ("campaigns", "content_versions", "messages", "campaign_lanes", "rejected_recipients"):
            assert connection.scalar(text(f"SELECT count(*) FROM {table}")) == 0


def test_what_something_has_left_of_stays(run_cli: RunCli, engine: Engine) -> None:
    submit(run_cli)
    start_due_campaigns(engine)
    removed = run_cli("campaign", "remove", "promo", "--yes")
    assert_refused(removed, "is running", "pause it first with `broadcaster campaign pause promo`")
    assert_done(run_cli("campaign", "pause", "promo"))
    sql(engine, "UPDATE messages SET state = 'sent', attempt = 1, content_version = 1 WHERE seq = 1")
    assert_refused(
        run_cli("campaign", "remove", "promo", "--yes"), "something of it has left", "`broadcaster purge` takes it"
    )
    assert report(run_cli)["total"] == 3
    assert [row["content_version"] for row in exported(run_cli)] == ["1", "", ""]


def test_a_terminal_is_asked(run_cli: RunCli, environ: Mapping[str, str], tmp_path: Path) -> None:
    submit(run_cli, "promo", "--draft")
    for answer, code in (("n", 1), ("y", 0)):
        ours, theirs = pty.openpty()
        os.write(ours, f"{answer}\n".encode())
        done = subprocess.run(
            command("campaign", "remove", "promo"),
            cwd=tmp_path,
            env=environ,
            stdin=theirs,
            stderr=theirs,
            stdout=subprocess.PIPE,
            timeout=60,
            check=False,
        )
        os.close(theirs)
        os.close(ours)
        assert done.returncode == code
    assert_refused(run_cli("campaign", "show", "promo"), "no campaign is called 'promo'")
