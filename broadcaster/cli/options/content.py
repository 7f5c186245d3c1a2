"""The options that say what is sent, shared by all commands that take a content."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from broadcaster.domain.contents import Content
from broadcaster.errors import UsageError
from broadcaster.services.campaigns import new_content
from broadcaster.settings import Settings

_PANEL = "Content (give one)"


@dataclass(frozen=True, slots=True)
class ContentOptions:
    """What is sent: one of the first four, and what goes with it."""

    text: Annotated[
        str | None,
        typer.Option("--text", metavar="TEXT", help='The text, such as "Hello {{ name }}".', rich_help_panel=_PANEL),
    ] = None
    text_file: Annotated[
        Path | None,
        typer.Option("--text-file", metavar="FILE", help="The text, from a UTF-8 file.", rich_help_panel=_PANEL),
    ] = None
    file: Annotated[
        Path | None, typer.Option("--file", metavar="FILE", help="A file to send.", rich_help_panel=_PANEL)
    ] = None
    file_url: Annotated[
        str | None,
        typer.Option("--file-url", metavar="URL", help="A file that the gateway fetches.", rich_help_panel=_PANEL),
    ] = None
    caption: Annotated[
        str | None,
        typer.Option("--caption", metavar="TEXT", help="Goes with a file. May use variables.", rich_help_panel=_PANEL),
    ] = None
    filename: Annotated[
        str | None,
        typer.Option(
            "--filename", metavar="NAME", help="What recipients see the file called.", rich_help_panel=_PANEL
        ),
    ] = None

    @property
    def are_given(self) -> bool:
        """Whether any of them is."""
        return self != ContentOptions()

    def content(self, settings: Settings) -> Content:
        """What they describe. Raises UsageError for options that do not go together, and InputError."""
        if sum(option is not None for option in (self.text, self.text_file, self.file, self.file_url)) != 1:
            raise UsageError("give exactly one of --text, --text-file, --file and --file-url")
        if self.caption is not None and self.file is None and self.file_url is None:
            raise UsageError("--caption goes with --file or --file-url; a text has none")
        if self.filename is not None and self.file is None:
            raise UsageError("--filename goes with --file only")
        most = settings.max_file_bytes
        if self.text is not None:
            return new_content.text_content(self.text)
        if self.text_file is not None:
            return new_content.text_file_content(self.text_file, most)
        if self.file is not None:
            return new_content.file_content(self.file, most, caption=self.caption, filename=self.filename)
        allow_private = settings.allow_private_file_urls
        return new_content.file_url_content(self.file_url or "", caption=self.caption, allow_private=allow_private)
