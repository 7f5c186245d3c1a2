"""Invariant I8, and what is personal: neither leaves the processes by any of the ways that are not made for it.

A stack runs with everything embedded and at the level DEBUG. It sends, retries, doubts, crashes and meets errors that
quote rows. Then canaries are looked for in whatever left it: logs, output, Redis, events, Flower, figures, the trail.
"""

from __future__ import annotations

import json
import re
import signal
import threading
from base64 import b64decode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
import redis
from sqlalchemy import text

from broadcaster.db.engine import open_engine
from broadcaster.embedded import StackState
from broadcaster.simulator import Simulator, parse_fault
from broadcaster.simulator.fault_plan import FaultPlan
from broadcaster.simulator.fault_rule import FaultRule
from tests.support.cli import CliResult, assert_done
from tests.support.cli_processes import CliProcesses
from tests.support.database import as_owner
from tests.support.home import Home, temporary_home
from tests.support.servers import redis_client
from tests.support.stack import wait_for

KEY = "canary-KEY-b83f60c1d2"
HOOK, MAIL_PASSWORD = "canary-HOOK-5d0c1e77", "canary-MAIL-91b7aa20"
PHONES = [f"62812777{number:04d}" for number in range(40)]
NAME, CITY, TEXT = "Wilhelmina-canary", "Ulaanbaatar-canary", "your canary parcel waits"
PEOPLE = "phone,name,city\n" + "".join(f"+{phone},{NAME},{CITY}\n" for phone in PHONES)
PERSONAL = (NAME, CITY, "62812777", "812-777", "812777")
"""The phones by what they have in common, however they are written."""
OPEN = "output of what changes something"
"""Whoever submits a campaign is shown samples of it."""
_ENCODED = re.compile(r"[A-Za-z0-9+/]{24,}={0,2}")
PAGES = (
    "",
    "tasks",
    "workers",
    "broker",
    "metrics",
    "api/tasks",
    "api/workers",
    "api/workers?refresh=1",
    "api/queues/length",
)
SECRET_FILES = ("pgpass", "pgpass-runtime", "secret.key", "flower.auth", "web.auth")
"""Of the home: what they hold is nowhere else."""
ABOUT_ALL = (
    *(
        "status",
        "doctor",
        "campaign list",
        "campaign show news",
        "campaign report news",
        "campaign watch news --timeout 0",
    ),
    *("campaign plan news", "instance list", "instance show main", "instance rules main show", "limit list"),
    *("schedule list", "schedule show later", "schedule report later", "audience list", "audit", "proof key"),
    *("campaign export news", "phone list", "replies list", "metrics", "db check", "top --once"),
    *("notify list", "notify show hook", "notify log hook"),
)
"""Commands that show things. Some are there to show phones; none shows a secret."""
WITHOUT_PHONES = frozenset(
    {"status", "doctor", "campaign list", "instance list", "instance rules main show", "limit list", "audit"}
    | {"proof key", "metrics", "db check", "schedule report later", "audience list", "notify list", "notify show hook"}
    | {"notify log hook"}
)
WITHOUT_JSON = frozenset({"campaign export news", "metrics", "db check"})


@dataclass
class Heard:
    """What has left, by the way that it took."""

    said: dict[str, str] = field(default_factory=dict)

    def note(self, way: str, said: str) -> None:
        """Bodies of messages in Redis are in base64."""
        decoded = (decoded_from(each) for each in _ENCODED.findall(said))
        self.said[way] = "\n".join([self.said.get(way, ""), said, *decoded])

    def leaks(self, canaries: Mapping[str, str] | dict[str, str], ways: str = "") -> list[tuple[str, str, str]]:
        """Which canary was heard where, with what stands around it."""
        return [
            (name, way, said[max(0, place - 200) : place + 100])
            for way, said in self.said.items()
            for name, canary in canaries.items()
            if way.startswith(ways) and (place := said.find(canary)) >= 0
        ]


def decoded_from(text: str) -> str:
    try:
        return b64decode(text, validate=True).decode(errors="replace")
    except ValueError:
        return ""


@pytest.fixture
def home(cli_processes: CliProcesses) -> Iterator[Home]:
    with temporary_home(cli_processes) as prepared:
        prepared.environ = {
            **prepared.environ,
            "BROADCASTER_LOG_LEVEL": "DEBUG",
            "BROADCASTER_LEASE_SECONDS": "3",
            "BROADCASTER_ALLOW_PRIVATE_WEBHOOKS": "true",
            "BROADCASTER_SMTP_URL": f"smtp://ops:{MAIL_PASSWORD}@127.0.0.1:9",
        }
        yield prepared


