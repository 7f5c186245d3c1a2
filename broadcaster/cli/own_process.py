"""Processes of this same program, which run nothing but what is installed."""

from __future__ import annotations

import os
import shutil
import sys
from functools import cache
from pathlib import Path
from shlex import quote

import broadcaster
from broadcaster.settings import Settings

NAME = "broadcaster"
_ENTRY = Path(broadcaster.__file__).with_name("__main__.py")


def as_called(text: str) -> str:
    """The text with the commands in it called as this process was, where `broadcaster` alone is another one or none.

    So it is in a fresh clone, where one types `.venv/bin/broadcaster`.
    """
    called = name_as_called()
    return text if called == NAME else text.replace(f"`{NAME} ", f"`{called} ")


@cache
def name_as_called() -> str:
    """What one types to run this program."""
    typed = Path(sys.argv[0])
    if typed.name != NAME:
        return NAME
    found = shutil.which(NAME)
    return NAME if found is not None and Path(found).absolute() == typed.absolute() else quote(sys.argv[0])


def own_command(*arguments: str) -> list[str]:
    """The argv of `broadcaster *arguments` in this Python.

    Isolated (`-I`): neither the current directory nor PYTHONPATH nor the user's own site-packages is searched.
    """
    return [sys.executable, "-I", str(_ENTRY), *arguments]


def own_environment(settings: Settings) -> dict[str, str]:
    """This process's environment with `settings` in it, so that the other process has the same, wherever it is."""
    return {**os.environ, **settings.environment()}
