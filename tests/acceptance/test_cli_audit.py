"""The audit trail: every command that changes something leaves who, where, what, before and after."""

from __future__ import annotations

import getpass
import json
import re
import shlex
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.request import Request, urlopen
from uuid import uuid4

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from broadcaster.cli.audit import KINDS
from broadcaster.simulator import Simulator
from tests.support.cli import CliResult, RunCli, assert_done
from tests.support.database import as_owner
from tests.support.reference import commands

SHOWS = {
    "status", "top", "doctor", "audit", "db check", "instance list", "instance show", "instance rules NAME show",
    "instance rules NAME test", "campaign preview", "phone list", "phone show", "campaign list", "campaign show",
    "campaign watch", "campaign report", "campaign export", "audience list", "audience show", "audience export",
    "schedule list", "schedule show", "schedule next", "schedule report", "replies list", "replies show",
    "replies export", "limit list", "limit show", "metrics", "campaign plan", "schedule plan", "verify",
    "notify list", "notify show", "notify log",
}  # fmt: skip
"""Commands that change nothing in the database that an operator would have decided."""
RUNS = {"up", "down", "demo", "worker", "beat", "flower", "web", "simulator"}
"""Commands that start and stop processes. `up` migrates as `db upgrade` does."""
DUE = "2026-11-23T02:00:00Z"
"""Nine o'clock in Jakarta."""
PEOPLE = "phone,name\n628123456001,Ann\n628123456002,Bob\n"
SECRETS = ("key-a", "key-b", "628123456", "Ann", "Bob", "ops@example.com", "boss@example.com")
"""Neither keys nor anything personal is kept."""


@dataclass(frozen=True)
class Step:
    """A command, and one row that it leaves: of which object, and of one column the values before and after."""

    words: str
    arguments: str
    target: str
    column: str
    before: object
    after: object
    stdin: str = ""
    first: Callable[[Engine], object] | None = None
    code: int = 0


def _sql(statement: str) -> Callable[[Engine], object]:
    def run(engine: Engine) -> None:
        with as_owner(engine).begin() as connection:
            connection.execute(text(statement))

    return run


def _ended_long_ago(campaign: str) -> Callable[[Engine], object]:
    return _sql(
        "SET LOCAL session_replication_role = replica;"
        f"UPDATE campaigns SET finished_at = now() - interval '2 days' WHERE name = '{campaign}'"
    )


def _held(due: str) -> Callable[[Engine], object]:
    return _sql(f"INSERT INTO occurrences (schedule_id, due_at, state) SELECT id, '{due}', 'held' FROM schedules")


def _instance(name: str) -> Callable[[Engine], object]:
    return _sql(
        f"INSERT INTO accounts (fingerprint, base_url, wire) VALUES ('{name}', 'http://{name}', 'json');"
        "INSERT INTO instances (name, account_id, burst, interval_seconds, tolerance_seconds, max_in_flight)"
        f" SELECT '{name}', max(id), 1, 0, 0, 1 FROM accounts;"
        f"INSERT INTO lanes (id, account_id) SELECT id, account_id FROM instances WHERE name = '{name}'"
    )


READER = f"bi_{uuid4().hex[:8]}"


def _reader(engine: Engine) -> None:
    _sql(f"CREATE ROLE {READER}")(engine)


