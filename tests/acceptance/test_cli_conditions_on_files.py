"""A file that is submitted with conditions, by the real command: only the rows that meet them are sent."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from broadcaster.services.dispatch import start_due_campaigns
from broadcaster.settings import Settings
from broadcaster.simulator import Simulator
from tests.support.cli import CliResult, RunCli, assert_done, assert_refused
from tests.support.shop import Shop, drain
from tests.support.workbook import workbook

MOTHER, B, C, D = "6281234567801", "6281234567802", "6281234567803", "6281234567804"
CLOCK = {"BROADCASTER_TIMEZONE": "UTC"}
TODAY = date(2036, 11, 28)
"""Of the list: it is none on which the tests are run."""
TOMORROW = TODAY + timedelta(days=1)
SUNDAY = ("--where", f"appointment={TOMORROW}")
TEXT = ("--text", "Dear {{ name }}, see you on {{ appointment | date }}.")


@pytest.fixture
def office(run_cli: RunCli, tmp_path: Path) -> Office:
    return Office(run_cli, tmp_path)


class Office:
    """An instance `a`, and a list of patients of whom two have one mother's phone."""

    def __init__(self, run_cli: RunCli, directory: Path) -> None:
        self._run_cli = run_cli
        self.directory = directory
        self.list(
            "patients.csv",
            f"{MOTHER},Ayu,{TOMORROW},Jakarta",
            f"{B},Budi,{TOMORROW + timedelta(days=1)},Solo",
            f"{MOTHER},Citra,{TOMORROW},Jakarta",
            f"{C},,,",
            f"no phone,Dewi,{TODAY},Solo",
            f"{D},Eka,{TOMORROW},Solo",
        )
        assert_done(self.run("instance", "add", "a", "--key-stdin", "--rate", "unlimited", stdin=b"secret"))

    def list(self, name: str, *lines: str) -> None:
        (self.directory / name).write_text("\n".join(["phone,name,appointment,city", *lines]) + "\n")

    def run(self, *args: str | Path, stdin: bytes = b"") -> CliResult:
        return self._run_cli(*args, stdin=stdin, environ=CLOCK)

    def submit(self, name: str, *options: str, file: str = "patients.csv", stdin: bytes = b"") -> CliResult:
        text = () if "--text" in options else TEXT
        source = ("--recipients", file if file == "-" else self.directory / file)
        return self.run("campaign", "submit", name, "--instance", "a", *source, *text, *options, stdin=stdin)

    def told(self, *options: str, **more: Any) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(
            assert_done(self.submit("c", *options, "--dry-run", "--json", **more)).stdout
        )
        return document


def samples(told: dict[str, Any]) -> list[str]:
    return [each["message"].split(",")[0] for each in told["samples"]]


def test_a_workbook_with_families_reminds_who_comes_tomorrow_and_each_of_a_family(
    office: Office, engine: Engine, settings: Settings, simulator: Simulator
) -> None:
    shop = Shop(engine, settings, simulator)
    tomorrow = date.fromordinal(shop.sql("SELECT (now() AT TIME ZONE 'UTC')::date AS day")[0][0].toordinal() + 1)
    in_book = (float(tomorrow.toordinal() - date(1899, 12, 30).toordinal()),)
    later = (in_book[0] + 1,)
    rows = [[MOTHER, "Ayu", in_book], [B, "Budi", later], [MOTHER, "Citra", in_book], [D, "Eka", in_book]]
    (office.directory / "patients.xlsx").write_bytes(workbook([["phone", "name", "appointment"], *rows]))
    assert_done(office.run("instance", "set", "a", "--base-url", simulator.base_url))
    options = ("--where", "appointment=today+1", "--one-per", "row")

    dry = assert_done(office.submit("reminder", *options, "--dry-run", file="patients.xlsx")).stdout
    assert "3 of the file's 4 rows meet the conditions" in dry
    assert f"where appointment=today+1 ({tomorrow})" in dry
    assert "messages: 3" in dry

    assert_done(office.submit("reminder", *options, file="patients.xlsx"))
    start_due_campaigns(engine)
    drain(shop)
    sent = sorted((entry.phone, entry.body.split(",")[0]) for entry in simulator.ledger.entries)
    assert sent == [(MOTHER, "Dear Ayu"), (MOTHER, "Dear Citra"), (D, "Dear Eka")]
    shown = json.loads(assert_done(office.run("campaign", "show", "reminder", "--json")).stdout)
    assert shown["source"].endswith(f"patients.xlsx where appointment=today+1 ({tomorrow})")


