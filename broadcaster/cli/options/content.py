"""The options that say what is sent, shared by all commands that take a content."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from broadcaster.domain.contents import Content
from broadcaster.domain.locales import DEFAULT_LOCALE, usable_locale
from broadcaster.domain.templates import variable_name
from broadcaster.errors import UsageError
from broadcaster.services.campaigns import new_content
from broadcaster.services.campaigns.recipient_files import RecipientFiles
from broadcaster.settings import Settings

Strict = Annotated[
    bool, typer.Option("--strict", help="Refuse a text that there is a warning about, such as one without a way out.")
]
_PANEL = "Content (give one)"


TextOption = Annotated[
    str | None,
    typer.Option("--text", metavar="TEXT", help='The text, such as "Hello {{ name }}".', rich_help_panel=_PANEL),
]
TextFileOption = Annotated[
    Path | None,
    typer.Option("--text-file", metavar="FILE", help="The text, from a UTF-8 file.", rich_help_panel=_PANEL),
]
FileOption = Annotated[
    Path | None, typer.Option("--file", metavar="FILE", help="A file to send.", rich_help_panel=_PANEL)
]
FileUrlOption = Annotated[
    str | None,
    typer.Option(
        "--file-url",
        metavar="URL",
        help="A file that the gateway fetches. May use variables.",
        rich_help_panel=_PANEL,
    ),
]
CaptionOption = Annotated[
    str | None,
    typer.Option("--caption", metavar="TEXT", help="Goes with a file. May use variables.", rich_help_panel=_PANEL),
]
FilenameOption = Annotated[
    str | None,
    typer.Option(
        "--filename",
        metavar="NAME",
        help="What recipients see the file called. May use variables.",
        rich_help_panel=_PANEL,
    ),
]


@dataclass(frozen=True, slots=True)
class ContentOptions:
    """What is sent: one of the first four, and what goes with it."""

    text: TextOption = None
    text_file: TextFileOption = None
    file: FileOption = None
    file_url: FileUrlOption = None
    file_column: Annotated[
        str | None,
        typer.Option(
            "--file-column",
            metavar="COLUMN",
            help="A file for each: the column with its path below --file-root.",
            rich_help_panel=_PANEL,
        ),
    ] = None
    file_root: Annotated[
        Path | None,
        typer.Option(
            "--file-root", metavar="DIRECTORY", help="Where the files of --file-column are.", rich_help_panel=_PANEL
        ),
    ] = None
    caption: CaptionOption = None
    filename: FilenameOption = None
    locale: Annotated[
        str | None,
        typer.Option(
            "--locale",
            metavar="LOCALE",
            help="Whose dates and numbers texts show: id, en_GB, … Default: BROADCASTER_LOCALE, or en.",
            rich_help_panel=_PANEL,
        ),
    ] = None

    @property
    def are_given(self) -> bool:
        """Whether any of them is."""
        return self != ContentOptions()

    def content(self, settings: Settings) -> Content:
        """What they describe. Raises UsageError for options that do not go together, and InputError."""
        self._check()
        most, locale = settings.max_file_bytes, self._locale(settings)
        if self.text is not None:
            return new_content.text_content(self.text, locale)
        if self.text_file is not None:
            return new_content.text_file_content(self.text_file, most, locale)
        if self.file is not None:
            return new_content.file_content(
                self.file, most, caption=self.caption, filename=self.filename, locale=locale
            )
        if self.file_column is not None:
            return new_content.recipient_files_content(
                self.file_column, caption=self.caption, filename=self.filename, locale=locale
            )
        return new_content.file_url_content(
            self.file_url or "",
            caption=self.caption,
            allow_private=settings.allow_private_file_urls,
            locale=locale,
        )

    def recipient_files(self, settings: Settings) -> RecipientFiles | None:
        """Where each recipient's own file is; None: they get the same. Raises UsageError for no directory."""
        if self.file_column is None or self.file_root is None:
            return None
        return RecipientFiles(variable_name(self.file_column), self.file_root, settings.max_file_bytes)

    def _check(self) -> None:
        files = (self.file, self.file_column)
        if sum(option is not None for option in (self.text, self.text_file, self.file_url, *files)) != 1:
            raise UsageError("give exactly one of --text, --text-file, --file, --file-url and --file-column")
        if self.caption is not None and (self.text is not None or self.text_file is not None):
            raise UsageError("--caption goes with a file; a text has none")
        if self.filename is not None and files == (None, None):
            raise UsageError("--filename goes with --file and --file-column only")
        if (self.file_column is None) != (self.file_root is None):
            raise UsageError("--file-column and --file-root go together")
        if self.file is not None and "{{" in str(self.file):
            raise UsageError("--file takes no variables, since everybody gets it: --file-column sends a file for each")

    def _locale(self, settings: Settings) -> str:
        if self.locale is not None:
            return usable_locale(self.locale)
        if settings.locale is not None:
            return usable_locale(settings.locale, "BROADCASTER_LOCALE")
        return DEFAULT_LOCALE
