"""Whoever got a message gets it again only where somebody says so."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import typer

from broadcaster.cli.campaign.submitted import ask_again
from broadcaster.services.recipients.row_checks import SentAlreadyError


@pytest.mark.parametrize(
    ("file", "terminal", "answer", "goes_on"),
    [
        ("people.csv", True, True, True),
        ("people.csv", True, False, False),
        ("people.csv", False, True, False),
        ("-", True, True, False),
    ],
)
def test_it_is_asked_at_a_terminal_alone_and_only_yes_goes_on(
    monkeypatch: pytest.MonkeyPatch, file: str, terminal: bool, answer: bool, goes_on: bool
) -> None:
    asked: list[str] = []

    def confirm(question: str, **_: object) -> bool:
        asked.append(question)
        return answer

    monkeypatch.setattr(typer, "confirm", confirm)
    for stream in (sys.stdin, sys.stderr):
        monkeypatch.setattr(stream, "isatty", lambda: terminal, raising=False)
    error = SentAlreadyError("line 3 was sent")
    if goes_on:
        ask_again(error, Path(file))
    else:
        with pytest.raises(SentAlreadyError):
            ask_again(error, Path(file))
    assert len(asked) == (terminal and file != "-")
