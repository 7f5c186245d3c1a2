"""Groups of commands whose modules are imported when they are called: start-up time counts in scripts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

HELP_OPTIONS = {"help_option_names": ["-h", "--help"]}

Commands = Mapping[str, tuple[str, str]]
"""By name: where the command is, as `module:attribute` (a function, or a Typer for a group), and its one-line help."""


class Group(TyperGroup):
    """Shows its help when no command is given."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """As in the base class."""
        return super().parse_args(ctx, args or ["--help"])


def lazy_group(commands: Commands, help_text: str, callback: Callable[..., None] | None = None) -> typer.Typer:
    """A group of `commands`. Its own help imports none of them.

    `callback` holds the options of the outermost group, which also offers completion to shells.
    """

    class LazyGroup(Group):
        def __init__(self, **attributes: Any) -> None:
            super().__init__(**attributes)
            for name, (_, summary) in commands.items():
                self.add_command(TyperCommand(name, help=summary))

        def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
            name, _, rest = super().resolve_command(ctx, args)
            return name, load_command(str(name), commands[str(name)][0]), rest

    return typer.Typer(
        cls=LazyGroup,
        help=help_text,
        callback=callback or _no_options,
        add_completion=callback is not None,
        context_settings=HELP_OPTIONS,
    )


def _no_options() -> None:
    pass


def load_command(name: str, target: str) -> Any:
    """Import the command called `name` from `target`, which is `module:attribute`."""
    module, _, attribute = target.partition(":")
    found = getattr(import_module(module), attribute)
    if not isinstance(found, typer.Typer):
        single = typer.Typer(add_completion=False, context_settings=HELP_OPTIONS)
        single.command(name)(found)
        found = single
    return get_command(found)
