"""What all commands share: help, quiet endings, start-up."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine
from typer.main import get_command

from broadcaster.cli.commands import app
from broadcaster.cli.groups import LazyGroup
from broadcaster.crypto import open_vault
from broadcaster.services.instances import add_instance
from broadcaster.settings import Settings
from tests.support.cli import RunCli, assert_done, command, run

HEAVY = ("sqlalchemy", "celery", "alembic", "cryptography", "httpx", "phonenumbers", "pydantic", "pyreqwest")
PROGRAM = f"""
import sys
from broadcaster.cli.main import main
code = main(sys.argv[1:])
sys.stderr.write(" ".join(name for name in {HEAVY!r} if name in sys.modules))
sys.exit(code)
"""


def imported_by(*args: str, environ: Mapping[str, str] | None = None) -> set[str]:
    """The heavy packages that a command imports."""
    argv = [sys.executable, "-c", PROGRAM, *args]
    return set(subprocess.run(argv, capture_output=True, text=True, check=True, env=environ).stderr.split())


@pytest.mark.parametrize("args", [[], ["--help"], ["--version"]])
def test_help_imports_nothing_heavy(args: list[str]) -> None:
    assert imported_by(*args) == set()


def test_commands_that_only_show_something_import_nothing_heavy_either(
    run_cli: RunCli, environ: Mapping[str, str], settings: Settings, engine: Engine
) -> None:
    add_instance(engine, open_vault(settings), "a", "key", rate_per_second=None)
    arguments = ("submit", "promo", "--instance", "a", "--recipients", "-", "--text", "Hi", "--draft")
    assert_done(run_cli("campaign", *arguments, stdin="phone\n6281234567890\n"))
    shown = [
        *(("campaign", "list"), ("campaign", "show", "promo"), ("campaign", "report", "promo")),
        *(("instance", "list"), ("instance", "show", "a"), ("status",), ("metrics",)),
    ]
    # Where no beat ticks, some find out why. They ask Redis, whose client brings cryptography.
    assert {each: heavy for each in shown if (heavy := imported_by(*each, environ=environ) - {"cryptography"})} == {}


SHOWN_BY_EXAMPLE = ("audience", "schedule", *(f"campaign {name}" for name in ("submit", "preview", "test", "settle")))


def commands(group: LazyGroup, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    for name in group.table:
        loaded = group.load(name)
        if isinstance(loaded, LazyGroup):
            yield from commands(loaded, (*path, name))
        else:
            yield " ".join((*path, name)), loaded


def test_every_command_is_there_and_says_what_it_does_and_what_its_options_mean() -> None:
    group = get_command(app)
    assert isinstance(group, LazyGroup)
    for name, loaded in commands(group):
        assert loaded.help, name
        assert [option.name for option in loaded.params if not getattr(option, "help", "")] == [], name
        assert "Example" in loaded.help or not name.startswith(SHOWN_BY_EXAMPLE), name


def test_the_help_of_every_command_fills_the_lines_of_a_terminal_and_leaves_none_half_empty(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A line ends where the next word has no room, not where the docstring's line ends."""
    monkeypatch.setenv("COLUMNS", "80")
    group: Any = get_command(app)
    for name, loaded in commands(group):
        loaded.main(["--help"], f"broadcaster {name}", standalone_mode=False)
        lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
        assert [line for line in lines if len(line) > 80] == [], name
        description = lines[: next(number for number, line in enumerate(lines) if line.startswith("╭"))]
        short = [
            (line, following)
            for line, following in itertools.pairwise(description)
            if line and following and len(f"{line} {following.split()[0]}") < 80
        ]
        assert short == [], name


def test_a_group_without_a_command_shows_its_help(run_cli: RunCli) -> None:
    asked, bare = run_cli("campaign", "--help"), run_cli("campaign")
    assert assert_done(asked) == assert_done(bare)
    assert "submit" in bare.stdout


def test_a_reader_that_goes_away_ends_a_command_quietly(
    run_cli: RunCli, environ: Mapping[str, str], settings: Settings, engine: Engine
) -> None:
    add_instance(engine, open_vault(settings), "a", "key", rate_per_second=None)
    rows = "phone,name\n" + "".join(f"62812345{number:05},{'x' * 50}\n" for number in range(2_000))
    arguments = ("submit", "promo", "--instance", "a", "--recipients", "-", "--text", "Hi")
    assert_done(run_cli("campaign", *arguments, stdin=rows))
    outside, inside = os.pipe()
    with subprocess.Popen(
        command("campaign", "export", "promo"), env=environ, stdout=inside, stderr=subprocess.PIPE
    ) as process:
        os.close(inside)
        assert os.read(outside, 5) == b"phone"
        os.close(outside)
        _, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (1, b"")


def test_a_reader_that_has_gone_before_anything_was_written_is_no_error_either(environ: Mapping[str, str]) -> None:
    outside, inside = os.pipe()
    os.close(outside)
    done = subprocess.run(
        command("campaign", "list", "--json"), env=environ, stdout=inside, stderr=subprocess.PIPE, check=False
    )
    os.close(inside)
    assert (done.returncode, done.stderr) == (1, b"")


def test_a_full_disk_is_said_in_one_line(environ: Mapping[str, str]) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            command("campaign", "list", "--json"), env=environ, stdout=full, stderr=subprocess.PIPE, check=False
        )
    assert (done.returncode, done.stderr) == (1, b"error: No space left on device\n")


def test_closed_streams_are_no_reason_to_fail(environ: Mapping[str, str]) -> None:
    shell = f"{' '.join(command('campaign', 'list'))} >&- 2>&-"
    assert subprocess.run(["sh", "-c", shell], env=environ, check=False).returncode == 0


def test_a_terminal_without_unicode_is_no_reason_to_fail(environ: dict[str, str], tmp_path: Path) -> None:
    ascii_only = environ | {"PYTHONIOENCODING": "ascii"}
    result = run(command("campaign", "show", "Übung"), cwd=tmp_path, environ=ascii_only, stdin=b"", timeout=60)
    assert result.stderr == "error: no campaign is called '\\xdcbung': see `broadcaster campaign list`\n"