SCHEDULE = "news --cron '0 9 * * *' --timezone Asia/Jakarta --instance a --audience people --text 'Hello you'"
RULES = '{"yes_words": ["success"]}'
STEPS = [
    Step("db upgrade", "", "database *", "granted_to", None, "broadcaster_runtime"),
    Step("db reader", READER, "database *", "reader", None, READER, first=_reader),
    Step("instance add", "a --key key-a --rate unlimited --base-url URL", "instance a", "burst", None, 2),
    Step("instance set", "a --rate 5/s", "instance a", "rate_per_second", None, 5),
    Step("instance set", "a --gap 20s", "instance a", "gaps", None, {"gap": {"least": 20, "most": 20}}),
    Step("instance set", "a --gap none --rate 5/s", "instance a", "gaps", ..., None),
    Step("instance set", "a --country id", "instance a", "country", None, "ID"),
    Step("instance set", "a --read-replies 1m", "instance a", "read_replies_seconds", None, 60),
    Step("instance set", "a --window 'Mon-Sun 00:00-24:00'", "instance a", "hours_id", None, 1),
    Step("instance set", "a --any-time", "instance a", "hours_id", 1, None),
    Step("instance set", "a --confirm-opt-out Done", "instance a", "confirm_opt_out", None, "Done"),
    Step("instance set", "a --stop-above failures=10%", "instance a", "stops", None, {"failures": 0.1}),
    Step("instance set", "a --stop-above none", "instance a", "stops", {"failures": 0.1}, None),
    Step("instance set", "a --wire form", "instance a", "wire", "json", "form"),
    Step("instance set", "a --wire json", "instance a", "wire", "form", "json"),
    Step("limit add", "customers 2000/d", "limit customers", "most", None, 2000),
    Step("limit set", "customers 3000/d", "limit customers", "most", 2000, 3000),
    Step("limit add", "promos 2000/d", "limit promos", "most", None, 2000),
    Step("instance set", "a --limit promos", "instance a", "limits", None, "promos"),
    Step("instance set", "a --limit none", "instance a", "limits_before", None, "promos"),
    Step("limit person", "3/7d", "limit person", "most", None, 3),
    Step("limit person", "4/7d", "limit person", "most", 3, 4),
    Step("limit person", "--remove 7d", "limit person", "most", 4, None),
    Step("limit remove", "customers", "limit customers", "most", 3000, None),
    Step("instance set", "a --rate 5/s --rate 100/d", "limit a", "most", None, 100),
    Step("instance set", "a --ramp 20,50", "limit a", "ramp", None, [20, 50]),
    Step("instance set", "a --rate 5/s --ramp none", "limit a", "most", ..., None),
    Step("instance pause", "a", "instance a", "health", "ok", "paused"),
    Step("instance resume", "a", "instance a", "health", "paused", "ok"),
    Step("instance rules NAME set", "a -", "instance a", "reply_rules", None, json.loads(RULES), stdin=RULES),
    Step("instance rules NAME learn", "a 'never heard of' --about recipient", "instance a", "reply_rules", ..., ...),
    Step("instance rules NAME reset", "a", "instance a", "reply_rules", ..., None),
    Step("instance check", "a --to 628123456009 --timeout 0", "campaign a (check *",
         "state", None, "scheduled", code=1),
    Step("audience import", "people -", "audience people", "added", None, 2, stdin=PEOPLE),
    Step("audience import", "people - --consent-source 'web form'", "consent web form", "kept", None, 2, stdin=PEOPLE),
    Step("audience sync", "people --instance a --chats", "audience people", "members", None, 2),
    Step("audience add-member", "people +628123456003 --set name=Cid", "audience people", "added", None, 1),
    Step("audience edit-member", "people +628123456003 --set name=Cyd", "audience people", "changed", None, 1),
    Step("audience remove-member", "people +628123456003", "audience people", "removed", None, 1),
    Step("campaign submit", "c --instance a --recipients - --text 'Hello you' --draft", "campaign c",
         "state", None, "draft", stdin=PEOPLE),
    Step("campaign test", "c --to 628123456009 --timeout 0", "campaign c (test *", "state", "scheduled", "cancelled",
         code=1),
    Step("campaign start", "c", "campaign c", "state", "draft", "running"),
    Step("campaign pause", "c", "campaign c", "state", "running", "paused"),
    Step("campaign set", "c --text 'Dear you'", "campaign c", "text", "Hello you", "Dear you"),
    Step("campaign set", "c --stop-above failures=10%", "campaign c", "care", None, {"stops": {"failures": 0.1}}),
    Step("campaign set", "c --limit promos", "campaign c", "limits", None, ["promos"]),
    Step("campaign set", "c --failover-after 15m", "campaign c", "sharing", None, {"failover_after": 900.0}),
    Step("campaign clone", "c d", "campaign d", "state", None, "draft"),
    Step("campaign remove", "d --yes", "campaign d", "state", "draft", None),
    Step("campaign resume", "c", "campaign c", "state", "paused", "running"),
    Step("campaign retry", "c", "campaign c", "failed", 1, None,
         first=_sql("UPDATE messages SET state = 'failed' WHERE phone = '628123456001'")),
    Step("campaign settle", "c --as failed --yes", "campaign c", "failed", None, 1,
         first=_sql("UPDATE messages SET state = 'unknown' WHERE phone = '628123456001'")),
    Step("campaign cancel", "c --yes", "campaign c", "cancelled", None, 1),
    Step("campaign proof", "c --out c.proof", "campaign c", "proof", None, ...),
    Step("proof key", "--new", "secrets signing key", "public_key", None, ...),
    Step("schedule add", SCHEDULE, "schedule news", "cron", None, "0 9 * * *"),
    Step("schedule set", "news --cron '0 8 * * *'", "schedule news", "cron", "0 9 * * *", "0 8 * * *"),
    Step("schedule set", "news --limit promos", "schedule news", "limits", None, ["promos"]),
    Step("schedule set", "news --instance b", "schedule news", "instances", ["a"], None,
         first=_instance("b")),
    Step("schedule pause", "news", "schedule news", "state", "active", "paused"),
    Step("schedule resume", "news", "schedule news", "state", "paused", "active"),
    Step("schedule run-now", "news", "occurrence news *", "state", None, "started"),
    Step("schedule reject", "news 2026-11-23T09:00 --reason late", "occurrence news 2026-11-23T09:00", "state", "held",
         "rejected",
         first=_held(DUE)),
    Step("schedule approve", "news 2026-11-23T10:00", "occurrence news *", "state", "held", "queued",
         first=_held("2026-11-23T03:00:00Z")),
    Step("schedule remove", "news", "schedule news", "cron", "0 8 * * *", None),
    Step("audience remove", "people", "audience people", "members_removed", None, 2,
         first=_sql("UPDATE campaigns SET audience_id = NULL")),
    Step("phone block", "628123456001 628123456002", "phone *", "blocked", None, 2),
    Step("phone unblock", "628123456001", "phone *", "unblocked", None, 1),
    Step("phone forget", "628123456001 --yes", "phone *", "messages", None, {"failed": 1}),
    Step("phone readmit", "628123456001 --yes", "phone *", "readmitted", None, True),
    Step("phone reset", "--yes", "phone *", "reset", None, 0),
    Step("notify add", "ops --mail ops@example.com", "receiver ops", "way", None, "mail"),
    Step("notify set", "ops --on campaign.finished", "receiver ops", "events", ..., ["campaign.finished"]),
    Step("notify set", "ops --mail boss@example.com", "receiver ops", "address", ..., "(not kept)"),
    Step("notify test", "ops", "receiver ops", "tested", None, True, code=1),
    Step("notify remove", "ops", "receiver ops", "way", "mail", None),
    Step("purge", "--older-than 1d --campaign c", "campaign c", "purged", None, ..., first=_ended_long_ago("c")),
    Step("secrets rotate", "", "secrets *", "accounts", None, 1),
    Step("instance retire", "d --yes", "instance d", "retired_at", None, ..., first=_instance("d")),
    Step("instance resume", "d", "instance d", "retired_at", ..., None),
    Step("instance remove", "d", "instance d", "burst", 1, None),
]  # fmt: skip


