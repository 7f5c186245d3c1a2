"""Dates and numbers in texts, from a list to what a person reads."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Engine

from broadcaster.crypto import open_vault
from broadcaster.services.instances import add_instance
from broadcaster.settings import Settings
from tests.support.cli import RunCli, assert_done, assert_refused
from tests.support.workbook import workbook

REMINDER = 'Halo {{ name | title }}, {{ day | date("%A, %-d %B %Y") }} ({{ fee | number }}) {{ day }}'
UNREADABLE = "Column 'day': This is not a date that can be read: write it like 2026-04-03."
OPEN = (
    "Column 'day': Whether the day or the month comes first in this date is open: say it with --locale, such as "
    "en_GB or en_US, or write it like 2026-04-03."
)


@pytest.fixture(autouse=True)
def instance(settings: Settings, engine: Engine) -> None:
    add_instance(engine, open_vault(settings), "a", "key-a", rate_per_second=20 / 60)


def test_a_date_of_a_workbook_stays_one(run_cli: RunCli, tmp_path: Path) -> None:
    rows = [["phone", "name", "day", "fee"], ["628123456789", "AYU", (46115.0,), 150000.0]]
    (tmp_path / "people.xlsx").write_bytes(workbook(rows))
    submit = ("campaign", "submit", "promo", "--instance", "a", "--recipients", "people.xlsx", "--json")
    done = assert_done(run_cli(*submit, "--text", REMINDER, "--locale", "id")).json
    [sample] = done["samples"]
    assert sample["message"] == "Halo Ayu, Jumat, 3 April 2026 (150.000) 2026-04-03"
    # The locale is the campaign's: what is previewed later needs no option and no setting.
    [message] = assert_done(run_cli("campaign", "preview", "promo", "--json")).json["messages"]
    assert message["text"] == "Halo Ayu, Jumat, 3 April 2026 (150.000) 2026-04-03"


PEOPLE = """phone,name,day,fee
628123456781,ayu,2026-04-03,150000
628123456782,budi,soon,150000
628123456783,citra,03/04/2026,150000
628123456784,dewi,,
"""


@pytest.mark.parametrize(
    ("locale", "rejects", "shown"),
    [
        (None, [(3, "628123456782", UNREADABLE), (4, "628123456783", OPEN)], "Friday, 3 April 2026 (150,000)"),
        ("id", [(3, "628123456782", UNREADABLE)], "Jumat, 3 April 2026 (150.000)"),
    ],
)
def test_what_cannot_be_read_is_rejected_by_line_before_anything_is_sent(
    run_cli: RunCli, locale: str | None, rejects: list[tuple[int, str, str]], shown: str
) -> None:
    submit = ("campaign", "submit", "promo", "--instance", "a", "--recipients", "-", "--text", REMINDER, "--json")
    setting = {"BROADCASTER_LOCALE": locale}
    for options in (("--dry-run",), ()):
        done = assert_done(run_cli(*submit, *options, stdin=PEOPLE, environ=setting)).json
        assert [(row["line"], row["phone"], row["reason"]) for row in done["rejects"]] == rejects
        assert (done["read"], done["rejected"]) == (4, len(rejects))
        assert f"Halo Ayu, {shown} 2026-04-03" in [each["message"] for each in done["samples"]]
    rows = assert_done(run_cli("campaign", "export", "promo", "--rejected")).stdout.splitlines()[1:]
    assert len(rows) == len(rejects)


def test_members_whose_values_cannot_be_read_are_rejected_too(run_cli: RunCli) -> None:
    assert_done(run_cli("audience", "import", "people", "-", stdin=PEOPLE))
    submit = ("campaign", "submit", "promo", "--instance", "a", "--audience", "people", "--text", REMINDER)
    done = assert_done(run_cli(*submit, "--locale", "id", "--json")).json
    assert [(row["phone"], row["reason"]) for row in done["rejects"]] == [("628123456782", UNREADABLE)]
    assert (done["total"], done["rejected"]) == (3, 1)
    preview = ("campaign", "preview", "--audience", "people", "--text", REMINDER, "--locale", "id", "--json")
    [message] = assert_done(run_cli(*preview, "--phone", "628123456782")).json["messages"]
    assert message["fault"] == UNREADABLE


@pytest.mark.parametrize(
    ("options", "setting", "said"),
    [
        (("--locale", "klingon"), {}, "--locale 'klingon' is no locale: write it like id, en_GB or pt_BR"),
        ((), {"BROADCASTER_LOCALE": "../x"}, "BROADCASTER_LOCALE '../x' is no locale"),
    ],
)
def test_a_locale_that_nobody_has_is_refused(
    run_cli: RunCli, options: tuple[str, ...], setting: dict[str, str], said: str
) -> None:
    submit = ("campaign", "submit", "promo", "--instance", "a", "--recipients", "-", "--text", REMINDER)
    assert_refused(run_cli(*submit, *options, stdin=PEOPLE, environ=setting), said, code=2)


def test_a_text_is_looked_at_and_refused_only_where_that_is_wanted(run_cli: RunCli) -> None:
    text = ("--text", "Hello {name}, see bit.ly/x")
    submit = ("campaign", "submit", "promo", "--instance", "a", "--recipients", "-", *text)
    refused = run_cli(*submit, "--strict", stdin=PEOPLE)
    assert_refused(
        refused, "--strict refuses this content: 'bit.ly' hides where the link leads", "'{name}' is sent as it stands"
    )
    done = assert_done(run_cli(*submit, "--json", stdin=PEOPLE)).json
    codes = ["short_link", "placeholder", "same_for_all", "no_opt_out"]
    assert [remark["code"] for remark in done["lint"]] == codes
    preview = assert_done(run_cli("campaign", "preview", "promo", "--json")).json
    assert preview["lint"] == done["lint"]
    assert "warning: nobody is told how to opt out" in assert_done(run_cli("campaign", "preview", "promo")).stdout
    assert_refused(run_cli("campaign", "preview", "promo", "--strict"), "--strict refuses this content")


BILLS = "phone,name,invoice\n628123456781,Ayu,17.pdf\n628123456782,Budi,../18.pdf\n"


def test_everybody_may_get_a_file_of_their_own(run_cli: RunCli, tmp_path: Path) -> None:
    (tmp_path / "bills").mkdir()
    (tmp_path / "bills" / "17.pdf").write_bytes(b"%PDF")
    submit = ("campaign", "submit", "bills", "--instance", "a", "--recipients", "-", "--file-column", "Invoice")
    files = ("--file-root", "bills", "--filename", "Invoice {{ name }}.pdf", "--caption", "Dear {{ name }}")
    done = assert_done(run_cli(*submit, *files, "--json", stdin=BILLS)).json
    assert (done["total"], [row["line"] for row in done["rejects"]]) == (1, [3])
    [message] = assert_done(run_cli("campaign", "preview", "bills", "--json")).json["messages"]
    assert (message["filename"], message["caption"]) == ("Invoice Ayu.pdf", "Dear Ayu")


RESULTS = """phone,name,result
628123456781,Ayu,lab/17.pdf
628123456782,Budi,lab/18.pdf
628123456783,Citra,lab/18.pdf
628123456784,Dewi,lab/copy of 18.pdf
"""


def test_it_is_shown_who_would_get_which_file_and_told_where_several_get_the_same(
    run_cli: RunCli, tmp_path: Path
) -> None:
    (tmp_path / "lab").mkdir()
    for name, body in {"17": b"%PDF 17", "18": b"%PDF 018", "copy of 18": b"%PDF 018"}.items():
        (tmp_path / "lab" / f"{name}.pdf").write_bytes(body)
    files = ("--file-column", "result", "--file-root", ".", "--caption", "For {{ name }}, STOP to end")
    submit = ("campaign", "submit", "lab", "--instance", "a", "--recipients", "-", *files)
    warning = "one file goes to several phones, 'lab/18.pdf' to 3: is that meant, or are paths mixed up?"
    said = assert_done(run_cli(*submit, "--dry-run", stdin=RESULTS)).stdout
    assert "  628123456781  [lab/17.pdf, 7 bytes]  For Ayu, STOP to end\n" in said
    assert f"warning: {warning}" in said
    assert_refused(run_cli(*submit, "--strict", stdin=RESULTS), warning)
    tried = assert_done(run_cli(*submit, "--dry-run", "--json", stdin=RESULTS)).json
    stored = assert_done(run_cli(*submit, "--json", stdin=RESULTS)).json
    preview = assert_done(run_cli("campaign", "preview", "lab", "--json")).json
    assert [each["file"] for each in tried["samples"]] == [each["file"] for each in preview["messages"]][:3]
    assert preview["messages"][1]["file"] == {"path": "lab/18.pdf", "bytes": 8}
    for document in (tried, stored, preview):
        assert [each["message"] for each in document["lint"] if each["code"] == "shared_file"] == [warning]
    said = assert_done(run_cli("campaign", "preview", "lab")).stdout
    assert "628123456781, file: 17.pdf, from: lab/17.pdf, 7 bytes\n  For Ayu, STOP to end\n" in said
    assert f"warning: {warning}" in said


def test_a_family_that_shares_a_phone_may_get_one_file_twice(run_cli: RunCli, tmp_path: Path) -> None:
    (tmp_path / "17.pdf").write_bytes(b"%PDF")
    people = "phone,result\n628123456781,17.pdf\n628123456781,17.pdf\n"
    files = ("--file-column", "result", "--file-root", ".", "--one-per", "row", "--dry-run", "--json")
    done = assert_done(
        run_cli("campaign", "submit", "lab", "--instance", "a", "--recipients", "-", *files, stdin=people)
    ).json
    assert (done["total"], [each["code"] for each in done["lint"]]) == (2, ["no_opt_out"])


@pytest.mark.parametrize(
    ("options", "said", "code"),
    [
        (("--file-column", "invoice"), "--file-column and --file-root go together", 2),
        (("--file-column", "invoice", "--file-root", "nowhere"), "--file-root nowhere is no directory", 2),
        (
            ("--file-column", "file", "--file-root", "."),
            "there is no column 'file'; columns are: 'name', 'invoice'",
            1,
        ),
        (("--file", "{{ invoice }}"), "--file takes no variables, since everybody gets it", 2),
        (("--file-url", "https://example.com/{{ file }}"), "there is no column 'file'", 1),
        (("--file-url", "http://localhost/{{ invoice }}"), "'localhost' is not a public host", 2),
    ],
)
def test_files_that_cannot_be_are_refused_in_a_line(
    run_cli: RunCli, options: tuple[str, ...], said: str, code: int
) -> None:
    submit = ("campaign", "submit", "bills", "--instance", "a", "--recipients", "-")
    assert_refused(run_cli(*submit, *options, stdin=BILLS), said, code=code)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--file-column", "invoice", "--file-root", "."), "--file-column goes with --recipients"),
        (("--file-url", "{{ invoice }}"), "--file-url: for an audience its host must be given"),
    ],
)
def test_an_audience_has_urls_behind_a_host(run_cli: RunCli, options: tuple[str, ...], said: str) -> None:
    assert_done(run_cli("audience", "import", "people", "-", stdin=BILLS + "628123456783,Citra,\n"))
    to_audience = ("--instance", "a", "--audience", "people")
    assert_refused(run_cli("campaign", "submit", "bills", *to_audience, *options), said, code=2)
    schedule = ("schedule", "add", "news", "--every", "1d", "--timezone", "UTC", *to_audience)
    assert_refused(run_cli(*schedule, *options), said, code=2)
    url = ("--file-url", "https://example.com/{{ invoice }}", "--json")
    done = assert_done(run_cli("campaign", "submit", "bills", *to_audience, *url)).json
    assert [row["reason"] for row in done["rejects"]] == ["has nothing in invoice"]
    [message, _] = assert_done(run_cli("campaign", "preview", "bills", "--json")).json["messages"]
    assert message["url"] == "https://example.com/17.pdf"
