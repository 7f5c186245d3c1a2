"""Texts in CSV files that people open in a spreadsheet, which would run some of them as formulas."""

from __future__ import annotations

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def escape_cell(text: str) -> str:
    """The text so that a spreadsheet shows it: what looks like a formula gets an apostrophe in front."""
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


def unescape_cell(text: str) -> str:
    """The text that `escape_cell` made this of."""
    return text[1:] if text.startswith("'") and text[1:].startswith(_FORMULA_STARTS) else text