def test_no_secret_and_nothing_personal_leaves_by_any_way(home: Home, simulator: Simulator) -> None:
    heard = Heard()
    heard.note("output of up", assert_done(home.run("up", "--detach")).stdout)
    with listening(home, heard):
        fill(home, simulator, heard)
        trouble(home, simulator)
        gather_redis(home, heard)
        gather_flower(home, heard)
        gather_view(home, heard)
        gather_output(home, heard)
        gather_arguments(home, heard)
    secrets = {name: secret_in(home, name) for name in SECRET_FILES} | {
        "key": KEY,
        "hook": HOOK,
        "mail": MAIL_PASSWORD,
    }
    secrets["signature"] = signing_secret(heard)
    assert_done(home.run("down"))
    for path in (home.directory / "logs").iterdir():
        heard.note(f"log {path.name}", path.read_text(errors="replace"))
    assert_everything_happened(heard)
    # `up` shows these passwords once, and `notify add` what it signs with.
    for way, secret in (("output of up", "flower.auth"), ("output of up", "web.auth"), (OPEN, "signature")):
        heard.said[way] = heard.said[way].replace(secrets[secret], "", 1)
    assert heard.leaks(secrets) == []
    kept = {each: each for each in PERSONAL}
    open_ways = {OPEN} | {f"output of {each}" for each in ABOUT_ALL if each not in WITHOUT_PHONES}
    assert [leak for leak in heard.leaks(kept) if leak[1] not in open_ways and not leak[1].startswith("view")] == []
    # The view shows the words of the gateway, as reports do, but masks phones.
    assert heard.leaks({each: each for each in PERSONAL if each not in (NAME, CITY)}, "view") == []
    assert heard.leaks(kept, "output of campaign export news"), "what is looked for is what there was"
    # Whoever may look at campaigns or at the trail may read what was sent, and nobody else.
    may_read = ("output of ", "the audit trail", "view's /")
    leaks = [leak for leak in heard.leaks({"text": TEXT}) if not leak[1].startswith(may_read)]
    assert leaks == []


def secret_in(home: Home, name: str) -> str:
    """The password or key in a file of the home."""
    said = (home.directory / name).read_text().strip()
    return said.rpartition(":")[2]


def signing_secret(heard: Heard) -> str:
    [found] = set(re.findall(r"whsec_\S+", heard.said[OPEN]))
    return str(found)


@contextmanager
def listening(home: Home, heard: Heard) -> Iterator[None]:
    """Hear whatever is published in Redis: Celery's events, among others."""
    with redis_client(home.settings) as client:
        channel = client.pubsub()
        channel.psubscribe("*")
        ended = threading.Event()

        def hear() -> None:
            while not ended.is_set():
                with suppress(redis.ConnectionError):
                    if message := channel.get_message(timeout=0.1):
                        heard.note("events", repr(message["data"]))
            channel.close()

        thread = threading.Thread(target=hear)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()


def fill(home: Home, simulator: Simulator, heard: Heard) -> None:
    """A campaign of which some messages are refused, thrown back and in doubt; people in every other place, too."""

    def run(command: str, *args: str, stdin: str = "") -> CliResult:
        result = home.run(*command.split(), *args, stdin=stdin)
        heard.note(OPEN, result.stdout + result.stderr)
        return result

    assert_done(run("instance add main --key-stdin --rate unlimited", "--base-url", simulator.base_url, stdin=KEY))
    assert_done(run("instance set main --read-replies 1m"))
    assert run("notify add hook --webhook", f"http://127.0.0.1:9/{HOOK}").code == 0, "and warns of a private address"
    assert_done(run("notify add mail --mail ops@example.com"))
    assert run("notify test hook").code == run("notify test mail").code == 1
    assert_done(run("audience import people -", stdin=PEOPLE))
    assert_done(run("phone block", f"+{PHONES[0]}"))
    rule = ("--cron", "0 9 * * *", "--timezone", "Asia/Jakarta", "--audience", "people", "--instance", "main")
    assert_done(run("schedule add later", *rule, "--text", f"Hello {{{{ name }}}}, {TEXT}, or STOP"))
    simulator.gateway.faults = FaultPlan(
        [
            parse_fault(f"kind=invalid_number,phone={PHONES[1]}"),
            parse_fault(f"kind=http_500_after_accept,phone={PHONES[2]}"),
            parse_fault(f"kind=http_503,phone={PHONES[3]},retry_after=1,count=1"),
            FaultRule(kind="reply", phone=PHONES[4], body={"sent": False, "message": f"{KEY} cannot reach {NAME}"}),
        ]
    )
    recipients = home.directory / "recipients.csv"
    recipients.write_text(PEOPLE)
    content = ("--text", f"Hello {{{{ name }}}} in {{{{ city }}}}, {TEXT}, or STOP")
    assert_done(run("campaign submit news --instance main", "--recipients", str(recipients), *content))

    def sent() -> int:
        return int(home.run("campaign", "show", "news", "--json").json["sent"])

    wait_for(lambda: sent() >= len(PHONES) - 4, "the messages")
    for refused in (
        run("campaign submit bad --instance main --recipients - --text", "Hi {{ nmae }}", stdin=PEOPLE),
        run("instance add other --key-stdin --base-url", simulator.base_url, stdin=KEY),
        run("campaign show", NAME[:-1]),
    ):
        assert refused.code in (1, 2)


