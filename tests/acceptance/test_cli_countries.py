"""Of which country phones are, as commands decide and say it."""

from __future__ import annotations

import os
import pty
import select
import subprocess
from collections.abc import Mapping

import pytest
from sqlalchemy import Engine, text

from broadcaster.crypto import open_vault
from broadcaster.services.instances import add_instance
from broadcaster.settings import Settings
from tests.support.cli import CliResult, RunCli, assert_done, assert_refused, command

LOST_ZERO = "phone,name\n81234567890,Indonesian whose zero a spreadsheet ate\n81298765432,B\n"
FILES = {
    "phone,name\n+52 1 55 1234 5678,A\n5215512345679,B\n+525512345670,C\n": 3,
    'phone,name\n"=""6281234567801""",A\n="6281234567802",B\n': 2,
    "phone,name\n6281234567801@c.us,A\n6281234567802@s.whatsapp.net,B\nhttps://wa.me/6281234567803,C\n"
    "whatsapp:+6281234567804,D\ntel:+6281234567805,E\n": 5,
}
SLASHES = "phone,name\n+49 171/1234567,A\n+49 (0)171-1234568,B\n0171 / 123 45 69,C\n"


@pytest.fixture
def clinic(run_cli: RunCli, engine: Engine, settings: Settings) -> RunCli:
    """An instance without a country."""
    add_instance(engine, open_vault(settings), "main", "key-a", rate_per_second=None)
    return run_cli


def submit(run_cli: RunCli, data: str, *options: str, environ: Mapping[str, str] | None = None) -> CliResult:
    words = ("campaign", "submit", "c", "--instance", "main", "--recipients", "-", "--text", "Hi {{ name }}")
    return run_cli(*words, *options, stdin=data, environ=environ)


def stored(engine: Engine) -> list[str]:
    with engine.begin() as connection:
        return list(connection.execute(text("SELECT phone FROM messages ORDER BY seq")).scalars())


def test_numbers_that_lost_their_zero_go_nowhere_until_their_country_is_known(clinic: RunCli, engine: Engine) -> None:
    for options in ((), ("--dry-run",), ("--json",), ("--accept-rejected",)):
        assert_refused(submit(clinic, LOST_ZERO, *options), "standard input", "2 Japan", "--country ID")
    assert_refused(clinic("audience", "import", "people", "-", stdin=LOST_ZERO), "--country ID")
    assert stored(engine) == []
    dry = assert_done(submit(clinic, LOST_ZERO, "--country", "ID", "--dry-run")).stdout
    assert "countries: 2 Indonesia\n" in dry
    assert (
        "2 Indonesia"
        in assert_done(
            clinic("audience", "import", "people", "-", stdin=LOST_ZERO, environ={"BROADCASTER_COUNTRY": "id"})
        ).stdout
    )
    assert_done(clinic("instance", "set", "main", "--country", "id"))
    assert assert_done(clinic("instance", "show", "main", "--json")).json["country"] == "ID"
    assert assert_done(submit(clinic, LOST_ZERO, "--json")).json["countries"] == [
        {"country": "ID", "name": "Indonesia", "numbers": 2, "without_plus": 2, "lines": []}
    ]
    assert stored(engine) == ["6281234567890", "6281298765432"]


def test_the_instances_country_goes_before_the_settings_and_counts_where_they_agree(
    clinic: RunCli, engine: Engine, settings: Settings
) -> None:
    add_instance(engine, open_vault(settings), "other", "key-b", rate_per_second=None, country="de")
    number = "phone\n0812 3456 7890\n"

    def country(*options: str) -> str:
        words = ("campaign", "submit", "c", "--recipients", "-", "--text", "Hi", "--dry-run", "--json")
        done = clinic(*words, *options, stdin=number, environ={"BROADCASTER_COUNTRY": "ID"})
        return str(assert_done(done).json["countries"][0]["country"])

    assert country("--instance", "main") == "ID"
    assert country("--instance", "main", "--instance", "other") == "DE"
    told = clinic("instance", "set", "main", "--country", "ID")
    assert (told.code, told.stderr.count("different countries now (DE, ID)")) == (0, 1)
    assert country("--instance", "main", "--instance", "other") == "ID"
    assert country("--instance", "other") == "DE"
    assert country("--instance", "other", "--country", "ID") == "ID"
    assert_done(clinic("instance", "set", "other", "--country", "none"))
    assert country("--instance", "other") == "ID"
    assert_refused(clinic("instance", "set", "other", "--country", "Java"), "'Java'", "ISO 3166", code=2)
    wrong = clinic("campaign", "test", "c", "--to", "0812", environ={"BROADCASTER_COUNTRY": "XX"})
    assert_refused(wrong, "BROADCASTER_COUNTRY", "'XX'", code=2)


@pytest.mark.parametrize(("data", "messages"), FILES.items())
def test_numbers_as_whatsapp_and_spreadsheets_have_them_are_read(clinic: RunCli, data: str, messages: int) -> None:
    done = assert_done(submit(clinic, data, "--dry-run", "--json")).json
    assert (done["total"], done["rejected"]) == (messages, 0)


def test_slashes_are_read(clinic: RunCli) -> None:
    assert assert_done(submit(clinic, SLASHES, "--country", "DE", "--dry-run", "--json")).json["total"] == 3


