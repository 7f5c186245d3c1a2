"""Who gives a command, for the records of what operators decided."""

from __future__ import annotations

import getpass
import os
from typing import Annotated

import typer

ByOption = Annotated[
    str | None, typer.Option("--by", metavar="WHO", help="Who decides, for the record. Default: this account.")
]


def account() -> str:
    """The account that runs the command."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # A container's account may have a number only.
        return f"uid {os.getuid()}"
