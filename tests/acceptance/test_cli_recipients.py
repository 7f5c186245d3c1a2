"""Lists as people have them, by the real command: what is told before it is sent, and what has to be said."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.cli import CliResult, assert_done, assert_refused, command, run
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

    def __init__(self, directory: Path, environ: dict[str, str]) -> None:
        self._directory = directory
        self._environ = environ

    def run(self, *args: str, stdin: bytes = b"") -> CliResult:
        return run(command(*args), cwd=self._directory, environ=self._environ, stdin=stdin, timeout=60)

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
def stand(servers: TestServers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    directory = tmp_path_factory.mktemp("lists")
    for name, text in FILES.items():
        (directory / name).write_text(text)
    sheets = {"Read me": [["see the other sheet"]], "Data": [["phone", "name"], [float(A), "Ayu"]]}
    (directory / "second.xlsx").write_bytes(workbook_of_sheets(sheets))
    with servers.environment() as variables:
        opened = Stand(directory, clean_environment() | variables)
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
    told = stand.told("family.csv", "--one-per", "row", "--require", "date,name", text="{{ phone }} {{ name }}")
    assert (told["total"], told["rejected"]) == (1, 2)
    assert told["rejects"][0]["reason"] == "There is nothing in column 'date', which is required."
    done = stand.submit("family.csv", "--one-per", "row", text="{{ phone }}", name="family", stdin=b"")
    assert_done(done)
    previews = stand.run("campaign", "preview", "family", "--json")
    assert [each["text"] for each in json.loads(previews.stdout)["messages"]] == [A, B, A]


def test_options_that_a_refusal_names_are_those_that_help(stand: Stand) -> None:
    for file, option in {"title.csv": ("--header-row", "3"), "second.xlsx": ("--sheet", "Data")}.items():
        refused = stand.submit(file, "--dry-run")
        assert_refused(refused, " ".join(option))
        assert stand.told(file, *option)["samples"] == [{"phone": A, "message": "Hi Ayu"}]
    assert stand.told("contacts.vcf")["samples"] == [{"phone": A, "message": "Hi Ayu A"}]


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
