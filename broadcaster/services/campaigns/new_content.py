"""What a campaign is to send, checked before anything is stored."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import insert

from broadcaster.db import tables
from broadcaster.domain.content_kinds import ContentKind
from broadcaster.domain.contents import Content
from broadcaster.domain.locales import DEFAULT_LOCALE
from broadcaster.domain.names import LAYOUT, check_filename, first_control
from broadcaster.domain.templates import Template, compile_template, compile_url, given_host, variable_name
from broadcaster.errors import InputError, UsageError, quoted
from broadcaster.file_urls import usable_file_url
from broadcaster.input_files import read_file
from broadcaster.services.forgetting.forgotten import hold_off

_TOO_LARGE = "make it smaller or raise BROADCASTER_MAX_FILE_BYTES"


def text_content(text: str, locale: str = DEFAULT_LOCALE) -> Content:
    """A text message. Raises InputError for an empty or faulty template."""
    if not text.strip():
        raise InputError("the text is empty: nothing would be sent")
    _refuse_controls(text, "text")
    return Content(text=compile_template(text, locale), locale=locale)


def text_file_content(path: Path, most_bytes: int, locale: str = DEFAULT_LOCALE) -> Content:
    """A text message whose template is in a UTF-8 file. Its lines may end as Windows writes them."""
    try:
        written = read_file(path, most_bytes, _TOO_LARGE).decode("utf-8-sig")
        return text_content(written.replace("\r\n", "\n").strip("\r\n"), locale)
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text (byte {error.start}): save it as UTF-8") from None


def file_content(
    path: Path,
    most_bytes: int,
    *,
    caption: str | None = None,
    filename: str | None = None,
    locale: str = DEFAULT_LOCALE,
) -> Content:
    """A file, sent under its own name or `filename`. `most_bytes` is the largest that is accepted."""
    body = read_file(path, most_bytes, _TOO_LARGE)
    if not body:
        raise InputError(f"{path} is empty: nothing would be sent")
    name = path.name if filename is None else filename
    check_filename(name)
    if filename is None and "{{" in name:
        raise UsageError(f"the name of {path} has {{{{ in it: give it another one with --filename")
    return Content(
        caption=caption_template(caption, locale), filename=compile_template(name, locale), file=body, locale=locale
    )


def recipient_files_content(
    column: str, *, caption: str | None = None, filename: str | None = None, locale: str = DEFAULT_LOCALE
) -> Content:
    """A file for each recipient, at the path in that column, under its own name or `filename`."""
    key = variable_name(column)
    if not key:
        raise UsageError(f"--file-column {quoted(column)} is no column")
    if filename is not None:
        check_filename(filename)
    return Content(
        caption=caption_template(caption, locale),
        filename=None if filename is None else compile_template(filename, locale),
        file_column=key,
        locale=locale,
    )


def file_url_content(
    url: str, *, caption: str | None = None, allow_private: bool = False, locale: str = DEFAULT_LOCALE
) -> Content:
    """A file that the gateway fetches from a URL. Raises UsageError for one that is not usable.

    With variables in its host, or with one for all of it, each recipient's URL is still to be checked.
    """
    template = compile_url(url, locale)
    begins_as_one = url.lower().startswith(("http://", "https://", "{{"))
    if given_host(url) or not (template.names and begins_as_one):
        usable_file_url(template.render(dict.fromkeys(template.names, "")), allow_private=allow_private)
    return Content(caption=caption_template(caption, locale), url=template, locale=locale)


def check_words(kind: ContentKind, caption: str | None, filename: str | None) -> None:
    """Raise UsageError or InputError where a content of this kind does not take them. None: it keeps what it has."""
    if caption is not None:
        if kind == ContentKind.TEXT:
            raise UsageError("--caption goes with a file; a text has none")
        _refuse_controls(caption, "caption")
    if filename is not None:
        if kind != ContentKind.FILE:
            raise UsageError("--filename goes with a file that is sent, and this is none")
        check_filename(filename)


class StoredContent(NamedTuple):
    """How a version of a campaign's content, or a schedule, refers to what is sent: columns of both."""

    content_id: int
    caption: str | None = None
    """Its template."""
    filename: str | None = None
    locale: str = DEFAULT_LOCALE

    @classmethod
    def of(cls, content_id: int, content: Content) -> StoredContent:
        """The content whose body is stored under that id."""
        caption, filename = (None if each is None else each.source for each in (content.caption, content.filename))
        return cls(content_id, caption, filename, content.locale)


def store_content(connection: Connection, content: Content) -> StoredContent:
    """Store the content; the same bytes are stored once, however many campaigns send them."""
    return StoredContent.of(store_body(connection, content.kind, content.body), content)


def store_body(connection: Connection, kind: ContentKind, body: bytes) -> int:
    """Store a text, a file or a URL, if it is not stored yet; returns its id."""
    # What nothing sends any more is deleted when somebody is forgotten: not while it is found and used anew.
    hold_off(connection)
    table = tables.contents
    digest = hashlib.sha256(body).digest()
    same = (table.c.kind == kind) & (table.c.digest == digest)
    found = connection.scalar(select(table.c.id).where(same))
    if found is not None:
        return int(found)
    statement = insert(table).values(kind=kind, digest=digest, body=body).on_conflict_do_nothing()
    inserted = connection.scalar(statement.returning(table.c.id))
    return int(inserted if inserted is not None else connection.execute(select(table.c.id).where(same)).scalar_one())


def caption_template(caption: str | None, locale: str) -> Template | None:
    """Raises InputError for one that cannot be used; None: there is none."""
    if caption is None:
        return None
    _refuse_controls(caption, "caption")
    return compile_template(caption, locale)


def _refuse_controls(text: str, what: str) -> None:
    place = first_control(text, LAYOUT)
    if place is not None:
        raise InputError(
            f"the {what} contains the control character {quoted(text[place])} at position {place + 1}: remove it"
        )