def test_rows_that_do_not_meet_the_conditions_play_no_part(office: Office) -> None:
    """Neither their phones, nor what is empty in them, nor a text that would be blank."""
    told = office.told(*SUNDAY, "--one-per", "row", "--text", "{{ name }}")
    assert (told["read"], told["total"], told["rejected"], told["not_meant"]) == (3, 3, 0, 3)
    assert told["empty_values"] == {"name": 0}
    assert told["where"] == [f"appointment={TOMORROW}"]
    assert samples(told) == ["Ayu", "Citra", "Eka"]
    assert told["repeats"] == [{"line": 4, "first_line": 2}]
    assert samples(office.told(*SUNDAY, "--where", "city=Solo", "--text", "{{ name }}")) == ["Eka"]


def test_the_first_row_of_a_phone_that_meets_the_conditions_is_sent(office: Office) -> None:
    assert samples(office.told("--where", "name=Citra")) == ["Dear Citra"]


def test_the_phone_can_be_asked_for_where_the_text_shows_it(office: Office) -> None:
    assert office.told("--where", f"phone='{D}'", "--text", "{{ phone }}")["total"] == 1


def test_a_file_from_a_pipe_is_read_once(office: Office) -> None:
    piped = (office.directory / "patients.csv").read_bytes()
    assert office.told(*SUNDAY, file="-", stdin=piped)["total"] == 2


def test_conditions_about_campaigns_and_audiences_hold_for_rows_of_a_file(
    office: Office, engine: Engine, settings: Settings, simulator: Simulator
) -> None:
    assert_done(office.run("instance", "set", "a", "--base-url", simulator.base_url))
    office.list("some.csv", f"{MOTHER},Ayu,{TODAY},Solo", f"{B},Budi,{TODAY},Solo")
    office.list("vip.csv", f"{D},Eka,{TODAY},Solo")
    assert_done(office.submit("promo", file="some.csv"))
    start_due_campaigns(engine)
    drain(Shop(engine, settings, simulator))
    assert_done(office.run("audience", "import", "vip", office.directory / "vip.csv"))

    def who(*options: str) -> tuple[int, list[str]]:
        told = office.told(*options, "--where", "appointment is not empty", "--one-per", "row", "--accept-rejected")
        return told["total"], samples(told)

    assert who("--where", "not messaged within 7d") == (1, ["Dear Eka"])
    assert who("--where", "got campaign promo") == (3, ["Dear Ayu", "Dear Budi", "Dear Citra"])
    assert who("--exclude", "promo") == (1, ["Dear Eka"])
    assert who("--where", "in audience vip") == (1, ["Dear Eka"])
    # Nobody knows a phone that cannot be read, which is why it is left over: its row is rejected.
    [note] = office.told("--where", "not got campaign promo", "--at", "tomorrow 9:00", "--accept-rejected")["notes"]
    assert note == "the rows of a file are chosen when it is submitted: what people get until the start does not count"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--where", "city=Bandung"), ["nobody in ", "where city=Bandung", "Jakarta", "nothing would be sent"]),
        (("--where", "town=Solo"), ["town", "city"]),
        (("--where", "appointment=yesterday"), ["nothing would be sent"]),
        (("--exclude", "nobody"), ["no audience and no campaign is called 'nobody'"]),
    ],
)
def test_conditions_that_nobody_meets_or_that_cannot_be_evaluated_refuse_the_file(
    office: Office, options: tuple[str, ...], said: list[str]
) -> None:
    refused = office.submit("c", *options)
    code = 2 if "town=Solo" in options else 1
    assert_refused(refused, *said, code=code)
    assert json.loads(office.run("campaign", "list", "--json").stdout) == []


def test_days_in_both_orders_refuse_the_file(office: Office) -> None:
    office.list("mixed.csv", f"{B},Budi,23/11/2036,Solo", f"{C},Citra,11/23/2036,Solo")
    assert_refused(office.submit("c", "--where", "appointment=today", "--text", "Hi", file="mixed.csv"), "both orders")


def test_the_import_of_a_family_says_how_each_of_it_is_reached(office: Office) -> None:
    said = assert_done(
        office.run("audience", "import", "patients", office.directory / "patients.csv", "--accept-rejected")
    )
    assert "1 row shares a phone with an earlier one and is left out" in said.stdout
    assert "--recipients FILE --one-per row" in said.stdout
    assert "--where" in said.stdout
