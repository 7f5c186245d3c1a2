"""What a campaign is to send, checked before anything is stored."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import insert

from broadcaster.db import tables
from broadcaster.domain.contents import Content
from broadcaster.domain.names import check_filename, first_control
from broadcaster.domain.templates import Template, compile_template
from broadcaster.errors import InputError, quoted
from broadcaster.file_urls import usable_file_url
from broadcaster.input_files import read_file

_TOO_LARGE = "make it smaller or raise BROADCASTER_MAX_FILE_BYTES"
_LAYOUT = "\t\n\r\u2028\u2029"
"""What texts may hold although it moves a cursor."""


def text_content(text: str) -> Content:
    """A text message. Raises InputError for an empty or faulty template."""
    if not text.strip():
        raise InputError("the text is empty: nothing would be sent")
    _refuse_controls(text, "text")
    return Content(text=compile_template(text))


def text_file_content(path: Path, most_bytes: int) -> Content:
    """A text message whose template is in a UTF-8 file."""
    try:
        return text_content(read_file(path, most_bytes, _TOO_LARGE).decode("utf-8-sig").strip("\r\n"))
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text (byte {error.start}): save it as UTF-8") from None


def file_content(path: Path, most_bytes: int, *, caption: str | None = None, filename: str | None = None) -> Content:
    """A file, sent under its own name or `filename`. `most_bytes` is the largest that is accepted."""
    body = read_file(path, most_bytes, _TOO_LARGE)
    if not body:
        raise InputError(f"{path} is empty: nothing would be sent")
    name = path.name if filename is None else filename
    check_filename(name)
    return Content(caption=_caption(caption), filename=name, file=body)


def file_url_content(url: str, *, caption: str | None = None, allow_private: bool = False) -> Content:
    """A file that the gateway fetches from a URL. Raises UsageError for one that is not usable."""
    return Content(caption=_caption(caption), url=usable_file_url(url, allow_private=allow_private))


class StoredContent(NamedTuple):
    """How a campaign or a schedule refers to what it sends: columns of both."""

    content_id: int
    caption: str | None = None
    """Its template."""
    filename: str | None = None

    @classmethod
    def of(cls, content_id: int, content: Content) -> StoredContent:
        """The content whose body is stored under that id."""
        return cls(content_id, content.caption.source if content.caption else None, content.filename)


def store_content(connection: Connection, content: Content) -> StoredContent:
    """Store the content; the same bytes are stored once, however many campaigns send them."""
    return StoredContent.of(_store_body(connection, content), content)


def _store_body(connection: Connection, content: Content) -> int:
    table = tables.contents
    body = content.body
    digest = hashlib.sha256(body).digest()
    same = (table.c.kind == content.kind) & (table.c.digest == digest)
    found = connection.scalar(select(table.c.id).where(same))
    if found is not None:
        return int(found)
    statement = insert(table).values(kind=content.kind, digest=digest, body=body).on_conflict_do_nothing()
    inserted = connection.scalar(statement.returning(table.c.id))
    return int(inserted if inserted is not None else connection.execute(select(table.c.id).where(same)).scalar_one())


def _caption(caption: str | None) -> Template | None:
    if caption is None:
        return None
    _refuse_controls(caption, "caption")
    return compile_template(caption)


def _refuse_controls(text: str, what: str) -> None:
    place = first_control(text, _LAYOUT)
    if place is not None:
        raise InputError(
            f"the {what} contains the control character {quoted(text[place])} at position {place + 1}: remove it"
        )
