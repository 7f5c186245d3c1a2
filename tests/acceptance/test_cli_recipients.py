"""Lists as people have them, by the real command: what is told before it is sent, and what has to be said."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.cli import CliResult, assert_done, assert_refused
from tests.support.cli_processes import CliProcesses
from tests.support.servers import TestServers, clean_environment
from tests.support.workbook import workbook_of_sheets

A, B, C = "6281234567801", "6281234567802", "6281234567803"
EXPORT = (
    "phone,instance,state,changed_at,attempts,reason,gateway_id,last_outcome,last_http_status,last_reply,name\n"
    f"{A},a,failed,,1,,,,,,Ayu\n{B},a,sent,,1,,,,,,Budi\n"
)
FILES = {
    "family.csv": f"phone,name,date\n{A},Ayu,\n{B},,2026-12-01\n{A},Citra,2026-12-01\n",
    "title.csv": f"Patients of November\n\nphone;name\n{A};Ayu\n",
    "export.csv": EXPORT,
    "contacts.vcf": f"BEGIN:VCARD\nVERSION:3.0\nFN:Ayu A\nTEL;TYPE=CELL:+{A}\nEND:VCARD\n",
}


class Stand:
    """A directory with lists, and a database with the instance `a`."""

    def __init__(self, processes: CliProcesses, directory: Path, environ: dict[str, str]) -> None:
        self._processes = processes
        self._directory = directory
        self._environ = environ

    def run(self, *args: str, stdin: bytes = b"") -> CliResult:
        return self._processes.run([*args], cwd=self._directory, environ=self._environ, stdin=stdin, timeout=60)

    def file(self, name: str, text: str) -> None:
        (self._directory / name).parent.mkdir(exist_ok=True)
        (self._directory / name).write_text(text)

    def submit(
        self, file: str, *options: str, text: str = "Hi {{ name }}", name: str = "c", stdin: bytes = b""
    ) -> Any:
        content = ("--text", text, "--recipients", file)
        return self.run("campaign", "submit", name, "--instance", "a", *content, *options, stdin=stdin)

    def told(self, file: str, *options: str, text: str = "Hi {{ name }}") -> dict[str, Any]:
        done = self.submit(file, *options, "--dry-run", "--json", text=text)
        assert_done(done)
        document: dict[str, Any] = json.loads(done.stdout)
        return document


@pytest.fixture(scope="module")
def stand(
    servers: TestServers, cli_processes: CliProcesses, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stand]:
    directory = tmp_path_factory.mktemp("lists")
    for name, text in FILES.items():
        (directory / name).write_text(text)
    sheets = {"Read me": [["see the other sheet"]], "Data": [["phone", "name"], [float(A), "Ayu"]]}
    (directory / "second.xlsx").write_bytes(workbook_of_sheets(sheets))
    with servers.environment() as variables:
        opened = Stand(cli_processes, directory, clean_environment() | variables)
        assert_done(opened.run("instance", "add", "a", "--key-stdin", stdin=b"secret"))
        yield opened


def messages(lint: list[dict[str, str]]) -> list[str]:
    return [remark["message"] for remark in lint]


def test_what_a_list_comes_to_is_told_before_it_is_sent(stand: Stand) -> None:
    told = stand.told("family.csv", text="{name}: {{ name }}, {{ date }}")
    assert (told["total"], told["duplicates"], told["repeated"]) == (2, 1, 1)
    assert told["repeats"] == [{"line": 4, "first_line": 2}]
    assert told["empty_values"] == {"name": 1, "date": 1}
    assert "'{name}' is sent as it stands: write {{ name }} for the column" in messages(told["lint"])
    said = stand.submit("family.csv", "--dry-run", text="{{ name }}, {{ date }}")
    assert_done(said)
    assert "line 4 repeats line 2" in said.stdout
    assert "date is empty for 1 of 3" in said.stdout


def test_a_family_that_shares_a_phone_gets_a_message_for_each_row(stand: Stand) -> None:
    told = stand.told(
        "family.csv", "--one-per", "row", "--require", "date,name", "--accept-rejected", text="{{ phone }} {{ name }}"
    )
    assert (told["total"], told["rejected"]) == (1, 2)
    assert told["rejects"][0]["reason"] == "There is nothing in column 'date', which is required."
    told = stand.told("family.csv", "--one-per", "row", text="{{ phone }} {{ name }}")
    assert len(told["samples"]) == told["total"], "a row each, whoever shares the phone"
    done = stand.submit("family.csv", "--one-per", "row", text="{{ phone }}", name="family", stdin=b"")
    assert_done(done)
    previews = stand.run("campaign", "preview", "family", "--json")
    assert [each["text"] for each in json.loads(previews.stdout)["messages"]] == [A, B, A]


def test_options_that_a_refusal_names_are_those_that_help(stand: Stand) -> None:
    for file, option in {"title.csv": ("--header-row", "3"), "second.xlsx": ("--sheet", "Data")}.items():
        refused = stand.submit(file, "--dry-run")
        assert_refused(refused, " ".join(option))
        assert stand.told(file, *option)["samples"] == [{"phone": A, "message": "Hi Ayu", "file": None}]
    assert stand.told("contacts.vcf")["samples"] == [{"phone": A, "message": "Hi Ayu A", "file": None}]


def test_an_export_with_rows_that_were_sent_is_sent_only_where_that_is_said(stand: Stand) -> None:
    assert_refused(stand.submit("export.csv", name="again"), "line 3")
    assert_refused(stand.submit("-", name="again", stdin=EXPORT.encode()), "--again")
    assert "1 of its rows were sent already" in stand.told("export.csv")["notices"][0]
    assert_refused(stand.run("audience", "import", "people", "export.csv"), "--again")
    for done in (
        stand.submit("export.csv", "--again", name="again"),
        stand.run("audience", "import", "people", "export.csv", "--again"),
    ):
        assert done.code == 0
        assert done.stderr.startswith("warning: this is an export of a campaign")


def test_options_of_a_file_are_refused_beside_an_audience(stand: Stand) -> None:
    audience = ("campaign", "submit", "x", "--instance", "a", "--audience", "people", "--text", "Hi")
    for option in (("--one-per", "row"), ("--again",), ("--require", "name"), ("--sheet", "Data")):
        assert_refused(stand.run(*audience, *option), option[0], code=2)


def test_empty_values_and_the_phone_are_told_of_an_audience_too(stand: Stand) -> None:
    people = f"phone,name\n{A},Ayu\n{B},\n".encode()
    assert_done(stand.run("audience", "import", "customers", "-", stdin=people))
    audience = ("campaign", "submit", "x", "--instance", "a", "--audience", "customers", "--dry-run", "--json")
    told = json.loads(stand.run(*audience, "--text", "{{ phone }} [name] {{ name | default('you') }}").stdout)
    assert told["empty_values"] == {"phone": 0, "name": 1}
    assert [each["message"] for each in told["samples"]] == [f"{A} [name] Ayu", f"{B} [name] you"]
    assert "'[name]' is sent as it stands: write {{ name }} for the column" in messages(told["lint"])


DATES = "phone,name,day,invoice\n" + "".join(
    f"62812345678{n:02},{'' if n < 4 else f'N{n}'},{'soon' if n < 4 else '2026-12-01'},{'' if n < 4 else '17.pdf'}\n"
    for n in range(20)
)
SHOWING = ("--text", '{{ day | date("full") }}')
REJECTING = [
    (SHOWING, "Column 'day': This is not a date that can be read"),
    (("--text", "Hi", "--require", "name"), "There is nothing in column 'name', which is required."),
    (("--file-column", "invoice", "--file-root", "bills"), "Column 'invoice': "),
]


@pytest.mark.parametrize(("options", "said"), REJECTING)
def test_rows_that_are_rejected_count_alike_whatever_is_wrong_with_them(
    stand: Stand, options: tuple[str, ...], said: str
) -> None:
    stand.file("bills/17.pdf", "%PDF")
    submit = ("campaign", "submit", options[-1], "--instance", "a", "--recipients", "-", *options)
    stopped = ("4 of 20 rows cannot be used, the first on line 2: ", said, "--accept-rejected")
    assert_refused(stand.run(*submit, stdin=DATES.encode()), *stopped)
    dry = stand.run(*submit, "--dry-run", stdin=DATES.encode())
    assert (dry.code, "4 of 20 rows cannot be used" in dry.stderr) == (1, True)
    assert_done(stand.run(*submit, "--accept-rejected", stdin=DATES.encode()))
    report = stand.run("campaign", "report", options[-1]).stdout
    assert re.search(r"^messages +16$", report, re.MULTILINE)
    assert re.search(r"^rejected +4 \(`broadcaster campaign export .* --rejected`\)$", report, re.MULTILINE)
    assert "REJECTED" in stand.run("campaign", "list").stdout


def test_members_that_are_rejected_count_as_rows_do(stand: Stand) -> None:
    assert_done(stand.run("audience", "import", "visitors", "-", stdin=DATES.encode()))
    submit = ("campaign", "submit", "visit", "--instance", "a", "--audience", "visitors", *SHOWING)
    stopped = ("audience visitors: 4 of 20 members cannot be sent to, the first 6281234567800: Column 'day'",)
    for when in ((), ("--at", "in 2h"), ("--draft",)):
        assert_refused(stand.run(*submit, *when), *stopped, "--accept-rejected (nothing was submitted)")
    dry = stand.run(*submit, "--dry-run", "--json")
    assert (dry.code, len(json.loads(dry.stdout)["stopped_by"])) == (1, 1)
    told = json.loads(assert_done(stand.run(*submit, "--accept-rejected", "--json")).stdout)
    assert (told["read"], told["total"], told["rejected"], told["stopped_by"]) == (20, 16, 4, [])
    assert_refused(stand.run(*submit, "--require", "Day"), "of an audience say --where 'day is not empty'", code=2)
