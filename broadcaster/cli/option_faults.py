"""What is wrong with the value of an option or argument, in our words: those of a library are for programmers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typer import TyperException

_WORDS = {
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "int_parsing": "must be a whole number",
    "int_parsing_size": "must be a whole number, and not as large",
    "float_parsing": "must be a number",
    "value_error": "{error}",
}
"""By the kind of a fault, with holes for the bounds of the option."""


def said_option_fault(error: TyperException) -> str:
    """Which option or argument, and what its value must be. What we have no words for stays as it was said."""
    faults: Any = getattr(error.__cause__, "errors", None)
    if faults is not None:
        error.message = _said(faults()[0]) or error.message
    return error.format_message().rstrip(".")


def _said(fault: Mapping[str, Any]) -> str | None:
    words = _WORDS.get(fault["type"])
    return words and words.format_map({name: _written(value) for name, value in fault.get("ctx", {}).items()})


def _written(value: object) -> str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return f"{value:,}" if isinstance(value, int | float) else str(value)
