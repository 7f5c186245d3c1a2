"""Texts in CSV files that people open in a spreadsheet, which would run some of them as formulas.

A spreadsheet splits a line where its locale says, at `;` where the comma is decimal, and heeds quotes only where a
cell begins with them. So what it takes for the beginning of a cell may be anywhere in a text: after a `;`, a tab or a
line end. Blanks and quotes in front of a formula do not keep every spreadsheet from running it, and full-width signs
are taken for plain ones.
"""

from __future__ import annotations

import re

_SIGN = r"[=+\-@＝＋－＠\t\r]"
_AT_START = rf"""(?=['"\s\0]*+[=+\-@＝＋－＠]|'*+{_SIGN})"""
# Each line end and tab begins a cell itself, so that what is looked at is looked at once.
_INSIDE = rf"""(?=(?:['"\0]|[^\S\t\r\n])*+{_SIGN})"""
_BEGINNING = re.compile(rf"\A{_AT_START}|(?<=[;\t\r\n]){_INSIDE}")
_ESCAPED_BEGINNING = re.compile(rf"\A'{_AT_START}|(?<=[;\t\r\n])'{_INSIDE}")
_SUSPECT = re.compile(r"[=+\-@＝＋－＠\t\r]")


def escape_cell(text: str) -> str:
    """The text so that a spreadsheet shows it: what looks like a formula gets an apostrophe in front.

    So does what looks like an escaped one, so that `unescape_cell` can tell them apart. A phone with its plus is one,
    and stays usable: phones and imports are read without the apostrophe.
    """
    return _BEGINNING.sub("'", text) if _SUSPECT.search(text) else text


def unescape_cell(text: str) -> str:
    """The text that `escape_cell` made this of."""
    return _ESCAPED_BEGINNING.sub("", text) if "'" in text else text
