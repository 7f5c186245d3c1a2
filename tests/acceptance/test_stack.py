"""`broadcaster up`, `down`, `status` and `doctor` on one machine, with everything embedded."""

from __future__ import annotations

import ast
import json
import re
import signal
import socket
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text

from broadcaster.db.engine import open_engine
from broadcaster.embedded import StackState
from broadcaster.services.ticks import note_tick
from broadcaster.simulator import FaultPlan, Simulator, parse_fault
from tests.support.cli import assert_done, assert_refused, command
from tests.support.home import Home, temporary_home
from tests.support.stack import wait_for

SERVERS = {"postgres", "redis"}
"""What has a log of its own form."""
PHONES = [f"1202555{n:04d}" for n in range(100, 140)]


@pytest.fixture
def home() -> Iterator[Home]:
    with temporary_home() as prepared:
        yield prepared


@pytest.fixture
def recipients(tmp_path: Path) -> Path:
    path = tmp_path / "recipients.csv"
    path.write_text("phone\n" + "".join(f"+{phone}\n" for phone in PHONES))
    return path


def up(home: Home, *options: str) -> str:
    return assert_done(home.run("up", "--detach", *options)).stdout


def add_instance(home: Home, simulator: Simulator, rate: str) -> None:
    options = ("--key-stdin", "--base-url", simulator.base_url, "--rate", rate)
    assert_done(home.run("instance", "add", "main", *options, stdin="a-key"))


def submit(home: Home, recipients: Path, *options: str) -> None:
    arguments = ("--instance", "main", "--recipients", recipients, "--text", "Hi")
    assert_done(home.run("campaign", "submit", "news", *arguments, *options))


def accepted(simulator: Simulator) -> Counter[str]:
    return Counter(entry.phone for entry in simulator.ledger.entries if entry.accepted)


def test_a_campaign_goes_through_what_up_started_and_down_leaves_nothing_running(
    home: Home, simulator: Simulator, recipients: Path
) -> None:
    said = up(home)
    processes = home.processes()
    status = home.run("status", "--json").json
    assert status["state"] == "ready"
    assert [role["name"] for role in status["roles"]] == ["redis", "postgres", "worker", "beat", "flower", "web"]
    assert {role["name"]: role["pid"] for role in status["roles"]} | {"supervisor": status["pid"]} == {
        name: process.pid for name, process in processes.items()
    }
    add_instance(home, simulator, "unlimited")
    submit(home, recipients, "--watch")
    assert home.run("campaign", "show", "news", "--json").json["sent"] == len(PHONES)
    assert accepted(simulator) == Counter(PHONES)
    assert_flower_shows_the_campaign(home, said, status["flower_url"])
    assert_flower_shows_an_occurrence(home, recipients, status["flower_url"])
    assert_workers_tell_of_their_work(home)
    assert_the_view_shows_the_campaign(home, said, status["web_url"])
    assert_healthy(home)
    assert_status_tells_of_ticks_that_are_late(home)
    assert_flower_shows_trouble(home, simulator, recipients, status["flower_url"])

    assert_done(home.run("down"))
    assert_every_line_of_a_role_is_json(home)
    assert [name for name, process in processes.items() if process.is_alive()] == []
    assert home.run("status", "--json").json["state"] == "stopped"
    assert home.run("down").stdout == f"nothing was running in {home.directory}\n"


def assert_every_line_of_a_role_is_json(home: Home) -> None:
    logs = {log.stem: log.read_text().splitlines() for log in (home.directory / "logs").glob("*.log")}
    told = {name: [event(line) for line in lines] for name, lines in logs.items() if name not in SERVERS}
    assert set(told) == {"up", "worker", "beat", "flower", "web"}
    assert told["worker"][-1].startswith("worker: Warm shutdown")
    assert told["up"][-1] == "redis: stopped"


