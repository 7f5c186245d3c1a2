"""Who runs a command, for the records of operators' decisions."""

from __future__ import annotations

import os
import pwd
from collections.abc import Mapping
from typing import Annotated

import typer

from broadcaster.db.operator_session import operator_session
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

_given = ["broadcaster"]


def account() -> str:
    """The account that runs the command, from the system: the environment could say anything."""
    uid = os.geteuid()
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        # A container's account may have only a number.
        return f"uid {uid}"


def note_command(words: str) -> None:
    """Remember which command is being run, without its options: they may hold secrets and phones."""
    _given[:] = [words]


def as_operator() -> Mapping[str, str]:
    """Settings that tell a database session who runs which command (`operator_session`)."""
    behind = os.environ.get("SUDO_USER")
    who = f"{account()} (sudo: {behind})" if behind else account()
    return operator_session(who, _given[0].removeprefix("broadcaster "))
