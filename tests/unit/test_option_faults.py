"""What is wrong with the value of an option is told in our words, whichever option it is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import typer

from broadcaster.cli.main import main
from broadcaster.cli.option_faults import said_option_fault
from tests.support.reference import commands

VALUES = ("zzz", "-99999999", "99999999999", "1.5", "nan", "9" * 5_000)
THEIRS = ("Input should", "Value error", "parse", "integer", "Unable")


def faults() -> Iterator[tuple[str, str]]:
    """What is said of all these values by each option and argument that refuses them."""
    for each in commands():
        context = typer.Context(each.command)
        for parameter in each.command.get_params(context):
            if getattr(parameter, "is_flag", False):
                continue
            for value in VALUES:
                said = refused(context, parameter, value)
                if said is not None:
                    yield f"{' '.join(each.words)} {parameter.name}", said


def refused(context: typer.Context, parameter: Any, value: str) -> str | None:
    try:
        parameter.process_value(context, [value] if parameter.multiple or parameter.nargs != 1 else value)
    except typer.TyperException as error:
        return said_option_fault(error)
    except Exception:  # noqa: BLE001 - it is ours, and has its own words
        return None
    return None


def test_no_option_speaks_in_the_words_of_a_library() -> None:
    found = list(faults())
    assert {"top every", "schedule report limit", "instance add wire"} <= {name for name, _ in found}
    assert [each for each in found if any(words in each[1] for words in THEIRS)] == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["top", "--every", "0"], "'--every': must be at least 0.5 (see `broadcaster top --help`)"),
        (["top", "--every", "9999"], "'--every': must be at most 3,600 (see"),
        (["top", "--every", "soon"], "'--every': must be a number (see"),
        (["schedule", "report", "news", "--limit", "0"], "'--limit': must be at least 1 (see"),
        (["campaign", "list", "--limit", "999999"], "'--limit': must be at most 100,000 (see"),
        (["campaign", "list", "--limit", "1.5"], "'--limit': must be a whole number (see"),
        (
            ["campaign", "settle", "news", "--as", "lost"],
            "'--as': 'lost' is not one of 'sent', 'resend', 'failed' (see",
        ),
    ],
)
def test_what_a_value_must_be_is_said(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    assert capsys.readouterr().err.startswith(f"error: Invalid value for {said}")