def assert_flower_shows_the_campaign(home: Home, said: str, url: str) -> None:
    """Flower wants the credentials that `up` printed, and shows what was sent through which instance."""
    found = re.search(r"user (\S+), password (\S+) \(shown once, kept in (\S+)\)", said)
    assert found is not None, said
    user, password, path = found.groups()
    assert Path(path).read_text() == f"{user}:{password}"
    assert Path(path).stat().st_mode & 0o777 == 0o600
    assert httpx.get(f"{url}api/tasks").status_code == 401
    with httpx.Client(auth=(user, password), base_url=url) as flower:

        def results() -> list[dict[str, Any]]:
            tasks = flower.get("api/tasks").json().values()
            # Ticks would be here too, two a second, if they sent events.
            assert {task["name"] for task in tasks} == {"broadcaster.send"}
            return [ast.literal_eval(task["result"]) for task in tasks if task["result"]]

        wait_for(
            lambda: sum(result["instances"]["main"]["sent"] for result in results()) == len(PHONES),
            "the tasks' results",
        )
        assert {campaign for result in results() for campaign in result["campaigns"]} == {"news"}
        assert {task["args"] for task in flower.get("api/tasks").json().values()} == {"'main'"}
        # It is there to look, not to act.
        assert flower.post("api/task/async-apply/broadcaster.dispatch", json={}).status_code == 403
    running = (Path(f"/proc/{process.pid}/cmdline").read_bytes() for process in home.processes().values())
    assert not any(password.encode() in line for line in running)
    assert not any(password in log.read_text() for log in (home.directory / "logs").iterdir())


def assert_the_view_shows_the_campaign(home: Home, said: str, url: str) -> None:
    """It wants the password that `up` printed, which is nowhere else but in its file, and is only to look at."""
    found = re.search(r"^web: (\S+) password (\S+) \(shown once, kept in (\S+)\)", said, re.MULTILINE)
    assert found is not None, said
    told, password, path = found.groups()
    assert told == url
    assert Path(path).read_text() == password
    assert Path(path).stat().st_mode & 0o777 == 0o600
    with httpx.Client(base_url=url, follow_redirects=True) as visitor:
        assert "news" not in visitor.get("/").text
        assert "news" in visitor.post("sign-in", data={"password": password}).text
        assert f"{len(PHONES)} / {len(PHONES)}" in visitor.get("/").text
        assert visitor.post("campaign/change", data={"name": "news", "change": "cancel"}).status_code == 403
    running = (Path(f"/proc/{process.pid}/cmdline").read_bytes() for process in home.processes().values())
    assert not any(password.encode() in line for line in running)
    assert not any(password in log.read_text() for log in (home.directory / "logs").iterdir())


def sign_in_to_view(home: Home) -> httpx.Client:
    """With the password that is kept in its file."""
    visitor = httpx.Client(base_url=f"http://127.0.0.1:{home.settings.web_port}")
    password = (home.directory / "web.auth").read_text()
    assert visitor.post("/sign-in", data={"password": password}).status_code == 303
    return visitor


def assert_flower_shows_an_occurrence(home: Home, recipients: Path, url: str) -> None:
    """A task with the schedule and the campaign, once it has come due; and still no ticks."""
    assert_done(home.run("audience", "import", "people", recipients))
    rule = ("--every", "1s", "--count", "1", "--timezone", "Asia/Jakarta", "--audience", "people")
    assert_done(home.run("schedule", "add", "often", *rule, "--instance", "main", "--text", "Hi again"))
    with httpx.Client(auth=home.flower_login(), base_url=url) as flower:

        def occurrences() -> list[dict[str, str]]:
            tasks = flower.get("api/tasks").json().values()
            assert {task["name"] for task in tasks} <= {"broadcaster.send", "broadcaster.occurrence"}
            return [task for task in tasks if task["name"] == "broadcaster.occurrence" and task["result"]]

        wait_for(lambda: bool(occurrences()), "the occurrence's task")
        [task] = occurrences()
    schedule, campaign = ast.literal_eval(task["args"])
    assert (schedule, campaign[:8]) == ("often", "often 20")
    result = ast.literal_eval(task["result"])
    assert result.pop("state") in ("running", "finished")
    assert result == {"schedule": "often", "campaign": campaign, "messages": len(PHONES)}


def assert_workers_tell_of_their_work(home: Home) -> None:
    """A worker writes what it has measured: every message was claimed once, and every outcome committed once."""

    def sums() -> dict[str, float]:
        families = text_string_to_metric_families(home.run("metrics").stdout)
        samples = [sample for family in families for sample in family.samples]
        return {sample.name: sample.value for sample in samples if "worker" in sample.labels}

    def has_all() -> bool:
        found = sums()
        return found.get("broadcaster_claimed_messages_sum") == found.get("broadcaster_committed_outcomes_sum") == sent

    sent = 2 * len(PHONES)
    wait_for(has_all, "the worker's figures")
    assert 0 < sums()["broadcaster_turn_over_seconds_sum"] < 60


