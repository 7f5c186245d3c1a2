"""Groups of options as dataclasses: a command takes `content: ContentOptions` in place of six parameters."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from dataclasses import MISSING, Field, fields, is_dataclass
from typing import Any, get_type_hints

Command = Callable[..., None]


def spread_options(command: Command) -> Command:
    """The command as Typer reads it: a parameter whose type is a dataclass stands for its fields, each an option.

    A group needs a default for each option that may be left out. No two options of a command may have one name.
    """
    parameters = inspect.signature(command, eval_str=True).parameters
    groups: dict[str, Any] = {
        name: each.annotation for name, each in parameters.items() if is_dataclass(each.annotation)
    }
    if not groups:
        return command

    @functools.wraps(command)
    def spread(**given: Any) -> None:
        made = {}
        for name, group in groups.items():
            made[name] = group(**{each.name: given.pop(each.name) for each in fields(group)})
        command(**given, **made)

    options = [option for each in parameters.values() for option in _options(each)]
    # By keyword, so that a required one may follow others.
    keyed = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in options]
    spread.__signature__ = inspect.Signature(keyed)  # type: ignore[attr-defined]
    spread.__annotations__ = {each.name: each.annotation for each in options}
    return spread


def _options(parameter: inspect.Parameter) -> Iterator[inspect.Parameter]:
    if not is_dataclass(parameter.annotation):
        yield parameter
        return
    hints = get_type_hints(parameter.annotation, include_extras=True)
    for each in fields(parameter.annotation):
        yield parameter.replace(name=each.name, default=_default(each), annotation=hints[each.name])


def _default(option: Field[Any]) -> Any:
    return inspect.Parameter.empty if option.default is MISSING else option.default
