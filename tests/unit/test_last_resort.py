"""What the program says of an error that nobody expected."""

from __future__ import annotations

from collections.abc import Sequence

import psycopg
import pytest
from sqlalchemy.exc import DataError

from broadcaster.cli import main as program


@pytest.mark.parametrize("level", ["INFO", "DEBUG"])
def test_an_unexpected_error_of_the_database_shows_no_values(
    level: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    name = "Ayu"

    def fails(_: Sequence[str] | None) -> int:
        raise DataError("INSERT …", {"name": name}, psycopg.DataError("no NUL"))

    monkeypatch.setattr(program, "_run", fails)  # no command fails so on its own
    monkeypatch.setenv("BROADCASTER_LOG_LEVEL", level)
    assert program.main([]) == 1
    shown = capsys.readouterr().err
    assert shown.endswith("(BROADCASTER_LOG_LEVEL=DEBUG shows more): DataError: no NUL\n")
    assert name not in shown
    assert ("in fails" in shown) == (level == "DEBUG")
