"""What of a stored campaign's content is to be another one; the rest stays as it is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from broadcaster.domain.content_kinds import ContentKind
from broadcaster.domain.contents import Content
from broadcaster.domain.names import check_filename
from broadcaster.domain.templates import compile_template, compile_url
from broadcaster.errors import UsageError
from broadcaster.services.campaigns import new_content


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentChange:
    """At most one of the first four. None: it stays."""

    text: str | None = None
    text_file: Path | None = None
    file: Path | None = None
    file_url: str | None = None
    caption: str | None = None
    """Its template; blank: none."""
    filename: str | None = None
    locale: str | None = None
    most_bytes: int
    """The largest file that is accepted."""
    allow_private: bool = False
    """Whether a URL may name a host that is not public."""

    @property
    def is_of_body(self) -> bool:
        """Whether another text, file or URL is sent. Otherwise what is stored of it is sent on."""
        return (self.text, self.text_file, self.file, self.file_url) != (None, None, None, None)

    def of(self, content: Content) -> Content:
        """The content after the change.

        Raises UsageError for what does not go with this content, and what making a new one raises.
        """
        locale = self.locale or content.locale
        if content.file_column is not None and self.is_of_body:
            raise UsageError("each recipient has a file of their own (--file-column), which stays: clone the campaign")
        if self.text is not None:
            return new_content.text_content(self.text, locale)
        if self.text_file is not None:
            return new_content.text_file_content(self.text_file, self.most_bytes, locale)
        if content.kind is ContentKind.TEXT and not self.is_of_body and self.caption is not None:
            raise UsageError("--caption goes with a file, and the campaign sends a text")
        if self.filename is not None and (self.file_url or not (self.file or content.kind is ContentKind.FILE)):
            raise UsageError("--filename goes with a file that is sent itself, with --file or --file-column")
        caption = self._caption(content)
        if self.file is not None:
            return new_content.file_content(
                self.file, self.most_bytes, caption=caption, filename=self.filename, locale=locale
            )
        if self.file_url is not None:
            return new_content.file_url_content(
                self.file_url, caption=caption, allow_private=self.allow_private, locale=locale
            )
        return self._of_same_body(content, caption, locale)

    def _of_same_body(self, content: Content, caption: str | None, locale: str) -> Content:
        filename = content.filename
        if self.filename is not None:
            check_filename(self.filename)
            filename = compile_template(self.filename, locale)
        elif filename is not None:
            filename = compile_template(filename.source, locale)
        return replace(
            content,
            text=None if content.text is None else compile_template(content.text.source, locale),
            url=None if content.url is None else compile_url(content.url.source, locale),
            caption=new_content.caption_template(caption, locale),
            filename=filename,
            locale=locale,
        )

    def _caption(self, content: Content) -> str | None:
        if self.caption is not None:
            return self.caption if self.caption.strip() else None
        return None if content.caption is None else content.caption.source
