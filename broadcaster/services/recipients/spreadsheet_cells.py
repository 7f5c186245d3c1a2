"""Texts in CSV files that people open in a spreadsheet, which would run some of them as formulas."""

from __future__ import annotations

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def escape_cell(text: str) -> str:
    """The text so that a spreadsheet shows it: what looks like a formula gets an apostrophe in front.

    So does what looks like an escaped one, so that `unescape_cell` can tell them apart.
    """
    return f"'{text}" if _is_formula(text) else text


def unescape_cell(text: str) -> str:
    """The text that `escape_cell` made this of."""
    return text[1:] if text.startswith("'") and _is_formula(text) else text


def _is_formula(text: str) -> bool:
    return text.lstrip("'").startswith(_FORMULA_STARTS)
