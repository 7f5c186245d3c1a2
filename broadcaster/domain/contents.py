"""What a campaign sends, and what one recipient gets of it. Pure.

The worker, previews, test copies and reading back all take both from here: what is shown is what is sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import msgspec

from broadcaster.domain.content_kinds import ContentKind
from broadcaster.domain.locales import DEFAULT_LOCALE
from broadcaster.domain.names import path_parts, usable_filename
from broadcaster.domain.templates import Template, compile_template, compile_url

_NAMELESS = "file"
"""What a file is called that has no name."""


class MessageContent(msgspec.Struct, frozen=True, gc=False):
    """What one recipient gets: the `text` of a text message; otherwise a file's name or URL, and its caption."""

    text: str | None = None
    caption: str | None = None
    filename: str | None = None
    url: str | None = None

    @property
    def words(self) -> str:
        """What the recipient reads: the text, the caption, or else what the file is called or where it is."""
        words = (self.text, self.caption, self.filename, self.url)
        return next((each for each in words if each is not None), "")


@dataclass(frozen=True, slots=True)
class Content:
    """What a campaign sends: a text, a file or the URL of one. All that people read of it may use variables."""

    text: Template | None = None
    caption: Template | None = None
    filename: Template | None = None
    url: Template | None = None
    file_column: str | None = None
    """The variable that has the path of each recipient's own file, as the list wrote it; None: they get the same."""
    file: bytes | None = field(default=None, repr=False)
    """The file itself. None also where it is not at hand: nothing that is rendered depends on it."""
    locale: str = DEFAULT_LOCALE
    """Whose dates and numbers they are, that texts show."""

    @property
    def kind(self) -> ContentKind:
        """Which gateway method carries it."""
        if self.text is not None:
            return ContentKind.TEXT
        return ContentKind.FILE if self.url is None else ContentKind.FILE_URL

    @property
    def templates(self) -> tuple[Template, ...]:
        """All that may use variables."""
        every = (self.text, self.caption, self.filename, self.url)
        return tuple(each for each in every if each is not None)

    @property
    def template(self) -> Template | None:
        """What recipients read: the text or the caption; None: a file without a caption."""
        return self.text or self.caption

    @property
    def body(self) -> bytes:
        """What is stored of it once for all campaigns: the template of the text or of the URL, or the file.

        Nothing stands for files that differ: those are stored one by one.
        """
        if self.text is not None:
            return self.text.source.encode()
        if self.url is not None:
            return self.url.source.encode()
        if self.file_column is not None:
            return b""
        if self.file is None:
            raise ValueError("the file is not at hand")
        return self.file

    def render(self, variables: Mapping[str, str]) -> MessageContent:
        """What a recipient with these variables gets. Raises KeyError for one that is lacking."""
        if self.text is not None:
            return MessageContent(self.text.render(variables))
        caption = None if self.caption is None else self.caption.render(variables)
        if self.url is not None:
            return MessageContent(None, caption, None, self.url.render(variables))
        return MessageContent(None, caption, self._filename(variables), None)

    def _filename(self, variables: Mapping[str, str]) -> str:
        if self.filename is not None:
            name = self.filename.render(variables)
            return usable_filename(name) if self.filename.names else name
        return _NAMELESS if self.file_column is None else path_parts(variables[self.file_column])[-1]

    def marked(self, mark: str) -> Content:
        """The same with `mark` before the text or the caption. Raises TemplateError where that makes it too long."""
        source = mark if self.template is None else f"{mark} {self.template.source}"
        template = compile_template(source, self.locale)
        return replace(self, text=template) if self.text is not None else replace(self, caption=template)


def stored_content(
    kind: str,
    body: bytes,
    caption: str | None,
    filename: str | None,
    locale: str = DEFAULT_LOCALE,
    file_column: str | None = None,
) -> Content:
    """The content of a stored campaign. `body` is the text or the URL as it is stored; of a file it is not used."""
    template = None if caption is None else compile_template(caption, locale)
    match ContentKind(kind):
        case ContentKind.TEXT:
            return Content(text=compile_template(body.decode(), locale), locale=locale)
        case ContentKind.FILE:
            return Content(
                caption=template,
                filename=None if filename is None else compile_template(filename, locale),
                file_column=file_column,
                locale=locale,
            )
        case ContentKind.FILE_URL:
            return Content(caption=template, url=compile_url(body.decode(), locale), locale=locale)
