"""`--html` of reports: one file for its owner, in the language that is asked for, or a line that says why not."""

from __future__ import annotations

import json
import re
import shlex
import stat
from collections.abc import Iterator
from datetime import date
from html import unescape
from pathlib import Path

import pytest
from sqlalchemy import Engine

from broadcaster.settings import Settings
from tests.support.cli import RunCli, assert_done, assert_refused
from tests.support.shop import Shop, drain, open_shop


@pytest.fixture
def shop(engine: Engine, settings: Settings) -> Iterator[Shop]:
    with open_shop(engine, settings) as opened:
        opened.add("a")
        opened.submit("spring", 20, "a")
        opened.fault("kind=invalid_number,phone=628120000003")
        drain(opened)
        yield opened


def test_a_report_is_written_whole_and_for_its_owner_alone(run_cli: RunCli, shop: Shop, tmp_path: Path) -> None:
    page = tmp_path / "spring.html"
    assert shop.state("spring") == "finished"
    written = assert_done(run_cli("campaign", "report", "spring", "--html", str(page)))
    assert written.stdout == f"the report of campaign spring is in {page}\n"
    assert stat.S_IMODE(page.stat().st_mode) == 0o600
    told = page.read_text(encoding="utf-8")
    assert '<html lang="en"' in told
    assert "6281••••••03" in told
    assert "628120000003" not in told
    full = assert_done(run_cli("campaign", "report", "spring", "--html", "-", "--with-phones", "--language", "pt_BR"))
    assert '<html lang="pt-BR"' in full.stdout
    assert "628120000003" in full.stdout


def test_the_setting_says_in_which_language(run_cli: RunCli, shop: Shop, environ: dict[str, str]) -> None:
    environ["BROADCASTER_LANGUAGE"] = "id"
    assert '<html lang="id"' in assert_done(run_cli("campaign", "report", "spring", "--html", "-")).stdout


def test_what_was_set_of_an_instance_while_it_sent_is_among_the_events(run_cli: RunCli, shop: Shop) -> None:
    shop.submit("slow", 3, "a")
    assert_done(run_cli("limit", "add", "clinic", "1000/d"))
    options = "--rate 20/min --gap 20s..60s --rest '5m..10m after 50' --ramp 20,50 --limit clinic "
    options += "--window 'Mon-Fri 09:00-17:00' --window-zone Asia/Jakarta"
    assert_done(run_cli("instance", "set", "a", *shlex.split(options)))
    assert_done(run_cli("instance", "set", "a", "--gap", "none", "--country", "ID"))

    def events(*language: str) -> str:
        page = assert_done(run_cli("campaign", "report", "slow", "--html", "-", *language)).stdout
        told = re.sub(r"<[^>]+>", " ", page.split('id="events"')[1].split("</section>")[0])
        return " ".join(unescape(told).split())

    told = events()
    assert "gaps and rests - → gaps of 20s..1m, rests of 5m..10m after 50" in told
    assert "gaps and rests gaps of 20s..1m, rests of 5m..10m after 50 → rests of 5m..10m after 50" in told
    assert "windows - → Mon-Fri 09:00-17:00 Asia/Jakarta" in told
    assert "limits that it shares - → clinic" in told
    assert "country - → ID" in told
    told = events("--language", "id")
    assert "jeda dan istirahat - → jeda 20s..1m, istirahat 5m..10m setelah 50" in told
    assert "jendela waktu - → Sen-Jum 09:00-17:00 Asia/Jakarta" in told


def test_a_content_of_each_kind_is_shown_and_so_is_each_change_of_it(
    run_cli: RunCli, shop: Shop, tmp_path: Path
) -> None:
    hours = tmp_path / "hours.pdf"
    hours.write_bytes(b"%PDF-1.4 9 to 5")
    menu = "https://example.com/menu.pdf"
    submitted = ("campaign", "submit", "c", "--instance", "a", "--recipients", "-", "--text", "Hello", "--draft")
    assert_done(run_cli(*submitted, stdin="phone\n628120000001\n"))
    for options, shown, event in (
        (("--file", str(hours)), "hours.pdf", "filename - → hours.pdf , text Hello → -"),
        (("--caption", "Our hours"), "hours.pdf: Our hours", "caption - → Our hours"),
        (("--file-url", menu, "--caption", ""), menu, f"URL - → {menu} , filename hours.pdf → -"),
        (("--caption", "Our menu"), f"{menu}: Our menu", "caption - → Our menu"),
        (("--text", "Bye"), "Bye", "text - → Bye"),
    ):
        assert_done(run_cli("campaign", "set", "c", *options))
        page = assert_done(run_cli("campaign", "report", "c", "--html", "-")).stdout
        assert f"<bdi>{shown}</bdi>" in page
        events = re.sub(r"<[^>]+>", " ", page.split('id="events"')[1].split("</section>")[0])
        assert event in " ".join(unescape(events).split())


