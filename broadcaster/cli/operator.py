"""Who runs a command, for the records of operators' decisions."""

from __future__ import annotations

import os
import pwd
import socket
from collections.abc import Mapping
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

_LONGEST = 200
"""The most characters of each setting. The database stores no more either."""

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
    """Settings that tell a database session who runs which command (db/schema/functions/write_audit.sql)."""
    behind = os.environ.get("SUDO_USER")
    who = f"{account()} (sudo: {behind})" if behind else account()
    said = {"operator": who, "host": socket.gethostname(), "command": _given[0].removeprefix("broadcaster ")}
    return {f"broadcaster.{name}": _plain(text) for name, text in said.items()}


def _plain(text: str) -> str:
    """The text without characters that a terminal acts on or Postgres refuses."""
    return "".join(c if c.isprintable() else "?" for c in text[:_LONGEST]).encode(errors="replace").decode()