def assert_flower_shows_trouble(home: Home, simulator: Simulator, recipients: Path, url: str) -> None:
    """A task whose instance is refused has failed, and says which instance it was and why."""
    simulator.gateway.faults = FaultPlan([parse_fault("kind=http_401")])
    assert_done(
        home.run("campaign", "submit", "refused", "--instance", "main", "--recipients", recipients, "--text", "Hi")
    )
    with httpx.Client(auth=home.flower_login(), base_url=url) as flower:

        def failed() -> list[dict[str, Any]]:
            return [task for task in flower.get("api/tasks").json().values() if task["state"] == "FAILURE"]

        wait_for(lambda: bool(failed()), "the task that failed")
        task = failed()[0]
    assert (task["name"], task["args"]) == ("broadcaster.send", "'main'")
    assert "main is refused: " in task["exception"]
    assert "campaigns: refused" in task["exception"]
    logs = "".join(log.read_text() for log in (home.directory / "logs").iterdir())
    assert "Traceback" not in logs


def assert_healthy(home: Home) -> None:
    examined = home.run("doctor", "--json")
    assert examined.code == 0, examined.stdout
    checks = {check["check"]: check["level"] for check in examined.json["checks"]}
    assert set(checks.values()) == {"ok"}
    assert {"settings", "stack", "postgres", "schema", "counters", "doubts", "instances"} <= set(checks)
    assert {"redis", "workers", "queues", "beat"} <= set(checks)


def assert_status_tells_of_ticks_that_are_late(home: Home) -> None:
    """By its exit code too, for whatever watches it."""
    status = assert_done(home.run("status", "--json")).json
    assert {"dispatch", "lifecycle", "schedules", "recover", "reconcile"} <= {tick["name"] for tick in status["ticks"]}
    assert not any(tick["late"] for tick in status["ticks"])
    engine = open_engine(home.settings)
    note_tick(engine, "stuck", 0.5)
    with engine.begin() as connection:
        connection.execute(text("UPDATE ticks SET done_at = now() - interval '1 hour' WHERE name = 'stuck'"))
    engine.dispose()
    said = home.run("status")
    assert (said.code, said.stderr) == (1, "")
    assert re.search(r"^stuck +late +0.5 s +36\d\d\.\d s ago$", said.stdout, re.MULTILINE), said.stdout


def test_data_survives_down_and_a_kill_of_everything(home: Home, simulator: Simulator, recipients: Path) -> None:
    up(home)
    add_instance(home, simulator, "2/s")
    submit(home, recipients)
    wait_for(lambda: len(accepted(simulator)) >= 5, "the first messages")
    assert_done(home.run("campaign", "pause", "news"))
    wait_for(lambda: home.run("campaign", "show", "news", "--json").json["sending"] == 0, "what is in flight")
    home.kill_everything()
    assert home.status().state is StackState.LOST
    assert home.run("status").code == 1

    assert "shown once" not in up(home)
    assert home.run("campaign", "show", "news", "--json").json["state"] == "paused"
    assert_done(home.run("down"))
    up(home)
    assert_done(home.run("instance", "set", "main", "--rate", "unlimited"))
    assert_done(home.run("campaign", "resume", "news"))
    assert_done(home.run("campaign", "watch", "news", "--timeout", "60"))
    assert accepted(simulator) == Counter(PHONES)


def test_a_role_that_is_killed_is_restarted_and_works(home: Home, simulator: Simulator, recipients: Path) -> None:
    up(home)
    first = home.processes()
    for name in ("worker", "beat", "flower", "web"):
        first[name].send(signal.SIGKILL)

    def all_are_back() -> bool:
        status = home.status()
        restarts = {role.name: role.restarts for role in status.roles}
        return status.state is StackState.READY and restarts == {name: int(name in restarted) for name in restarts}

    restarted = {"worker", "beat", "flower", "web"}
    wait_for(all_are_back, "the restarts")
    add_instance(home, simulator, "unlimited")
    submit(home, recipients, "--watch")
    assert accepted(simulator) == Counter(PHONES)


