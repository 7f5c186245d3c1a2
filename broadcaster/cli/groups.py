"""Groups of commands that import a command's module only when it is called: start-up time counts in scripts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from inspect import getdoc
from typing import Any, ClassVar

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from broadcaster.cli.operator import note_command
from broadcaster.cli.options.spread import spread_options

HELP_OPTIONS = {"help_option_names": ["-h", "--help"]}

Commands = Mapping[str, tuple[str, str]]
"""For each name: the command as `module:attribute` (a function, or a Typer for a group), and its one-line help."""


class LazyGroup(TyperGroup):
    """A group of `table`'s commands. Its own help, which is shown without a command, imports none of them."""

    table: ClassVar[Commands] = {}

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        for name, (_, summary) in self.table.items():
            self.add_command(TyperCommand(name, help=summary))

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """As in the base class."""
        return super().parse_args(ctx, args or ["--help"])

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """As in the base class, with the command itself in place of its one-line help."""
        name, _, rest = super().resolve_command(ctx, args)
        note_command(f"{ctx.command_path} {name}")
        return name, self.load(str(name)), rest

    def load(self, name: str) -> Any:
        """Import a command of the table."""
        module, _, attribute = self.table[name][0].partition(":")
        found = getattr(import_module(module), attribute)
        if not isinstance(found, typer.Typer):
            single = typer.Typer(add_completion=False, context_settings=HELP_OPTIONS)
            single.command(name, help=_flowing(getdoc(found) or ""))(spread_options(found))
            found = single
        return get_command(found)


def lazy_group(commands: Commands, help_text: str, callback: Callable[..., None] | None = None) -> typer.Typer:
    """A group of `commands`. `callback` has the options of the outermost group, which also completes in shells."""
    return typer.Typer(
        cls=type("LazyGroup", (LazyGroup,), {"table": commands}),
        help=help_text,
        callback=callback or _no_options,
        add_completion=callback is not None,
        context_settings=HELP_OPTIONS,
    )


def _no_options() -> None:
    pass


def _flowing(docstring: str) -> str:
    """Its paragraphs without their line ends: help is wrapped at the width of the terminal, not of the source."""
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in docstring.split("\n\n"))
