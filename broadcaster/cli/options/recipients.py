"""The options that say who the recipients are and how their file is read, shared by the commands that take them."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from broadcaster.domain.condition_parser import parse_conditions, parse_exclusions
from broadcaster.domain.conditions import Condition
from broadcaster.domain.contents import Content
from broadcaster.services.recipients.hidden_rows import HIDDEN_ROWS_OPTION, HiddenRowsRule
from broadcaster.services.recipients.list_options import RecipientOptions, RowCheck
from broadcaster.time_zones import shown_zone

FILE_PANEL = "Recipients file"

AudienceOption = Annotated[
    str | None, typer.Option("--audience", metavar="NAME", help="Its members, as they are at the start.")
]
WhereOption = Annotated[
    list[str] | None,
    typer.Option(
        "--where",
        metavar="CONDITION",
        help="Only members, or rows of the file, like 'city=Jakarta and (age>=18 or age is empty)', 'date=today+1', "
        "'not messaged within 30d'. May be repeated: all must hold.",
    ),
]
ExcludeOption = Annotated[
    list[str] | None,
    typer.Option(
        "--exclude",
        metavar="AUDIENCE|CAMPAIGN",
        help="Nobody of this audience, or of this campaign's recipients. audience:NAME and campaign:NAME tell them "
        "apart. May be repeated.",
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
            help="Of phones that are written without their country code: ID, DE, … Default: the instances'.",
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

    sheet: Annotated[
        str | None,
        typer.Option(
            "--sheet",
            metavar="NAME",
            help="Of a workbook. Default: the first that is not hidden.",
            rich_help_panel=FILE_PANEL,
        ),
    ] = None
    header_row: Annotated[
        int | None,
        typer.Option(
            "--header-row",
            metavar="N",
            min=1,
            help="The line with the names of the columns. Default: the first that is not blank.",
            rich_help_panel=FILE_PANEL,
        ),
    ] = None
    hidden_rows: Annotated[
        HiddenRowsRule | None,
        typer.Option(
            HIDDEN_ROWS_OPTION,
            help="Rows that a filter or a hand hides: take them, or skip them. Without it they refuse the file.",
            rich_help_panel=FILE_PANEL,
        ),
    ] = None
    require: Annotated[
        list[str] | None,
        typer.Option(
            "--require",
            metavar="COLUMN,…",
            help="Reject rows where one of these is empty. May be repeated.",
            rich_help_panel=FILE_PANEL,
        ),
    ] = None
    accept_rejected: Annotated[
        bool,
        typer.Option(
            "--accept-rejected",
            help="Leave out however many cannot be used: phones, values, files, --require. Default: up to 5 %.",
            rich_help_panel=FILE_PANEL,
        ),
    ] = False
    accept_countries: Annotated[
        bool,
        typer.Option(
            "--accept-countries",
            help="Take phones as they are read, though a country among them looks like a mistake.",
            rich_help_panel=FILE_PANEL,
        ),
    ] = False

    @property
    def are_given(self) -> bool:
        """Whether any of them is that is about files alone."""
        return replace(self, accept_rejected=False) != FileReadingOptions()

    def reader_options(
        self,
        country: str | None,
        content: Content | None = None,
        row_checks: Sequence[RowCheck] = (),
        *,
        again: bool = False,
    ) -> RecipientOptions:
        """What the reader takes: with the known country of bare phones, and a `content` that every row must get.

        `again`: also those of whom the file, an export of a campaign, says that they got a message.
        """
        return RecipientOptions(
            phone_column=self.phone_column,
            country=country,
            accept_rejected=self.accept_rejected,
            accept_countries=self.accept_countries,
            delimiter=self.delimiter,
            encoding=self.encoding,
            sheet=self.sheet,
            header_row=self.header_row,
            hidden_rows=self.hidden_rows,
            required=[name for names in self.require or () for name in names.split(",") if name.strip()],
            again=again,
            text=content.text if content else None,
            caption=content.caption if content else None,
            row_checks=row_checks,
        )


def parse_members(
    where: Sequence[str] | None, exclude: Sequence[str] | None, zone: str | None = None
) -> list[Condition]:
    """The members that --where and --exclude mean, `today` by the clocks of `zone`. None: of this machine."""
    return parse_conditions(where, zone or shown_zone().key) + parse_exclusions(exclude)


def recipients_source(path: Path) -> Path | BinaryIO:
    """The file, or standard input for `-`."""
    return sys.stdin.buffer if path == Path("-") else path
