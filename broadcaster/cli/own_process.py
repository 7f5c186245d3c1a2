"""Processes of this same program, which run nothing but what is installed."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import broadcaster
from broadcaster.settings import Settings

_ENTRY = Path(broadcaster.__file__).with_name("__main__.py")


def own_command(*arguments: str) -> list[str]:
    """The argv of `broadcaster *arguments` in this Python.

    Isolated (`-I`): neither the current directory nor PYTHONPATH nor the user's own site-packages is searched.
    """
    return [sys.executable, "-I", str(_ENTRY), *arguments]


def own_environment(settings: Settings) -> dict[str, str]:
    """This process's environment with `settings` in it, so that the other process has the same, wherever it is."""
    return {**os.environ, **settings.environment()}