def _arguments(step: Step, simulator: Simulator) -> list[str]:
    words = step.words.split()
    given = [simulator.base_url if each == "URL" else each for each in shlex.split(step.arguments)]
    return [*words[:2], given[0], words[3], *given[1:]] if "NAME" in words else [*words, *given]


def _say_hello(simulator: Simulator, phone: str) -> None:
    """So that the instance has a chat, and the phone among its contacts."""
    body = json.dumps({"key": "key-a", "phone": phone, "body": "hello"}).encode()
    request = Request(f"{simulator.base_url}/wa/send", body, {"Content-Type": "application/json"})
    urlopen(request, timeout=30).close()


def _rows(engine: Engine, after: int) -> list[dict[str, Any]]:
    with engine.begin() as connection:
        found = connection.execute(text("SELECT * FROM audit_log WHERE id > :after ORDER BY id"), {"after": after})
        return [dict(row) for row in found.mappings()]


def test_every_command_that_changes_something_is_in_the_trail_with_before_and_after(
    run_cli: RunCli, engine: Engine, simulator: Simulator
) -> None:
    for phone in ("628123456001", "628123456002"):
        _say_hello(simulator, phone)
    last = max((row["id"] for row in _rows(engine, 0)), default=0)
    for step in STEPS:
        if step.first is not None:
            step.first(engine)
        result = run_cli(*_arguments(step, simulator), stdin=step.stdin)
        assert result.code == step.code, (step, result)
        rows = _rows(engine, last)
        assert rows, f"{step.words} left nothing"
        assert {row["command"] for row in rows} == {step.words.replace(" NAME", "")}
        assert {(row["operator"], row["host"]) for row in rows} == {(getpass.getuser(), socket.gethostname())}
        assert any(_matches(step, row) for row in rows), (step, rows)
        last = rows[-1]["id"]
    trail = json.dumps([{**row, "at": None} for row in _rows(engine, 0)])
    assert [secret for secret in SECRETS if secret in trail] == []
    assert {row["object_kind"] for row in _rows(engine, 0)} == set(KINDS)
    tried = {step.words for step in STEPS}
    assert tried | SHOWS | RUNS == {" ".join(command.words) for command in commands()}