def test_a_postgres_that_shuts_down_and_waits_is_told_and_comes_back(
    home: Home, simulator: Simulator, recipients: Path
) -> None:
    """A SIGTERM lets it wait for its clients, which are the workers, and refuse everybody else."""
    up(home)
    visitor = sign_in_to_view(home)
    home.processes()["postgres"].send(signal.SIGTERM)
    wait_for(lambda: home.status().state is StackState.DEGRADED, "the supervisor to notice")
    told = home.run("status")
    assert told.code == 1
    assert "Postgres does not answer" in told.stderr
    assert "start all anew with `broadcaster down` and `broadcaster up`" in told.stderr
    assert "no Postgres is running" not in told.stderr
    bad = {check["check"]: check["detail"] for check in home.run("doctor", "--json").json["checks"]}
    assert "ended and started again by itself" in bad["postgres"]
    wait_for(lambda: home.status().state is StackState.READY, "the restart")
    add_instance(home, simulator, "unlimited")
    submit(home, recipients, "--watch")
    assert accepted(simulator) == Counter(PHONES)
    with closing(visitor):
        wait_for(lambda: f"{len(PHONES)} / {len(PHONES)}" in visitor.get("/").text, "the view in the browser")
    assert {role.name: role.restarts for role in home.status().roles}["web"] == 0


def test_up_in_the_foreground_tells_a_line_for_each_role_and_stops_all_at_sigterm(home: Home) -> None:
    argv = command("up", "--worker-processes", "2")
    with subprocess.Popen(argv, cwd=home.directory, env=home.environ, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(event(line))
            if lines[-1].startswith("up: "):
                break
        processes = home.processes()
        process.terminate()
        rest = process.stdout.read().splitlines()
    assert process.returncode == 0
    told = [line.split(" (")[0] for line in lines]
    assert told[:2] == ["redis: ready", "postgres: ready"]
    assert told[2].startswith("database: migrated to ")
    assert sorted(told[3:8]) == ["beat: ready", "flower: ready", "web: ready", "worker-1: ready", "worker-2: ready"]
    assert told[8].startswith(f"Flower: {flower_url(home)} user broadcaster, password ")
    assert told[9].startswith(f"web: http://127.0.0.1:{home.settings.web_port}/ password ")
    names = ["stopping", *(f"{name}: stopped" for name in ("web", "flower", "beat", "worker-2", "worker-1"))]
    assert [event(line) for line in rest] == [*names, "postgres: stopped", "redis: stopped"]
    assert len(processes) == 8
    assert not any(process.is_alive() for process in processes.values())


def event(line: str) -> str:
    """What a line of a log says, which is JSON."""
    document = json.loads(line)
    assert {"event", "role", "level", "timestamp"} <= document.keys()
    return str(document["event"])


def flower_url(home: Home) -> str:
    return f"http://127.0.0.1:{home.settings.flower_port}/"


def test_a_second_up_is_refused_and_leaves_the_first_alone(home: Home) -> None:
    up(home)
    before = home.processes()
    assert_refused(home.run("up", "--detach"), "already up", "`broadcaster down`")
    assert_refused(home.run("up"), f"is in use by process {before['supervisor'].pid}")
    assert home.processes() == before


@pytest.mark.parametrize("setting", ["flower_port", "web_port"])
def test_a_port_that_is_taken_fails_the_start_in_one_line(home: Home, setting: str) -> None:
    port = getattr(home.settings, setting)
    with socket.create_server(("127.0.0.1", port)):
        assert_refused(home.run("up", "--detach"), f"BROADCASTER_{setting.upper()}", str(port))
    assert home.status().state is StackState.STOPPED


def test_doctor_names_what_is_not_running(home: Home) -> None:
    examined = home.run("doctor", "--json")
    bad = {check["check"]: check["detail"] for check in examined.json["checks"] if check["level"] == "bad"}
    assert (examined.code, examined.json["ok"]) == (1, False)
    assert set(bad) == {"stack", "postgres", "redis"}
    assert "start it with `broadcaster up`" in bad["stack"]


def test_status_and_down_find_nothing_where_nothing_was_started(home: Home) -> None:
    assert home.run("status").stdout == f"nothing is running in {home.directory}: start it with `broadcaster up`\n"
    assert assert_done(home.run("down")).stdout == f"nothing was running in {home.directory}\n"
