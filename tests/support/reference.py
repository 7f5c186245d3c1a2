"""The parts of the documentation that the code writes, between markers.

python -m tests.support.reference       writes them into README.md and docs/cli.md
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import typer
from typer.main import get_command

from broadcaster import settings
from broadcaster.cli.commands import app
from broadcaster.services.recipients.known_exports import KNOWN_EXPORTS
from tests.support.file_forms import FORMS, outcome

ROOT = Path(__file__).resolve().parent.parent.parent
README, CLI = ROOT / "README.md", ROOT / "docs" / "cli.md"
RECIPIENTS = ROOT / "docs" / "recipients.md"
MEBIBYTE = 1024 * 1024


class Command(NamedTuple):
    """`words` is what follows `broadcaster`, `summary` its line in the help of its group."""

    words: tuple[str, ...]
    summary: str
    command: Any


@cache
def commands() -> tuple[Command, ...]:
    """Every command that does something, in the order of the help."""
    return tuple(_commands((), "", get_command(app)))


def _commands(words: tuple[str, ...], summary: str, command: Any) -> Iterator[Command]:
    if not hasattr(command, "list_commands"):
        yield Command(words, summary, command)
        return
    context = typer.Context(command)
    for name in command.list_commands(context):
        _, found, _ = command.resolve_command(context, [name])
        # What a group is about stands before its commands: `instance rules NAME show`.
        about = _arguments(found) if hasattr(found, "list_commands") else []
        yield from _commands((*words, name, *about), command.get_command(context, name).help, found)


def command_table() -> str:
    """Every command in a line."""
    rows = [(f"`broadcaster {' '.join(each.words)}`", each.summary) for each in commands()]
    return _table(("Command", "What it does"), rows)


def command_reference() -> str:
    """Every command with all its options."""
    return "\n\n".join(map(_described, commands()))


def _described(each: Command) -> str:
    name, parameters = " ".join(("broadcaster", *each.words)), each.command.params
    context = typer.Context(each.command, info_name=name)
    arguments = _arguments(each.command)
    usage = " ".join([name, *arguments, *(["[OPTIONS]"] if len(parameters) > len(arguments) else [])])
    parts = [f"## {name}", f"```text\n{usage}\n```", each.command.help]
    rows = [_row(parameter, context) for parameter in parameters]
    return "\n\n".join([*parts, _table(("Option", "Meaning"), rows)] if rows else parts)


def _arguments(command: Any) -> list[str]:
    return [parameter.name.upper() for parameter in command.params if parameter.param_type_name == "argument"]


def _row(parameter: Any, context: typer.Context) -> tuple[str, str]:
    signature, meaning = parameter.get_help_record(context)
    is_argument = parameter.param_type_name == "argument"
    return f"`{parameter.name.upper() if is_argument else signature}`", " ".join(meaning.split())


def settings_table() -> str:
    """Every setting: its variable, its default, its meaning."""
    meanings = _field_docstrings()
    rows = [
        (f"`{settings.PREFIX}{field.name.upper()}`", _shown(field.default), meanings[field.name])
        for field in msgspec.structs.fields(settings.Settings)
    ]
    return _table(("Variable", "Default", "Meaning"), rows)


def _field_docstrings() -> dict[str, str]:
    [definition] = ast.parse(inspect.getsource(settings.Settings)).body
    assert isinstance(definition, ast.ClassDef)
    found = {}
    for field, text in zip(definition.body, definition.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant):
            assert isinstance(field.target, ast.Name)
            found[field.target.id] = " ".join(str(text.value.value).split())
    return found


def _shown(default: object) -> str:
    if default is None or default is msgspec.NODEFAULT:
        return ""
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    if isinstance(default, int) and default % MEBIBYTE == 0:
        return f"`{default}` ({default // MEBIBYTE} MiB)"
    return f"`{default:g}`" if isinstance(default, float) else f"`{default}`"


def _table(headers: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [headers, ("---",) * len(headers), *(tuple(cell.replace("|", "\\|") for cell in row) for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def forms_table() -> str:
    """What happens to a file of each form."""
    rows = [(form.what, f"`{form.options}`" if form.options else "", outcome(form)) for form in FORMS]
    return _table(("File", "Options", "What happens"), rows)


def exports_table() -> str:
    """Which programs' exports are known, and which columns of theirs have the phones."""
    rows = [
        (each.program, ", ".join(f"`{mark}`" for mark in sorted(each.marks)), ", ".join(each.phones[:3]))
        for each in KNOWN_EXPORTS
    ]
    return _table(("Program", "Known by these columns", "Phones are in the first of"), rows)


GENERATED: dict[Path, dict[str, Callable[[], str]]] = {
    README: {"commands": command_table, "settings": settings_table},
    CLI: {"reference": command_reference},
    RECIPIENTS: {"forms": forms_table, "exports": exports_table},
}
"""By document: its marked parts, and what writes each of them."""


def rendered(document: Path) -> str:
    """The document as it should be: its own text, with the marked parts written anew."""
    text = document.read_text(encoding="utf-8")
    for name, write in GENERATED[document].items():
        start, end = f"<!-- {name}: python -m tests.support.reference -->", f"<!-- end of {name} -->"
        pattern = re.compile(f"{re.escape(start)}.*?{re.escape(end)}", re.DOTALL)
        if len(pattern.findall(text)) != 1:
            raise ValueError(f"{document.name} must hold {start} and {end} once")
        replacement = f"{start}\n\n{write()}\n\n{end}"
        text = pattern.sub(lambda _match, new=replacement: new, text)
    return text


if __name__ == "__main__":
    for each in GENERATED:
        each.write_text(rendered(each), encoding="utf-8")
