"""The options that say who the recipients are and how their file is read, shared by the commands that take them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

FILE_PANEL = "Recipients file"

CountryOption = Annotated[
    str | None,
    typer.Option(
        "--country",
        metavar="ID",
        help="Of phones that are written without their country code: ID, DE, …",
        rich_help_panel=FILE_PANEL,
    ),
]
PhoneColumnOption = Annotated[
    str | None,
    typer.Option(
        "--phone-column",
        metavar="COLUMN",
        help="The one with the phones. Default: phone.",
        rich_help_panel=FILE_PANEL,
    ),
]
EncodingOption = Annotated[
    str | None, typer.Option("--encoding", metavar="CODEC", help="Default: utf-8.", rich_help_panel=FILE_PANEL)
]
DelimiterOption = Annotated[
    str | None,
    typer.Option(
        "--delimiter",
        metavar="CHAR",
        help="One character, or tab. Default: found in the header.",
        rich_help_panel=FILE_PANEL,
    ),
]
AudienceOption = Annotated[
    str | None, typer.Option("--audience", metavar="NAME", help="Its members, as they are at the start.")
]
WhereOption = Annotated[
    list[str] | None,
    typer.Option(
        "--where",
        metavar="CONDITION",
        help="Only members like city=Jakarta or age>=18 (= != < <= > >=). May be repeated: all must hold.",
    ),
]


def recipients_source(path: Path) -> Path | BinaryIO:
    """The file, or standard input for `-`."""
    return sys.stdin.buffer if path == Path("-") else path
