"""Texts that come in by the command line have limits: it is one short line, and nothing changes."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from broadcaster.cli.main import main
from broadcaster.domain.condition_parser import MOST_CONDITIONS
from broadcaster.services.accounts import LONGEST_KEY
from tests.support.cli import RunCli, assert_done, assert_refused
from tests.support.database import as_owner, everything
from tests.support.reference import commands

HOSTILE = {
    "long": "x" * 100_000,
    "digits": "9" * 100_000,
    "escapes": "a\x1b]0;b\x07\x9b\u202ec",
    "right to left": "a\u202eb",
    "two lines": "a\nb",
    "no UTF-8": "a\udcffb",
}
"""As an argument of a process can be: no longer than 128 KiB, and without NUL."""
RUN = {"up", "down", "demo", "worker", "beat", "flower", "web", "simulator"}
"""They start and stop processes, and keep nothing of what they are given."""
URL = "--file-url https://files.example.com/a.pdf"
SUBMIT = "new --instance a --recipients people.csv --text Hi"
SCHEDULE = "new --cron '0 9 * * *' --timezone UTC --audience people --instance a --text Hi"
GIVEN = {
    "instance add": "new --key k",
    "instance rules NAME set": "a rules.json",
    "instance rules NAME learn": "a 'never heard of' --about recipient",
    "instance rules NAME test": "a {}",
    "instance check": "a --timeout 0",
    "campaign submit": SUBMIT,
    "campaign preview": f"--audience people {URL}",
    "campaign test": "c --to 628123456789 --timeout 0",
    "campaign settle": "c --as failed --yes",
    "campaign clone": "c d",
    "campaign watch": "c --timeout 0",
    "campaign proof": "c --out c.proof",
    "verify": "people.csv",
    "audience import": "new people.csv",
    "audience sync": "new --instance a",
    "schedule add": SCHEDULE,
    "schedule approve": "s 2026-11-23T09:00",
    "schedule reject": "s 2026-11-23T09:00",
    "notify add": "new --mail ops@example.com",
    "notify log": "",
    "audit": "",
    "phone block": "628123456788",
    "phone list": "",
}
"""What a command is given beside the text that is tried; else only the name of something that is there."""
OTHERWISE = {
    ("campaign submit", "recipients"): "new --instance a --text Hi",
    ("campaign submit", "audience"): "new --instance a --text Hi",
    ("campaign submit", "where"): "new --instance a --text Hi --audience people",
    ("campaign submit", "exclude"): "new --instance a --text Hi --audience people",
    ("campaign preview", "name"): "",
    ("campaign preview", "phone"): "c",
    ("notify add", "webhook"): "new",
    ("notify add", "mail"): "new",
    ("notify add", "whatsapp"): "new --instance a",
    ("notify add", "instance"): "new --whatsapp +628123456789",
    ("notify add", "country"): "new --whatsapp 08123456789 --instance a",
    ("notify set", "instance"): "n --whatsapp +628123456789",
    ("notify set", "whatsapp"): "n --instance a",
    ("phone block", "file"): "",
    ("phone block", "phone_column"): "--file people.csv",
    ("schedule add", "every"): SCHEDULE.replace("--cron '0 9 * * *'", ""),
}
CONTENTS = {"text": "", "text_file": "", "file": "", "file_url": "", "caption": URL, "filename": "--file people.csv"}
"""Parameters that take the place of another content, and what goes with them."""
ALLOWED = {
    *((option, what) for option in ("text", "caption", "confirm") for what in ("two lines", "right to left")),
    *((file, what) for file in ("output", "rejected", "html") for what in ("escapes", "two lines", "right to left")),
}
"""What recipients read may have lines, and turn; and a file of one's own may be called as one likes."""
ONLY_SHOWS = {"instance rules NAME test", "audit", "phone list"}
"""They look at whatever they are given, or find nothing."""


BY_THEMSELVES = ("campaign", "schedule", "instance", "audience")
"""Nouns that have so many texts that their commands are tried apart."""


def parameters() -> Iterator[tuple[str, Any]]:
    """Each free text or path that a command takes."""
    for each in commands():
        words = " ".join(each.words)
        if "NAME" in each.words:
            yield words, None
        free = [one for one in each.command.params if one.type_descriptor.annotation not in (bool, int, float)]
        yield from ((words, one) for one in free if words not in RUN and not _is_choice(one))


def _is_choice(parameter: Any) -> bool:
    return hasattr(parameter.type_descriptor.annotation, "__members__")


def line(words: str, parameter: Any, hostile: str) -> list[str]:
    """The command with the text in the parameter's place; without a parameter, in that of the name in its words."""
    name = getattr(parameter, "name", None)
    noun = words.partition(" ")[0][0]
    given = shlex.split(OTHERWISE.get((words, name), GIVEN.get(words, noun)))
    if parameter is None:
        given = [hostile, *given[1:]]
    elif parameter.param_type_name == "argument":
        before = [one.name for one in _arguments(words)].index(name) + ("NAME" in words)
        given[before : before + 1] = [hostile]
    else:
        if name in CONTENTS:
            given = [*_without_content(given), *shlex.split(CONTENTS[name])]
        given += [parameter.opts[0], *[hostile] * parameter.nargs]
    parts = words.split()
    return [*parts[:2], given[0], parts[3], *given[1:]] if "NAME" in words else [*parts, *given]