def test_what_looks_like_a_mistake_is_shown_by_a_dry_run_and_stops_a_submission(
    clinic: RunCli, engine: Engine
) -> None:
    people = (
        "phone,name\n" + "".join(f"+62812345{n:05},N\n" for n in range(20)) + "85251234567,HK\n" + "nobody,X\n" * 4
    )
    dry = submit(clinic, people, "--dry-run")
    assert "countries: 20 Indonesia, 1 Hong Kong SAR China: line 22\n" in dry.stdout
    assert (dry.code, dry.stderr.count("\n")) == (1, 1)
    for option in ("--accept-countries", "--accept-rejected"):
        assert option in dry.stderr
        other = {"--accept-countries": "--accept-rejected", "--accept-rejected": "--accept-countries"}[option]
        assert_refused(submit(clinic, people, option), other)
        assert_refused(clinic("audience", "import", "people", "-", option, stdin=people), other)
    assert stored(engine) == []
    document = submit(clinic, people, "--dry-run", "--json")
    assert len(document.json["stopped_by"]) == 2
    done = assert_done(submit(clinic, people, "--accept-countries", "--accept-rejected", "--json")).json
    assert (done["total"], done["rejected"], done["stopped_by"]) == (21, 4, [])
    assert done["countries"][1]["lines"] == [22]
    shown = clinic("audience", "import", "people", "-", "--replace", stdin=people)
    assert (shown.code, "it would be refused" in shown.stderr, "20 Indonesia" in shown.stdout) == (1, True, True)


def test_repeated_rows_are_of_no_country_where_they_are_no_messages(clinic: RunCli) -> None:
    people = (
        "phone,name\n+62 812 3456 7890,A\n6281234567890,B\n+62 812 3456 7891,C\n+6281234567890,D\n+81 90-1234-5678,E\n"
    )
    told = ("--accept-rejected", "--dry-run")
    assert "countries: 2 Indonesia, 1 Japan: line 6\n" in submit(clinic, people, *told).stdout
    assert "countries: 4 Indonesia, 1 Japan: line 6\n" in submit(clinic, people, *told, "--one-per", "row").stdout
    [main, other] = assert_done(submit(clinic, people, "--accept-rejected", "--json")).json["countries"]
    assert (main["numbers"], main["without_plus"], other["numbers"]) == (2, 1, 1)
    imported = assert_done(clinic("audience", "import", "people", "-", "--json", stdin=people)).json
    assert [each["numbers"] for each in imported["countries"]] == [2, 1]


def test_every_option_that_takes_a_phone_takes_the_same_country(clinic: RunCli) -> None:
    assert_done(submit(clinic, "phone,name\n+62 812 3456 7890,Ayu\n", "--draft"))
    preview = ("campaign", "preview", "c", "--phone", "81234567890")
    test = ("campaign", "test", "c", "--timeout", "0", "--to", "81234567890")
    check = ("instance", "check", "main", "--to", "81234567890")
    show = ("phone", "show", "81234567890")
    for words in (preview, test, check, show, ("phone", "forget", *show[2:]), ("phone", "readmit", *show[2:])):
        assert_refused(clinic(*words), "'81234567890'", "Japan", "--country ID", code=2)
    assert_done(clinic("instance", "set", "main", "--country", "ID"))
    assert "6281234567890  " not in assert_done(clinic(*show)).stdout
    assert "Hi Ayu" in assert_done(clinic(*preview)).stdout
    assert "6281234567890" in clinic(*test).stderr
    lines = clinic("phone", "forget", "-", stdin="81234567890\n62812345678\n")
    assert assert_done(lines).stdout.startswith("line 1: messages: 2;")


def test_a_campaign_over_an_audience_says_its_countries_too(clinic: RunCli) -> None:
    people = "phone,name\n+62 812 3456 7890,Ayu\n+62 812 3456 7891,Budi\n+81 90-1234-5678,Aiko\n"
    assert_done(clinic("audience", "import", "people", "-", stdin=people))
    words = ("campaign", "submit", "c", "--instance", "main", "--audience", "people", "--text", "Hi {{ name }}")
    assert "countries: 2 Indonesia, 1 Japan\n" in assert_done(clinic(*words, "--dry-run")).stdout
    assert_refused(clinic(*words, "--accept-countries"), "not an audience", code=2)


def test_adding_an_instance_on_a_terminal_asks_for_the_country(run_cli: RunCli, environ: Mapping[str, str]) -> None:
    def typed(name: str, *answers: str) -> str:
        ours, theirs = pty.openpty()
        words = command("instance", "add", name, "--key", f"key-{name}")
        process = subprocess.Popen(words, stdin=theirs, stdout=theirs, stderr=theirs, env=dict(environ))
        os.close(theirs)
        shown, waiting = "", list(answers)
        while select.select([ours], [], [], 60)[0]:
            try:
                shown += os.read(ours, 4096).decode()
            except OSError:  # Linux says so where the other side has closed it.
                break
            if waiting and shown.endswith("(Enter: not known): "):
                os.write(ours, f"{waiting.pop(0)}\n".encode())
                shown += "|"
        os.close(ours)
        assert process.wait(60) == 0, shown
        return str(assert_done(run_cli("instance", "show", name, "--json")).json["country"])

    assert typed("a", "Java", "id") == "ID"
    assert typed("b", "") == "None"