def _matches(step: Step, row: dict[str, Any]) -> bool:
    name = f"{row['object_kind']} {row['object_name']}"
    if not (name == step.target or (step.target.endswith("*") and name.startswith(step.target[:-1]))):
        return False
    values = [(row[side] or {}).get(step.column) for side in ("before", "after")]
    return values != [None, None] and all(
        wanted is ... or wanted == found for wanted, found in zip((step.before, step.after), values, strict=True)
    )


@pytest.fixture
def trail(run_cli: RunCli) -> RunCli:
    assert_done(run_cli("instance", "add", "a", "--key", "key-a", "--rate", "unlimited"))
    assert_done(run_cli("instance", "pause", "a"))
    assert_done(run_cli("instance", "add", "b", "--key", "key-b"))
    return run_cli


def test_the_trail_is_shown_the_latest_last_for_people_and_for_programs(trail: RunCli) -> None:
    people = assert_done(trail("audit")).stdout.splitlines()
    assert people[0].split() == ["WHEN", "WHO", "COMMAND", "OBJECT", "CHANGE"]
    assert "instance a" in people[-2] and "health ok -> paused" in people[-2]
    assert "instance add" in people[-1] and "instance b" in people[-1]
    shown = assert_done(trail("audit", "--object", "instance", "a", "--json")).json
    assert [row["action"] for row in shown] == ["added", "changed"]
    assert list(shown[0]) == [
        "id", "at", "operator", "host", "command", "db_role", "object_kind", "object_name", "action", "before",
        "after",
    ]  # fmt: skip
    assert shown[1]["before"] == {"health": "ok", "health_reason": None}


def test_rates_are_shown_as_people_write_them(trail: RunCli) -> None:
    for rate in ("20/min", "5/s"):
        assert_done(trail("instance", "set", "a", "--rate", rate))
    assert_done(trail("instance", "add", "c", "--key", "key-c", "--rate", "20/min"))
    people = assert_done(trail("audit", "--limit", "3")).stdout
    for line, change in zip(
        people.splitlines()[1:], ("rate unlimited -> 20/min", "rate 20/min -> 5/s", "rate=20/min"), strict=True
    ):
        assert change in line
    assert "rate_per_second" not in people
    assert assert_done(trail("audit", "--limit", "2", "--json")).json[0]["after"]["rate_per_second"] == 5


def test_in_a_narrow_terminal_each_row_is_a_paragraph_without_what_stayed_the_same(trail: RunCli) -> None:
    people = assert_done(trail("audit", environ={"COLUMNS": "80"})).stdout.splitlines()
    assert max(map(len, people)) <= 80
    assert all(re.match(r"\w{3} 20|    ", line) for line in people)
    flowing = " ".join(line.strip() for line in people)
    assert "instance pause instance a: health ok -> paused" in flowing.replace("  ", " ")
    assert "- -> -" not in flowing