def test_files_of_their_own_are_shown_by_where_they_come_from(run_cli: RunCli, shop: Shop, tmp_path: Path) -> None:
    (tmp_path / "ann.pdf").write_bytes(b"%PDF-1.4 Ann")
    files = ("--file-column", "bill", "--file-root", str(tmp_path))
    for name, more, shown in (
        ("c", (), "{{ bill }}"),
        ("d", ("--caption", "Your bill"), "{{ bill }}: Your bill"),
        ("e", ("--filename", "bill of {{ name }}.pdf"), "bill of {{ name }}.pdf"),
    ):
        submitted = ("campaign", "submit", name, "--instance", "a", "--recipients", "-", "--draft", *files, *more)
        assert_done(run_cli(*submitted, stdin="phone,name,bill\n628120000001,Ann,ann.pdf\n"))
        assert f"<bdi>{shown}</bdi>" in assert_done(run_cli("campaign", "report", name, "--html", "-")).stdout


def test_all_campaigns_are_told_together(run_cli: RunCli, shop: Shop) -> None:
    told = json.loads(assert_done(run_cli("campaign", "report", "--all", "--since", "2020-01-01", "--json")).stdout)
    assert (told["total"], told["sent"], told["failed"]) == (20, 19, 1)
    assert [(each["name"], each["sent"]) for each in told["campaigns"]] == [("spring", 19)]
    said = assert_done(run_cli("campaign", "report", "--all")).stdout
    assert "messages: 20\nsent: 19; failed: 1\n" in said
    assert "<h1>" in assert_done(run_cli("campaign", "report", "--all", "--html", "-")).stdout
    shop.sql("UPDATE campaigns SET started_at = now() - interval '40 days'")
    assert "no campaign has started since" in assert_done(run_cli("campaign", "report", "--all")).stdout


def test_a_schedule_is_told_with_its_campaigns(run_cli: RunCli, shop: Shop) -> None:
    people = "phone,name\n628123456001,Ann\n"
    assert_done(run_cli("audience", "import", "people", "-", "--consent-source", "form", stdin=people))
    add = "schedule add news --cron '0 9 * * *' --timezone Asia/Jakarta --instance a --audience people --text Hi"
    assert_done(run_cli(*shlex.split(add)))
    shop.sql(
        "INSERT INTO occurrences (schedule_id, due_at, state, campaign_id, number) SELECT 1, now(), 'started', 1, 1"
    )
    page = assert_done(run_cli("schedule", "report", "news", "--html", "-")).stdout
    assert "<h1><bdi>Schedule news</bdi></h1>" in page
    assert ">19</b> <span>sent</span>" in page


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ("", "say which campaign: its NAME, or --all"),
        ("spring --all", "--all with NAME: leave one of them out"),
        ("spring --since monday", "--since is for --all: add it"),
        (f"--all --since {date.today().year + 2}-01-01", "is yet to come"),
        ("spring --with-phones", "--with-phones is for --html FILE: add it, or leave this out"),
        ("spring --language id", "--language is for --html FILE: add it, or leave this out"),
        ("--all --html - --with-phones", "--all with --with-phones: leave one of them out"),
        (
            "spring --html - --json",
            "--html with --json: a report is written as the one or the other",
        ),
        ("spring --html - --language xx", "--language 'xx' is no language of pages: choose one of en, es, id, pt"),
    ],
)
def test_what_makes_no_page_is_told_in_one_line(run_cli: RunCli, options: str, why: str) -> None:
    assert_refused(run_cli("campaign", "report", *shlex.split(options)), why, code=2)


def test_a_file_that_cannot_be_written_is_told(run_cli: RunCli, shop: Shop, tmp_path: Path) -> None:
    page = tmp_path / "missing" / "spring.html"
    assert_refused(run_cli("campaign", "report", "spring", "--html", str(page)), "cannot write", code=1)
    assert_refused(run_cli("campaign", "report", "winter", "--html", "-"), "no campaign is called 'winter'", code=1)
