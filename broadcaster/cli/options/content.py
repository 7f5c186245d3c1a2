"""The options that say what is sent, shared by all commands that take a content."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from broadcaster.domain.contents import Content
from broadcaster.errors import UsageError
from broadcaster.services.campaigns import contents
from broadcaster.settings import Settings

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
    typer.Option("--file-url", metavar="URL", help="A file that the gateway fetches.", rich_help_panel=_PANEL),
]
CaptionOption = Annotated[
    str | None,
    typer.Option("--caption", metavar="TEXT", help="Goes with a file. May use variables.", rich_help_panel=_PANEL),
]
FilenameOption = Annotated[
    str | None,
    typer.Option("--filename", metavar="NAME", help="What recipients see the file called.", rich_help_panel=_PANEL),
]


def content_of(
    settings: Settings,
    *,
    text: str | None,
    text_file: Path | None,
    file: Path | None,
    file_url: str | None,
    caption: str | None,
    filename: str | None,
) -> Content:
    """The content that the options describe. Raises UsageError for options that do not go together, and InputError."""
    if sum(option is not None for option in (text, text_file, file, file_url)) != 1:
        raise UsageError("give exactly one of --text, --text-file, --file and --file-url")
    if caption is not None and file is None and file_url is None:
        raise UsageError("--caption goes with --file or --file-url; a text has none")
    if filename is not None and file is None:
        raise UsageError("--filename goes with --file only")
    if text is not None:
        return contents.text_content(text)
    if text_file is not None:
        return contents.text_file_content(text_file, settings.max_file_bytes)
    if file is not None:
        return contents.file_content(file, settings.max_file_bytes, caption=caption, filename=filename)
    return contents.file_url_content(file_url or "", caption=caption, allow_private=settings.allow_private_file_urls)
