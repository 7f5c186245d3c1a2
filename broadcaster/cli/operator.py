"""Who gives a command, for the records of what operators decided."""

from __future__ import annotations

import getpass
import os
from typing import Annotated

import typer

from broadcaster.domain.names import check_name


def _nameable(who: str | None) -> str | None:
    if who is not None:
        check_name(who, "--by")
    return who


ByOption = Annotated[
    str | None,
    typer.Option(
        "--by", metavar="WHO", help="Who decides, for the record. Default: this account.", callback=_nameable
    ),
]


def account() -> str:
    """The account that runs the command."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # A container's account may have a number only.
        return f"uid {os.getuid()}"
