"""The options that say who the recipients are and how their file is read, shared by the commands that take them."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from broadcaster.domain.contents import Content
from broadcaster.services.recipients.reader import RecipientOptions

FILE_PANEL = "Recipients file"

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


@dataclass(frozen=True, slots=True)
class FileReadingOptions:
    """How a recipients file is read."""

    country: Annotated[
        str | None,
        typer.Option(
            "--country",
            metavar="ID",
            help="Of phones that are written without their country code: ID, DE, …",
            rich_help_panel=FILE_PANEL,
        ),
    ] = None
    phone_column: Annotated[
        str | None,
        typer.Option(
            "--phone-column",
            metavar="COLUMN",
            help="The one with the phones. Default: phone.",
            rich_help_panel=FILE_PANEL,
        ),
    ] = None
    encoding: Annotated[
        str | None, typer.Option("--encoding", metavar="CODEC", help="Default: utf-8.", rich_help_panel=FILE_PANEL)
    ] = None
    delimiter: Annotated[
        str | None,
        typer.Option(
            "--delimiter",
            metavar="CHAR",
            help="One character, or tab. Default: found in the header.",
            rich_help_panel=FILE_PANEL,
        ),
    ] = None

    @property
    def are_given(self) -> bool:
        """Whether any of them is."""
        return self != FileReadingOptions()

    def reader_options(self, content: Content | None = None) -> RecipientOptions:
        """What the reader takes; with a `content`, every row must be able to get it."""
        return RecipientOptions(
            phone_column=self.phone_column,
            country=self.country,
            delimiter=self.delimiter,
            encoding=self.encoding,
            text=content.text if content else None,
            caption=content.caption if content else None,
        )


def recipients_source(path: Path) -> Path | BinaryIO:
    """The file, or standard input for `-`."""
    return sys.stdin.buffer if path == Path("-") else path
