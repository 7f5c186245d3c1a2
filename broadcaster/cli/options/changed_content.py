"""The options that say what of a stored campaign's content is to be another one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from broadcaster.cli.options.content import (
    CaptionOption,
    FilenameOption,
    FileOption,
    FileUrlOption,
    TextFileOption,
    TextOption,
)
from broadcaster.domain.locales import usable_locale
from broadcaster.errors import UsageError
from broadcaster.services.campaigns.content_change import ContentChange
from broadcaster.settings import Settings


@dataclass(frozen=True, slots=True)
class ContentChangeOptions:
    """One of the first four at most, and what goes with it, or with what is sent now."""

    text: TextOption = None
    text_file: TextFileOption = None
    file: FileOption = None
    file_url: FileUrlOption = None
    caption: CaptionOption = None
    filename: FilenameOption = None
    locale: Annotated[
        str | None, typer.Option("--locale", metavar="LOCALE", help="Whose dates and numbers texts show: id, en_GB, …")
    ] = None

    def change(self, settings: Settings) -> ContentChange | None:
        """What they describe; None: nothing. Raises UsageError for options that do not go together."""
        if self == ContentChangeOptions():
            return None
        bodies = (self.text, self.text_file, self.file, self.file_url)
        if sum(option is not None for option in bodies) > 1:
            raise UsageError("give one of --text, --text-file, --file and --file-url")
        if (self.text is not None or self.text_file is not None) and (self.caption, self.filename) != (None, None):
            raise UsageError("--caption and --filename go with a file; a text has none")
        if self.file is not None and "{{" in str(self.file):
            raise UsageError("--file takes no variables, since everybody gets it")
        return ContentChange(
            text=self.text,
            text_file=self.text_file,
            file=self.file,
            file_url=self.file_url,
            caption=self.caption,
            filename=self.filename,
            locale=None if self.locale is None else usable_locale(self.locale),
            most_bytes=settings.max_file_bytes,
            allow_private=settings.allow_private_file_urls,
        )
