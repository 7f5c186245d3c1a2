"""Whether the commands that a text tells people to run can be run as they are printed."""

from __future__ import annotations

import re
import shlex
from typing import Any

import typer
from typer.main import get_command

from broadcaster.cli.commands import app

_OTHER_PROGRAMS = ("echo", "timedatectl")


def assert_runnable(text: str) -> None:
    """Parse every command between backticks as the command line would, without running it."""
    for line in re.findall(r"`([^`]*)`", text):
        lexer = shlex.shlex(line, posix=True, punctuation_chars="|<>;&")
        lexer.commenters = ""
        lexer.whitespace_split = True
        words = list(lexer)
        while words:
            end = words.index("|") if "|" in words else len(words)
            _parse(words[:end], line)
            words = words[end + 1 :]


def _parse(words: list[str], line: str) -> None:
    if words[0] in _OTHER_PROGRAMS:
        return
    assert words[0] == "broadcaster", line
    command: Any = get_command(app)
    context: Any = None
    name: Any = "broadcaster"
    rest = words[1:]
    try:
        while True:
            context = command.make_context(name, list(rest), parent=context)
            rest = [*getattr(context, "_protected_args", ()), *context.args]
            if not (rest and hasattr(command, "resolve_command")):
                return
            name, command, rest = command.resolve_command(context, rest)
    except typer.Exit:
        return  # it has shown its help
    except Exception as error:
        raise AssertionError(f"{line!r} cannot be run: {error!r}") from error
