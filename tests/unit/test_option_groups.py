"""Groups of options as dataclasses: a command with them has the same command line as one with all parameters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import pytest
import typer
from typer.main import get_command
from typer.testing import CliRunner

from broadcaster.cli.options.spread import spread_options


@dataclass(frozen=True, slots=True)
class Where:
    city: Annotated[str, typer.Option("--city")]
    zip_code: Annotated[list[str] | None, typer.Option("--zip")] = None


@dataclass(frozen=True, slots=True)
class Base:
    rate: Annotated[str | None, typer.Option("--rate")] = None


@dataclass(frozen=True, slots=True)
class Fast(Base):
    rate: Annotated[str | None, typer.Option("--rate")] = "fast"


def send(
    *, name: Annotated[str, typer.Argument()], base: Fast, where: Where, dry: Annotated[bool, typer.Option()] = False
) -> None:
    """Send it."""
    typer.echo(f"{name} {base} {where} {dry}")


@pytest.fixture
def app() -> typer.Typer:
    app = typer.Typer()
    app.command("send")(spread_options(send))
    return app


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--city", "Bern"), "a Fast(rate='fast') Where(city='Bern', zip_code=None) False"),
        (
            ("--rate", "slow", "--zip", "1", "--city", "Bern", "--zip", "2", "--dry"),
            "a Fast(rate='slow') Where(city='Bern', zip_code=['1', '2']) True",
        ),
    ],
)
def test_a_command_gets_its_groups_made_of_what_is_given(
    app: typer.Typer, arguments: tuple[str, ...], said: str
) -> None:
    result = CliRunner().invoke(app, ["a", *arguments])
    assert (result.exit_code, result.stdout) == (0, f"{said}\n")


def test_an_option_of_a_group_is_required_without_a_default(app: typer.Typer) -> None:
    assert CliRunner().invoke(app, ["a"]).exit_code == 2


def test_options_stand_where_their_group_does_and_the_help_is_the_commands_own(app: typer.Typer) -> None:
    command = get_command(app)
    assert [each.name for each in command.params if each.name in ("name", "rate", "city", "zip_code", "dry")] == [
        "name",
        "rate",
        "city",
        "zip_code",
        "dry",
    ]
    assert command.help == "Send it."


def test_a_command_without_groups_is_left_as_it_is() -> None:
    def plain(name: str) -> None: ...

    assert spread_options(plain) is plain
