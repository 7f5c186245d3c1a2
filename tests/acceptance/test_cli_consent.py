"""Consents and the card of a person, through the real command line."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from sqlalchemy import Engine

from broadcaster.services import dispatch
from broadcaster.services.inbox import inbox_reader
from broadcaster.settings import Settings
from tests.support.cli import RunCli, assert_done, assert_refused
from tests.support.people import listens, read_replies, write
from tests.support.shop import Shop, drain, open_shop

ANN, BOB = "628120000000", "628120000001"
PEOPLE = f"phone,name,agreed\n{ANN},<b>Ann</b> & co,2026-03-04 10:30\n{BOB},Bob,\n"
IMPORT = ("audience", "import", "people", "-")
CONSENT = ("--consent-source", "web form 2026-03", "--consent-column", "agreed")
SUBMIT = ("campaign", "submit", "promo", "--instance", "a", "--text", "Hi {{ name }}", "--require-consent")


class Page(HTMLParser):
    """The cells of a page, and what it would load."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.cells: list[str] = []
        self.tags: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        assert not {"src", "href"} & {name for name, _ in attrs}
        if tag == "td":
            self.cells.append("")

    def handle_data(self, data: str) -> None:
        if self.cells:
            self.cells[-1] += data


@pytest.fixture
def shop(engine: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    monkeypatch.setattr(inbox_reader, "RUN_SECONDS", 0.1)
    with open_shop(engine, settings) as opened:
        opened.add("a")
        yield opened


def test_who_has_agreed_is_kept_counted_and_sent_to(run_cli: RunCli, shop: Shop) -> None:
    assert "have agreed to messages: 1\n" in assert_done(run_cli(*IMPORT, *CONSENT, stdin=PEOPLE)).stdout
    assert "1; who has not is skipped" in assert_done(run_cli(*SUBMIT, "--audience", "people", "--dry-run")).stdout
    submitted = assert_done(run_cli(*SUBMIT, "--audience", "people", "--json")).json
    assert (submitted["total"], submitted["no_consent"], submitted["consents"]) == (2, 1, None)
    dispatch.start_due_campaigns(shop.engine)
    drain(shop)
    assert "no_consent" in assert_done(run_cli("campaign", "report", "promo")).stdout
    assert set(shop.accepted()) == {ANN}
    [(operator, command)] = shop.sql("SELECT operator, command FROM consents")
    assert operator and command == "audience import"
    by_file = ("campaign", "submit", "file", *SUBMIT[3:], "--recipients", "-", *CONSENT)
    submitted = assert_done(run_cli(*by_file, "--json", stdin=PEOPLE)).json
    assert (submitted["total"], submitted["no_consent"], submitted["consents"]) == (2, 1, 1)


def test_a_row_that_says_no_day_is_rejected_with_what_to_write(run_cli: RunCli, shop: Shop) -> None:
    said = assert_done(run_cli(*IMPORT, *CONSENT, stdin=PEOPLE.replace("2026-03-04 10:30", "yes"))).stdout
    assert "line 2, '628120000000': The column of consents says no day" in said and "write one like 2026-11-23" in said
    assert "have agreed to messages: 0\n" in said


def test_options_that_do_not_go_together_are_refused_and_nothing_is_stored(run_cli: RunCli, shop: Shop) -> None:
    assert_refused(run_cli(*IMPORT, *CONSENT[2:], stdin=PEOPLE), "--consent-source 'web form", code=2)
    assert_refused(run_cli(*IMPORT, *CONSENT[:3], "when", stdin=PEOPLE), "--consent-column 'when'", "'agreed'", code=2)
    assert_refused(run_cli(*IMPORT, "--consent-source", " ", stdin=PEOPLE), "--consent-source ' '", code=2)
    assert_refused(run_cli(*SUBMIT, "--audience", "people", *CONSENT), "go with --recipients", code=2)
    assert_refused(run_cli("phone", "show", ANN, "--html", "x.html", "--json"), "one of them", code=2)
    assert shop.sql("SELECT count(*) FROM audiences") == shop.sql("SELECT count(*) FROM consents") == [(0,)]


def test_the_card_of_a_person_has_all_of_it(run_cli: RunCli, shop: Shop, tmp_path: Path) -> None:
    assert_done(run_cli(*IMPORT, *CONSENT, stdin=PEOPLE))
    assert_done(run_cli(*SUBMIT, "--audience", "people"))
    dispatch.start_due_campaigns(shop.engine)
    drain(shop)
    listens(shop, "a")
    write(shop, ANN, "Stop!")
    read_replies(shop)
    shown = assert_done(run_cli("phone", "show", f"+{ANN}", "--json")).json
    assert shown["phone"] == ANN and shown["numbers"] == [ANN]
    [consent], [message], [reply], [opt_out] = (shown[of] for of in ("consents", "messages", "replies", "opt_outs"))
    assert (consent["source"], consent["words"], consent["given_on"], consent["command"]) == (
        "web form 2026-03", "2026-03-04 10:30", "2026-03-04", "audience import",
    )  # fmt: skip
    assert (message["campaign"], message["state"], message["instance"]) == ("promo", "sent", "a")
    assert message["source"].startswith("audience people")
    assert (reply["text"], reply["meaning"], opt_out["inbound_id"]) == ("Stop!", "stop", reply["reply"])
    people = assert_done(run_cli("phone", "show", f"+{ANN}")).stdout
    assert people.startswith(f"number: +{ANN} (Indonesia)\nconsents: 1\n")
    for said in ("web form 2026-03", "promo", "Stop!", "people"):
        assert said in people
    page = tmp_path / "card.html"
    written = assert_done(run_cli("phone", "show", f"+{ANN}", "--html", str(page))).stdout
    assert written == f"+{ANN} (Indonesia): written to {page}\n"
    assert stat.S_IMODE(page.stat().st_mode) == 0o600
    read = Page(page.read_text(encoding="utf-8"))
    assert {"web form 2026-03", "promo", "Stop!", "people"} <= set(read.cells)
    assert any("<b>Ann</b> & co" in cell for cell in read.cells)
    assert not {"b", "script", "link", "img"} & read.tags
    assert_refused(run_cli("phone", "show", ANN, "--html", str(tmp_path / "no" / "card.html")), "cannot write")


def test_a_number_is_told_as_it_was_understood(run_cli: RunCli, shop: Shop) -> None:
    blocked = assert_done(run_cli("phone", "block", "0812-0000-000", "--country", "ID")).stdout
    assert f"numbers: +{ANN} (Indonesia)" in blocked
    mexican = assert_done(run_cli("phone", "show", "+52 55 1234 5678")).stdout
    assert mexican.startswith("number: +525512345678 (Mexico)\nalso looked for: +5215512345678\n")
