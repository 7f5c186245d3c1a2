"""What a list is asked about, and says of itself, before it is sent or kept: by the real command."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.cli import CliResult, RunCli, assert_done, assert_refused
from tests.support.workbook import opendocument

A, B, C, D = "6281234567801", "6281234567802", "6281234567803", "6281234567804"


class Desk:
    """An instance `a`, and commands about lists."""

    def __init__(self, run_cli: RunCli, directory: Path) -> None:
        self._run_cli = run_cli
        self._directory = directory
        assert_done(self.run("instance", "add", "a", "--key-stdin", stdin=b"secret"))

    def run(self, *args: str | Path, stdin: str | bytes = b"") -> CliResult:
        return self._run_cli(*args, stdin=stdin)

    def file(self, name: str, content: str | bytes) -> Path:
        path = self._directory / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def submit(self, file: Path, *options: str, text: str = "Hi", name: str = "c") -> CliResult:
        return self.run("campaign", "submit", name, "--instance", "a", "--text", text, "--recipients", file, *options)

    def import_(self, file: Path, *options: str, name: str = "people") -> CliResult:
        return self.run("audience", "import", name, file, *options)


@pytest.fixture
def desk(run_cli: RunCli, tmp_path: Path) -> Desk:
    return Desk(run_cli, tmp_path)


def test_hidden_rows_stop_a_submission_and_an_import_until_it_is_said_what_becomes_of_them(desk: Desk) -> None:
    book = desk.file(
        "people.ods", opendocument([["phone", "name"], [A, "Ayu"], [B, "Budi"], [C, "Cut"]], filtered=[2, 3])
    )
    said = ("2 rows are hidden", f"line 3 ('{B} Budi')", "--hidden-rows skip", "--hidden-rows take")
    assert_refused(desk.submit(book), *said)
    assert_refused(desk.import_(book), *said)
    assert desk.run("campaign", "list", "--json").json == desk.run("audience", "list", "--json").json == []

    dry = desk.submit(book, "--dry-run")
    assert "messages: 3" in dry.stdout
    assert (dry.code, "it would be refused: 2 rows are hidden" in dry.stderr) == (1, True)
    for rule, messages in (("skip", 1), ("take", 3)):
        assert desk.submit(book, "--hidden-rows", rule, "--dry-run", "--json").json["total"] == messages
    assert desk.import_(book, "--hidden-rows", "skip", "--json").json["members"] == 1