def trouble(home: Home, simulator: Simulator) -> None:
    """Errors that quote rows, where workers expect none; Postgres that goes away; a worker that is killed."""
    engine = open_engine(home.settings)
    owner = as_owner(engine)
    with owner.begin() as connection:
        # What Postgres says of a row that it refuses has all of the row in it.
        for table in ("messages", "attempts", "inbound_messages"):
            connection.execute(text(f"ALTER TABLE {table} ADD CONSTRAINT nobody CHECK (false) NOT VALID"))
        connection.execute(text("UPDATE schedules SET next_at = now()"))
    log = home.directory / "logs" / "worker.log"
    wait_for(lambda: b"CheckViolation" in log.read_bytes(), "a tick that meets the constraint")
    with owner.begin() as connection:
        for table in ("messages", "attempts", "inbound_messages"):
            connection.execute(text(f"ALTER TABLE {table} DROP CONSTRAINT nobody"))
    engine.dispose()
    before = home.processes()
    before["postgres"].send(signal.SIGTERM)
    before["worker"].send(signal.SIGKILL)

    def is_back() -> bool:
        status = home.status()
        return status.state is StackState.READY and {role.name: role.restarts for role in status.roles}["worker"] >= 1

    wait_for(is_back, "the restarts")


def gather_redis(home: Home, heard: Heard) -> None:
    readers = {
        b"list": lambda client, key: client.lrange(key, 0, -1),
        b"set": lambda client, key: client.smembers(key),
        b"hash": lambda client, key: client.hgetall(key),
        b"zset": lambda client, key: client.zrange(key, 0, -1),
        b"string": lambda client, key: client.get(key),
    }
    with redis_client(home.settings) as client:
        for key in client.scan_iter():
            heard.note("Redis", repr((key, readers[client.type(key)](client, key))))
    for path in (home.directory / "redis").rglob("*"):
        if path.is_file():
            heard.note("files of Redis", path.read_bytes().decode(errors="replace"))


def gather_flower(home: Home, heard: Heard) -> None:
    user, password = home.flower_login()
    base = f"http://127.0.0.1:{home.settings.flower_port}/"
    with httpx.Client(auth=(user, password), base_url=base, timeout=30) as flower:
        worker = next(iter(flower.get("api/workers?refresh=1").json()))
        tasks = flower.get("api/tasks").json()
        for page in (*PAGES, f"worker/{worker}", *(f"task/{each}" for each in list(tasks)[:20])):
            answer = flower.get(page)
            assert answer.status_code in (200, 404), page
            heard.note(f"Flower's {page}", answer.text)
    refused = httpx.get(f"{base}api/tasks", auth=(user, f"{password}x"))
    heard.note("Flower's refusal", refused.text)


def gather_view(home: Home, heard: Heard) -> None:
    password = (home.directory / "web.auth").read_text()
    with httpx.Client(base_url=f"http://127.0.0.1:{home.settings.web_port}", timeout=30) as view:
        heard.note("view's refusal", view.post("/sign-in", data={"password": f"{password}x"}).text)
        assert view.post("/sign-in", data={"password": password}).status_code == 303
        for page in ("/", "/campaign?name=news", "/report?name=news", "/instances", "/schedules", "/replies"):
            answer = view.get(page)
            assert answer.status_code == 200, page
            heard.note(f"view's {page}", answer.text)
        heard.note("view's figures", view.get("/metrics").text)


def gather_output(home: Home, heard: Heard) -> None:
    for command in ABOUT_ALL:
        for extra in ((), ("--json",)) if command not in WITHOUT_JSON else ((),):
            result = home.run(*command.split(), *extra)
            assert result.code in (0, 1), result
            heard.note(f"output of {command}", result.stdout + result.stderr)
    engine = open_engine(home.settings)
    with engine.begin() as connection:
        for row in connection.execute(text("SELECT to_jsonb(a) FROM audit_log a")):
            heard.note("the audit trail", json.dumps(row[0]))
    engine.dispose()


def gather_arguments(home: Home, heard: Heard) -> None:
    for process in home.processes().values():
        heard.note(
            "arguments of processes", Path(f"/proc/{process.pid}/cmdline").read_bytes().decode(errors="replace")
        )


def assert_everything_happened(heard: Heard) -> None:
    """Or else it would be no wonder that nothing was heard."""
    assert "CheckViolation" in heard.said["log worker.log"]
    lines = heard.said["log worker.log"].splitlines()
    assert any('"task": "broadcaster.' in line and '"task_id": ' in line for line in lines)
    assert '"level": "debug"' in heard.said["log worker.log"]
    for role in ("worker", "beat", "flower", "web"):
        lines = [line for line in heard.said[f"log {role}.log"].splitlines() if line.startswith('{"')]
        assert [line for line in lines if f'"role": "{role}"' not in line] == []
    assert "task-succeeded" in heard.said["events"]
    assert "broadcaster.send" in heard.said["Flower's api/tasks"]
    for way in (
        "files of Redis",
        "the audit trail",
        "output of metrics",
        "arguments of processes",
        "log postgres.log",
    ):
        assert heard.said[way].strip(), way