def test_the_trail_can_be_narrowed(trail: RunCli) -> None:
    def names(*options: str) -> list[str]:
        return [row["object_name"] for row in assert_done(trail("audit", *options, "--json")).json]

    assert names("--kind", "instance") == ["a", "a", "b"]
    assert names("--kind", "campaign") == []
    assert names("--limit", "1") == ["b"]
    assert names("--since", "2020-01-01", "--kind", "instance") == ["a", "a", "b"]
    assert names("--since", "2035-01-01") == []
    assert names("--since", "yesterday", "--kind", "instance") == ["a", "a", "b"]
    assert "nobody has changed anything" in assert_done(trail("audit", "--kind", "campaign")).stdout
    refused: CliResult = trail("audit", "--since", "soon")
    assert refused.code == 2 and "--since" in refused.stderr


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--kind", "foo"), "--kind: there is no kind 'foo'; there are instance, limit, campaign"),
        (("--kind", "instance,campaign"), "--kind: there is no kind"),
        (("--object", "foo", "main"), "--object: there is no kind 'foo'"),
        (("--object", "instance", "a", "--kind", "campaign"), "is not the kind of --object"),
    ],
)
def test_a_kind_that_there_is_none_of_is_refused(run_cli: RunCli, options: tuple[str, ...], said: str) -> None:
    refused = run_cli("audit", *options)
    assert refused.code == 2
    assert said in refused.stderr


def test_sudo_is_told_and_a_lying_environment_is_not_believed(run_cli: RunCli, engine: Engine) -> None:
    liar = {"USER": "eve", "LOGNAME": "eve", "SUDO_USER": "ann\x1b[31m" + "x" * 300}
    assert_done(run_cli("instance", "add", "a", "--key", "k", environ=liar))
    [row] = [row for row in _rows(engine, 0) if row["object_kind"] == "instance"]
    assert row["operator"].startswith(f"{getpass.getuser()} (sudo: ann?[31mxx")
    assert len(row["operator"]) == 200


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_log SET operator = 'somebody else'",
        "DELETE FROM audit_log",
        "TRUNCATE audit_log",
        "INSERT INTO audit_log (operator, host, command, db_role, object_kind, object_name, action)"
        " VALUES ('a', 'b', 'c', 'd', 'e', 'f', 'added')",
        "SELECT write_audit('instance', 'a', 'removed', NULL, NULL)",
        "DROP TRIGGER audit ON instances",
        "ALTER TABLE instances DISABLE TRIGGER audit",
    ],
)
def test_nobody_but_the_triggers_writes_the_trail(run_cli: RunCli, engine: Engine, statement: str) -> None:
    assert_done(run_cli("instance", "add", "a", "--key", "k"))
    with pytest.raises(DBAPIError, match=r"permission denied|must be owner"), engine.begin() as connection:
        connection.execute(text("SELECT set_config('broadcaster.operator', 'eve', true)"))
        connection.execute(text(statement))


def test_not_even_the_owner_changes_the_trail_by_a_slip(run_cli: RunCli, owner: Engine) -> None:
    assert_done(run_cli("instance", "add", "a", "--key", "k"))
    for statement in ("UPDATE audit_log SET host = ''", "DELETE FROM audit_log", "TRUNCATE audit_log"):
        with pytest.raises(DBAPIError, match="stays as it is"), owner.begin() as connection:
            connection.execute(text(statement))


def test_what_workers_do_is_not_in_the_trail(engine: Engine) -> None:
    before = _rows(engine, 0)
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO audiences (name) VALUES ('x')"))
        connection.execute(text("SELECT note_operation('audience', 'x', '{}')"))
    assert _rows(engine, 0) == before


def test_a_temporary_table_does_not_take_what_belongs_into_the_trail(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("SELECT set_config('broadcaster.operator', 'eve', true)"))
        connection.execute(text("CREATE TEMPORARY TABLE audit_log (LIKE public.audit_log) ON COMMIT DROP"))
        connection.execute(text("INSERT INTO audiences (name) VALUES ('x')"))
        connection.execute(text("SELECT note_operation('audience', 'x', '{}')"))
    assert [row["object_name"] for row in _rows(engine, 0)][-2:] == ["x", "x"]


def test_a_note_is_bounded(engine: Engine) -> None:
    with pytest.raises(DBAPIError, match="too much detail"), engine.begin() as connection:
        connection.execute(text("SELECT set_config('broadcaster.operator', 'eve', true)"))
        connection.execute(
            text(
                "SELECT note_operation('x', 'x', jsonb_build_object('x', (SELECT string_agg(random()::text, '')"
                " FROM generate_series(1, 2000))))"
            )
        )