def _arguments(words: str) -> list[Any]:
    [command] = [each.command for each in commands() if " ".join(each.words) == words]
    return [one for one in command.params if one.param_type_name == "argument"]


def _without_content(given: list[str]) -> list[str]:
    options = [place for place, each in enumerate(given) if each in ("--text", "--file-url")]
    return [each for place, each in enumerate(given) if place not in options and place - 1 not in options]


@pytest.fixture
def stand(
    run_cli: RunCli, engine: Engine, environ: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Something of each kind, called by its first letter, and the directory and environment that commands run in."""
    (tmp_path / "people.csv").write_text("phone,name\n628123456789,Ann\n")
    (tmp_path / "rules.json").write_text("{}")
    assert_done(run_cli("instance", "add", "i", "--key", "secret", "--base-url", "http://127.0.0.1:9"))
    assert_done(run_cli("instance", "add", "a", "--key", "other", "--base-url", "http://127.0.0.1:9"))
    assert_done(run_cli("audience", "import", "people", "people.csv"))
    assert_done(run_cli("audience", "import", "a", "people.csv"))
    arguments = ("--instance", "a", "--recipients", "people.csv", "--text", "Hi", "--draft")
    assert_done(run_cli("campaign", "submit", "c", *arguments))
    assert_done(run_cli("schedule", "add", *shlex.split(SCHEDULE.replace("new", "s", 1))))
    assert_done(run_cli("notify", "add", "n", "--whatsapp", "+628123456789", "--instance", "a"))
    with as_owner(engine).begin() as connection:
        held = "INSERT INTO occurrences (schedule_id, due_at, state) SELECT id, '2026-11-23T09:00Z', 'held'"
        connection.execute(text(f"{held} FROM schedules"))
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("noun", [*BY_THEMSELVES, "any other"])
def test_whatever_a_text_holds_it_is_refused_in_one_short_line(
    stand: None, engine: Engine, capsys: pytest.CaptureFixture[str], noun: str
) -> None:
    before = everything(engine)
    tried = 0
    for words, parameter in parameters():
        own = words.partition(" ")[0]
        if (own if own in BY_THEMSELVES else "any other") != noun:
            continue
        name = getattr(parameter, "name", "NAME")
        for what, hostile in HOSTILE.items():
            if (name, what) in ALLOWED:
                continue
            arguments = line(words, parameter, hostile)
            code = main(arguments)
            shown = capsys.readouterr()
            told = (words, name, what, code, shown.err[:300])
            assert "this is a bug" not in shown.err, told
            assert shown.err.count("\n") <= 1, told
            assert len(shown.err) < 5_000, told
            assert not set(shown.err + shown.out) & set("\x1b\x07\x9b\u202e"), told
            assert code in ((0, 1, 2) if words in ONLY_SHOWS else (1, 2)), told
            tried += 1
        assert everything(engine) == before, (words, name)
    assert tried > 100


def test_a_key_is_one_word_of_a_sensible_length(stand: None, run_cli: RunCli) -> None:
    longest = "k" * LONGEST_KEY
    assert_done(run_cli("instance", "add", "x", "--key-stdin", stdin=f" {longest}\n"))
    for key in (f"{longest}k", "two words", "a\u00a0b", "a\tb", "a\nb", "a\u200bb"):
        refused = run_cli("instance", "add", "y", "--key-stdin", stdin=key)
        assert_refused(refused, "the instance's key", code=2)
        assert key not in refused.stderr


def test_what_has_no_end_is_not_read_to_its_end(stand: None, run_cli: RunCli) -> None:
    submit = ("campaign", "submit", "x", "--instance", "a", "--recipients")
    for arguments in (
        ("instance", "add", "x", "--key-file", "/dev/zero"),
        ("instance", "set", "a", "--key-file", "/dev/zero"),
        ("instance", "rules", "a", "set", "/dev/zero"),
        ("instance", "rules", "a", "test", "@/dev/zero"),
        (*submit, "people.csv", "--text-file", "/dev/zero"),
        (*submit, "people.csv", "--file", "/dev/zero"),
        (*submit, "/dev/zero", "--text", "Hi"),
        ("audience", "import", "x", "/dev/zero"),
    ):
        assert_refused(run_cli(*arguments, timeout=30), "/dev/zero")
    endless = b"x" * 400_000
    for arguments in (("instance", "add", "x", "--key-stdin"), ("instance", "rules", "a", "set", "-")):
        assert_refused(run_cli(*arguments, stdin=endless), "standard input holds more than")


def test_conditions_are_few_enough_to_be_compared_with_every_member(stand: None, run_cli: RunCli) -> None:
    where = ("--where", "name=Ann")
    assert_done(run_cli("audience", "show", "people", *where * MOST_CONDITIONS))
    refused = run_cli("audience", "show", "people", *where * (MOST_CONDITIONS + 1))
    assert_refused(refused, f"at most {MOST_CONDITIONS} are allowed", code=2)
