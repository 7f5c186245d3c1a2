"""Groups of commands that import a command's module only when it is called: start-up time counts in scripts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module
from inspect import getdoc
from typing import Any, ClassVar

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from broadcaster.cli.operator import note_command
from broadcaster.cli.options.spread import spread_options

HELP_OPTIONS = {"help_option_names": ["-h", "--help"]}

_PLAIN = (str, int, float)

Commands = Mapping[str, tuple[str, str]]
"""For each name: the command as `module:attribute` (a function, or a Typer for a group), and its one-line help."""


class _OnlyWhatDiffers:
    """In place of what converts a parameter's value: leaves what was not given, and texts and numbers as they are."""

    def __init__(self, described: Any, make_converter: Callable[[], Any]) -> None:
        self._stays = described.annotation if described.parameter_info.parser is None else None
        self._make_converter = make_converter

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:
        """The value for the command. Raises what Typer does."""
        is_absent = value is None and param.nargs == 1 and not param.multiple
        if is_absent or (type(value) is self._stays and isinstance(value, _PLAIN)):
            return value
        return self._make_converter().coerce(value, param=param, ctx=ctx)


class _QuickStart:
    """For a command that starts without converters which it does not need.

    Typer imports pydantic for each of them, a fifth of the start-up time, and has no public place to do without. A
    version of it that converts in another way is left alone.
    """

    def get_params(self, ctx: Any) -> list[Any]:
        """As in the base class, each with what converts its value only where it differs."""
        parameters: list[Any] = super().get_params(ctx)  # type: ignore[misc]  # in a class beside this one
        for each in parameters:
            if hasattr(each, "type_descriptor") and "get_runtime_param" not in vars(each):
                each.get_runtime_param = partial(_OnlyWhatDiffers, each.type_descriptor, each.get_runtime_param)
        return parameters


class _QuickCommand(_QuickStart, TyperCommand):
    pass


class LazyGroup(_QuickStart, TyperGroup):
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
        if isinstance(found, typer.Typer):
            return get_command(found)
        single = typer.Typer(add_completion=False, context_settings=HELP_OPTIONS)
        single.command(name, cls=_QuickCommand, help=_flowing(getdoc(found) or ""))(spread_options(found))
        return get_command(single)


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
