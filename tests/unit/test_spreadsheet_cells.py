"""Cells that spreadsheets would run."""

from __future__ import annotations

import pytest

from broadcaster.services.recipients.spreadsheet_cells import escape_cell, unescape_cell


@pytest.mark.parametrize("text", ["", "Ayu", "'", "=1+1", "-5", "+62", "@x", "\tx", "'=1", "''-"])
def test_what_is_escaped_comes_back_as_it_was(text: str) -> None:
    assert unescape_cell(escape_cell(text)) == text
    assert not escape_cell(text).startswith(("=", "+", "-", "@", "\t"))
