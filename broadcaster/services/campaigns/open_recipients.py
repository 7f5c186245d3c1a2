"""Whether another content can be sent to those whom a stored campaign has yet to send to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec
from sqlalchemy import Connection

from broadcaster.db.statements import each, values
from broadcaster.domain.contents import Content, MessageContent
from broadcaster.domain.templates import MAX_TEXT_LENGTH
from broadcaster.domain.written_values import ValueFaultError
from broadcaster.errors import InputError, UsageError
from broadcaster.file_urls import usable_file_url
from broadcaster.services.recipients.batches import SAMPLES


class _Open(NamedTuple):
    phone: str
    variables: Mapping[str, str] | None


class OpenRecipients(msgspec.Struct):
    """Those whose messages have not left, or may come back, as recipients of one content."""

    count: int = 0
    samples: list[tuple[str, str]] = msgspec.field(default_factory=list)
    """The first few (phone, rendered message)."""
    empty_values: dict[str, int] = msgspec.field(default_factory=dict)
    """Of how many each variable of the content is empty."""
    columns: Sequence[str] = ()
    """What templates may use."""


def check_open_recipients(
    connection: Connection, campaign_id: int, content: Content, *, allow_private: bool
) -> OpenRecipients:
    """Render the content for everybody who may yet get it, with flat memory.

    Raises TemplateError for a variable that is about no column, and InputError where somebody cannot be sent it: the
    messages are there, so that nobody can be left out as a line of a file is.
    """
    first = values(connection, "first_variables", campaign_id=campaign_id)
    found = OpenRecipients(columns=list((first[0] or {}) if first else ()))
    for template in content.templates:
        template.check(found.columns)
    found.empty_values = {name: 0 for template in content.templates for name in template.names}
    faults, first_fault = 0, ""
    for phone, stored in each(connection, "open_messages", _Open, campaign_id=campaign_id):
        found.count += 1
        variables = stored or {}
        for name in found.empty_values:
            found.empty_values[name] += not variables[name].strip()
        try:
            message = _rendered(content, variables, allow_private=allow_private)
        except (ValueFaultError, UsageError, InputError) as error:
            faults += 1
            first_fault = first_fault or f"{phone}: {error}"
            continue
        if len(found.samples) < SAMPLES:
            found.samples.append((phone, message.words))
    if faults:
        raise InputError(f"{faults:,} of {found.count:,} recipients cannot be sent this; the first: {first_fault}")
    return found


def _rendered(content: Content, variables: Mapping[str, str], *, allow_private: bool) -> MessageContent:
    """What a recipient with these variables gets. Raises what is wrong with it, as an error for people."""
    for template in (content.filename, content.url):
        blank = [name for name in template.bare_names if not variables[name].strip()] if template else ()
        if blank:
            raise InputError(f"there is nothing in column {blank[0]!r}, and the file's name or URL needs it")
    message = content.render(variables)
    if message.text is not None and not message.text.strip():
        raise InputError('the text would be blank; give a default as in {{ name | default("there") }}')
    words = message.text if message.text is not None else message.caption
    if words is not None and len(words) > MAX_TEXT_LENGTH:
        raise InputError(
            f"the text would be {len(words):,} characters long and at most {MAX_TEXT_LENGTH:,} are allowed"
        )
    if message.url is not None and content.url is not None and content.url.names:
        usable_file_url(message.url, allow_private=allow_private)
    return message
